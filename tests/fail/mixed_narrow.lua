-- error: tests/fail/mixed_narrow.lua:8: cast: f16 beside bf16 (line 8); a kernel has one 16-bit dtype, p.dtype
local az = require "azulejo"
return az.kernel "mixed_narrow" {
  dims = { "N", D = 16 },
  args = { x = az.input("bf16", "N D"), o = az.output("f32", "N D") },
  grid = { N = 64 },
  body = function(a, g)
    a.o[g.N] = az.cast(az.exp(a.x[g.N]), "f16") * 2
  end,
}
