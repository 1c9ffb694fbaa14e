-- error: tests/fail/require_os.lua:3: tests/fail/os.lua: No such file or directory
local az = require "azulejo"
local os = require "os"
