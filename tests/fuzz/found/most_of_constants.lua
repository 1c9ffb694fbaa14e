-- azulejo run --set B=1,H=1,N=1,dtype=f16 --seed 869 --gpu rtx5090
-- a maximum of products by a constant tile
local az = require "azulejo"

return az.kernel "fuzz" {
  dims = { "B", "H", "N", D = 8, V = 8, F1 = az.derived(function() return 16 end), F2 = az.derived(function() return 45 end) },
  args = {
    o1 = az.output("f32", "B H F2"),
  },
  tune = { rows = { 64 }, warps = { 1 }, stages = { 1 } },
  grid = { "B", "H" },
  body = function(a, g, p)
    local x0 = az.state(nil, p.F2)
    for n5 in az.tiles("N", 8) do
      local x8 = az.full(2, p.V, p.V)
      local x12 = (x8 * x8)
      local x13 = az.rowmax(x12)
      local x14 = az.dot(az.full(1, p.F2, p.V), x13)
      x0:add(x14)
    end
    local x26 = x0:get()
    a.o1[{}] = x26
  end,
}
