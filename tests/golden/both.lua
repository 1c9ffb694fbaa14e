-- Two products by one right operand: a chunk's values, of its own scores and of the state's update,
-- are read once for both.
local az = require "azulejo"
local dot, T = az.dot, az.transpose

return az.kernel "both" {
  doc   = "y_i = sum over j <= i of (q_i . k_j) v_j, by chunks",
  dims  = { "B", "N", D = 16, V = 64 },
  args  = { q = az.input("bf16", "B N D"), k = az.input("bf16", "B N D"),
            v = az.input("bf16", "B N V"), o = az.output("bf16", "B N V"),
            s0 = az.optional("f32", "B D V"), s1 = az.output("f32", "B D V") },
  tune  = { C = { 64, 32, 128 }, warps = { 4, 8, 2 }, stages = { 2 } },
  grid  = { "B" },
  smoke = { "B=2,N=150", "B=1,N=1", "B=1,N=100,V=24,D=32", "B=1,N=70,D=64" },
  body  = function(a, g, p)
    local S = az.state(a.s0)
    for n in az.tiles(a.q.N, p.C) do
      local Q, K, V = a.q[n], a.k[n], a.v[n]
      a.o[n] = dot(az.causal(dot(Q, T(K))), V) + dot(Q, S)
      S:add(dot(T(K), V))
    end
    a.s1 = S
  end,
  reference = {
    o = function(r) return az.ref.linear(r, { weight = function(s) return s end }) end,
    s1 = function(r) return az.ref.linear_state(r, {}) end,
  },
}
