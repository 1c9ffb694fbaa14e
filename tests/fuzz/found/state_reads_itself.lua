-- azulejo run --set B=1,H=1,N=1 --seed 556 --gpu h100
-- an update made of the state: no role of its own for who keeps it
local az = require "azulejo"

return az.kernel "fuzz" {
  dims = { "B", "H", "N", D = 8, V = 8 },
  args = {
    i2 = az.input("bf16", "B H N D", { mean = 0, spread = 1 }),
    o4 = az.output("f32", "B H N V"),
  },
  tune = { rows = { 64 }, warps = { 4 }, stages = { 3 } },
  grid = { "B", "H" },
  body = function(a, g, p)
    local x0 = az.state(nil, p.D, p.V)
    for n3 in az.tiles("N", 16) do
      local x4 = a.i2[n3]
      local x5 = x0:get()
      local x6 = az.dot(x4, x5)
      a.o4[n3] = x6
      local x15 = az.transpose(x4)
      local x17 = az.dot(x15, x6)
      x0:add(x17)
    end
  end,
}
