-- error: tests/fail/setting_cluster.lua: --set cluster=9: expected a whole number from 1 to 8
-- set: cluster=9
local az = require "azulejo"
return az.kernel "k" {
  dims = { "B", "N", V = 64 },
  args = { v = az.input("bf16", "B N V"), o = az.output("bf16", "B N V") },
  tune = { C = { 64 }, cluster = { 2, 1 } }, grid = { "B" },
  body = function(a, g, p)
    for n in az.tiles("N", p.C) do a.o[n] = a.v[n] end
  end,
}
