-- Every elementwise op of two sources, on bf16 tiles and a vector repeated over rows.
local az = require "azulejo"

local ops = {
  function(x, y) return x + y end, function(x, y) return x - y end,
  function(x, y) return x * y end, function(x, y) return x / y end,
}

return az.kernel "binary" {
  doc   = "z = (x op y) + w, op the number of one in a list",
  dims  = { "B", "N", D = 40 },
  args  = { x = az.input("bf16", "B N D"),
            y = az.input("bf16", "B N D", { mean = 4, spread = 0.5 }),
            w = az.input("f32", "D"), z = az.output("f32", "B N D") },
  flags = { op = { 1, 2, 3, 4, 5, 6 } },
  tune  = { C = { 64, 16 }, warps = { 4 }, stages = { 2 } },
  grid  = { "B", N = "C" },
  smoke = { "B=2,N=70", "B=1,N=3,op=4" },
  body  = function(a, g, p)
    local x, y, f = a.x[g.N], a.y[g.N], ops[p.op] or p.op == 5 and az.min or az.max
    a.z[g.N] = f(x, y) + a.w[{}]:row()
  end,
  reference = {
    z = function(r)
      local x, y = r.x[r.at.N], r.y[r.at.N]
      local f = ops[r.op] or r.op == 5 and math.min or math.max
      for i = 1, r.D do x[i] = f(x[i], y[i]) + r.w[i - 1] end
      return x
    end,
  },
}
