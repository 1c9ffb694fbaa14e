-- f32 matrices in and out of a product, and through a loop.
local az = require "azulejo"

return az.kernel "f32_matrix" {
  doc   = "z = x y + c, y rounded for the product, x 16-bit or f32",
  dims  = { "B", "M", K = 40, N = 24 },
  args  = { x = az.input(function(p) return p.wide and "f32" or "bf16" end, "B M K"),
            y = az.input("f32", "B K N"), c = az.input("f32", "B M N"),
            z = az.output("f32", "B M N") },
  flags = { wide = false },
  tune  = { R = { 64, 16 }, warps = { 4, 8 }, stages = { 2 } },
  grid  = { "B" },
  smoke = { "B=2,M=100", "B=1,M=1,wide=true" },
  body  = function(a, g, p)
    local Y = a.y[{}]
    for m in az.tiles(a.x.M, p.R) do a.z[m] = az.dot(a.x[m], Y) + a.c[m] end
  end,
  reference = {
    z = function(r)
      local z, x = r.c[r.at.M], r.x[r.at.M]
      for k = 0, r.K - 1 do az.ref.axpy(x[k + 1], r.y[k], z) end
      return z
    end,
  },
}
