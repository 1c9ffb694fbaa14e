-- azulejo run --set B=1,H=1,M=2,N=1,dtype=f16 --seed 476 --gpu a10
-- o2[0,0,1,9] is -0.0318604, not -0.0317688 within 1.2e-07 (3 of 32 elements)
local az = require "azulejo"

return az.kernel "fuzz" {
  dims = { "B", "H", "M", "N", D = 16, V = 8, F1 = az.derived(function() return 153 end) },
  args = {
    i0 = az.input("i32", "B H N M", { mean = 0, spread = 3 }),
    i1 = az.input("f32", "B H N D", { mean = 0, spread = 1 }),
    o2 = az.output("f32", "B H M D"),
  },
  tune = { rows = { 64 }, warps = { 1 }, stages = { 1 } },
  grid = { "B", "H" },
  body = function(a, g, p)
    for n4 in az.tiles("M", 8) do
      local x1 = az.state(nil, n4, p.D)
      for n5 in az.tiles("N", 1) do
        local x3 = a.i0[{ n5, n4 }]
        local x9 = a.i1[n5]
        local x10 = az.dot(az.cast(az.transpose(x3), p.dtype), x9)
        x1:add(x10)
      end
      local x13 = x1:get()
      a.o2[n4] = x13
    end
  end,
}
