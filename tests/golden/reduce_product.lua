-- Reductions of products over rows and over columns, and a product of what they give.
local az = require "azulejo"
local dot, T = az.dot, az.transpose

return az.kernel "reduce_product" {
  doc   = "c = column sums of e^(x y^T / 4), over all rows; n = its normalised product with y",
  dims  = { "B", "M", N = 48, D = 16 },
  args  = { x = az.input("bf16", "B M D"), y = az.input("bf16", "B N D"),
            c = az.output("f32", "B N"),
            o = az.output("bf16", "B M D") },
  tune  = { C = { 64, 16, 1 }, warps = { 4, 8 }, stages = { 2 } },
  grid  = { "B" },
  smoke = { "B=2,M=150", "B=1,M=1" },
  body  = function(a, g, p)
    local Y, c = a.y[{}], az.var(0, a.y.N)
    for m in az.tiles(a.x.M, p.C) do
      local e = az.exp(dot(a.x[m], T(Y)) / 4)
      c:add(az.colsum(e))
      a.o[m] = dot(e, Y) / az.rowsum(e):col()
    end
    a.c = c
  end,
  reference = {
    c = function(r)
      local c = az.ref.zeros(r.N)
      for i = 0, r.M - 1 do
        local x = r.x[i]
        for j = 1, r.N do c[j] = c[j] + math.exp(az.ref.dot(x, r.y[j - 1]) / 4) end
      end
      return c
    end,
    o = function(r)
      local x, o, s = r.x[r.at.M], az.ref.zeros(r.D), 0
      for j = 0, r.N - 1 do
        local y = r.y[j]
        local e = math.exp(az.ref.dot(x, y) / 4)
        az.ref.axpy(e, y, o)
        s = s + e
      end
      return az.ref.scale(1 / s, o)
    end,
  },
}
