-- azulejo run --set B=1,H=1,M=1 --seed 802 --gpu a10
local az = require "azulejo"

return az.kernel "fuzz" {
  dims = { "B", "H", "M", D = 8, V = 8 },
  args = {
    i2 = az.input("f32", "B H M", { mean = 0, spread = 1 }),
    i3 = az.input("bf16", "B H M D", { mean = 0, spread = 1 }),
    o4 = az.output("bf16", "B H M D"),
  },
  tune = { rows = { 64 }, warps = { 1 }, stages = { 1 } },
  grid = { "B", "H", M = "rows" },
  body = function(a, g, p)
    local x8 = a.i2[g.M]
    local x9 = az.col(x8)
    local x10 = (az.full(1, g.M, g.M) - x9)
    local x16 = a.i3[g.M]
    local x18 = az.dot(x10, x16)
    local x20 = az.dot(x10, x18)
    local x21 = (x20 * 0.000488281)
    a.o4[g.M] = (x21 * 0.125)
  end,
}
