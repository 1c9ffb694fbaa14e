-- A transpose outside a product, and one of a product.
local az = require "azulejo"
local dot, T = az.dot, az.transpose

return az.kernel "transpose" {
  doc   = "y = x^T; z = (x w)^T + 1",
  dims  = { "B", N = 64, D = 24, V = 16 },
  args  = { x = az.input("bf16", "B N D"), w = az.input("bf16", "D V"),
            y = az.output("f32", "B D N"),
            z = az.output("f32", "B V N") },
  tune  = { warps = { 4 }, stages = { 2 } },
  grid  = { "B" },
  smoke = { "B=2", "B=1,N=8,D=8" },
  body  = function(a)
    local x = a.x[{}]
    a.y, a.z = T(x), T(dot(x, a.w[{}])) + 1
  end,
  reference = {
    y = function(r)
      local y = {}
      for i = 0, r.N - 1 do y[i + 1] = r.x[i][r.at.D + 1] end
      return y
    end,
    z = function(r)
      local z = {}
      for i = 0, r.N - 1 do
        local x, s = r.x[i], 1
        for d = 0, r.D - 1 do s = s + x[d + 1] * r.w[d][r.at.V + 1] end
        z[i + 1] = s
      end
      return z
    end,
  },
}
