-- Everything to one number, carried over chunks as a scalar.
local az = require "azulejo"

return az.kernel "sum" {
  doc   = "s = the sum of e^w, m = the sum of a matrix",
  dims  = { "B", "N", D = 24 },
  args  = { w = az.input("f32", "B N"), x = az.input("bf16", "B N D", { mean = 1 }),
            s = az.output("f32", "B"), m = az.output("f32", "B") },
  tune  = { C = { 64, 48, 16, 1 }, warps = { 4 }, stages = { 2 } },
  grid  = { "B" },
  smoke = { "B=2,N=70", "B=1,N=1" },
  body  = function(a, g, p)
    local s, m = az.var(0), az.var(0)
    for n in az.tiles(a.w.N, p.C) do
      s:add(az.sum(az.exp(a.w[n])))
      m:add(az.sum(a.x[n]))
    end
    a.s, a.m = s, m
  end,
  reference = {
    s = function(r)
      local s = 0
      for i = 0, r.N - 1 do s = s + math.exp(r.w[i]) end
      return s
    end,
    m = function(r)
      local s = 0
      for i = 0, r.N - 1 do for _, x in ipairs(r.x[i]) do s = s + x end end
      return s
    end,
  },
}
