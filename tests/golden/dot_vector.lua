-- Products with a vector on either side.
local az = require "azulejo"

return az.kernel "dot_vector" {
  doc   = "y = x w, z = u x over a run-time axis",
  dims  = { "B", "N", D = 40 },
  args  = { x = az.input("bf16", "B N D"), w = az.input("bf16", "D"), u = az.input("bf16", "B N"),
            y = az.output("f32", "B N"), z = az.output("f32", "B D") },
  tune  = { C = { 64, 16 }, warps = { 4 }, stages = { 2 } },
  grid  = { "B" },
  smoke = { "B=2,N=70", "B=1,N=1" },
  body  = function(a, g, p)
    local z, w = az.var(0, a.x.D), a.w[{}]
    for n in az.tiles(a.x.N, p.C) do
      local x = a.x[n]
      a.y[n] = az.dot(x, w)
      z:add(az.dot(a.u[n], x))
    end
    a.z = z
  end,
  reference = {
    y = function(r) return az.ref.dot(r.x[r.at.N], az.ref.all(r.w, r.D)) end,
    z = function(r)
      local z = az.ref.zeros(r.D)
      for i = 0, r.N - 1 do az.ref.axpy(r.u[i], r.x[i], z) end
      return z
    end,
  },
}
