-- error: tests/fail/require_missing.lua:2: tests/fail/inner_dims_not_here.lua: No such file or directory
return require "inner_dims_not_here"
