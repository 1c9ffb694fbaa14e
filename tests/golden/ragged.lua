-- Rows that are no multiple of 16 bytes, in and out, elementwise.
local az = require "azulejo"

local function out(p) return p.wide and "f32" or "bf16" end

return az.kernel "ragged" {
  doc   = "y = w exp(x) + 2 x, w a number a row",
  dims  = { "B", "N", M = 44, D = az.derived(function(p) return p.M + 1 end) },
  args  = { x = az.input("bf16", "B N D"), w = az.input("f32", "B N"), y = az.output(out, "B N D") },
  flags = { wide = false },
  tune  = { C = { 64, 16, 128, 256 }, warps = { 4, 1, 2, 3 }, stages = { 2 } },
  grid  = { "B", N = "C" },
  smoke = { "B=2,N=70", "B=1,N=33,M=8,wide=true" },
  body  = function(a, g)
    local x = a.x[g.N]
    a.y[g.N] = a.w[g.N]:col() * az.exp(x) + 2 * x
  end,
  reference = {
    y = function(r)
      local x, y = r.x[r.at.N], {}
      for i = 1, r.D do y[i] = r.w[r.at.N] * math.exp(x[i]) + 2 * x[i] end
      return y
    end,
  },
}
