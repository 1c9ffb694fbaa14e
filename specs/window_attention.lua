-- Causal softmax attention in which a query sees W keys, itself included: i - W < j <= i.
-- W is given at launch; chunks outside the window are never loaded.
local az = require "azulejo"
local dot, T = az.dot, az.transpose

local function attend(r)
  local i, q, scale = r.at.N, r.q[r.at.N], 1 / math.sqrt(r.D)
  local function score(j) return scale * az.ref.dot(q, r.k[j]) end
  return az.ref.softmax(score, math.max(0, i - r.W + 1), i, r.v, r.V)
end

return az.kernel "window_attention" {
  doc   = "Sliding-window causal softmax attention, grouped-query heads",
  dims  = { "B", "G", "R", "N", D = 64, V = 64 },
  args  = { q = az.input("bf16", "B (G R) N D"), k = az.input("bf16", "B G N D"),
            v = az.input("bf16", "B G N V"), o = az.output("bf16", "B (G R) N V"),
            lse = az.optional_output("f32", "B (G R) N"), W = az.scalar("i32", 64) },
  tune  = { C = { 64, 32 }, rows = { 64, 128 }, warps = { 4, 8 }, stages = { 2, 3 },
            cluster = { 2, 1 } },
  grid  = { "B", "G", "R", N = "rows" },
  smoke = { "B=1,G=1,R=2,N=200", "B=1,G=2,R=1,N=130,W=1", "B=1,G=1,R=1,N=100,W=100" },
  body  = function(a, g, p)
    local Q, out = a.q[g.N], az.softmax_state(g.N, a.v.V)
    for n, seen in az.tiles(a.k.N, p.C, { rows = g.N, mask = az.window(a.W) }) do
      out:step(dot(Q, T(a.k[n])) / math.sqrt(p.D), seen, a.v[n])
    end
    a.o[g.N], a.lse[g.N] = out:out(), out:lse()
  end,
  reference = {
    o = function(r) return (attend(r)) end,
    lse = function(r) local _, lse = attend(r); return lse end,
  },
}
