-- azulejo run --set B=1,M=70,N=70 --gpu h100
-- more tensor maps than fit among a kernel's parameters: what is left over goes without the engine
local az = require "azulejo"

local args = { i0 = az.input("bf16", "B M D"), i1 = az.input("bf16", "B N D"), i2 = az.input("bf16", "B N V") }
local outputs = {}
for i = 1, 17 do
  outputs[i] = "o" .. i
  args[outputs[i]] = az.output("bf16", "B M V")
end

return az.kernel "fuzz" {
  dims = { "B", "M", "N", D = 32, V = 32 },
  args = args,
  tune = { rows = { 64 }, warps = { 4 }, stages = { 2 } },
  grid = { "B", M = "rows" },
  body = function(a, g, p)
    local x, y = a.i0[g.M], az.var(0, g.M, p.V)
    for n in az.tiles("N", 64) do
      y:add(az.dot(az.dot(x, az.transpose(a.i1[n])) / 64, a.i2[n]))
    end
    for i, name in ipairs(outputs) do
      a[name][g.M] = y:get() * (i / 8)
    end
  end,
}
