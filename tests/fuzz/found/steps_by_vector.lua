-- azulejo run --set B=1,H=1,M=1,N=1,dtype=f16 --seed 378 --gpu a100
-- thread 125 reads 16 bytes at shared offset 2704 of 2688
local az = require "azulejo"

return az.kernel "fuzz" {
  dims = { "B", "H", "M", "N", D = 8, V = 8 },
  args = {
    i0 = az.input("bf16", "B H M V", { mean = 0, spread = 1 }),
    i1 = az.input("bf16", "B H N", { mean = 0, spread = 1 }),
    i2 = az.input("bf16", "B H M N", { mean = 0, spread = 1 }),
    o4 = az.output("f32", "B H M V"),
  },
  tune = { rows = { 32 }, warps = { 4 }, stages = { 1 } },
  grid = { "B", "H" },
  body = function(a, g, p)
    for n3 in az.tiles("M", 32) do
      local x2 = az.state(nil, n3, p.V)
      for n4 in az.tiles("N", 8) do
        local x6 = az.full(1, n3, n3)
        local x10 = a.i0[n3]
        local x11 = a.i1[n4]
        local x12 = a.i2[{ n3, n4 }]
        local x14 = az.dot(x11, az.transpose(x12))
        local x15 = az.col(x14)
        local x18 = az.dot(x6, (x10 * x15))
        x2:add(x18)
      end
      local x25 = x2:get()
      a.o4[n3] = x25
    end
  end,
}
