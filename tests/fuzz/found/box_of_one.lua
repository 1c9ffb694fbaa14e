-- azulejo run --set B=1,H=1,N=8 --seed 987 --gpu h100
local az = require "azulejo"

return az.kernel "fuzz" {
  dims = { "B", "H", "N", D = 8, V = 8 },
  args = {
    i0 = az.input("bf16", "B V N", { mean = 0, spread = 1 }),
    o1 = az.output("bf16", "B H N"),
  },
  tune = { rows = { 32 }, warps = { 1 }, stages = { 3 } },
  grid = { "B", "H" },
  body = function(a, g, p)
    for n3 in az.tiles("N", 1) do
      local x3 = a.i0[n3]
      local x4 = az.colmin(x3)
      a.o1[n3] = x4
    end
  end,
}
