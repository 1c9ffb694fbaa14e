-- error: tests/fail/rebound_table.lua:10: t.s changes inside the loop, but a loop is traced once; carry the value in az.var
local az = require "azulejo"
return az.kernel "k" {
  dims = { "B", "N", "M", D = 16, V = 64 },
  args = { q = az.input("bf16", "B N D"), k = az.input("bf16", "B N D"), v = az.input("bf16", "B N V"),
           g = az.input("f32", "B N"), o = az.output("bf16", "B N V"), y = az.optional_output("f32", "B D V") },
  tune = { C = { 64 } }, grid = { "B" },
  body = function(a, g, p)
    local t = { s = az.zeros(16, 64) }
    for n in az.tiles("N", p.C) do
      a.o[n] = a.v[n]
      t.s = t.s + az.dot(az.transpose(a.k[n]), a.v[n])
    end
  end,
}
