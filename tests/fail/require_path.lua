-- error: tests/fail/require_path.lua:3: require: '../../specs/retention' is neither azulejo nor the name of a neighbouring spec
local az = require "azulejo"
local x = require "../../specs/retention"
