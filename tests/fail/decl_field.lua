-- error: tests/fail/decl_field.lua:3: k: no field 'arguments'; there are args, body, dims, doc, flags, grid, reference, smoke, tune
local az = require "azulejo"
return az.kernel "k" { dims = { "N" }, arguments = {}, body = function() end }
