-- y_i = sum over j <= i of w v_j, with w = 1 + s + s^2 / 2 and s = q_i . k_j / sqrt D: a chunk's
-- own keys as a masked product, earlier ones by a state of F features; normalize: / sum of w.
local az = require "azulejo"
local dot, T, phi, ref = az.dot, az.transpose, az.taylor2, az.ref

return az.kernel "based_prefill" {
  doc   = "Causal linear attention under the 2nd-order Taylor map (BASED, arXiv 2402.18668)",
  dims  = { "B", "H", "N", D = 16, V = 64, F = az.taylor2_size "D" },
  args  = { q = az.input("bf16", "B H N D"), k = az.input("bf16", "B H N D"),
            v = az.input("bf16", "B H N V"), o = az.output("bf16", "B H N V"),
            s0 = az.optional("f32", "B H F V", { spread = 0.1 }),
            z0 = az.optional("f32", "B H F", { spread = 0.004 }),
            s1 = az.optional_output("f32", "B H F V"), z1 = az.optional_output("f32", "B H F") },
  flags = { normalize = false },
  tune  = { C = { 64, 128 }, warps = { 4, 8 }, stages = { 2, 3 } },
  grid  = { "B", "H" },
  smoke = { "B=1,H=2,N=200", "B=2,H=1,N=65,D=24,V=112,normalize=true" },
  body  = function(a, g, p)
    local S, z = az.state(a.s0), az.state(a.z0)
    for n in az.tiles(a.q.N, p.C) do
      local Q, K, V = a.q[n], a.k[n], a.v[n]
      local s = dot(Q, T(K)) / math.sqrt(p.D)
      local P = az.cast(az.causal(1 + s + s * s / 2), p.dtype)
      local y = dot(P, V) + dot(phi(Q), S)
      if p.normalize then y = y / (az.rowsum(P) + dot(phi(Q), z)):col() end
      a.o[n] = y
      S:add(dot(T(phi(K)), V))
      z:add(az.colsum(phi(K)))
    end
    a.s1, a.z1 = S, z
  end,
  reference = {
    o = function(r)
      local w = function(s) return 1 + s / math.sqrt(r.D) + s * s / (2 * r.D) end
      return ref.linear(r, { weight = w, features = ref.taylor2, normalize = r.normalize })
    end,
    s1 = function(r) return ref.linear_state(r, { features = ref.taylor2 }) end,
    z1 = function(r) return ref.linear_count(r, { features = ref.taylor2 }) end,
  },
}
