-- causal and strict_causal with a fill, over one range on both sides.
local az = require "azulejo"
local dot, T = az.dot, az.transpose

return az.kernel "causal" {
  doc   = "In chunks of 32: the sum on and below the diagonal, the largest strictly below",
  dims  = { "B", "N", D = 16 },
  args  = { x = az.input("bf16", "B N D"), s = az.output("f32", "B N"), m = az.output("f32", "B N"),
            e = az.output("f32", "B N") },
  tune  = { warps = { 4 }, stages = { 2 } },
  grid  = { "B" },
  smoke = { "B=2,N=70", "B=1,N=1" },
  body  = function(a)
    for n in az.tiles(a.x.N, 32) do
      local x = a.x[n]
      local P = dot(x, T(x))
      a.s[n] = az.rowsum(az.causal(P))
      a.m[n] = az.rowmax(az.strict_causal(P, -1))
      a.e[n] = az.rowsum(az.exp(az.causal(P / 8, -math.huge)))
    end
  end,
  reference = (function()
    local function below(f)
      return function(r)
        local i, s = r.at.N, nil
        local x = r.x[i]
        for j = i // 32 * 32, math.min(r.N, i // 32 * 32 + 32) - 1 do
          s = f(s, az.ref.dot(x, r.x[j]), i - j)
        end
        return s
      end
    end
    return {
      s = below(function(s, x, d) return (s or 0) + (d >= 0 and x or 0) end),
      m = below(function(s, x, d) return math.max(s or -math.huge, d > 0 and x or -1) end),
      e = below(function(s, x, d) return (s or 0) + (d >= 0 and math.exp(x / 8) or 0) end),
    }
  end)(),
}
