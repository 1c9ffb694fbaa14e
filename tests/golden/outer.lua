-- Vectors in, a matrix and vectors out: outer products, and one vector as rows and as columns.
local az = require "azulejo"

return az.kernel "outer" {
  doc   = "z = x y^T + w_i, v = 2 x + w",
  dims  = { "B", "N", V = 40 },
  args  = { x = az.input("bf16", "B N"), w = az.input("f32", "B N"), y = az.input("f32", "B V"),
            z = az.output("bf16", "B N V"), v = az.output("f32", "B N") },
  tune  = { C = { 64, 16 }, warps = { 4 }, stages = { 2 } },
  grid  = { "B", N = "C" },
  smoke = { "B=2,N=70", "B=1,N=1,V=8" },
  body  = function(a, g)
    local x, w = a.x[g.N], a.w[g.N]
    a.z[g.N] = az.outer(x, a.y[{}]) + w:col()
    a.v[g.N] = 2 * x + w
  end,
  reference = {
    z = function(r)
      local z, i = az.ref.all(r.y, r.V), r.at.N
      for j = 1, r.V do z[j] = z[j] * r.x[i] + r.w[i] end
      return z
    end,
    v = function(r) return 2 * r.x[r.at.N] + r.w[r.at.N] end,
  },
}
