-- azulejo run --set B=1,H=1,M=1,N=1 --seed 70 --gpu h100
-- block 0 cannot go on: thread 0 at wgmma_wait (line 178, p7_100.lua:17), threads 1-127 returned
local az = require "azulejo"

return az.kernel "fuzz" {
  dims = { "B", "H", "M", "N", D = 8, V = 8 },
  args = {
    i0 = az.input("bf16", "B H N M", { mean = 0, spread = 1 }),
    o1 = az.output("f32", "B H M N"),
  },
  tune = { rows = { 64 }, warps = { 4 }, stages = { 1 } },
  grid = { "B", "H", M = "rows" },
  body = function(a, g, p)
    for n4 in az.tiles("N", 1) do
      local x6 = a.i0[{ n4, g.M }]
      local x10 = az.dot(az.full(1, g.M, g.M), az.transpose(x6))
      a.o1[{ g.M, n4 }] = (x10 * 0.5)
    end
  end,
}
