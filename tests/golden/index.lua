-- Positions as i32 vectors, their arithmetic, sizes of axes, scalars given at launch.
local az = require "azulejo"

return az.kernel "index" {
  doc   = "y = x + shift where 2 i < W, else i - N + column; p = positions",
  dims  = { "B", "N", D = 24 },
  args  = { x = az.input("bf16", "B N D"), y = az.output("f32", "B N D"),
            p = az.output("i32", "B N"),
            W = az.scalar("i32", 40), shift = az.scalar("f32", 0.5) },
  tune  = { C = { 64, 16 }, warps = { 4 }, stages = { 2 } },
  grid  = { "B", N = "C" },
  smoke = { "B=2,N=70", "B=1,N=1,W=-3" },
  body  = function(a, g)
    local i, c = g.N.index, az.cumsum(az.full(1, a.x.D))
    local seen = (i:col() * 2):lt(a.W)
    a.y[g.N] = az.where(seen, a.x[g.N] + a.shift, (i - a.x.N):col() + c:row())
    a.p[g.N] = az.max(i - 2, 0) * 10
  end,
  reference = {
    y = function(r)
      local x, i = r.x[r.at.N], r.at.N
      for j = 1, r.D do x[j] = i * 2 < r.W and x[j] + r.shift or i - r.N + j end
      return x
    end,
    p = function(r) return math.max(r.at.N - 2, 0) * 10 end,
  },
}
