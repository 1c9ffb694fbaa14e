-- azulejo run --set B=1,H=1,N=1 --seed 525 --gpu h200
-- o3[0,0,14,3] is 0, not -0.0144062 within 3.8e-08 (128 of 272 elements)
local az = require "azulejo"
local function f2(x) return az.concat(1, x) end

return az.kernel "fuzz" {
  dims = { "B", "H", "N", D = 8, V = 16, F1 = az.derived(function() return 36 end), F2 = az.derived(function() return 17 end) },
  args = {
    i0 = az.input("bf16", "B H N V", { mean = 0, spread = 1 }),
    o3 = az.output("f32", "B H F2 V"),
  },
  tune = { rows = { 32 }, warps = { 4 }, stages = { 1 } },
  grid = { "B", "H" },
  body = function(a, g, p)
    local x0 = az.state(nil, p.F2, p.V)
    for n5 in az.tiles("N", 8) do
      local x3 = a.i0[n5]
      local x4 = f2(x3)
      local x7 = az.dot(az.transpose(x4), x3)
      x0:add(x7)
    end
    local x17 = x0:get()
    a.o3[{}] = x17
  end,
}
