-- The same by chunks: the decay of a chunk is that of its live steps, per row of the state.
local az = require "azulejo"
local dot, T, exp = az.dot, az.transpose, az.exp

return az.kernel "state_chunk" {
  doc   = "S <- e^(w n) S + sum over the chunk, w one log decay per row",
  dims  = { "B", "N", D = 16, V = 32 },
  args  = { k = az.input("bf16", "B N D"), v = az.input("bf16", "B N V"),
            g = az.input("f32", "B D", { mean = -0.1, spread = 0.02 }),
            s1 = az.output("f32", "B D V"),
            z1 = az.output("f32", "B D") },
  tune  = { C = { 64, 48, 16, 1 }, warps = { 4, 8 }, stages = { 2 } },
  grid  = { "B" },
  smoke = { "B=2,N=150", "B=1,N=1" },
  body  = function(a, g, p)
    local S, z, w = az.state(nil, a.k.D, a.v.V), az.state(nil, a.k.D), a.g[{}]
    for n in az.tiles(a.k.N, p.C) do
      local ones = az.full(1, n)
      local left = az.sum(ones) - az.cumsum(ones)
      local K = a.k[n] * exp(left:col() * w:row())
      local total = exp(w * az.sum(ones))
      S:decay(total:col())
      S:add(dot(T(K), a.v[n]))
      z:decay(total)
      z:add(az.colsum(K))
    end
    a.s1, a.z1 = S, z
  end,
  reference = {
    s1 = function(r)
      local S, d = az.ref.zeros(r.V), r.at.D
      for i = 0, r.N - 1 do
        az.ref.axpy(r.k[i][d + 1], r.v[i], az.ref.scale(math.exp(r.g[d]), S))
      end
      return S
    end,
    z1 = function(r)
      local z = az.ref.zeros(r.D)
      for i = 0, r.N - 1 do
        local k = r.k[i]
        for d = 1, r.D do z[d] = z[d] * math.exp(r.g[d - 1]) + k[d] end
      end
      return z
    end,
  },
}
