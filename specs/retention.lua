-- y_i = sum over j <= i of e^(g (i - j)) (q_i . k_j / sqrt D) v_j, g <= 0 the log decay of a head.
-- The state decays by a whole chunk at once; exponents are differences of running sums, <= 0.
local az = require "azulejo"
local dot, T, exp = az.dot, az.transpose, az.exp

local function decay(r) return function(i, j) return math.exp(r.g * (i - j)) end end

return az.kernel "retention" {
  doc   = "Linear attention with a fixed decay per head (RetNet, arXiv 2307.08621)",
  dims  = { "B", "H", "N", D = 64, V = 64 },
  args  = { q = az.input("bf16", "B H N D"), k = az.input("bf16", "B H N D"),
            v = az.input("bf16", "B H N V"), o = az.output("bf16", "B H N V"),
            g = az.input("f32", "H", { mean = -0.05, spread = 0.008 }),
            s0 = az.optional("f32", "B H D V"), s1 = az.optional_output("f32", "B H D V") },
  tune  = { C = { 64, 128 }, warps = { 4, 8 }, stages = { 2, 3 } },
  grid  = { "B", "H" },
  smoke = { "B=1,H=2,N=200", "B=1,H=1,N=65,D=32,V=112" },
  body  = function(a, g, p)
    local S, scale = az.state(a.s0), 1 / math.sqrt(p.D)
    for n in az.tiles(a.q.N, p.C) do
      local Q, K, V = a.q[n], a.k[n], a.v[n]
      local w = az.zeros(n) + a.g[{}]
      local c, total = az.cumsum(w), az.sum(w)
      a.o[n] = dot(dot(Q, T(K)) * scale * az.decay_mask(c), V) + dot(Q, S) * (scale * exp(c)):col()
      S:decay(exp(total))
      S:add(dot(T(K * exp(total - c):col()), V))
    end
    a.s1 = S
  end,
  reference = {
    o = function(r)
      local w = function(s) return s / math.sqrt(r.D) end
      return az.ref.linear(r, { weight = w, decay = decay(r) })
    end,
    s1 = function(r) return az.ref.linear_state(r, { decay = decay(r) }) end,
  },
}
