-- azulejo run --set B=1,H=1,M=1,N=9 --seed 817 --gpu h100
local az = require "azulejo"

return az.kernel "fuzz" {
  dims = { "B", "H", "M", "N", D = 8, V = 8 },
  args = {
    i0 = az.input("bf16", "B H M N", { mean = 0.5, spread = 0.25 }),
    o1 = az.output("f32", "B H M N"),
  },
  tune = { rows = { 16 }, warps = { 1 }, stages = { 2 } },
  grid = { "B", "H", M = "rows" },
  body = function(a, g, p)
    for n4 in az.tiles("N", 8) do
      local x11 = a.i0[{ g.M, n4 }]
      local x15 = az.dot(x11, az.full(2, n4, n4))
      a.o1[{ g.M, n4 }] = x15
    end
  end,
}
