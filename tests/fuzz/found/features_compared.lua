-- azulejo run --set B=1,H=1,dtype=f16 --seed 259 --gpu h100
-- what is made of features element by element is padded like any tile
local az = require "azulejo"
local function f1(x) return az.taylor2(x) end

return az.kernel "fuzz" {
  dims = { "B", "H", D = 8, V = 8, F1 = az.derived(function() return 45 end), F2 = az.derived(function() return 45 end) },
  args = {
    i0 = az.input("bf16", "D V", { mean = 0.5, spread = 0.25 }),
    o1 = az.output("bf16", "B H D"),
  },
  tune = { rows = { 64 }, warps = { 1 }, stages = { 1 } },
  grid = { "B", "H" },
  body = function(a, g, p)
    local x0 = a.i0[{}]
    local x1 = f1(x0)
    local x6 = az.full(2, p.F1)
    local x8 = az.dot(az.where(x1:le(0.25), az.full(1, p.D, p.F1), 0), x6)
    a.o1[{}] = x8
  end,
}
