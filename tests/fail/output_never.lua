-- error: tests/fail/output_never.lua:7: output o is never written; end with a.o[range] = tile
-- bind: y
local az = require "azulejo"
return az.kernel "k" {
  dims = { "B", "N", "M", D = 16, V = 64 },
  args = { q = az.input("bf16", "B N D"), k = az.input("bf16", "B N D"), v = az.input("bf16", "B N V"),
           g = az.input("f32", "B N"), o = az.output("bf16", "B N V"), y = az.optional_output("f32", "B D V") },
  tune = { C = { 64 } }, grid = { "B" },
  body = function(a, g, p)
    local S = az.state(nil, 16, 64)
    for n in az.tiles("N", p.C) do S:add(az.dot(az.transpose(a.k[n]), a.v[n])) end
    a.y = S
  end,
}
