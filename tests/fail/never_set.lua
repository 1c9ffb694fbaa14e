-- error: tests/fail/never_set.lua:9: acc is never set; a value that does not change needs no az.var
local az = require "azulejo"
return az.kernel "k" {
  dims = { "B", "N", "M", D = 16, V = 64 },
  args = { q = az.input("bf16", "B N D"), k = az.input("bf16", "B N D"), v = az.input("bf16", "B N V"),
           g = az.input("f32", "B N"), o = az.output("bf16", "B N V"), y = az.optional_output("f32", "B D V") },
  tune = { C = { 64 } }, grid = { "B" },
  body = function(a, g, p)
    local acc = az.var(0, 16, 64)
    for n in az.tiles("N", p.C) do a.o[n] = az.dot(a.q[n], acc) end
  end,
}
