-- azulejo run --set B=1,H=1,M=1 --seed 346 --gpu h200
-- strips_leave.lua:16: race on o1_s: thread 0 of block 0 overwrites byte 0, which a bulk store read at line 215 (p105_112.lua:16), and no tma_store_wait_read and barrier lies between [line 210]
local az = require "azulejo"

return az.kernel "fuzz" {
  dims = { "B", "H", "M", D = 8, V = 32 },
  args = {
    i0 = az.input("bf16", "B H M V", { mean = 0, spread = 1 }),
    o1 = az.output("bf16", "B H M V"),
  },
  tune = { rows = { 64 }, warps = { 1 }, stages = { 1 } },
  grid = { "B", "H", M = "rows" },
  body = function(a, g, p)
    local x0 = a.i0[g.M]
    local x4 = az.dot(x0, az.full(0.5, p.V, p.V))
    a.o1[g.M] = x4
  end,
}
