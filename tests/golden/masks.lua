-- Index masks of every kind bounding a loop, and the products they keep.
local az = require "azulejo"
local dot, T = az.dot, az.transpose

local kinds = {
  function(i, j) return i:ge(j) end,
  function(i, j) return i:gt(j) end,
  function(i, j) return j:ge(i) end,
  function(i, j, a) return (i - j):lt(a.W) & (j - i):lt(a.W) end,
  function(i, j, a) return i:ge(j) & j:lt(a.W) end,
  function(i, j, a) return (i + (a.k.N - a.q.M)):ge(j) end,
  function(i, j, a) return (i - j):ge(a.W) | j:lt(4) end,
  function(i, j) return i:eq(j) end,
}
local function seen(r, i, j)
  local d = i - j
  return ({ d >= 0, d > 0, d <= 0, d < r.W and -d < r.W, d >= 0 and j < r.W, i + r.N - r.M >= j,
            d >= r.W or j < 4, d == 0 })[r.kind]
end

return az.kernel "masks" {
  doc   = "o_i = sum over the seen j of (q_i . k_j) k_j, the mask one of a list",
  dims  = { "B", "M", "N", D = 16 },
  args  = { q = az.input("bf16", "B M D"), k = az.input("bf16", "B N D"),
            o = az.output("f32", "B M D"),
            W = az.scalar("i32", 20) },
  flags = { kind = { 1, 2, 3, 4, 5, 6, 7, 8 } },
  tune  = { C = { 64, 16, 48 }, rows = { 64, 16, 128 }, warps = { 4 }, stages = { 2 } },
  grid  = { "B", M = "rows" },
  smoke = { "B=1,M=150,N=150", "B=1,M=100,N=170,kind=4", "B=1,M=100,N=170,kind=6" },
  body  = function(a, g, p)
    local Q, o = a.q[g.M], az.var(0, g.M, a.q.D)
    local mask = function(i, j) return kinds[p.kind](i, j, a) end
    for n, seen in az.tiles(a.k.N, p.C, { rows = g.M, mask = mask }) do
      local K = a.k[n]
      o:add(dot(az.where(seen, dot(Q, T(K)), 0), K))
    end
    a.o[g.M] = o
  end,
  reference = {
    o = function(r)
      local o, q = az.ref.zeros(r.D), r.q[r.at.M]
      for j = 0, r.N - 1 do
        if seen(r, r.at.M, j) then
          local k = r.k[j]
          az.ref.axpy(az.ref.dot(q, k), k, o)
        end
      end
      return o
    end,
  },
}
