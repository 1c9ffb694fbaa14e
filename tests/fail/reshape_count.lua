-- error: tests/fail/reshape_count.lua:8: reshape: [16] cannot become [4, 5]; give a vector two extents, or a matrix one, with the same number of elements
local az = require "azulejo"
return az.kernel "x" {
  dims = { "B", D = 16 },
  args = { x = az.input("bf16", "B D"), y = az.output("bf16", "B D") },
  grid = { "B" },
  body = function(a)
    a.y = az.reshape(az.reshape(a.x[{}], 4, 5), 20)
  end,
  reference = { y = function(r) return az.ref.all(r.x, r.D) end },
}
