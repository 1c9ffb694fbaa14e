-- One product over a loop: z = x y, with x "M K" and y "K N".
local az = require "azulejo"

return az.kernel "matmul" {
  doc   = "z = x y",
  dims  = { "B", "M", "K", N = 64 },
  args  = {
    x = az.input("bf16", "B M K"), y = az.input("bf16", "B K N"), z = az.output("bf16", "B M N"),
  },
  tune  = { C = { 64 }, R = { 64 }, warps = { 4 }, stages = { 2 } },
  grid  = { "B", M = "R" },
  smoke = { "B=2,M=70,K=100", "B=1,M=1,K=1" },
  body  = function(a, g, p)
    local acc = az.var(0, g.M, a.z.N)
    for k in az.tiles(a.x.K, p.C) do acc:add(az.dot(a.x[{ g.M, k }], a.y[k])) end
    a.z[g.M] = acc
  end,
  reference = {
    z = function(r)
      local z, x = az.ref.zeros(r.N), r.x[r.at.M]
      for j = 0, r.K - 1 do az.ref.axpy(x[j + 1], r.y[j], z) end
      return z
    end,
  },
}
