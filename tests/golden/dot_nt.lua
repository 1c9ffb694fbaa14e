-- Products over compile-time dimensions: x y^T, and a chain that needs both orientations.
local az = require "azulejo"
local dot, T = az.dot, az.transpose

return az.kernel "dot_nt" {
  doc   = "s = x y^T summed over the rows of y; z = (x y^T) y",
  dims  = { "B", "M", "N", D = 24 },
  args  = { x = az.input("bf16", "B M D"), y = az.input("bf16", "B N D"),
            s = az.output("f32", "B M"), z = az.output("bf16", "B M D") },
  tune  = { C = { 64, 48, 16 }, rows = { 64, 16, 128 }, warps = { 4, 8 }, stages = { 2, 1, 3 } },
  grid  = { "B", M = "rows" },
  smoke = { "B=2,M=70,N=50", "B=1,M=1,N=1,D=64" },
  body  = function(a, g, p)
    local X, s, z = a.x[g.M], az.var(0, g.M), az.var(0, g.M, a.x.D)
    for n in az.tiles(a.y.N, p.C) do
      local Y = a.y[n]
      local P = dot(X, T(Y))
      s:add(az.rowsum(P))
      z:add(dot(P, Y))
    end
    a.s[g.M], a.z[g.M] = s, z
  end,
  reference = {
    s = function(r)
      local x, s = r.x[r.at.M], 0
      for j = 0, r.N - 1 do s = s + az.ref.dot(x, r.y[j]) end
      return s
    end,
    z = function(r)
      local x, z = r.x[r.at.M], az.ref.zeros(r.D)
      for j = 0, r.N - 1 do
        local y = r.y[j]
        az.ref.axpy(az.ref.dot(x, y), y, z)
      end
      return z
    end,
  },
}
