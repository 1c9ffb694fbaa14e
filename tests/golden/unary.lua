-- Every elementwise op of one source, op after op in the table's order; x > 0 so that all exist.
local az = require "azulejo"

local ops = { "neg", "abs", "exp", "exp2", "log", "log2", "sqrt", "rsqrt", "tanh", "sigmoid",
              "recip", "silu", "softplus" }
local function log2(x) return math.log(x) / math.log(2) end
local exact = {
  neg = function(x) return -x end, abs = math.abs, exp = math.exp,
  exp2 = function(x) return 2.0 ^ x end, log = math.log, log2 = log2, sqrt = math.sqrt,
  rsqrt = function(x) return 1 / math.sqrt(x) end,
  tanh = function(x) local e = math.exp(-2 * x); return (1 - e) / (1 + e) end,
  sigmoid = function(x) return 1 / (1 + math.exp(-x)) end,
  recip = function(x) return 1 / x end, silu = function(x) return x / (1 + math.exp(-x)) end,
  softplus = function(x) return math.log(1 + math.exp(x)) end,
}

return az.kernel "unary" {
  doc   = "y = op(x), op the number of one in a list",
  dims  = { "B", "N", D = 24 },
  args  = { x = az.input("f32", "B N D", { mean = 2, spread = 0.3 }),
            y = az.output("f32", "B N D") },
  flags = { op = { 3, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 } },
  tune  = { C = { 64, 16 }, warps = { 4 }, stages = { 2 } },
  grid  = { "B", N = "C" },
  smoke = { "B=2,N=70", "B=1,N=1,op=9" },
  body  = function(a, g, p)
    local x = a.x[g.N]
    a.y[g.N] = p.op == 1 and -x or az[ops[p.op]](x)
  end,
  reference = {
    y = function(r)
      local x, f = r.x[r.at.N], exact[ops[r.op]]
      for i = 1, r.D do x[i] = f(x[i]) end
      return x
    end,
  },
}
