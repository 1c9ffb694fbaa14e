-- azulejo run --set B=1 --gpu a100
-- features folded along their own dimension, whose padding is no feature
local az = require "azulejo"
local function f(x) return az.sympow2(x) * 0.25 end
return az.kernel "fuzz" {
  dims = { "B", D = 8, V = 8, F = az.derived(function() return 36 end) },
  args = { i0 = az.input("bf16", "B D V", {mean=4, spread=0.5}), o1 = az.output("f32", "B D"), o2 = az.output("f32", "B D"), o3= az.output("f32","B D"), o4 = az.output("f32", "B D F"), o5 = az.output("f32", "B F") },
  tune = { warps = { 1 } },
  grid = { "B" },
  body = function(a, g, p)
    local x = f(a.i0[{}])
    a.o1[{}] = az.rowmin(x)
    a.o2[{}] = az.rowmax(-x)
    a.o3[{}] = az.rowmin(x + 0.5)
    a.o4[{}] = az.dot(az.exp(-x*x/64), az.exp(az.dot(az.full(1, p.F, p.V), az.full(1, p.V, p.F))/64))
    a.o5[{}] = az.colmin(x)
  end,
}
