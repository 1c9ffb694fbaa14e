-- azulejo run --set B=1,H=1,M=1,N=22,dtype=f16 --seed 353 --gpu a100
-- a NaN that the program itself makes: inf - inf in row 0, from columns that are not seen
local az = require "azulejo"

return az.kernel "fuzz" {
  dims = { "B", "H", "M", "N", D = 8, V = 8, F1 = az.derived(function() return 36 end) },
  args = {
    i0 = az.input("bf16", "B H M N", { mean = 0, spread = 1 }),
    i1 = az.input("bf16", "B H N V", { mean = 0, spread = 1 }),
    o3 = az.output("f32", "B H M V"),
    W = az.scalar("i32", 20),
  },
  tune = { rows = { 64 }, warps = { 1 }, stages = { 1 } },
  grid = { "B", "H", M = "rows" },
  body = function(a, g, p)
    local x1 = az.var(0, g.M, p.V)
    for n5, seen2 in az.tiles("N", 8, { rows = g.M, mask = function(i, j) return (i - j):lt(a.W) & (j - i):lt(a.W) end }) do
      local x4 = a.i0[{ g.M, n5 }]
      local x16 = a.i1[n5]
      local x17 = az.dot(az.where(seen2, x4, -math.huge), x16)
      x1:add(x17)
    end
    local x22 = x1:get()
    a.o3[g.M] = x22
  end,
}
