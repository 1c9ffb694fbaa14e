-- error: tests/fail/mixed_narrow.lua:9: dot: f16 beside bf16 (line 8); matrices and operands of products have one 16-bit dtype, p.dtype
local az = require "azulejo"
return az.kernel "mixed_narrow" {
  dims = { "N", D = 16 },
  args = { x = az.input("bf16", "N D"), o = az.output("f32", "N D") },
  grid = { N = 64 },
  body = function(a, g)
    local x = a.x[g.N]
    a.o[g.N] = az.dot(az.cast(x, "f16"), az.cast(az.full(1, 16, 16), "f16")) * 2
  end,
}
