-- A state whose decay is a number, one per row, one per column or one per element; read before
-- and after its update.
local az = require "azulejo"
local dot, T = az.dot, az.transpose

local function factor(r, f, v)
  return ({ 0.75, r.a[f], r.b[v], r.m[f][v + 1] })[r.decay]
end

-- Row f of the state after `last` chunks of one step each.
local function state(r, f, last)
  local S = r.s0 and r.s0[f] or az.ref.zeros(r.V)
  for i = 0, last do
    local v, k = r.v[i], r.k[i][f + 1]
    for j = 1, r.V do S[j] = factor(r, f, j - 1) * S[j] + k * v[j] end
  end
  return S
end

return az.kernel "state" {
  doc   = "S <- a S + k^T v, o = q S after; by steps of one",
  dims  = { "B", "N", D = 16, V = 32 },
  args  = { q = az.input("bf16", "B N D"), k = az.input("bf16", "B N D"),
            v = az.input("bf16", "B N V"),
            a = az.input("f32", "D", { mean = 0.5, spread = 0.1 }),
            b = az.input("f32", "V", { mean = 0.5, spread = 0.1 }),
            m = az.input("f32", "D V", { mean = 0.5, spread = 0.1 }),
            s0 = az.optional("f32", "B D V"), o = az.output("bf16", "B N V"),
            s1 = az.output("f32", "B D V") },
  flags = { decay = { 1, 2, 3, 4 } },
  tune  = { warps = { 4 }, stages = { 2 } },
  grid  = { "B" },
  smoke = { "B=2,N=20", "B=1,N=5,decay=2", "B=1,N=5,decay=3", "B=1,N=5,decay=4" },
  body  = function(a, g, p)
    local S = az.state(a.s0)
    local x = ({ function() return 0.75 end, function() return a.a[{}]:col() end,
                 function() return a.b[{}]:row() end, function() return a.m[{}] end })[p.decay]()
    for n in az.tiles(a.q.N, 1) do
      S:decay(x)
      S:add(dot(T(a.k[n]), a.v[n]))
      a.o[n] = dot(a.q[n], S)
    end
    a.s1 = S
  end,
  reference = {
    o = function(r)
      local o, q = az.ref.zeros(r.V), r.q[r.at.N]
      for f = 0, r.D - 1 do az.ref.axpy(q[f + 1], state(r, f, r.at.N), o) end
      return o
    end,
    s1 = function(r) return state(r, r.at.D, r.N - 1) end,
  },
}
