-- Two keyed grid entries: a matrix product cut in tiles on both sides, with a bias and a residual.
local az = require "azulejo"

return az.kernel "tiles2d" {
  doc   = "z = x y^T + b + x_i",
  dims  = { "M", "N", K = 64 },
  args  = { x = az.input("bf16", "M K"), y = az.input("bf16", "N K"), b = az.input("f32", "N"),
            c = az.input("bf16", "M"), z = az.output("f32", "M N") },
  tune  = { R = { 64, 16 }, C = { 64, 32 }, warps = { 4, 8 }, stages = { 2 } },
  grid  = { M = "R", N = "C" },
  smoke = { "M=70,N=100", "M=1,N=1" },
  body  = function(a, g)
    local s = az.dot(a.x[g.M], az.transpose(a.y[g.N]))
    a.z[{ g.M, g.N }] = s + a.b[g.N]:row() + a.c[g.M]:col()
  end,
  reference = {
    z = function(r) return az.ref.dot(r.x[r.at.M], r.y[r.at.N]) + r.b[r.at.N] + r.c[r.at.M] end,
  },
}
