-- z = x^T y^T, with x [K, M] and y [N, K]: contracted over rows of one and columns of the other.
local az = require "azulejo"
local dot, T = az.dot, az.transpose

return az.kernel "dot_tt" {
  doc   = "z = x^T y^T",
  dims  = { "B", K = 40, M = 24, N = 16 },
  args  = { x = az.input("bf16", "B K M"), y = az.input("bf16", "B N K"),
            z = az.output("bf16", "B M N") },
  tune  = { warps = { 4, 8 }, stages = { 2 } },
  grid  = { "B" },
  smoke = { "B=2", "B=1,K=64,M=64,N=64" },
  body  = function(a) a.z = dot(T(a.x[{}]), T(a.y[{}])) end,
  reference = {
    z = function(r)
      local z, m = az.ref.zeros(r.N), r.at.M
      for n = 0, r.N - 1 do
        local y = r.y[n]
        for k = 0, r.K - 1 do z[n + 1] = z[n + 1] + r.x[k][m + 1] * y[k + 1] end
      end
      return z
    end,
  },
}
