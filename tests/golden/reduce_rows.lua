-- Sums, maxima and minima over the columns of each row, of f32 and bf16 tiles of any width.
local az = require "azulejo"

local function over(f)
  return function(r)
    local x, y = r.x[r.at.N], nil
    for i = 1, r.D do y = y and f(y, x[i]) or x[i] end
    return y
  end
end

return az.kernel "reduce_rows" {
  doc   = "The sum, largest and smallest of each row",
  dims  = { "B", "N", D = 64 },
  args  = { x = az.input(function(p) return p.wide and "f32" or "bf16" end, "B N D",
                         { mean = 0.5, spread = 1 }),
            s = az.output("f32", "B N"), hi = az.output("f32", "B N"),
            lo = az.output("f32", "B N") },
  flags = { wide = false },
  tune  = { C = { 64, 16 }, warps = { 4 }, stages = { 2 } },
  grid  = { "B", N = "C" },
  smoke = { "B=2,N=70", "B=1,N=5,D=24,wide=true" },
  body  = function(a, g)
    local x = a.x[g.N]
    a.s[g.N], a.hi[g.N], a.lo[g.N] = az.rowsum(x), az.rowmax(x), az.rowmin(x)
  end,
  reference = {
    s = over(function(x, y) return x + y end), hi = over(math.max), lo = over(math.min),
  },
}
