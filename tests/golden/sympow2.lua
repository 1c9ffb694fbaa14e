-- Packed second powers, written out in the author's order.
local az = require "azulejo"

local function pairs_of(p) return p.D * (p.D + 1) // 2 end

return az.kernel "sympow2" {
  doc   = "y = x_i x_j for i <= j, sqrt 2 where i < j",
  dims  = { "B", "N", D = 8, F = az.derived(pairs_of) },
  args  = { x = az.input("bf16", "B N D"), y = az.output("f32", "B N F") },
  tune  = { C = { 64, 16 }, warps = { 4 }, stages = { 2 } },
  grid  = { "B", N = "C" },
  smoke = { "B=2,N=70", "B=1,N=3,D=24" },
  body  = function(a, g) a.y[g.N] = az.sympow2(a.x[g.N]) end,
  reference = {
    y = function(r)
      local x, y = r.x[r.at.N], {}
      for i = 1, r.D do
        for j = i, r.D do y[#y + 1] = (i < j and math.sqrt(2) or 1) * x[i] * x[j] end
      end
      return y
    end,
  },
}
