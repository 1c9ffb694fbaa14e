-- azulejo run --set B=1,H=1,N=1,dtype=f16 --seed 729 --gpu h100
local az = require "azulejo"
local function f1(x) return az.taylor2(x) end

return az.kernel "fuzz" {
  dims = { "B", "H", "N", D = 8, V = 16, F1 = az.derived(function() return 153 end) },
  args = {
    i0 = az.input("f32", "B H N V", { mean = 0, spread = 1 }),
    o2 = az.output("f32", "B H N V"),
    o11 = az.output("bf16", "B H N F1"),
  },
  tune = { rows = { 64 }, warps = { 4 }, stages = { 1 } },
  grid = { "B", "H" },
  body = function(a, g, p)
    for n4 in az.tiles("N", 8) do
      local x3 = az.full(1, n4, p.V)
      local x6 = az.dot(x3, az.full(2, p.V, p.V))
      a.o2[n4] = x6
    end
    for n5 in az.tiles("N", 64) do
      local x45 = f1(az.full(1, n5, p.V))
      a.o11[n5] = x45
    end
  end,
}
