-- azulejo run --set B=1,G=1,R=1,N=1 --seed 619 --gpu h100
local az = require "azulejo"
local function f1(x) return az.taylor2(x) end

return az.kernel "fuzz" {
  dims = { "B", "G", "R", "N", D = 16, V = 8, F1 = az.derived(function() return 153 end) },
  args = {
    i0 = az.optional("f32", "B (G R) F1 V", { mean = 0, spread = 0.25 }),
    i1 = az.input("bf16", "B G N V", { mean = 0, spread = 1 }),
    i2 = az.input("bf16", "B G V D", { mean = 0.5, spread = 0.25 }),
    o5 = az.output("bf16", "B (G R) F1 V"),
  },
  tune = { rows = { 64 }, warps = { 4 }, stages = { 1 } },
  grid = { "B", "G", "R" },
  body = function(a, g, p)
    local x1 = az.state(a.i0)
    for n4 in az.tiles("N", 8) do
      local x3 = a.i1[n4]
      local x4 = a.i2[{}]
      local x5 = az.dot(x3, x4)
      local x10 = f1(x5)
      local x13 = az.dot(az.transpose(x10), x3)
      x1:add(x13)
    end
    local x18 = x1:get()
    a.o5[{}] = x18
  end,
}
