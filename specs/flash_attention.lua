-- softmax(q k^T / sqrt D) v, causal (query i sees keys j <= i) or full; the R query heads of a
-- group share its keys and values. Rows of M are independent; keys are taken in chunks.
local az = require "azulejo"
local dot, T = az.dot, az.transpose

local function attend(r)
  local q, scale = r.q[r.at.M], 1 / math.sqrt(r.D)
  local last = r.causal and math.min(r.at.M, r.N - 1) or r.N - 1
  return az.ref.softmax(function(j) return scale * az.ref.dot(q, r.k[j]) end, 0, last, r.v, r.V)
end

return az.kernel "flash_attention" {
  doc   = "Softmax attention with an online softmax, grouped-query heads",
  dims  = { "B", "G", "R", "M", "N", D = 128, V = 128 },
  args  = { q = az.input("bf16", "B (G R) M D"), k = az.input("bf16", "B G N D"),
            v = az.input("bf16", "B G N V"), o = az.output("bf16", "B (G R) M V"),
            lse = az.optional_output("f32", "B (G R) M") },
  flags = { causal = true },
  tune  = { C = { 64, 128 }, rows = { 64, 128 }, warps = { 4, 8 }, stages = { 2, 3 } },
  grid  = { "B", "G", "R", M = "rows" },
  smoke = { "B=1,G=1,R=2,M=70,N=70", "B=1,G=2,R=1,M=65,N=130,D=64,V=64,causal=false" },
  body  = function(a, g, p)
    local Q, out = a.q[g.M], az.softmax_state(g.M, a.v.V)
    local mask = p.causal and az.causal_mask or nil
    for n, seen in az.tiles(a.k.N, p.C, { rows = g.M, mask = mask }) do
      out:step(dot(Q, T(a.k[n])) / math.sqrt(p.D), seen, a.v[n])
    end
    a.o[g.M], a.lse[g.M] = out:out(), out:lse()
  end,
  reference = {
    o = function(r) return (attend(r)) end,
    lse = function(r) local _, lse = attend(r); return lse end,
  },
}
