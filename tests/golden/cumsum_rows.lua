-- Running sums down the columns of a tile, from the start of each chunk.
local az = require "azulejo"

return az.kernel "cumsum_rows" {
  doc   = "y = running sums of x down its columns",
  dims  = { "B", "N", D = 24 },
  args  = { x = az.input("f32", "B N D"), y = az.output("f32", "B N D") },
  tune  = { C = { 64, 16 }, warps = { 4, 8 }, stages = { 2 } },
  grid  = { "B", N = "C" },
  smoke = { "B=2,N=70", "B=1,N=1,D=5", "B=1,N=40,C=16,warps=8" },
  body  = function(a, g) a.y[g.N] = az.cumsum(a.x[g.N]) end,
  reference = {
    y = function(r)
      local y, from = az.ref.zeros(r.D), r.at.N // r.C * r.C
      for i = from, r.at.N do az.ref.axpy(1, r.x[i], y) end
      return y
    end,
  },
}
