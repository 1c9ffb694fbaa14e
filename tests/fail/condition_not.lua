-- error: tests/fail/condition_not.lua:11: s is a tile, which is always true; a tile cannot decide what is traced: select with az.where, or test a setting of p
local az = require "azulejo"
return az.kernel "k" {
  dims = { "B", "N", "M", D = 16, V = 64 },
  args = { q = az.input("bf16", "B N D"), k = az.input("bf16", "B N D"), v = az.input("bf16", "B N V"),
           g = az.input("f32", "B N"), o = az.output("bf16", "B N V"), y = az.optional_output("f32", "B D V") },
  tune = { C = { 64 } }, grid = { "B" },
  body = function(a, g, p)
    for n in az.tiles("N", p.C) do
      local s = a.v[n]
      local t = not s and 1 or 2
      a.o[n] = s * t
    end
  end,
}
