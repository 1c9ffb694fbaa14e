-- error: tests/fail/decl_axis.lua:5: x: axis K is not among dims; add it there
local az = require "azulejo"
return az.kernel "k" {
  dims = { "N" },
  args = { x = az.input("f32", "N K") },
  body = function() end,
}
