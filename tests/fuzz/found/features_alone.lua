-- azulejo run --set B=1,H=1,N=31 --seed 831 --gpu h100
local az = require "azulejo"
local function f1(x) return az.sympow2(x) * 0.25 end

return az.kernel "fuzz" {
  dims = { "B", "H", "N", D = 8, V = 24, F1 = az.derived(function() return 300 end) },
  args = {
    i3 = az.input("bf16", "B H N V", { mean = 0, spread = 1 }),
    o6 = az.output("bf16", "B H F1 V"),
  },
  tune = { rows = { 32 }, warps = { 4 }, stages = { 1 } },
  grid = { "B", "H" },
  body = function(a, g, p)
    local x1 = az.state(nil, p.F1, p.V)
    for n4 in az.tiles("N", 32) do
      local x17 = a.i3[n4]
      local x21 = f1(x17)
      local x24 = az.dot(az.transpose(x21), x17)
      x1:add(x24)
    end
    local x29 = x1:get()
    a.o6[{}] = x29
  end,
}
