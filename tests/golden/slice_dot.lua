-- Columns of a tile as an operand.
local az = require "azulejo"

return az.kernel "slice_dot" {
  doc   = "z = x_8 .. x_23 k",
  dims  = { "B", "N", D = 40, E = 16, V = 24 },
  args  = { x = az.input("bf16", "B N D"), k = az.input("bf16", "B E V"),
            z = az.output("bf16", "B N V") },
  tune  = { C = { 64, 16 }, warps = { 4 }, stages = { 2 } },
  grid  = { "B", N = "C" },
  smoke = { "B=2,N=70", "B=1,N=1" },
  body  = function(a, g) a.z[g.N] = az.dot(az.slice(a.x[g.N], 8, 16), a.k[{}]) end,
  reference = {
    z = function(r)
      local x, z = r.x[r.at.N], az.ref.zeros(r.V)
      for i = 0, 15 do az.ref.axpy(x[9 + i], r.k[i], z) end
      return z
    end,
  },
}
