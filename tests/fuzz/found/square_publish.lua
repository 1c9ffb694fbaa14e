-- azulejo run --set B=1,M=1 --seed 937 --gpu h100
-- shared byte 4248, block 0: thread 94 overwrites what thread 90 wrote (line 242, p5_266.lua:20), and no barrier lies between
local az = require "azulejo"

return az.kernel "fuzz" {
  dims = { "B", "M", D = 16, V = 8 },
  args = {
    i2 = az.input("bf16", "B M V", { mean = 0, spread = 1 }),
    i4 = az.input("bf16", "V D", { mean = 0.5, spread = 0.25 }),
    o5 = az.output("bf16", "B M D"),
  },
  tune = { rows = { 64 }, warps = { 4 }, stages = { 1 } },
  grid = { "B", M = "rows" },
  body = function(a, g, p)
    local x3 = a.i2[g.M]
    local x6 = az.full(1, g.M, g.M)
    local x10 = a.i4[{}]
    local x11 = az.dot(x3, x10)
    local x15 = az.dot(x6, x11)
    a.o5[g.M] = ((x15 * 0.000244141) * 0.0625)
  end,
}
