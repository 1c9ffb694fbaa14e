-- error: tests/fail/require_itself.lua:2: require: 'require_itself' requires itself
return require "require_itself"
