-- A whole row at once: its largest, the exponentials, their sum, the quotient.
local az = require "azulejo"

return az.kernel "softmax_rows" {
  doc   = "y = softmax of each row, f32 in and out, any width",
  dims  = { "B", "N", D = 24 },
  args  = { x = az.input("f32", "B N D", { spread = 3 }), y = az.output("f32", "B N D") },
  tune  = { C = { 64, 16 }, warps = { 4, 8 }, stages = { 2 } },
  grid  = { "B", N = "C" },
  smoke = { "B=2,N=70", "B=1,N=1,D=5" },
  body  = function(a, g)
    local x = a.x[g.N]
    local e = az.exp(x - az.rowmax(x):col())
    a.y[g.N] = e / az.rowsum(e):col()
  end,
  reference = {
    y = function(r)
      local x, s = r.x[r.at.N], 0
      for i = 1, r.D do x[i] = math.exp(x[i]); s = s + x[i] end
      return az.ref.scale(1 / s, x)
    end,
  },
}
