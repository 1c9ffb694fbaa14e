-- error: tests/fail/range_after_loop.lua:15: this range of N belongs to the loop at line 11, which has ended; use it inside the loop
-- bind: y
local az = require "azulejo"
return az.kernel "k" {
  dims = { "B", "N", "M", D = 16, V = 64 },
  args = { q = az.input("bf16", "B N D"), k = az.input("bf16", "B N D"), v = az.input("bf16", "B N V"),
           g = az.input("f32", "B N"), o = az.output("bf16", "B N V"), y = az.optional_output("f32", "B D V") },
  tune = { C = { 64 } }, grid = { "B" },
  body = function(a, g, p)
    local t = { a = { b = { c = { d = {} } } } }
    for n in az.tiles("N", p.C) do
      a.o[n] = a.v[n]
      t.a.b.c.d.n = n
    end
    a.y = az.dot(az.transpose(a.k[t.a.b.c.d.n]), a.v[t.a.b.c.d.n])
  end,
}
