-- azulejo run --set B=1,N=1,dtype=f16 --seed 272 --gpu a100
local az = require "azulejo"
local function f1(x) return az.concat(x, x * x * 0.5) end

return az.kernel "fuzz" {
  dims = { "B", "N", D = 8, V = 8, F1 = az.derived(function() return 16 end) },
  args = {
    i0 = az.optional("f32", "B F1 V", { mean = 0, spread = 0.25 }),
    i1 = az.input("bf16", "B N D", { mean = 0, spread = 1 }),
    i2 = az.input("bf16", "B N V", { mean = 0.5, spread = 0.25 }),
    i3 = az.input("bf16", "B N D", { mean = 0, spread = 1 }),
    o4 = az.output("f32", "B N V"),
    o6 = az.output("f32", "B D V"),
  },
  tune = { rows = { 16 }, warps = { 1 }, stages = { 1 } },
  grid = { "B" },
  body = function(a, g, p)
    local x0 = az.state(a.i0)
    local x1 = az.state(nil, p.D, p.V)
    for n4 in az.tiles("N", 32) do
      local x3 = a.i1[n4]
      local x4 = f1(x3)
      local x6 = a.i2[n4]
      local x9 = az.dot(az.transpose(x4), x6)
      x0:add(x9)
      local x13 = az.dot(az.transpose(x3), x6)
      x1:add(x13)
      local x15 = a.i3[n4]
      local x16 = f1(x15)
      local x17 = x0:get()
      local x18 = az.dot(x16, x17)
      a.o4[n4] = (x18 * 0.25)
    end
    local x24 = x1:get()
    a.o6[{}] = x24
  end,
}
