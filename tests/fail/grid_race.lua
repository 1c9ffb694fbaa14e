-- error: tests/fail/grid_race.lua:8: every program along H of the grid would write the same elements of o; leave that axis out of the grid
local az = require "azulejo"
return az.kernel "k" {
  dims = { "B", "N", "H", V = 64 },
  args = { v = az.input("bf16", "B H N V"), o = az.output("bf16", "B N V") },
  tune = { C = { 64 } }, grid = { "B", "H" },
  body = function(a, g, p)
    for n in az.tiles("N", p.C) do a.o[n] = a.v[n] end
  end,
}
