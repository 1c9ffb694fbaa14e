-- error: tests/fail/decl_dtype.lua:5: x: no dtype 'fp32'; there are f32, bf16, f16 and i32
local az = require "azulejo"
return az.kernel "k" {
  dims = { "N" },
  args = { x = az.input("fp32", "N"), y = az.output("f32", "N") },
  grid = { N = 64 },
  body = function(a, g) a.y[g.N] = a.x[g.N] end,
}
