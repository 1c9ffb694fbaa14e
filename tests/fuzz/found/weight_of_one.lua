-- azulejo run --set B=1,H=1,M=1,N=72 --seed 896 --gpu a100
local az = require "azulejo"

return az.kernel "fuzz" {
  dims = { "B", "H", "M", "N", D = 8, V = 8 },
  args = {
    i0 = az.input("bf16", "B H N D", { mean = 0, spread = 1 }),
    i1 = az.input("i32", "B H N V", { mean = 0, spread = 3 }),
    o3 = az.output("f32", "B H M V"),
  },
  tune = { rows = { 64 }, warps = { 1 }, stages = { 1 } },
  grid = { "B", "H", M = "rows" },
  body = function(a, g, p)
    local x0 = az.softmax_state(g.M, p.V)
    local x1 = az.var(0.5, g.M, p.D)
    for n4, seen3 in az.tiles("N", 8) do
      local x5 = x1:get()
      local x6 = a.i0[n4]
      local x8 = az.dot(x5, az.transpose(x6))
      local x10 = a.i1[n4]
      x0:step(x8, seen3, az.cast(x10, p.dtype))
      x1:add(x5)
    end
    local x25 = x0:out()
    a.o3[g.M] = x25
  end,
}
