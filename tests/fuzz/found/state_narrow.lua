-- azulejo run --set B=1,H=1,N=9 --seed 189 --gpu a100 --with i0
-- a state over features that comes from and goes to 16 bits
local az = require "azulejo"
local function f1(x) return az.concat(1, x * 0.5, az.sympow2(x) * 0.25) end

return az.kernel "fuzz" {
  dims = { "B", "H", "N", D = 8, V = 8, F1 = az.derived(function() return 45 end) },
  args = {
    i0 = az.optional("bf16", "B H F1 V", { mean = 0, spread = 0.25 }),
    i1 = az.input("bf16", "B H N D", { mean = 0, spread = 1 }),
    i2 = az.input("bf16", "N V", { mean = 0, spread = 1 }),
    o6 = az.output("bf16", "B H F1 V"),
  },
  tune = { rows = { 64 }, warps = { 1 }, stages = { 1 } },
  grid = { "B", "H" },
  body = function(a, g, p)
    local x0 = az.state(a.i0)
    for n4 in az.tiles("N", 8) do
      local x3 = a.i1[n4]
      local x4 = f1(x3)
      local x6 = a.i2[n4]
      local x8 = az.dot(az.transpose(x4), x6)
      x0:add(x8)
    end
    local x26 = x0:get()
    a.o6[{}] = x26
  end,
}
