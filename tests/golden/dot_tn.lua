-- A product over a run-time axis: z = x^T y: both are contracted over their rows
local az = require "azulejo"

return az.kernel "dot_tn" {
  doc   = "z = x^T y: both are contracted over their rows",
  dims  = { "B", "K", M = 24, N = 40 },
  args  = { x = az.input("bf16", "B K M"), y = az.input("bf16", "B K N"),
            z = az.output("bf16", "B M N") },
  tune  = { C = { 64, 48, 16 }, warps = { 4, 8 }, stages = { 2, 1, 3 } },
  grid  = { "B" },
  smoke = { "B=2,K=100", "B=1,K=1,M=64,N=64" },
  body  = function(a, g, p)
    local z = az.var(0, a.z.M, a.z.N)
    for k in az.tiles(a.x.K, p.C) do z:add(az.dot(az.transpose(a.x[k]), a.y[k])) end
    a.z = z
  end,
  reference = {
    z = function(r)
      local z, m = az.ref.zeros(r.N), r.at.M
      for k = 0, r.K - 1 do az.ref.axpy(r.x[k][m + 1], r.y[k], z) end
      return z
    end,
  },
}
