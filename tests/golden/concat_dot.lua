-- The contraction of a product over columns put side by side, on both sides.
local az = require "azulejo"
local dot, T = az.dot, az.transpose

local function join(x) return az.concat(1, x, x * 0.5) end

return az.kernel "concat_dot" {
  doc   = "z_i = sum over j of [1, x_i, x_i / 2] . [1, k_j, k_j / 2]",
  dims  = { "B", "N", "M", D = 16 },
  args  = { x = az.input("bf16", "B N D"), k = az.input("bf16", "B M D"),
            z = az.output("f32", "B N") },
  tune  = { C = { 64, 16 }, rows = { 64, 16 }, warps = { 4 }, stages = { 2 } },
  grid  = { "B", N = "rows" },
  smoke = { "B=2,N=70,M=50", "B=1,N=1,M=1,D=24" },
  body  = function(a, g, p)
    local x, z = a.x[g.N], az.var(0, g.N)
    for m in az.tiles(a.k.M, p.C) do z:add(az.rowsum(dot(join(x), T(join(a.k[m]))))) end
    a.z[g.N] = z
  end,
  reference = {
    z = function(r)
      local x, s = r.x[r.at.N], 0
      for j = 0, r.M - 1 do s = s + 1 + 1.25 * az.ref.dot(x, r.k[j]) end
      return s
    end,
  },
}
