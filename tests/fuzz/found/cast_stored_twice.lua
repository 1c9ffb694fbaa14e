-- azulejo run --set B=1,H=1 --seed 670 --gpu h100
-- o2[0,0,6,4] is 3.90625, not 3.89844 within 1.6e-05 (48 of 64 elements)
local az = require "azulejo"

return az.kernel "fuzz" {
  dims = { "B", "H", D = 8, V = 8, F1 = az.derived(function() return 45 end), F2 = az.derived(function() return 45 end) },
  args = {
    i0 = az.input("bf16", "B H V D", { mean = 0, spread = 1 }),
    o1 = az.output("bf16", "B H D V"),
    o2 = az.output("f32", "B H D V"),
  },
  tune = { rows = { 64 }, warps = { 1 }, stages = { 1 } },
  grid = { "B", "H" },
  body = function(a, g, p)
    local x0 = a.i0[{}]
    local x4 = az.dot(az.transpose(x0), az.full((-1), p.V, p.V))
    local x5 = az.cast(x4, p.dtype)
    a.o1[{}] = x5
    a.o2[{}] = x5
  end,
}
