-- error: tests/fail/no_kernel.lua: a spec file must end with: return az.kernel "name" { ... }
local az = require "azulejo"
return { az = az }
