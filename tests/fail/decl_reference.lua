-- error: tests/fail/decl_reference.lua:3: reference: z is not an output
local az = require "azulejo"
return az.kernel "k" {
  dims = { "N" },
  args = { x = az.input("f32", "N"), y = az.output("f32", "N") },
  grid = { N = 64 },
  body = function(a, g) a.y[g.N] = a.x[g.N] end,
  reference = { z = function(r) return r.x[r.at.N] end },
}
