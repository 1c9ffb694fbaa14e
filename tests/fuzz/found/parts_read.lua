-- azulejo run --set B=1,N=9 --seed 480 --gpu a100
local az = require "azulejo"

return az.kernel "fuzz" {
  dims = { "B", "N", D = 8, V = 8 },
  args = {
    o5 = az.output("f32", "B D"),
  },
  tune = { rows = { 16 }, warps = { 1 }, stages = { 1 } },
  grid = { "B" },
  body = function(a, g, p)
    local x0 = az.var(0, p.D)
    local x1 = az.var(0.5, p.D, p.V)
    local x2 = az.state(nil, p.D)
    for n3 in az.tiles("N", 8) do
      local x7 = x1:get()
      local x8 = az.rowsum(x7)
      local x9 = x0:get()
      local x10 = (x9 * 0.5)
      x0:set((x10 + x8))
      x1:add(x7)
      x2:add(x10)
    end
    local x23 = x2:get()
    a.o5[{}] = x23
  end,
}
