-- loop.lua -- loops over tiles, carried tiles, and reading and writing arguments.
local check, tile = use "check", use "tile"
local fail, meta = check.fail, core.meta
local public = {}
local trace -- the trace under way: { axes = name -> axis, open = depth of loops, stored = {} }

local function begin(t) trace = t end

-- An axis given as itself or by name.
local function axis_of(x, what)
  if type(x) == "string" then
    local a = trace.axes[x]
    if not a then fail("%s: no axis '%s'; there are %s", what, x, check.names(trace.axes)) end
    return a
  end
  if core.kind(x) == "axis" then return x end
  fail("%s: expected an axis such as a.q.N or \"N\", got %s", what, core.kind(x) or type(x))
end

-- -- loops ----------------------------------------------------------------------------------

local options = { rows = true, mask = true, reverse = true }

-- for n, seen in az.tiles(axis, chunk, { rows = g.M, mask = f, reverse = true }) do
-- The iterator opens the loop at its first call and closes it at its second; the closing value
-- is called on every exit, and finds the loop still open after a break or a return.
function public.tiles(axis, chunk, opts)
  local x = axis_of(axis, "az.tiles")
  local n = check.chunk(chunk, "az.tiles")
  opts = opts or {}
  for k in pairs(opts) do
    if not options[k] then
      fail("az.tiles: no option '%s'; there are %s", tostring(k), check.names(options))
    end
  end
  if opts.mask and core.kind(opts.rows) ~= "range" then
    fail("az.tiles: mask needs rows, the range of the other side: { rows = g.M, mask = f }")
  end
  local loop, snap
  local function step()
    if loop then
      check.unchanged(snap)
      core.loop_close(loop)
      trace.open = trace.open - 1
      loop = false
      return nil
    end
    if loop == false then fail("az.tiles: this loop has already run; call az.tiles again") end
    snap = check.snapshot()
    local range, seen
    loop, range = core.loop_open(x, n, opts.reverse and true or false)
    trace.open = trace.open + 1
    seen = true
    if opts.mask then
      seen = opts.mask(core.expand(core.index(opts.rows), 1), core.expand(core.index(range), 0))
      core.loop_mask(loop, seen)
    end
    return range, seen
  end
  local guard = setmetatable({}, { __metatable = false, __close = function(_, err)
    if loop and err == nil then
      fail("break or return inside az.tiles; a loop is traced once and always runs to its end")
    end
  end })
  return step, nil, nil, guard
end

-- -- carried tiles --------------------------------------------------------------------------

-- var(init, dims...): a variable tile, changed by v:set(x) and v:add(x).
function public.var(init, ...)
  if init == nil then fail("az.var(init, dims...): the initial value is missing") end
  if select("#", ...) > 0 then
    local full = core.full(type(init) == "number" and init or 0, ...)
    init = type(init) == "number" and full or full + init
  end
  return core.var(init)
end

-- state(arg): starts from an optional input, or from zeros when it is absent; state(nil, dims...)
-- from zeros; changed by S:decay(a) and S:add(u) alone.
function public.state(init, ...)
  if core.kind(init) == "argument" then
    local _, present, _, rank = core.arg_info(init)
    if rank == 0 then return core.state(init) end
    if present then return core.state(core.load(init, {})) end
    return core.state(core.full(0, table.unpack(core.arg_dims(init))))
  end
  if select("#", ...) > 0 then
    return core.state(init == nil and core.full(0, ...) or core.full(0, ...) + init)
  end
  if init == nil then fail("az.state(a.s0) or az.state(nil, dims...): the shape is missing") end
  return core.state(init)
end

local function carried(kind, own)
  for name, f in pairs(tile.methods) do own[name] = own[name] or f end
  for name in pairs(own) do
    if name == "set" or name == "add" or name == "decay" then
      local f = own[name]
      own[name] = function(self, x, extra)
        if core.kind(self) == kind then
          if x == nil or extra ~= nil then fail(":%s takes one value", name) end
          check.alias(self)
        end
        return f(self, x)
      end
    end
  end
  meta[kind].__index = tile.indexer(kind, own)
  meta[kind].__newindex = tile.no_fields(kind)
end
carried("variable", {
  set = function(v, x) core.set(v, x) end,
  add = function(v, x) core.set(v, core.get(v) + x) end,
})
carried("state", {
  add = function(s, x) core.update(s, x) end,
  decay = function(s, a) core.decay(s, a) end,
  set = function()
    fail("a state changes by :decay(a) and :add(u) alone; use az.var for anything else")
  end,
})

-- -- arguments, axes, ranges ----------------------------------------------------------------

local function bracket(arg, k, what)
  if core.kind(k) == "range" then return { k } end
  if type(k) == "table" and not check.is_tuning(k) then return k end
  fail("a.%s[...]: %s takes a range such as g.M or a loop's, a list of them, or {}", arg, what)
end

meta.argument.__index = function(arg, k)
  local name, present, output, rank = core.arg_info(arg)
  if k == "present" then return present end
  if type(k) == "string" then
    local x = trace.axes[k]
    if x then
      for _, own in ipairs(trace.arg_axes[name]) do if own == k then return x end end
    end
    fail("a.%s has no axis '%s'; it has %s", name, k, table.concat(trace.arg_axes[name], ", "))
  end
  return core.load(arg, bracket(name, k, "reading"))
end

local function store(arg, k, value)
  local name, present = core.arg_info(arg)
  local key = name
  if present and trace.stored[key] then
    fail("a.%s is written twice; an output is written once, at one place", name)
  end
  core.store(arg, k, value)
  if present then trace.stored[key] = true end
end

meta.argument.__newindex = function(arg, k, value)
  local name = core.arg_info(arg)
  if value == nil then fail("a.%s[...] = nil; the value is missing", name) end
  store(arg, bracket(name, k, "writing"), value)
end

meta.range.__index = function(r, k)
  if k == "index" then return core.index(r) end
  fail("a range has no '%s'; it has index", tostring(k))
end
meta.range.__newindex = tile.no_fields("range")
meta.axis.__index = function(_, k)
  fail("an axis has no '%s'; it stands for its size", tostring(k))
end
meta.axis.__newindex = tile.no_fields("axis")
meta.axis.__eq = nil -- axes are compared as themselves
for _, event in ipairs { "add", "sub", "mul", "div", "unm" } do
  meta.range["__" .. event] = function()
    fail("a range is not a tile; its positions are range.index")
  end
end

return { public = public, begin = begin, store = store }
