-- azulejo run --set B=1,H=1,N=1,segments=2 --seed 731 --gpu a100
-- two kernels of one module use the same table
local az = require "azulejo"
local function f2(x) return az.sympow2(x) * 0.25 end

return az.kernel "fuzz" {
  dims = { "B", "H", "N", D = 8, V = 8, F1 = az.derived(function() return 36 end), F2 = az.derived(function() return 36 end) },
  args = {
    o5 = az.output("f32", "B H D F2"),
  },
  tune = { rows = { 16 }, warps = { 1 }, stages = { 1 } },
  grid = { "B", "H" },
  body = function(a, g, p)
    local x0 = az.state(nil, p.D, p.F2)
    for n5 in az.tiles("N", 8) do
      local x22 = f2(az.full(2, p.D, p.D))
      x0:add(x22)
    end
    local x25 = x0:get()
    a.o5[{}] = x25
  end,
}
