-- Sums, maxima and minima over a run-time axis, by chunks: rows that do not exist count nowhere.
local az = require "azulejo"

local function over(f)
  return function(r)
    local y = r.x[0]
    for i = 1, r.N - 1 do
      local x = r.x[i]
      for j = 1, r.D do y[j] = f(y[j], x[j]) end
    end
    return y
  end
end

return az.kernel "reduce_columns" {
  doc   = "The sum, largest and smallest of each column of x + 1, all of one sign",
  dims  = { "B", "N", D = 64 },
  args  = { x = az.input(function(p) return p.wide and "f32" or "bf16" end, "B N D",
                         { mean = -9, spread = 1 }),
            s = az.output("f32", "B D"), hi = az.output("f32", "B D"),
            lo = az.output("f32", "B D") },
  flags = { wide = false },
  tune  = { C = { 64, 48, 16, 1 }, warps = { 4 }, stages = { 2 } },
  grid  = { "B" },
  smoke = { "B=2,N=70", "B=1,N=5,D=24,wide=true" },
  body  = function(a, g, p)
    local s, hi, lo = az.var(0, a.x.D), az.var(-math.huge, a.x.D), az.var(math.huge, a.x.D)
    for n in az.tiles(a.x.N, p.C) do
      local x = a.x[n] + 1
      s:add(az.colsum(x))
      hi:set(az.max(hi, az.colmax(x)))
      lo:set(az.min(lo, az.colmin(x)))
    end
    a.s, a.hi, a.lo = s, hi - 1, lo - 1
  end,
  reference = {
    s = function(r)
      local y = over(function(x, z) return x + z end)(r)
      for j = 1, r.D do y[j] = y[j] + r.N end
      return y
    end,
    hi = over(math.max), lo = over(math.min),
  },
}
