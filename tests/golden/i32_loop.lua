-- An i32 vector and a carried i32 tile in a loop: attention within segments.
local az = require "azulejo"
local dot, T = az.dot, az.transpose

return az.kernel "i32_loop" {
  doc   = "o_i = sum over j <= i of the same segment of (q_i . k_j) v_j; n_i = how many",
  dims  = { "B", "M", "N", D = 16, V = 32 },
  args  = { q = az.input("bf16", "B M D"), k = az.input("bf16", "B N D"),
            v = az.input("bf16", "B N V"),
            qs = az.input("i32", "B M", { spread = 1 }),
            ks = az.input("i32", "B N", { spread = 1 }),
            o = az.output("bf16", "B M V"), n = az.output("i32", "B M") },
  tune  = { C = { 64, 16 }, rows = { 64, 16 }, warps = { 4 }, stages = { 2 } },
  grid  = { "B", M = "rows" },
  smoke = { "B=2,M=70,N=70", "B=1,M=3,N=50" },
  body  = function(a, g, p)
    local Q, s, i = a.q[g.M], a.qs[g.M]:col(), g.M.index:col()
    local o, count = az.var(0, g.M, a.v.V), az.var(az.cast(az.zeros(g.M), "i32"))
    for n in az.tiles(a.k.N, p.C) do
      local same = s:eq(a.ks[n]:row()) & i:ge(n.index:row())
      o:add(dot(az.where(same, dot(Q, T(a.k[n])), 0), a.v[n]))
      count:add(az.cast(az.rowsum(az.where(same, az.full(1, g.M, n), 0)), "i32"))
    end
    a.o[g.M], a.n[g.M] = o, count
  end,
  reference = {
    o = function(r)
      local o, q = az.ref.zeros(r.V), r.q[r.at.M]
      for j = 0, math.min(r.at.M, r.N - 1) do
        if r.qs[r.at.M] == r.ks[j] then az.ref.axpy(az.ref.dot(q, r.k[j]), r.v[j], o) end
      end
      return o
    end,
    n = function(r)
      local n = 0
      for j = 0, math.min(r.at.M, r.N - 1) do if r.qs[r.at.M] == r.ks[j] then n = n + 1 end end
      return n
    end,
  },
}
