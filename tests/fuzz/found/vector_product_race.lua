-- azulejo run --set B=1,H=1 --seed 467 --gpu h100
-- shared byte 8484, block 0: thread 85 overwrites what thread 81 wrote (line 224, p7_2.lua:19), and no barrier lies between
local az = require "azulejo"

return az.kernel "fuzz" {
  dims = { "B", "H", D = 64, V = 8 },
  args = {
    i0 = az.input("bf16", "B H D V", { mean = 0, spread = 1 }),
    i2 = az.input("bf16", "B H V D", { mean = 0, spread = 1 }),
    o3 = az.output("bf16", "B H D"),
  },
  tune = { rows = { 32 }, warps = { 4 }, stages = { 1 } },
  grid = { "B", "H" },
  body = function(a, g, p)
    local x0 = a.i0[{}]
    local x3 = a.i2[{}]
    local x4 = az.dot(x0, x3)
    local x5 = az.dot(az.full(1, p.D), x4)
    a.o3[{}] = x5
  end,
}
