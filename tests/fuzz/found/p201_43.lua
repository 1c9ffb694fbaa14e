-- azulejo run --set B=2,H=2,M=60,N=1 --seed 752 --gpu h100
-- o4[1,0,20,55] is 0.349095, not 0.355469 within 3.6e-07 (2 of 15360 elements)
local az = require "azulejo"

return az.kernel "fuzz" {
  dims = { "B", "H", "M", "N", D = 8, V = 64 },
  args = {
    i0 = az.input("bf16", "B H V M", { mean = 0, spread = 1 }),
    i1 = az.input("bf16", "B V M", { mean = 0.5, spread = 0.25 }),
    o4 = az.output("f32", "B H M V"),
  },
  tune = { rows = { 64 }, warps = { 1 }, stages = { 1 } },
  grid = { "B", "H", M = "rows" },
  body = function(a, g, p)
    local x0 = az.var(0, g.M, p.V)
    for n4 in az.tiles("N", 8) do
      local x4 = a.i0[g.M]
      local x5 = az.transpose(x4)
      local x6 = a.i1[g.M]
      local x7 = az.dot(x5, x6)
      local x9 = az.transpose((x7 * 0.5))
      local x13 = az.dot(x9, x5)
      x0:set(az.min(x13, x5))
    end
    local x30 = x0:get()
    a.o4[g.M] = x30
  end,
}
