-- A chain of elementwise ops, with a row statistic in the middle: RMS norm, gate and bias.
local az = require "azulejo"

return az.kernel "chain" {
  doc   = "y = x / rms(x) * w * silu(g) + b",
  dims  = { "B", "N", D = 64 },
  args  = { x = az.input("bf16", "B N D"), g = az.input("bf16", "B N D"), w = az.input("f32", "D"),
            b = az.optional("f32", "D"), y = az.output("bf16", "B N D"),
            rms = az.optional_output("f32", "B N"), eps = az.scalar("f32", 1e-5) },
  tune  = { C = { 64, 48, 16, 1 }, warps = { 4, 8 }, stages = { 2 } },
  grid  = { "B", N = "C" },
  smoke = { "B=2,N=70", "B=1,N=1,D=24" },
  body  = function(a, g, p)
    local x = a.x[g.N]
    local r = az.sqrt(az.rowsum(x ^ 2) / p.D + a.eps)
    local y = x / r:col() * a.w[{}]:row() * az.silu(a.g[g.N])
    if a.b.present then y = y + a.b[{}]:row() end
    a.y[g.N], a.rms[g.N] = y, r
  end,
  reference = (function()
    local function rms(r)
      local x = r.x[r.at.N]
      return math.sqrt(az.ref.dot(x, x) / r.D + r.eps)
    end
    return {
      y = function(r)
        local y, g, s = r.x[r.at.N], r.g[r.at.N], rms(r)
        for i = 1, r.D do
          y[i] = y[i] / s * r.w[i - 1] * g[i] / (1 + math.exp(-g[i])) + (r.b and r.b[i - 1] or 0)
        end
        return y
      end,
      rms = rms,
    }
  end)(),
}
