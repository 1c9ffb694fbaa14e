-- azulejo run --set B=1,H=1,N=1 --seed 869 --gpu h100
local az = require "azulejo"
local function f1(x) return az.concat(x, x * x * 0.5) end

return az.kernel "fuzz" {
  dims = { "B", "H", "N", D = 64, V = 16, F1 = az.derived(function() return 32 end) },
  args = {
    i0 = az.optional("f32", "B H F1 V", { mean = 0, spread = 0.25 }),
    i3 = az.input("bf16", "B H N V", { mean = 0, spread = 1 }),
    o5 = az.output("bf16", "B H F1 V"),
    o6 = az.output("bf16", "B H D V"),
  },
  tune = { rows = { 16 }, warps = { 4 }, stages = { 1 } },
  grid = { "B", "H" },
  body = function(a, g, p)
    local x1 = az.state(a.i0)
    local x2 = az.state(nil, p.D, p.V)
    for n4 in az.tiles("N", 8) do
      local x12 = az.full(1, p.D, n4)
      local x13 = a.i3[n4]
      local x14 = az.dot(x12, x13)
      local x17 = f1(x13)
      local x18 = az.transpose(x17)
      local x20 = az.dot(x18, x13)
      x1:add(x20)
      x2:add(x14)
    end
    local x29 = x1:get()
    a.o5[{}] = x29
    local x31 = x2:get()
    a.o6[{}] = x31
  end,
}
