-- Every dtype to every other, on the way from f32 and i32 inputs to f32 and bf16 outputs.
local az = require "azulejo"

return az.kernel "cast" {
  doc   = "Rounding to bf16 and f16 and back, truncation to i32, and i32 to f32",
  dims  = { "B", "N", D = 24 },
  args  = { x = az.input("f32", "B N D", { spread = 100 }),
            i = az.input("i32", "B N", { spread = 50 }),
            b = az.output("bf16", "B N D"), h = az.output("f32", "B N D"),
            t = az.output("f32", "B N D"),
            j = az.output("i32", "B N"), f = az.output("f32", "B N") },
  tune  = { C = { 64, 16 }, warps = { 4 }, stages = { 2 } },
  grid  = { "B", N = "C" },
  smoke = { "B=2,N=70", "B=1,N=1" },
  body  = function(a, g)
    local x, i = a.x[g.N], a.i[g.N]
    a.b[g.N] = x
    a.h[g.N] = az.cast(az.cast(x, "f16"), "f32")
    a.t[g.N] = az.cast(az.cast(x, "i32"), "f32")
    a.j[g.N], a.f[g.N] = 3 * i - 1, az.cast(i, "f32") / 2
  end,
  reference = {
    b = function(r) return r.x[r.at.N] end,
    h = function(r) return r.x[r.at.N] end,
    t = function(r)
      local x = r.x[r.at.N]
      for i = 1, r.D do x[i] = (math.modf(x[i])) + 0.0 end
      return x
    end,
    j = function(r) return 3 * r.i[r.at.N] - 1 end,
    f = function(r) return r.i[r.at.N] / 2 end,
  },
}
