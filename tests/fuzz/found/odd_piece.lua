-- azulejo run --set B=1,N=1,dtype=f16,segments=1 --seed 206 --gpu h100
-- odd_piece.lua:20: out of bounds: the kernel's own code indexes an array beyond its end: block 0, thread 31, last seen in the primitive of line 204 (odd_piece.lua:20) [line 204]
local az = require "azulejo"
local function f1(x) return az.concat(x, x * x * 0.5) end

return az.kernel "fuzz" {
  dims = { "B", "N", D = 8, V = 8, F1 = az.derived(function() return 16 end), F2 = az.derived(function() return 9 end) },
  args = {
    i0 = az.input("bf16", "B N V", { mean = 0, spread = 1 }),
    o2 = az.output("bf16", "B F1 V"),
  },
  tune = { rows = { 64 }, warps = { 2 }, stages = { 1 } },
  grid = { "B" },
  body = function(a, g, p)
    local x0 = az.state(nil, p.F1, p.V)
    for n5 in az.tiles("N", 8) do
      local x2 = a.i0[n5]
      local x3 = f1(x2)
      local x8 = az.dot(az.transpose(x3), x2)
      x0:add(x8)
    end
    local x11 = x0:get()
    a.o2[{}] = x11
  end,
}
