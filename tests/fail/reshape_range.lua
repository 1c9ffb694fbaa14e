-- error: tests/fail/reshape_range.lua:9: reshape: a dimension of [16, 16] is cut from the axis N; reshape whole compile-time dimensions only
local az = require "azulejo"
return az.kernel "x" {
  dims = { "N", D = 16 },
  args = { x = az.input("bf16", "N D"), y = az.output("bf16", "N D") },
  tune = { C = { 16 } },
  grid = { N = "C" },
  body = function(a, g)
    a.y[g.N] = az.reshape(a.x[g.N], 256)
  end,
  reference = { y = function(r) return r.x[r.at.N] end },
}
