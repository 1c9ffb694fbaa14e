-- Attention whose scores rise by far more than softmax_state lets its maximum lag behind: keys grow
-- along the sequence, so that what has been added up is scaled again in many turns.
local az = require "azulejo"
local dot, T = az.dot, az.transpose

return az.kernel "rises" {
  doc   = "Softmax attention with scores that rise along the keys",
  dims  = { "B", "H", "N", D = 64, V = 64 },
  args  = { q = az.input("bf16", "B H N D", { mean = 1, spread = 0.25 }),
            k = az.input("bf16", "B H N D", { mean = 0, spread = 0.5 }),
            v = az.input("bf16", "B H N V"), o = az.output("bf16", "B H N V"),
            lse = az.optional_output("f32", "B H N") },
  tune  = { C = { 64, 16 }, rows = { 64, 128 }, warps = { 4, 8 }, stages = { 2, 3 } },
  grid  = { "B", "H", N = "rows" },
  smoke = { "B=1,H=1,N=200" },
  body  = function(a, g, p)
    local Q, out = a.q[g.N], az.softmax_state(g.N, a.v.V)
    for n, seen in az.tiles(a.k.N, p.C, { rows = g.N, mask = az.causal_mask }) do
      local rise = az.cast(n.index, "f32") / 8
      out:step(dot(Q, T(a.k[n])) + rise:row(), seen, a.v[n])
    end
    a.o[g.N], a.lse[g.N] = out:out(), out:lse()
  end,
  reference = (function()
    local function attend(r)
      local i, q = r.at.N, r.q[r.at.N]
      return az.ref.softmax(function(j) return az.ref.dot(q, r.k[j]) + j / 8 end, 0, i, r.v, r.V)
    end
    return {
      o = function(r) return (attend(r)) end,
      lse = function(r) local _, lse = attend(r); return lse end,
    }
  end)(),
}
