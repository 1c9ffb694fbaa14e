-- The comparisons, and, or, not: each chooses between a number that would not do and x.
local az = require "azulejo"

local masks = {
  function(x, y) return x:lt(y) end, function(x, y) return x:le(y) end,
  function(x, y) return x:gt(y) end, function(x, y) return x:ge(y) end,
  function(x) return (x - x):eq(0) end, function(x, y) return x:ne(y) end,
  function(x, y) return x:lt(y) & x:gt(0) end, function(x, y) return x:gt(y) | x:lt(0) end,
  function(x, y) return ~x:lt(y) end,
}

local function holds(op, x, y)
  return ({ x < y, x <= y, x > y, x >= y, true, x ~= y, x < y and x > 0, x > y or x < 0,
            not (x < y) })[op]
end

return az.kernel "compare" {
  doc   = "z = where(mask of x and y, x, -8), the mask one of a list",
  dims  = { "B", "N", D = 24 },
  args  = { x = az.input("bf16", "B N D"), y = az.input("f32", "N"),
            z = az.output("f32", "B N D") },
  flags = { op = { 1, 2, 3, 4, 5, 6, 7, 8, 9 } },
  tune  = { C = { 64, 16 }, warps = { 4 }, stages = { 2 } },
  grid  = { "B", N = "C" },
  smoke = { "B=2,N=70", "B=1,N=5,op=7" },
  body  = function(a, g, p)
    local x = a.x[g.N]
    a.z[g.N] = az.where(masks[p.op](x, a.y[g.N]:col()), x, -8)
  end,
  reference = {
    z = function(r)
      local x, y = r.x[r.at.N], r.y[r.at.N]
      for i = 1, r.D do x[i] = holds(r.op, x[i], y) and x[i] or -8 end
      return x
    end,
  },
}
