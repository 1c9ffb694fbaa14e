-- azulejo run --set B=1,H=1,M=1,N=1 --seed 424 --gpu h100
-- simulator: the C compiler rejects the generated text: /tmp/azulejo-DpdpvT/kernel.c:179:62: error: ‘n0’ undeclared (first use in this function); did you mean ‘x0’?
local az = require "azulejo"

return az.kernel "fuzz" {
  dims = { "B", "H", "M", "N", D = 8, V = 8 },
  args = {
    i0 = az.input("bf16", "B H M N", { mean = 0, spread = 1 }),
    i1 = az.input("bf16", "B H N D", { mean = 0, spread = 1 }),
    o4 = az.output("bf16", "B H M D"),
  },
  tune = { rows = { 16 }, warps = { 1 }, stages = { 2 } },
  grid = { "B", "H", M = "rows" },
  body = function(a, g, p)
    local x0 = az.var(0, g.M, p.D)
    for n4 in az.tiles("N", 16) do
      local x5 = a.i0[{ g.M, n4 }]
      local x15 = a.i1[n4]
      local x16 = az.dot(x5, x15)
      x0:add(x16)
    end
    local x29 = x0:get()
    a.o4[g.M] = x29
  end,
}
