-- azulejo run --set B=1,H=1,M=1,N=1 --seed 13 --gpu h200
-- a product left to the next turn, and nothing that asks for the one before it
local az = require "azulejo"

return az.kernel "fuzz" {
  dims = { "B", "H", "M", "N", D = 8, V = 8, F1 = az.derived(function() return 45 end) },
  args = {
    i6 = az.input("bf16", "B H N D", { mean = 0.5, spread = 0.25 }),
    o7 = az.output("bf16", "B H M D"),
  },
  tune = { rows = { 64 }, warps = { 4 }, stages = { 3 } },
  grid = { "B", "H", M = "rows" },
  body = function(a, g, p)
    local x1 = az.var(0, g.M, p.D)
    for n5 in az.tiles("N", 8) do
      x1:add(az.full(1, g.M, p.D))
    end
    local x26 = x1:get()
    local x30 = az.var(0, g.M, p.D)
    for n6 in az.tiles("N", 16) do
      local x34 = a.i6[n6]
      local x36 = az.dot(x26, az.transpose(x34))
      local x39 = az.dot(x36, x34)
      x30:add(x39)
    end
    local x42 = x30:get()
    a.o7[g.M] = x42
  end,
}
