-- error: tests/fail/decl_group.lua:5: x: unbalanced ( in "(N K"
local az = require "azulejo"
return az.kernel "k" {
  dims = { "N", "K" },
  args = { x = az.input("f32", "(N K") },
  body = function() end,
}
