-- error: tests/fail/unused_mask.lua:9: the mask of this loop is never used, yet it bounds the loop; take it (for n, seen in az.tiles) and select with az.where(seen, x, -math.huge)
local az = require "azulejo"
return az.kernel "k" {
  dims = { "B", "N", "M", V = 64 },
  args = { v = az.input("bf16", "B N V"), o = az.output("bf16", "B M V") },
  tune = { C = { 64 } }, grid = { "B", M = "C" },
  body = function(a, g, p)
    local acc = az.var(0, g.M, a.v.V)
    for n in az.tiles("N", p.C, { rows = g.M, mask = az.causal_mask }) do
      acc:add(az.colsum(a.v[n]):row() + az.zeros(g.M, a.v.V))
    end
    a.o[g.M] = acc
  end,
}
