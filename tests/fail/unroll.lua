-- error: tests/fail/unroll.lua:11: more than 20000 operations; is a plain Lua loop unrolling?
local az = require "azulejo"
return az.kernel "k" {
  dims = { "B", "N", "M", D = 16, V = 64 },
  args = { q = az.input("bf16", "B N D"), k = az.input("bf16", "B N D"), v = az.input("bf16", "B N V"),
           g = az.input("f32", "B N"), o = az.output("bf16", "B N V"), y = az.optional_output("f32", "B D V") },
  tune = { C = { 64 } }, grid = { "B" },
  body = function(a, g, p)
    for n in az.tiles("N", p.C) do
      local x = a.v[n]
      for i = 1, 1e9 do x = x + i end
      a.o[n] = x
    end
  end,
}
