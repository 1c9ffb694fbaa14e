-- error: tests/fail/alias.lua:12: m and old are one variable, so both change here; for a copy, write :get()
local az = require "azulejo"
return az.kernel "k" {
  dims = { "B", "N", "M", D = 16, V = 64 },
  args = { q = az.input("bf16", "B N D"), k = az.input("bf16", "B N D"), v = az.input("bf16", "B N V"),
           g = az.input("f32", "B N"), o = az.output("bf16", "B N V"), y = az.optional_output("f32", "B D V") },
  tune = { C = { 64 } }, grid = { "B" },
  body = function(a, g, p)
    local m = az.var(0, 16, 64)
    for n in az.tiles("N", p.C) do
      local old = m
      m:set(az.dot(az.transpose(a.k[n]), a.v[n]))
      a.o[n] = az.dot(a.q[n], old)
    end
  end,
}
