-- azulejo run --set B=1,G=1,R=1,N=2 --seed 725 --gpu a100
-- o1[0,0,0,0,5] is -1.07031, not -0.0361328 within 0.00014 (8 of 16 elements)
local az = require "azulejo"

return az.kernel "fuzz" {
  dims = { "B", "G", "R", "N", D = 8, V = 8 },
  args = {
    i0 = az.input("bf16", "B G V N", { mean = 0, spread = 1 }),
    o1 = az.output("bf16", "B (G R) N V"),
  },
  tune = { rows = { 64 }, warps = { 1 }, stages = { 1 } },
  grid = { "B", "G", "R" },
  body = function(a, g, p)
    for n3 in az.tiles("N", 1) do
      local x3 = a.i0[n3]
      local x5 = az.dot(az.full(1, n3, n3), az.transpose(x3))
      a.o1[n3] = x5
    end
  end,
}
