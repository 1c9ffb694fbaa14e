-- azulejo run --set B=1,H=1,M=17 --seed 222 --gpu a100
-- o5[0,0,16,1] is 6.37022, not -0.047002 within 0.12 (8 of 136 elements)
local az = require "azulejo"

return az.kernel "fuzz" {
  dims = { "B", "H", "M", D = 8, V = 8, F1 = az.derived(function() return 16 end) },
  args = {
    i0 = az.input("bf16", "B D M", { mean = 0.5, spread = 0.25 }),
    i3 = az.input("bf16", "B H M V", { mean = 0, spread = 1 }),
    o5 = az.output("f32", "B H M D"),
  },
  tune = { rows = { 32 }, warps = { 1 }, stages = { 1 } },
  grid = { "B", "H", M = "rows" },
  body = function(a, g, p)
    local x0 = a.i0[g.M]
    local x11 = a.i3[g.M]
    local x14 = az.dot(x11, az.transpose(x11))
    local x24 = az.dot(az.transpose(x14), az.transpose(x0))
    a.o5[g.M] = x24
  end,
}
