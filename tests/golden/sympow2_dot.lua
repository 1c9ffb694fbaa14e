-- A product over second powers: sympow2(q) . sympow2(k) = (q . k)^2, then a state of them.
local az = require "azulejo"
local dot, T = az.dot, az.transpose

return az.kernel "sympow2_dot" {
  doc   = "o_i = sum over j <= i of (q_i . k_j)^2 v_j",
  dims  = { "B", "N", D = 16, V = 32 },
  args  = { q = az.input("bf16", "B N D", { spread = 0.5 }),
            k = az.input("bf16", "B N D", { spread = 0.5 }),
            v = az.input("bf16", "B N V"), o = az.output("bf16", "B N V") },
  tune  = { C = { 64, 48, 16, 1 }, warps = { 4 }, stages = { 2 } },
  grid  = { "B" },
  smoke = { "B=2,N=150", "B=1,N=1,D=8,V=8" },
  body  = function(a, g, p)
    local S = az.state(nil, p.D * (p.D + 1) // 2, a.v.V)
    for n in az.tiles(a.q.N, p.C) do
      local Q, K, V = a.q[n], a.k[n], a.v[n]
      local s = dot(Q, T(K))
      a.o[n] = dot(az.causal(s * s), V) + dot(az.sympow2(Q), S)
      S:add(dot(T(az.sympow2(K)), V))
    end
  end,
  reference = {
    o = function(r) return az.ref.linear(r, { weight = function(s) return s * s end }) end,
  },
}
