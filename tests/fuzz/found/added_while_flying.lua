-- azulejo run --set B=1,H=1,N=100 --seed 108 --gpu h100
local az = require "azulejo"
local function f1(x) return az.concat(1, x) end

return az.kernel "fuzz" {
  dims = { "B", "H", "N", D = 8, V = 8, F1 = az.derived(function() return 9 end) },
  args = {
    i0 = az.input("bf16", "B H N D", { mean = 0.5, spread = 0.25 }),
    i1 = az.input("bf16", "B V N", { mean = 0.5, spread = 0.25 }),
    o2 = az.output("f32", "B H N V"),
  },
  tune = { rows = { 64 }, warps = { 4 }, stages = { 1 } },
  grid = { "B", "H" },
  body = function(a, g, p)
    local x0 = az.state(nil, p.F1, p.V)
    for n4 in az.tiles("N", 64) do
      local x2 = a.i0[n4]
      local x3 = f1(x2)
      local x4 = x0:get()
      local x5 = az.dot(x3, x4)
      local x6 = a.i1[n4]
      local x7 = az.transpose(x6)
      local x14 = az.dot(x7, az.full(1, p.V, p.V))
      local x15 = (x5 + x14)
      a.o2[n4] = x15
      local x21 = f1(x2)
      local x24 = az.dot(az.transpose(x21), x7)
      x0:add(x24)
    end
  end,
}
