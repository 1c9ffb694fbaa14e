-- One loop after another over the same axis: a statistic first, then its use.
local az = require "azulejo"

return az.kernel "loops_twice" {
  doc   = "y = x / the largest |x| of the column; w = softmax of u over the axis",
  dims  = { "B", "N", D = 24 },
  args  = { x = az.input("bf16", "B N D"), u = az.input("f32", "B N"),
            y = az.output("bf16", "B N D"),
            w = az.output("f32", "B N") },
  tune  = { C = { 64, 48, 16, 1 }, warps = { 4 }, stages = { 2, 1 } },
  grid  = { "B" },
  smoke = { "B=2,N=150", "B=1,N=1" },
  body  = function(a, g, p)
    local hi, s = az.var(0, a.x.D), az.var(0)
    for n in az.tiles(a.x.N, p.C) do
      hi:set(az.max(hi, az.colmax(az.abs(a.x[n]))))
      s:add(az.sum(az.exp(a.u[n])))
    end
    for n in az.tiles(a.x.N, p.C) do
      a.y[n] = a.x[n] / hi:row()
      a.w[n] = az.exp(a.u[n]) / s
    end
  end,
  reference = {
    y = function(r)
      local y, hi = r.x[r.at.N], az.ref.zeros(r.D)
      for i = 0, r.N - 1 do
        local x = r.x[i]
        for j = 1, r.D do hi[j] = math.max(hi[j], math.abs(x[j])) end
      end
      for j = 1, r.D do y[j] = y[j] / hi[j] end
      return y
    end,
    w = function(r)
      local s = 0
      for i = 0, r.N - 1 do s = s + math.exp(r.u[i]) end
      return math.exp(r.u[r.at.N]) / s
    end,
  },
}
