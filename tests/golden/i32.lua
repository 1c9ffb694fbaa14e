-- Whole numbers: an i32 vector and matrix, their arithmetic, and masks made of them.
local az = require "azulejo"

return az.kernel "i32" {
  doc   = "y = x where the row's and the column's segment agree, else 0; m = 2 m0 + 1",
  dims  = { "B", "N", D = 24 },
  args  = { x = az.input("bf16", "B N D"), row = az.input("i32", "B N", { spread = 2 }),
            column = az.input("i32", "D", { spread = 2 }),
            m0 = az.input("i32", "B N D", { spread = 20 }),
            y = az.output("bf16", "B N D"), m = az.output("i32", "B N D") },
  tune  = { C = { 64, 16 }, warps = { 4 }, stages = { 2 } },
  grid  = { "B", N = "C" },
  smoke = { "B=2,N=70", "B=1,N=1" },
  body  = function(a, g)
    local same = a.row[g.N]:col():eq(a.column[{}]:row())
    a.y[g.N] = az.where(same, a.x[g.N], 0)
    a.m[g.N] = 2 * a.m0[g.N] + 1
  end,
  reference = {
    y = function(r)
      local x = r.x[r.at.N]
      for j = 1, r.D do x[j] = r.row[r.at.N] == r.column[j - 1] and x[j] or 0 end
      return x
    end,
    m = function(r)
      local m = r.m0[r.at.N]
      for j = 1, r.D do m[j] = 2 * m[j] + 1 end
      return m
    end,
  },
}
