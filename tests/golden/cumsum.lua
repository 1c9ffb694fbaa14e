-- A running sum over the whole axis: within the chunk, and a scalar carried from chunk to chunk.
local az = require "azulejo"

return az.kernel "cumsum" {
  doc   = "y_i = w_0 + ... + w_i",
  dims  = { "B", "N" },
  args  = { w = az.input("f32", "B N", { mean = 1 }), y = az.output("f32", "B N") },
  tune  = { C = { 64, 128, 48, 16, 1 }, warps = { 4 }, stages = { 2 } },
  grid  = { "B" },
  smoke = { "B=2,N=150", "B=1,N=1" },
  body  = function(a, g, p)
    local before = az.var(0)
    for n in az.tiles(a.w.N, p.C) do
      local w = a.w[n]
      a.y[n] = az.cumsum(w) + before
      before:add(az.sum(w))
    end
  end,
  reference = {
    y = function(r)
      local s = 0
      for i = 0, r.at.N do s = s + r.w[i] end
      return s
    end,
  },
}
