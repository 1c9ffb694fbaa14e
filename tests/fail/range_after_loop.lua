-- error: tests/fail/range_after_loop.lua:16: a.v[...]: reading takes a range such as g.M or a loop's, a list of them, or {}
-- bind: y
-- bind: y
local az = require "azulejo"
return az.kernel "k" {
  dims = { "B", "N", "M", D = 16, V = 64 },
  args = { q = az.input("bf16", "B N D"), k = az.input("bf16", "B N D"), v = az.input("bf16", "B N V"),
           g = az.input("f32", "B N"), o = az.output("bf16", "B N V"), y = az.optional_output("f32", "B D V") },
  tune = { C = { 64 } }, grid = { "B" },
  body = function(a, g, p)
    local keep
    local function save(n) keep = n end
    for n in az.tiles("N", p.C) do a.o[n] = a.v[n] end
    for n in az.tiles("N", p.C) do az.exp(a.g[n]) end
    local function last() return keep end
    a.y = az.colsum(a.v[last()])
  end,
}
