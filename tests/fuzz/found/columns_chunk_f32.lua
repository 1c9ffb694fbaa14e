-- azulejo run --set B=1,H=1,M=1,N=2 --seed 662 --gpu h100
-- o2[0,0,0,7] is 2.62744, not 1.35338 within 0.042 (8 of 8 elements)
local az = require "azulejo"

return az.kernel "fuzz" {
  dims = { "B", "H", "M", "N", D = 8, V = 8, F1 = az.derived(function() return 36 end) },
  args = {
    i0 = az.input("f32", "B H M N", { mean = 0, spread = 1 }),
    o2 = az.output("f32", "B H M V"),
  },
  tune = { rows = { 16 }, warps = { 1 }, stages = { 1 } },
  grid = { "B", "H", M = "rows" },
  body = function(a, g, p)
    local x0 = az.var(0, g.M, p.V)
    for n5 in az.tiles("N", 1) do
      local x3 = a.i0[{ g.M, n5 }]
      local x20 = az.dot(x3, az.full(1, n5, p.V))
      x0:add(x20)
    end
    local x23 = x0:get()
    a.o2[g.M] = x23
  end,
}
