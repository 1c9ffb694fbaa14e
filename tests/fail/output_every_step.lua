-- error: tests/fail/output_every_step.lua:12: y would be written again at every step of the loop at line 10; write it after the loop, or give the loop's range in the bracket
-- bind: y
local az = require "azulejo"
return az.kernel "k" {
  dims = { "B", "N", "M", D = 16, V = 64 },
  args = { q = az.input("bf16", "B N D"), k = az.input("bf16", "B N D"), v = az.input("bf16", "B N V"),
           g = az.input("f32", "B N"), o = az.output("bf16", "B N V"), y = az.optional_output("f32", "B D V") },
  tune = { C = { 64 } }, grid = { "B" },
  body = function(a, g, p)
    for n in az.tiles("N", p.C) do
      a.o[n] = a.v[n]
      a.y = az.dot(az.transpose(a.k[n]), a.v[n])
    end
  end,
}
