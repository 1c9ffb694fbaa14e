-- azulejo.lua -- what `require "azulejo"` returns: one table, read strictly.
-- The parts: tile (operations), loop (az.tiles, carried tiles), kernel (declaration and trace),
-- attention (library on top of the rest), reference (helpers for reference functions).
local az = {}
for _, part in ipairs { "tile", "loop", "kernel", "attention", "reference" } do
  for name, value in pairs(use(part).public) do az[name] = value end
end
return use("check").strict(az, "az")
