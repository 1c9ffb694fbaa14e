-- azulejo run --set B=1,M=1,N=1 --seed 265 --gpu a100
-- shared byte 3736, block 0: thread 62 overwrites what thread 58 wrote (line 229, p6_112.lua:22), and no barrier lies between
local az = require "azulejo"

return az.kernel "fuzz" {
  dims = { "B", "M", "N", D = 8, V = 8 },
  args = {
    i0 = az.input("bf16", "B M D", { mean = 0.5, spread = 0.25 }),
    i1 = az.input("bf16", "B N D", { mean = 0, spread = 1 }),
    o5 = az.output("f32", "B M D"),
  },
  tune = { rows = { 64 }, warps = { 4 }, stages = { 1 } },
  grid = { "B", M = "rows" },
  body = function(a, g, p)
    local x1 = az.var(0, g.M, p.D)
    for n4 in az.tiles("N", 16) do
      local x6 = a.i0[g.M]
      local x7 = a.i1[n4]
      local x9 = az.dot(x6, az.transpose(x7))
      local x10 = az.dot(az.full(1, g.M, g.M), x9)
      local x21 = az.dot(x10, x7)
      x1:add(x21)
    end
    local x28 = x1:get()
    a.o5[g.M] = x28
  end,
}
