-- azulejo run --set B=1,N=1 --seed 595 --gpu h200
local az = require "azulejo"
local function f1(x) return az.concat(x, x * x * 0.5) end

return az.kernel "fuzz" {
  dims = { "B", "N", D = 8, V = 8, F1 = az.derived(function() return 16 end) },
  args = {
    i1 = az.input("bf16", "B V N", { mean = 0.5, spread = 0.25 }),
    i2 = az.input("bf16", "B V D", { mean = 0.5, spread = 0.25 }),
    o4 = az.output("bf16", "B N V"),
    o6 = az.output("bf16", "B F1 V"),
  },
  tune = { rows = { 64 }, warps = { 4 }, stages = { 1 } },
  grid = { "B" },
  body = function(a, g, p)
    local x1 = az.state(nil, p.F1, p.V)
    for n4 in az.tiles("N", 8) do
      local x3 = a.i1[n4]
      local x4 = az.transpose(x3)
      local x5 = a.i2[{}]
      local x6 = az.dot(x4, x5)
      local x17 = f1(x6)
      local x18 = az.transpose(x17)
      local x20 = az.dot(x18, x4)
      x1:add(x20)
      local x23 = az.dot(x6, az.full(1, p.D, p.V))
      local x24 = (x4 + x23)
      a.o4[n4] = x24
    end
    local x29 = x1:get()
    a.o6[{}] = x29
  end,
}
