-- azulejo run --set B=1,G=1,R=1,N=1,dtype=f16 --seed 820 --gpu h100
local az = require "azulejo"
local function f1(x) return az.concat(1, x * 0.5, az.sympow2(x) * 0.25) end

return az.kernel "fuzz" {
  dims = { "B", "G", "R", "N", D = 16, V = 16, F1 = az.derived(function() return 153 end) },
  args = {
    i2 = az.input("bf16", "B (G R) N D", { mean = 0, spread = 1 }),
    i3 = az.input("bf16", "B (G R) N V", { mean = 0, spread = 1 }),
    o8 = az.output("bf16", "B (G R) F1 V"),
  },
  tune = { rows = { 64 }, warps = { 4 }, stages = { 1 } },
  grid = { "B", "G", "R" },
  body = function(a, g, p)
    local x2 = az.state(nil, p.F1, p.V)
    for n4 in az.tiles("N", 8) do
      local x4 = a.i2[n4]
      local x7 = a.i3[n4]
      local x17 = f1(x4)
      local x18 = az.transpose(x17)
      local x20 = az.dot(x18, x7)
      x2:add(x20)
    end
    local x27 = x2:get()
    a.o8[{}] = x27
  end,
}
