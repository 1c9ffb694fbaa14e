-- The same from the other end: chunks in reverse.
local az = require "azulejo"

return az.kernel "reverse" {
  doc   = "y_i = w_i + ... + w_last",
  dims  = { "B", "N" },
  args  = { w = az.input("f32", "B N", { mean = 1 }), y = az.output("f32", "B N") },
  tune  = { C = { 64, 48, 16, 1 }, warps = { 4 }, stages = { 2, 1 } },
  grid  = { "B" },
  smoke = { "B=2,N=150", "B=1,N=1" },
  body  = function(a, g, p)
    local after = az.var(0)
    for n in az.tiles(a.w.N, p.C, { reverse = true }) do
      local w = a.w[n]
      local total = az.sum(w)
      a.y[n] = total - az.cumsum(w) + w + after
      after:add(total)
    end
  end,
  reference = {
    y = function(r)
      local s = 0
      for i = r.at.N, r.N - 1 do s = s + r.w[i] end
      return s
    end,
  },
}
