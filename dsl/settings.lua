-- settings.lua -- the choices a trace is made under: --set NAME=VALUE against a declaration.
-- resolve(decl, sets) -> { p = values by name, size = run-time sizes, scalar = values of scalar
-- args, tune = set of tuning names }; every impossible setting fails in the author's terms.
local check = use "check"
local fail = check.fail
local settings = {}

local function legal(decl)
  local t = { dtype = true, schedule = true }
  for _, d in ipairs(decl.dims) do if not d.derive then t[d.name] = true end end
  for _, x in ipairs(decl.tune) do t[x.name] = true end
  for _, x in ipairs(decl.flags) do t[x.name] = true end
  for _, a in ipairs(decl.args) do if #a.axes == 0 then t[a.name] = true end end
  return t
end

local function whole(name, text, least, most)
  local n = math.tointeger(tonumber(text))
  if not n or n < least or n > most then
    fail("--set %s=%s: expected a whole number from %d to %d", name, tostring(text), least, most)
  end
  return n
end

local function flag(f, text)
  local bool = { ["true"] = true, ["1"] = true, ["false"] = false, ["0"] = false }
  if type(f.values[1]) == "boolean" then
    if bool[text] == nil then fail("--set %s=%s: expected true or false", f.name, text) end
    return bool[text]
  end
  local n = tonumber(text)
  for _, v in ipairs(f.values) do if v == n then return v end end
  fail("--set %s=%s: expected one of %s", f.name, text, table.concat(f.values, ", "))
end

local MOST = 1 << 31 -- sizes are 32-bit; offsets are not

function settings.resolve(decl, sets)
  local given, ok = {}, legal(decl)
  for _, s in ipairs(sets) do
    if not ok[s[1]] then fail("--set %s: no such setting; there are %s", s[1], check.names(ok)) end
    given[s[1]] = s[2]
  end
  local p, size, scalar, tune = {}, {}, {}, {}
  p.dtype = given.dtype or "bf16"
  if p.dtype ~= "bf16" and p.dtype ~= "f16" then
    fail("--set dtype=%s: expected bf16 or f16", p.dtype)
  end
  for _, f in ipairs(decl.flags) do
    if given[f.name] then p[f.name] = flag(f, given[f.name]) else p[f.name] = f.values[1] end
  end
  for _, t in ipairs(decl.tune) do
    local text, most = given[t.name], check.tuning_most(t.name)
    p[t.name] = text and whole(t.name, text, 1, most) or t.values[1]
    tune[t.name] = true
  end
  for _, d in ipairs(decl.dims) do
    if not d.static then
      size[d.name] = given[d.name] and whole(d.name, given[d.name], 1, MOST - 1) or 0
    elseif not d.derive then
      p[d.name] = given[d.name] and whole(d.name, given[d.name], 1, 1 << 20) or d.value
    end
  end
  for _, d in ipairs(decl.dims) do
    if d.derive then
      local n = math.tointeger(d.derive(check.strict(p, "dims")))
      if not n or n < 1 or n > 1 << 20 then
        fail("dims: %s comes out as %s", d.name, tostring(n))
      end
      p[d.name] = n
    end
  end
  for _, a in ipairs(decl.args) do
    if #a.axes == 0 then
      scalar[a.name] = tonumber(given[a.name] or a.value)
      if not scalar[a.name] then fail("--set %s=%s: expected a number", a.name, given[a.name]) end
    end
  end
  return { p = p, size = size, scalar = scalar, tune = tune }
end

-- The last axis of a 16-bit matrix is moved in pieces of 16 bytes.
function settings.check_axis(d, n, arg)
  if d.derive or n <= 0 then return end
  local text
  if n % 8 ~= 0 then text = "must be a multiple of 8; pad it with zeros" end
  if n > 256 then text = "can be at most 256" end
  if text then
    core.fail_at(arg.line,
                 string.format("%s=%d: the last axis of %s %s", d.name, n, arg.name, text))
  end
end

return settings
