-- A state read as a tile, not as an operand: its row sums with each step, and the whole at the end.
local az = require "azulejo"
local dot, T = az.dot, az.transpose

return az.kernel "state_read" {
  doc   = "t_n = the sum of S after each chunk, n = |S|^2 by row at the end",
  dims  = { "B", "N", D = 16, V = 32 },
  args  = { k = az.input("bf16", "B N D"), v = az.input("bf16", "B N V"),
            t = az.output("f32", "B N"),
            n = az.output("f32", "B D"), s1 = az.output("f32", "B D V") },
  tune  = { warps = { 4 }, stages = { 2 } },
  grid  = { "B" },
  smoke = { "B=2,N=20" },
  body  = function(a)
    local S = az.state(nil, a.k.D, a.v.V)
    for n in az.tiles(a.k.N, 16) do
      a.t[n] = az.zeros(n) + az.sum(S)
      S:add(dot(T(a.k[n]), a.v[n]))
    end
    a.n, a.s1 = az.rowsum(S * S), S
  end,
  reference = (function()
    local function state(r, last)
      local S = {}
      for d = 1, r.D do S[d] = az.ref.zeros(r.V) end
      for i = 0, last do
        local k, v = r.k[i], r.v[i]
        for d = 1, r.D do az.ref.axpy(k[d], v, S[d]) end
      end
      return S
    end
    return {
      t = function(r)
        local s = 0
        for _, row in ipairs(state(r, r.at.N // 16 * 16 - 1)) do
          for _, x in ipairs(row) do s = s + x end
        end
        return s
      end,
      n = function(r)
        local n = {}
        for d, row in ipairs(state(r, r.N - 1)) do n[d] = az.ref.dot(row, row) end
        return n
      end,
      s1 = function(r) return state(r, r.N - 1)[r.at.D + 1] end,
    }
  end)(),
}
