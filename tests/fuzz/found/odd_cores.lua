-- azulejo run --set B=1,H=1,M=32,N=3 --seed 28 --gpu rtx5090
local az = require "azulejo"
return az.kernel "fuzz" {
  dims = { "B", "H", "M", "N", D = 32, V = 16 },
  args = {
    i0 = az.input("bf16", "B H M N", { mean = 0, spread = 1 }),
    i3 = az.input("f32", "B H V N", { mean = 0, spread = 1 }),
    o5 = az.output("f32", "B H M V"),
  },
  tune = { rows = { 16 }, warps = { 4 }, stages = { 3 } },
  grid = { "B", "H", M = "rows" },
  body = function(a, g, p)
    local x1 = az.var(0, g.M, p.V)
    for n4 in az.tiles("N", 1) do
      local x12 = a.i3[n4]
      local x14 = az.dot(az.full(2, n4, n4), az.transpose(x12))
      x1:add(az.dot(a.i0[{g.M, n4}], x14))
    end
    a.o5[g.M] = x1
  end,
}
