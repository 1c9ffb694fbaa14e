-- error: tests/fail/runtime_dimension.lua:9: N is known only at launch; a tile's dimension is a range of it, such as g.N or a loop's
local az = require "azulejo"
return az.kernel "k" {
  dims = { "B", "N", "M", D = 16, V = 64 },
  args = { q = az.input("bf16", "B N D"), k = az.input("bf16", "B N D"), v = az.input("bf16", "B N V"),
           g = az.input("f32", "B N"), o = az.output("bf16", "B N V"), y = az.optional_output("f32", "B D V") },
  tune = { C = { 64 } }, grid = { "B" },
  body = function(a, g, p)
    local acc = az.var(0, a.q.N)
    for n in az.tiles("N", p.C) do a.o[n] = a.v[n] end
    acc:set(1)
  end,
}
