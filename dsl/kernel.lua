-- kernel.lua -- az.kernel: checks a declaration, and traces its body under given settings.
-- Lua tables have no order: args are numbered as declared, by a serial taken in az.input and its
-- like; keyed dims, tune and flags are sorted by name.
local check, settings, loop = use "check", use "settings", use "loop"
local fail = check.fail
local public, kernel = {}, {}
local declared = setmetatable({}, { __mode = "k" })

-- -- what stands in a declaration -----------------------------------------------------------

local serial, Arg, Derived = 0, {}, {}

local function place()
  local line, file = core.where()
  return file and file .. ":" .. line
end

-- random: the mean and spread of the random values a run fills it with; 0 and 1 when absent
local options = { mean = true, spread = true }

local function declare_arg(dtype, shape, flags, random, value)
  local t = type(dtype)
  if t ~= "string" and t ~= "function" then
    fail("an argument's dtype is a string such as \"bf16\"")
  end
  if type(shape) ~= "string" then
    fail("an argument's shape is a string of axes such as \"B H N D\"")
  end
  random = random or { mean = 0, spread = 1 }
  if type(random) ~= "table" then fail("az.input(dtype, shape, { mean = m, spread = s })") end
  for k, v in pairs(random) do
    if not options[k] or type(v) ~= "number" then
      fail("az.input(dtype, shape, { mean = m, spread = s }): '%s' is not one of them", tostring(k))
    end
  end
  serial = serial + 1
  return setmetatable({
    serial = serial, dtype = dtype, shape = shape, flags = flags, value = value or 0,
    mean = random.mean or 0, spread = random.spread or 1, at = place(), line = (core.where()),
  }, Arg)
end

function public.input(dtype, shape, random) return declare_arg(dtype, shape, "", random) end
function public.optional(dtype, shape, random) return declare_arg(dtype, shape, "o", random) end
function public.output(dtype, shape) return declare_arg(dtype, shape, "O") end
function public.optional_output(dtype, shape) return declare_arg(dtype, shape, "oO") end
function public.scalar(dtype, value)
  if dtype ~= "i32" and dtype ~= "f32" then
    fail("az.scalar(dtype, value): dtype is \"i32\" or \"f32\"")
  end
  if type(value) ~= "number" then fail("az.scalar(dtype, value): the default value is missing") end
  return declare_arg(dtype, "", "", nil, value)
end

-- A dimension computed from the settings: az.derived(function(p) return 2 * p.D end).
function public.derived(f)
  if type(f) ~= "function" then fail("az.derived takes a function of the settings") end
  return setmetatable({ derive = f }, Derived)
end

-- "B (G R) M D" -> axis names, and for each the memory axis it lies in
local function parse_shape(arg, known)
  local axes, mem, m, group = {}, {}, -1, false
  for word in string.gmatch((string.gsub(arg.shape, "[()]", " %0 ")), "%S+") do
    if word == "(" then
      if group then fail("%s: groups cannot nest in \"%s\"", arg.name, arg.shape) end
      group, m = true, m + 1
    elseif word == ")" then
      if not group then fail("%s: unbalanced ) in \"%s\"", arg.name, arg.shape) end
      group = false
    else
      if not known[word] then
        fail("%s: axis %s is not among dims; add it there", arg.name, word)
      end
      for _, a in ipairs(axes) do
        if a == word then fail("%s: axis %s stands twice", arg.name, word) end
      end
      if not group then m = m + 1 end
      axes[#axes + 1], mem[#mem + 1] = word, m
    end
  end
  if group then fail("%s: unbalanced ( in \"%s\"", arg.name, arg.shape) end
  if #axes > 6 then fail("%s: more than 6 axes", arg.name) end
  arg.axes, arg.mem = axes, mem
end

local function sorted_keys(t)
  local keys = {}
  for k in pairs(t) do if type(k) == "string" then keys[#keys + 1] = k end end
  table.sort(keys)
  return keys
end

local function want(decl, field, kind)
  local v = rawget(decl, field)
  if type(v) ~= kind then fail("%s: %s is missing or not a %s", decl.name, field, kind) end
  return v
end

local fields = { doc = "string", dims = "table", args = "table", tune = "table", flags = "table",
                 grid = "table", smoke = "table", body = "function", reference = "table" }
local reserved = { at = true, dtype = true, schedule = true }

local function identifier(name, what)
  if type(name) ~= "string" or not string.find(name, "^%a[%w_]*$") then
    fail("%s: '%s' is not a name", what, tostring(name))
  end
  if reserved[name] then fail("%s: the name %s is taken by the language", what, name) end
  return name
end

local function read_dims(k, d)
  local known = {}
  local function add(dim)
    identifier(dim.name, "dims")
    if known[dim.name] then fail("dims: %s stands twice", dim.name) end
    known[dim.name] = dim
    k.dims[#k.dims + 1] = dim
  end
  for _, name in ipairs(d) do add { name = name, static = false } end
  for _, name in ipairs(sorted_keys(d)) do
    local v = d[name]
    if getmetatable(v) == Derived then add { name = name, static = true, derive = v.derive }
    elseif math.type(v) == "integer" and v > 0 then add { name = name, static = true, value = v }
    else
      fail("dims: %s = %s; a compile-time dim has a whole number as its default", name, tostring(v))
    end
  end
  if #k.dims > 24 then fail("dims: more than 24") end
  return known
end

local function read_lists(k, field, from, known)
  for _, name in ipairs(sorted_keys(from)) do
    local v = from[name]
    identifier(name, field)
    if known[name] then fail("%s: %s is a dim already", field, name) end
    if type(v) == "boolean" then v = { v, not v } end
    if type(v) ~= "table" then v = { v } end
    if #v < 1 or #v > 16 then fail("%s: %s needs a list of 1 to 16 values", field, name) end
    for _, x in ipairs(v) do
      if type(x) ~= "boolean" and math.type(x) ~= "integer" then
        fail("%s: %s may be %s", field, name,
             field == "tune" and "whole numbers" or "booleans or whole numbers")
      end
      local most = check.tuning_most(name)
      if field == "tune" and (type(x) == "boolean" or x < 1 or x > most) then
        fail("tune: %s may be 1 to %d, not %s", name, most, tostring(x))
      end
    end
    known[name] = k[field]
    k[field][#k[field] + 1] = { name = name, values = v }
  end
end

local function need_dim(known, name)
  if not known[name] or known[name].static == nil then
    fail("grid: %s is not among dims", tostring(name))
  end
end

local function read_grid(k, grid, known)
  for _, name in ipairs(grid) do
    need_dim(known, name)
    k.grid[#k.grid + 1] = { name = name }
  end
  for _, name in ipairs(sorted_keys(grid)) do
    local tile = grid[name]
    need_dim(known, name)
    if math.type(tile) ~= "integer" and known[tile] ~= k.tune then
      fail("grid: %s = %s; name an entry of tune, or give a whole number", name, tostring(tile))
    end
    k.grid[#k.grid + 1] = { name = name, tile = tile }
  end
  if #k.grid > 6 then fail("grid: more than 6 axes") end
end

-- az.kernel "name" { ... }
function public.kernel(name)
  identifier(name, "az.kernel")
  local here = place()
  return function(decl)
    check.at = here
    if type(decl) ~= "table" then fail("az.kernel \"%s\" takes a table", name) end
    for f, v in pairs(decl) do
      if not fields[f] then
        fail("%s: no field '%s'; there are %s", name, tostring(f), check.names(fields))
      end
      if type(v) ~= fields[f] then fail("%s: %s is not a %s", name, f, fields[f]) end
    end
    local k = { name = name, doc = decl.doc or "", dims = {}, args = {}, tune = {}, flags = {},
                grid = {}, smoke = {}, reference = decl.reference or {} }
    decl.name = name
    k.body = want(decl, "body", "function")
    local known = read_dims(k, want(decl, "dims", "table"))
    read_lists(k, "flags", decl.flags or {}, known)
    read_lists(k, "tune", decl.tune or {}, known)
    read_grid(k, decl.grid or {}, known)
    local axes = {}
    for _, d in ipairs(k.dims) do axes[d.name] = d end
    for arg_name, a in pairs(want(decl, "args", "table")) do
      if getmetatable(a) ~= Arg then
        fail("args: %s is not made by az.input or its like", tostring(arg_name))
      end
      identifier(arg_name, "args")
      if a.name then fail("args: %s and %s share one declaration", a.name, arg_name) end
      if known[arg_name] then fail("args: %s is a dim or a setting already", arg_name) end
      a.name, check.at = arg_name, a.at
      parse_shape(a, axes)
      check.at = here
      k.args[#k.args + 1] = a
    end
    table.sort(k.args, function(x, y) return x.serial < y.serial end)
    if #k.args > 24 then fail("args: more than 24") end
    for _, s in ipairs(decl.smoke or {}) do
      if type(s) ~= "string" then fail("smoke: a list of strings such as \"B=1,N=70\"") end
      k.smoke[#k.smoke + 1] = s
    end
    if #k.smoke > 15 then fail("smoke: more than 15 entries") end
    for out in pairs(k.reference) do
      local found
      for _, a in ipairs(k.args) do
        found = found or (a.name == out and string.find(a.flags, "O", 1, true))
      end
      if not found then fail("reference: %s is not an output", tostring(out)) end
    end
    declared[k], check.at = true, nil
    return setmetatable({}, { __metatable = false, kernel = k,
                              __newindex = function() fail("a kernel cannot be changed") end })
  end
end

-- -- tracing --------------------------------------------------------------------------------

-- The declaration behind what a spec file returned.
function kernel.open(value)
  local mt = type(value) == "table" and core.metatable(value)
  if not mt or not declared[mt.kernel] then
    fail("a spec file must end with: return az.kernel \"name\" { ... }")
  end
  return mt.kernel
end

-- For SpecInfo: dims with their values under `sets`.
function kernel.describe(k, sets)
  local s = settings.resolve(k, sets)
  for _, d in ipairs(k.dims) do
    d.now = d.static and s.p[d.name] or s.size[d.name]
  end
  return k
end

local function as_number(v)
  if type(v) == "boolean" then return v and 1 or 0 end
  return v
end

local function dtype_of(a, p)
  local dt = a.dtype
  if type(dt) == "function" then dt = dt(p) end
  if dt == "bf16" then dt = p.dtype end
  if dt ~= "f32" and dt ~= "bf16" and dt ~= "f16" and dt ~= "i32" then
    core.fail_at(a.line, string.format("%s: no dtype '%s'; there are f32, bf16, f16 and i32",
                                       a.name, tostring(dt)))
  end
  return dt
end

-- Traces under `sets` with the optional arguments named in `bind` ("s0,s1") present.
function kernel.trace(k, sets, bind)
  local s = settings.resolve(k, sets)
  local p, a, g, view, axes, arg_axes, args = s.p, {}, {}, {}, {}, {}, {}
  for _, name in ipairs(sorted_keys(p)) do core.setting(name, as_number(p[name])) end
  local dims = {}
  for _, d in ipairs(k.dims) do
    dims[d.name] = d
    axes[d.name] = core.axis(d.name, d.static and p[d.name] or 0)
  end
  local bound, wanted = {}, {}
  for name in string.gmatch(bind or "", "[^,%s]+") do bound[name], wanted[name] = true, true end
  for _, x in ipairs(k.args) do
    local dt, list = dtype_of(x, check.strict(p, "p")), {}
    for i, name in ipairs(x.axes) do
      list[2 * i - 1], list[2 * i] = axes[name], x.mem[i]
    end
    local last = dims[x.axes[#x.axes]]
    if last and last.static and (dt == "bf16" or dt == "f16") and #x.axes > 1 then
      settings.check_axis(last, p[last.name], x)
    end
    local optional = string.find(x.flags, "o", 1, true)
    local flags = x.flags .. ((not optional or bound[x.name]) and "p" or "")
    args[x.name] = core.arg(x.name, dt, x.line, s.scalar[x.name] or 0, flags, x.mean, x.spread,
                             table.unpack(list))
    arg_axes[x.name] = x.axes
    if optional then bound[x.name] = nil end
  end
  for name in pairs(bound) do
    local optional = {}
    for _, x in ipairs(k.args) do
      if string.find(x.flags, "o", 1, true) then optional[x.name] = true end
    end
    fail("%s is not an optional argument; there are: %s", name, check.names(optional))
  end
  for _, e in ipairs(k.grid) do
    local tile = e.tile
    if type(tile) == "string" then tile = p[tile] end
    g[e.name] = core.grid(axes[e.name], tile or 0)
  end
  for name, v in pairs(p) do view[name] = s.tune[name] and check.tuning(name, v) or v end
  local t = { axes = axes, arg_axes = arg_axes, open = 0, stored = {} }
  loop.begin(t)
  a = setmetatable({}, {
    __index = check.strict(args, "a"),
    __newindex = function(_, name, value)
      local x = args[name]
      if not x then fail("a.%s does not exist; there are %s", tostring(name), check.names(args)) end
      if value == nil then fail("a.%s = nil; the value is missing", name) end
      loop.store(x, {}, value)
    end,
    __metatable = false,
  })
  k.body(a, check.strict(g, "g"), check.strict(view, "p"))
  for _, x in ipairs(k.args) do
    local absent = string.find(x.flags, "o", 1, true) and not wanted[x.name]
    if string.find(x.flags, "O", 1, true) and not absent and not t.stored[x.name] then
      core.fail_at(x.line, string.format("output %s is never written; end with a.%s[range] = tile",
                                         x.name, x.name))
    end
  end
  use("lint").body(k.body, core.finish())
end

kernel.public = public
return kernel
