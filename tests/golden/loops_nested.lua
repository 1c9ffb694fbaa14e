-- A loop in a loop: every program does all rows of y, each over all rows of x.
local az = require "azulejo"
local dot, T = az.dot, az.transpose

return az.kernel "loops_nested" {
  doc   = "s_i = the largest q_i . k_j over j, o_i = sum over j of (q_i . k_j) k_j",
  dims  = { "B", "M", "N", D = 32 },
  args  = { q = az.input("bf16", "B M D"), k = az.input("bf16", "B N D"),
            s = az.output("f32", "B M"),
            o = az.output("bf16", "B M D") },
  tune  = { C = { 64, 48, 16 }, rows = { 64, 16 }, warps = { 4 }, stages = { 2, 1 } },
  grid  = { "B" },
  smoke = { "B=2,M=70,N=50", "B=1,M=1,N=1" },
  body  = function(a, g, p)
    for m in az.tiles(a.q.M, p.rows) do
      local Q, s, o = a.q[m], az.var(-math.huge, m), az.var(0, m, a.k.D)
      for n in az.tiles(a.k.N, p.C) do
        local K = a.k[n]
        local P = dot(Q, T(K))
        s:set(az.max(s, az.rowmax(P)))
        o:add(dot(P, K))
      end
      a.s[m], a.o[m] = s, o
    end
  end,
  reference = {
    s = function(r)
      local q, s = r.q[r.at.M], -math.huge
      for j = 0, r.N - 1 do s = math.max(s, az.ref.dot(q, r.k[j])) end
      return s
    end,
    o = function(r)
      local q, o = r.q[r.at.M], az.ref.zeros(r.D)
      for j = 0, r.N - 1 do
        local k = r.k[j]
        az.ref.axpy(az.ref.dot(q, k), k, o)
      end
      return o
    end,
  },
}
