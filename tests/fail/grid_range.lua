-- error: tests/fail/grid_range.lua:8: every program along N of the grid would write the same elements of o; give the grid's own range in the bracket, or leave that axis out of the grid
local az = require "azulejo"
return az.kernel "k" {
  dims = { "B", "N", V = 64 },
  args = { v = az.input("bf16", "B N V"), o = az.output("bf16", "B N V") },
  tune = { C = { 64 } }, grid = { "B", N = "C" },
  body = function(a, g, p)
    for n in az.tiles("N", p.C) do a.o[n] = a.v[n] end
  end,
}
