-- azulejo run --set B=1,H=1,N=1,segments=1 --seed 629 --gpu h200
-- o9[0,0,12,2] is 0, not -0.556641 within 0.0022 (256 of 512 elements)
local az = require "azulejo"
local function f1(x) return az.concat(x, x * x * 0.5) end

return az.kernel "fuzz" {
  dims = { "B", "H", "N", D = 8, V = 16, F1 = az.derived(function() return 32 end) },
  args = {
    i5 = az.input("bf16", "B H N V", { mean = 0, spread = 1 }),
    o9 = az.output("bf16", "B H F1 V"),
  },
  tune = { rows = { 32 }, warps = { 4 }, stages = { 1 } },
  grid = { "B", "H" },
  body = function(a, g, p)
    local x1 = az.state(nil, p.F1, p.V)
    for n4 in az.tiles("N", 8) do
      local x12 = a.i5[n4]
      local x16 = f1(x12)
      local x19 = az.dot(az.transpose(x16), x12)
      x1:add(x19)
    end
    local x30 = x1:get()
    a.o9[{}] = x30
  end,
}
