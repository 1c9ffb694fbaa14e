-- azulejo run --set B=1,N=1 --seed 523 --gpu rtx5090
local az = require "azulejo"
local function f1(x) return az.sympow2(x) * 0.25 end

return az.kernel "fuzz" {
  dims = { "B", "N", D = 8, V = 16, F1 = az.derived(function() return 136 end), F2 = az.derived(function() return 16 end) },
  args = {
    i0 = az.optional("f32", "B F1 V", { mean = 0, spread = 0.25 }),
    i2 = az.input("bf16", "B N V", { mean = 0, spread = 1 }),
    i3 = az.input("f32", "B N D", { mean = 0, spread = 1 }),
    i4 = az.input("bf16", "B D V", { mean = 0.5, spread = 0.25 }),
    i5 = az.input("bf16", "B N V", { mean = 0, spread = 1 }),
    i8 = az.optional("f32", "B D V", { mean = 0, spread = 0.25 }),
    o10 = az.output("f32", "B N V"),
    o12 = az.output("f32", "B D V"),
  },
  tune = { rows = { 16 }, warps = { 8 }, stages = { 1 } },
  grid = { "B" },
  body = function(a, g, p)
    local x0 = az.state(a.i0)
    for n5 in az.tiles("N", 8) do
      local x3 = a.i2[n5]
      local x4 = f1(x3)
      local x6 = a.i3[n5]
      local x7 = a.i4[{}]
      local x8 = az.dot(x6, x7)
      local x10 = az.dot(az.transpose(x4), x8)
      x0:add(x10)
    end
    local x17 = x0:get()
    local x21 = az.state(a.i8)
    for n6 in az.tiles("N", 8) do
      local x26 = a.i5[n6]
      local x27 = az.dot(az.full(1, p.D, n6), x26)
      x21:add(x27)
      local x32 = f1(x26)
      local x34 = az.dot(x32, x17)
      a.o10[n6] = x34
    end
    local x38 = x21:get()
    a.o12[{}] = x38
  end,
}
