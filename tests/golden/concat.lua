-- Columns side by side, numbers, slices and negated parts among them, written out.
local az = require "azulejo"

return az.kernel "concat" {
  doc   = "y = [2, x, 3 x_8 .. x_15, -x]",
  dims  = { "B", "N", D = 16, F = az.derived(function(p) return 9 + 2 * p.D end) },
  args  = { x = az.input("bf16", "B N D"), y = az.output("bf16", "B N F") },
  tune  = { C = { 64, 16 }, warps = { 4 }, stages = { 2 } },
  grid  = { "B", N = "C" },
  smoke = { "B=2,N=70", "B=1,N=1,D=24" },
  body  = function(a, g)
    local x = a.x[g.N]
    a.y[g.N] = az.concat(2, x, az.slice(x, 8, 8) * 3, -x)
  end,
  reference = {
    y = function(r)
      local x, y = r.x[r.at.N], { 2.0 }
      for i = 1, r.D do y[1 + i], y[9 + r.D + i] = x[i], -x[i] end
      for i = 9, 16 do y[r.D + i - 7] = 3 * x[i] end
      return y
    end,
  },
}
