-- error: tests/fail/not_mask.lua:9: where: needs a mask, not bf16 [64, 64]; masks come from comparisons such as i:ge(j)
local az = require "azulejo"
return az.kernel "k" {
  dims = { "B", "N", "M", D = 16, V = 64 },
  args = { q = az.input("bf16", "B N D"), k = az.input("bf16", "B N D"), v = az.input("bf16", "B N V"),
           g = az.input("f32", "B N"), o = az.output("bf16", "B N V"), y = az.optional_output("f32", "B D V") },
  tune = { C = { 64 } }, grid = { "B" },
  body = function(a, g, p)
    for n in az.tiles("N", p.C) do a.o[n] = az.where(a.v[n], a.v[n], 0) end
  end,
}
