-- Columns lo .. lo + n of a tile: written out, and as an operand.
local az = require "azulejo"

return az.kernel "slice" {
  doc   = "y = x_8 .. x_23 swapped by halves; z = x_8 .. x_23 . k",
  dims  = { "B", "N", D = 40, E = 16, V = 24 },
  args  = { x = az.input("bf16", "B N D"), k = az.input("bf16", "B E V"),
            y = az.output("bf16", "B N E"), z = az.output("bf16", "B N V") },
  tune  = { C = { 64, 16 }, warps = { 4 }, stages = { 2 } },
  grid  = { "B", N = "C" },
  smoke = { "B=2,N=70", "B=1,N=1" },
  body  = function(a, g)
    local x = a.x[g.N]
    a.y[g.N] = az.concat(-az.slice(x, 16, 8), az.slice(x, 8, 8))
    a.z[g.N] = az.dot(az.slice(x, 8, 16), a.k[{}])
  end,
  reference = {
    y = function(r)
      local x, y = r.x[r.at.N], {}
      for i = 1, 8 do y[i], y[8 + i] = -x[16 + i], x[8 + i] end
      return y
    end,
    z = function(r)
      local x, z = r.x[r.at.N], az.ref.zeros(r.V)
      for i = 0, 15 do az.ref.axpy(x[9 + i], r.k[i], z) end
      return z
    end,
  },
}
