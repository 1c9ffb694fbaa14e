-- azulejo run --set B=1,H=1,M=1 --seed 389 --gpu h100 (refused)
-- o1[0,0,0,7] is 4.92749, not 1.41169 within 0.093 (8 of 8 elements)
local az = require "azulejo"
local function f1(x) return az.sympow2(x) * 0.25 end

return az.kernel "fuzz" {
  dims = { "B", "H", "M", D = 8, V = 8, F1 = az.derived(function() return 36 end) },
  args = {
    i0 = az.input("bf16", "B H M D", { mean = 0, spread = 1 }),
    o1 = az.output("f32", "B H M D"),
  },
  tune = { rows = { 64 }, warps = { 1 }, stages = { 1 } },
  grid = { "B", "H", M = "rows" },
  body = function(a, g, p)
    local x0 = a.i0[g.M]
    local x1 = f1(x0)
    local x4 = az.dot(x1, az.full(0.5, p.F1, p.D))
    a.o1[g.M] = x4
  end,
}
