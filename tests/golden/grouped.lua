-- Heads in groups: grouped arguments beside ungrouped ones, in any layout.
local az = require "azulejo"

return az.kernel "grouped" {
  doc   = "z = row sums of x, w = row sums of y * g, for each head of a group",
  dims  = { "B", "G", "R", "M", "N", K = 32 },
  args  = { x = az.input("bf16", "B (G R) M K"), y = az.input("bf16", "B G N K"),
            g = az.input("f32", "B G N"), z = az.output("f32", "B (G R) M"),
            w = az.output("f32", "B (G R) N") },
  tune  = { C = { 64, 16 }, warps = { 4 }, stages = { 2 } },
  grid  = { "B", "G", "R" },
  smoke = { "B=1,G=2,R=3,M=40,N=70", "B=2,G=1,R=1,M=1,N=1" },
  body  = function(a, g, p)
    for m in az.tiles(a.x.M, p.C) do
      a.z[m] = az.rowsum(a.x[m])
    end
    for n in az.tiles(a.y.N, p.C) do
      a.w[n] = az.rowsum(a.y[n]) * a.g[n]
    end
  end,
  reference = {
    z = function(r)
      local s = 0
      for _, x in ipairs(r.x[r.at.M]) do s = s + x end
      return s
    end,
    w = function(r)
      local s = 0
      for _, x in ipairs(r.y[r.at.N]) do s = s + x end
      return s * r.g[r.at.N]
    end,
  },
}
