-- error: tests/fail/syntax.lua:3: unexpected symbol near '='
local az = require "azulejo"
local x = = 3
