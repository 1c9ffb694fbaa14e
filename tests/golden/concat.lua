-- Columns side by side, written out; and as the contraction of a product.
local az = require "azulejo"
local dot, T = az.dot, az.transpose

local function join(x) return az.concat(2, x, az.slice(x, 8, 8) * 3, -x) end
local function joined(x)
  local y = { 2.0 }
  for i = 1, #x do y[#y + 1] = x[i] end
  for i = 9, 16 do y[#y + 1] = 3 * x[i] end
  for i = 1, #x do y[#y + 1] = -x[i] end
  return y
end

return az.kernel "concat" {
  doc   = "y = [2, x, 3 x_8 .. x_15, -x]; z = y . y of every pair",
  dims  = { "B", "N", "M", D = 16, F = az.derived(function(p) return 9 + 2 * p.D end) },
  args  = { x = az.input("bf16", "B N D"), k = az.input("bf16", "B M D"),
            y = az.optional_output("bf16", "B N F"), z = az.output("f32", "B N") },
  tune  = { C = { 64, 16 }, rows = { 64, 16 }, warps = { 4 }, stages = { 2 } },
  grid  = { "B", N = "rows" },
  smoke = { "B=2,N=70,M=50", "B=1,N=1,M=1,D=24" },
  body  = function(a, g, p)
    local x, z = a.x[g.N], az.var(0, g.N)
    a.y[g.N] = join(x)
    for m in az.tiles(a.k.M, p.C) do
      z:add(az.rowsum(dot(join(x), T(join(a.k[m])))))
    end
    a.z[g.N] = z
  end,
  reference = {
    y = function(r) return joined(r.x[r.at.N]) end,
    z = function(r)
      local y, s = joined(r.x[r.at.N]), 0
      for j = 0, r.M - 1 do s = s + az.ref.dot(y, joined(r.k[j])) end
      return s
    end,
  },
}
