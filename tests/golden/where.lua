-- where selects and never multiplies: the other branch holds NaN and infinities.
local az = require "azulejo"

return az.kernel "where" {
  doc   = "y = log x where x > 0, else 1 / x, else 5 at x = 0",
  dims  = { "B", "N", D = 16 },
  args  = { x = az.input("f32", "B N D"), y = az.output("f32", "B N D"),
            n = az.output("f32", "B N") },
  tune  = { C = { 64, 16 }, warps = { 4 }, stages = { 2 } },
  grid  = { "B", N = "C" },
  smoke = { "B=2,N=70", "B=1,N=1" },
  body  = function(a, g)
    local x = a.x[g.N]
    local y = az.where(x:gt(0), az.log(x), az.where(x:eq(0), 5, 1 / x))
    a.y[g.N] = y
    a.n[g.N] = az.rowsum(az.where(x:gt(0), az.full(1, g.N, a.x.D), az.zeros(g.N, a.x.D)))
  end,
  reference = {
    y = function(r)
      local x = r.x[r.at.N]
      for i = 1, r.D do x[i] = x[i] > 0 and math.log(x[i]) or x[i] == 0 and 5 or 1 / x[i] end
      return x
    end,
    n = function(r)
      local x, n = r.x[r.at.N], 0
      for i = 1, r.D do n = n + (x[i] > 0 and 1 or 0) end
      return n
    end,
  },
}
