-- error: tests/fail/kept_tile.lua:12: a tile kept from an earlier trace; make it inside body
-- twice
local az = require "azulejo"
local kept
return az.kernel "k" {
  dims = { "B", "N", V = 64 },
  args = { v = az.input("bf16", "B N V"), o = az.output("bf16", "B N V") },
  tune = { C = { 64 } }, grid = { "B" },
  body = function(a, g, p)
    for n in az.tiles("N", p.C) do
      local x = a.v[n]
      a.o[n] = x + (kept and kept.x or 0)
    end
    kept = kept or { x = az.zeros(64, 64) }
  end,
}
