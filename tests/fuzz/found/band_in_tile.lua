-- azulejo run --set B=1,N=100 --seed 1 --gpu a100
local az = require "azulejo"
return az.kernel "band" {
  dims = { "B", "N", D = 16, V = 16 },
  args = { q = az.input("bf16", "B N D"), k = az.input("bf16", "B N D"), v = az.input("bf16", "B N V"), o = az.output("bf16", "B N V") },
  tune = { C = { 64 }, warps = { 1 }, stages = { 1 } },
  grid = { "B" },
  body = function(a, g, p)
    for n in az.tiles("N", p.C) do
    local q, k, v = a.q[n], a.k[n], a.v[n]
    local i, j = az.col(n.index), az.row(n.index)
    local s = az.dot(q, az.transpose(k))
    local m = az.where(i:ge(j) & (i - j):lt(8), s, 0)
    a.o[n] = az.dot(az.cast(m, "bf16"), v)
    end
  end,
}
