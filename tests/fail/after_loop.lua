-- error: tests/fail/after_loop.lua:15: the tile made at line 13 belongs to a loop that has ended; carry it out with az.var (v:set in the loop, v:get after it)
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
      t.a.b.c.d.u = az.dot(az.transpose(a.k[n]), a.v[n])
    end
    a.y = t.a.b.c.d.u
  end,
}
