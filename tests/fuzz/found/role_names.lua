-- azulejo run --set B=1,H=1,N=1,segments=1 --seed 929 --gpu h100
local az = require "azulejo"
local function f1(x) return az.concat(1, x * 0.5, az.sympow2(x) * 0.25) end

return az.kernel "fuzz" {
  dims = { "B", "H", "N", D = 8, V = 8, F1 = az.derived(function() return 45 end), F2 = az.derived(function() return 9 end) },
  args = {
    i0 = az.input("bf16", "B H N D", { mean = 0, spread = 1 }),
    i1 = az.input("bf16", "B N D", { mean = 0, spread = 1 }),
    i2 = az.input("bf16", "B V D", { mean = 0, spread = 1 }),
    o4 = az.output("bf16", "B H N V"),
  },
  tune = { rows = { 16 }, warps = { 4 }, stages = { 3 } },
  grid = { "B", "H" },
  body = function(a, g, p)
    local x0 = az.state(nil, p.D, p.V)
    for n5 in az.tiles("N", 16) do
      local x2 = a.i0[n5]
      local x3 = az.transpose(x2)
      local x4 = a.i1[n5]
      local x5 = f1(x4)
      local x6 = a.i2[{}]
      local x7 = f1(x6)
      local x9 = az.dot(x5, az.transpose(x7))
      local x12 = az.dot(x3, x9)
      x0:add(x12)
      local x16 = x0:get()
      local x17 = az.dot(x2, x16)
      a.o4[n5] = x17
    end
  end,
}
