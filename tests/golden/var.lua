-- A recurrence step by step: a vector variable, read before and after it is set.
local az = require "azulejo"

return az.kernel "var" {
  doc   = "h_i = a_i h_(i-1) + x_i, y_i = h_i; d_i = h_i - h_(i-1)",
  dims  = { "B", "N", D = 24 },
  args  = { x = az.input("bf16", "B N D"), a = az.input("f32", "B N", { mean = 0.5, spread = 0.1 }),
            h0 = az.optional("f32", "B D"), y = az.output("bf16", "B N D"),
            d = az.output("f32", "B N D"), h1 = az.optional_output("f32", "B D") },
  tune  = { warps = { 4 }, stages = { 2, 1 } },
  grid  = { "B" },
  smoke = { "B=2,N=10", "B=1,N=1" },
  body  = function(a)
    local h = az.var(a.h0.present and a.h0[{}] or az.zeros(a.x.D))
    for n in az.tiles(a.x.N, 1) do
      local before = h:get()
      h:set(az.sum(a.a[n]) * h + az.colsum(a.x[n]))
      a.y[n] = h:row()
      a.d[n] = (h - before):row()
    end
    a.h1 = h
  end,
  reference = (function()
    local function state(r, last)
      local h, before = az.ref.all(r.h0, r.D), nil
      for i = 0, last do
        before = { table.unpack(h) }
        az.ref.axpy(1, r.x[i], az.ref.scale(r.a[i], h))
      end
      return h, before
    end
    return {
      y = function(r) return (state(r, r.at.N)) end,
      d = function(r)
        local h, before = state(r, r.at.N)
        return az.ref.axpy(-1, before, h)
      end,
      h1 = function(r) return (state(r, r.N - 1)) end,
    }
  end)(),
}
