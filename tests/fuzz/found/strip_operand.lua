-- azulejo run --set B=1,H=1,N=22 --seed 535 --gpu h100
local az = require "azulejo"
return az.kernel "fuzz" {
  dims = { "B", "H", "N", D = 8, V = 8 },
  args = {
    i0 = az.input("f32", "B H N D", { mean = 0, spread = 1 }),
    i1 = az.input("bf16", "B H N V", { mean = 0, spread = 1 }),
    o2 = az.output("f32", "B H N V"),
  },
  tune = { rows = { 64 }, warps = { 1 }, stages = { 1 } },
  grid = { "B", "H" },
  body = function(a, g, p)
    for n3 in az.tiles("N", 32) do
      local x2 = a.i0[n3]
      local x3 = az.transpose(x2)
      local x4 = az.dot(x2, x3)
      local x6 = a.i1[n3]
      local x8 = az.dot(az.transpose(x4), x6)
      a.o2[n3] = x8
    end
  end,
}
