-- azulejo run --set B=1,H=1,M=1,N=1 --seed 389 --gpu h100
local az = require "azulejo"
local function f1(x) return az.sympow2(x) * 0.25 end

return az.kernel "fuzz" {
  dims = { "B", "H", "M", "N", D = 8, V = 8, F1 = az.derived(function() return 36 end), F2 = az.derived(function() return 9 end) },
  args = {
    i0 = az.input("f32", "B H N D", { mean = 0.5, spread = 0.25 }),
    o1 = az.output("f32", "B H M D"),
  },
  tune = { rows = { 64 }, warps = { 1 }, stages = { 1 } },
  grid = { "B", "H", M = "rows" },
  body = function(a, g, p)
    local x0 = az.var(0, g.M, p.D)
    for n6 in az.tiles("N", 8) do
      local x4 = x0:get()
      local x7 = a.i0[n6]
      local x8 = f1(x7)
      local x9 = f1(az.full(1, p.D, p.D))
      local x11 = az.dot(x8, az.transpose(x9))
      local x12 = az.transpose(x11)
      local x14 = az.dot(x4, x12)
      local x18 = az.dot(x14, x7)
      x0:add(x18)
    end
    local x25 = x0:get()
    a.o1[g.M] = x25
  end,
}
