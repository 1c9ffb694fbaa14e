-- y = phi(x), the 2nd-order Taylor features: phi(x) . phi(y) = 1 + s + s^2 / 2, s = x . y / sqrt D.
-- packed: x_i x_j for i <= j, 1 + D + D (D + 1) / 2 columns; else every pair, 1 + D + D D.
local az = require "azulejo"

local function features(p) return 1 + p.D + (p.packed and p.D * (p.D + 1) // 2 or p.D * p.D) end

return az.kernel "taylor_feature_map" {
  doc   = "The 2nd-order Taylor feature map, written out",
  dims  = { "B", "H", "N", D = 16, F = az.derived(features) },
  args  = { x = az.input("bf16", "B H N D"), y = az.output("bf16", "B H N F") },
  flags = { packed = true },
  tune  = { C = { 64, 128, 16 }, warps = { 4, 2 }, stages = { 2 } },
  grid  = { "B", "H", N = "C" },
  smoke = { "B=1,H=2,N=100", "B=1,H=1,N=33,D=8,packed=false" },
  body  = function(a, g, p)
    local X = a.x[g.N]
    a.y[g.N] = p.packed and az.taylor2(X) or az.taylor2_plain(X)
  end,
  reference = {
    y = function(r)
      local x = r.x[r.at.N]
      if r.packed then return az.ref.taylor2(x) end
      local y, w = az.ref.table(az.ref.scale(r.D ^ -0.25, r.x[r.at.N])), 1 / math.sqrt(2 * r.D)
      table.insert(y, 1, 1.0)
      for i = 1, r.D do
        for j = 1, r.D do y[#y + 1] = w * x[i] * x[j] end
      end
      return y
    end,
  },
}
