-- azulejo run --set B=1,H=1,N=25,dtype=f16 --seed 900 --gpu a100
local az = require "azulejo"

return az.kernel "fuzz" {
  dims = { "B", "H", "N", D = 8, V = 8, F1 = az.derived(function() return 9 end) },
  args = {
    o3 = az.output("f32", "B H V"),
  },
  tune = { rows = { 64 }, warps = { 1 }, stages = { 1 } },
  grid = { "B", "H" },
  body = function(a, g, p)
    local x0 = az.var(0.5, p.V)
    for n4 in az.tiles("N", 8) do
      local x11 = x0:get()
      local x15 = az.cumsum(az.exp((x11 * x11)))
      x0:set((x11 + (x15 * 0.25)))
    end
    local x23 = x0:get()
    a.o3[{}] = x23
  end,
}
