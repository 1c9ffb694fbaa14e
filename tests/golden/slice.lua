-- Columns lo .. lo + n of a tile, written out.
local az = require "azulejo"

return az.kernel "slice" {
  doc   = "y = x_8 .. x_23, its halves exchanged and one negated (a rotation of half the columns)",
  dims  = { "B", "N", D = 40, E = 16 },
  args  = { x = az.input("bf16", "B N D"), y = az.output("bf16", "B N E") },
  tune  = { C = { 64, 16 }, warps = { 4 }, stages = { 2 } },
  grid  = { "B", N = "C" },
  smoke = { "B=2,N=70", "B=1,N=1" },
  body  = function(a, g)
    local x = a.x[g.N]
    a.y[g.N] = az.concat(-az.slice(x, 16, 8), az.slice(x, 8, 8))
  end,
  reference = {
    y = function(r)
      local x, y = r.x[r.at.N], {}
      for i = 1, 8 do y[i], y[8 + i] = -x[16 + i], x[8 + i] end
      return y
    end,
  },
}
