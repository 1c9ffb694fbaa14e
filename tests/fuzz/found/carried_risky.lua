-- azulejo run --set B=1,M=1,N=1 --seed 886 --gpu a10
local az = require "azulejo"

return az.kernel "fuzz" {
  dims = { "B", "M", "N", D = 8, V = 8 },
  args = {
    i0 = az.input("bf16", "B M D", { mean = 0, spread = 1 }),
    o2 = az.output("f32", "B M"),
    i5 = az.input("bf16", "B N D", { mean = 0, spread = 1 }),
    o6 = az.output("f32", "B M"),
  },
  tune = { rows = { 64 }, warps = { 1 }, stages = { 1 } },
  grid = { "B", M = "rows" },
  body = function(a, g, p)
    local x0 = az.var(0.5, g.M)
    local x1 = az.var(0, g.M, p.D)
    for n4 in az.tiles("N", 8) do
      local x3 = a.i0[g.M]
      local x4 = az.rowmax(x3)
      x0:add(x4)
      x1:set(x3)
    end
    local x15 = x0:get()
    a.o2[g.M] = x15
    local x17 = x1:get()
    local x19 = az.var(0, g.M)
    for n5 in az.tiles("N", 8) do
      local x26 = a.i5[n5]
      local x27 = az.transpose(x26)
      local x28 = az.dot(x17, x27)
      local x30 = az.rowsum(x28)
      x19:add(x30)
    end
    local x37 = x19:get()
    a.o6[g.M] = x37
  end,
}
