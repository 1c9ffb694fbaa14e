-- azulejo run --set B=1,G=1,R=1,N=1 --seed 149 --gpu a100
local az = require "azulejo"

return az.kernel "fuzz" {
  dims = { "B", "G", "R", "N", D = 8, V = 40 },
  args = {
    i0 = az.input("bf16", "B (G R) N D", { mean = 0, spread = 1 }),
    i1 = az.input("bf16", "B G V N", { mean = 0, spread = 1 }),
    i2 = az.input("bf16", "B (G R) N V", { mean = 0, spread = 1 }),
    o6 = az.output("bf16", "B (G R) D V"),
  },
  tune = { rows = { 32 }, warps = { 1 }, stages = { 1 } },
  grid = { "B", "G", "R" },
  body = function(a, g, p)
    local x1 = az.state(nil, p.D, p.V)
    for n3 in az.tiles("N", 32) do
      local x3 = a.i0[n3]
      local x6 = az.full(1, p.V, p.V)
      local x7 = a.i1[n3]
      local x8 = az.dot(x6, x7)
      local x11 = a.i2[n3]
      local x12 = (az.transpose(x8) * x11)
      local x18 = az.transpose(x3)
      local x23 = az.dot(x18, x12)
      x1:add(x23)
    end
    local x32 = x1:get()
    a.o6[{}] = x32
  end,
}
