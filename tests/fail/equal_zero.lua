-- error: tests/fail/equal_zero.lua:11: s is a tile: compare with :eq or :ne
local az = require "azulejo"
return az.kernel "k" {
  dims = { "B", "N", "M", D = 16, V = 64 },
  args = { q = az.input("bf16", "B N D"), k = az.input("bf16", "B N D"), v = az.input("bf16", "B N V"),
           g = az.input("f32", "B N"), o = az.output("bf16", "B N V"), y = az.optional_output("f32", "B D V") },
  tune = { C = { 64 } }, grid = { "B" },
  body = function(a, g, p)
    for n in az.tiles("N", p.C) do
      local s = a.v[n]
      if s == 0 then a.o[n] = s else a.o[n] = s + 1 end
    end
  end,
}
