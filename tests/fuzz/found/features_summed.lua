-- azulejo run --set B=1,N=1 --seed 939 --gpu a100 (refused)
-- o5[0] is 0.960938, not 2.08032 within 0.0082 (1 of 1 elements)
local az = require "azulejo"
local function f1(x) return az.concat(1, x) end

return az.kernel "fuzz" {
  dims = { "B", "N", D = 32, V = 8, F1 = az.derived(function() return 33 end) },
  args = {
    i0 = az.input("bf16", "B N D", { mean = 0, spread = 1 }),
    i3 = az.input("f32", "B N", { mean = 0, spread = 1 }),
    o5 = az.output("bf16", "B"),
  },
  tune = { rows = { 64 }, warps = { 4 }, stages = { 1 } },
  grid = { "B" },
  body = function(a, g, p)
    local x0 = az.var(0)
    for n4 in az.tiles("N", 1) do
      local x3 = a.i0[n4]
      local x9 = f1(x3)
      local x12 = az.dot(az.transpose(x9), az.full(1, n4))
      local x13 = az.sum(x12)
      x0:add(x13)
    end
    local x27 = x0:get()
    a.o5[{}] = x27
  end,
}
