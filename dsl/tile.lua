-- tile.lua -- operations on tiles: operators, methods and functions.
-- Operators and functions take tiles, numbers, carried tiles (read there), scalar arguments and
-- axes (their size). Names and arities come from the compiler's table, core.ops.
local check = use "check"
local fail = check.fail
local public, meta = {}, core.meta
local map = core.map

local function tile(x, what)
  local kind = core.kind(x)
  if kind == "tile" or kind == "variable" or kind == "state" then return x end
  if check.is_tuning(x) then return x + 0 end -- fails with the setting's name
  fail("%s: expected a tile, got %s%s", what, kind and "a " or "", kind or type(x))
end

-- -- elementwise ----------------------------------------------------------------------------

local plain = { exp = math.exp, log = math.log, sqrt = math.sqrt, abs = math.abs }
plain.exp2 = function(x) return 2.0 ^ x end
plain.log2 = function(x) return math.log(x, 2) end
plain.rsqrt = function(x) return 1 / math.sqrt(x) end
plain.recip = function(x) return 1 / x end
plain.sigmoid = function(x) return 1 / (1 + math.exp(-x)) end
plain.tanh = function(x)
  local e = math.exp(-2 * math.abs(x))
  return (x < 0 and -1 or 1) * (1 - e) / (1 + e)
end
plain.min, plain.max = math.min, math.max

-- Every elementwise op of the table is a function of that name; on numbers it stays a number.
local hidden = { add = 1, sub = 1, mul = 1, div = 1, neg = 1, cast = 1 }
for name, class in pairs(core.ops) do
  if not hidden[name] and not string.find(name, "_", 1, true) then
    if class == "unary" then
      public[name] = function(x, extra)
        if extra ~= nil then fail("az.%s takes one tile", name) end
        if type(x) == "number" and plain[name] then return plain[name](x) end
        return map(name, x)
      end
    elseif class == "binary" then
      public[name] = function(x, y, extra)
        if y == nil or extra ~= nil then fail("az.%s takes two tiles", name) end
        if type(x) == "number" and type(y) == "number" then return plain[name](x, y) end
        return map(name, x, y)
      end
    end
  end
end

function public.silu(x) return x * public.sigmoid(x) end
function public.softplus(x) return public.max(x, 0) + public.log(1 + public.exp(-public.abs(x))) end

-- where(mask, x, y); a mask of `true` is a loop that has none.
function public.where(mask, x, y)
  if mask == true then return x end
  if type(mask) == "boolean" or mask == nil or y == nil then
    fail("az.where(mask, x, y): %s",
         y == nil and "x or y is missing" or "the mask is " .. tostring(mask))
  end
  return map("where", mask, x, y)
end

function public.cast(x, dtype)
  if type(dtype) ~= "string" then
    fail("az.cast(x, dtype): dtype is a string such as \"f32\" or p.dtype")
  end
  return core.cast(x, dtype)
end

-- -- shape ----------------------------------------------------------------------------------

function public.transpose(x) return core.transpose(tile(x, "az.transpose")) end
function public.col(x) return core.expand(tile(x, ":col"), 1) end
function public.row(x) return core.expand(tile(x, ":row"), 0) end
function public.full(value, ...)
  if type(value) ~= "number" then fail("az.full(value, dims...): the value is a number") end
  return core.full(value, ...)
end
function public.zeros(...) return core.full(0, ...) end

function public.concat(...)
  local n, rows = select("#", ...)
  local parts = { ... }
  for _, x in ipairs(parts) do if type(x) ~= "number" then rows = rows or x end end
  if not rows then fail("az.concat: needs at least one tile") end
  local dims, ranges = core.dims(tile(rows, "az.concat"))
  local lead = {}
  for i = 1, #dims - 1 do lead[i] = ranges[i] or dims[i] end
  lead[#dims] = 1
  for i = 1, n do
    if type(parts[i]) == "number" then parts[i] = core.full(parts[i], table.unpack(lead)) end
  end
  while #parts > 8 do -- the compiler joins at most eight at once
    local joined = {}
    for i = 1, #parts, 8 do
      local last = math.min(i + 7, #parts)
      joined[#joined + 1] = i == last and parts[i] or core.concat(table.unpack(parts, i, last))
    end
    parts = joined
  end
  return core.concat(table.unpack(parts))
end

function public.sympow2(x) return core.sympow2(tile(x, "az.sympow2")) end
function public.reshape(x, rows, columns)
  return core.reshape(tile(x, "az.reshape"), rows, columns)
end
function public.slice(x, first, count) return core.slice(tile(x, "az.slice"), first, count) end

-- -- along a dimension, products ------------------------------------------------------------

local function reducer(name, op, rank, dim)
  public[name] = function(x, extra)
    if extra ~= nil then fail("az.%s takes one tile", name) end
    local dims = core.dims(tile(x, "az." .. name))
    if #dims ~= rank then fail("az.%s: needs a matrix [rows, columns], not rank %d%s", name, #dims,
                               #dims == 1 and "; a vector has az.sum" or "") end
    return core.reduce(op, x, dim)
  end
end
reducer("rowsum", "sum", 2, 1); reducer("rowmax", "rmax", 2, 1); reducer("rowmin", "rmin", 2, 1)
reducer("colsum", "sum", 2, 0); reducer("colmax", "rmax", 2, 0); reducer("colmin", "rmin", 2, 0)

-- Over every dimension: a scalar.
function public.sum(x)
  for i = #core.dims(tile(x, "az.sum")) - 1, 0, -1 do x = core.reduce("sum", x, i) end
  return x
end
function public.cumsum(x) return core.cumsum(tile(x, "az.cumsum")) end

function public.dot(x, y, extra)
  if extra ~= nil then fail("az.dot takes two tiles") end
  return core.dot(tile(x, "az.dot"), tile(y, "az.dot"))
end
function public.outer(x, y) return public.col(x) * public.row(y) end

-- -- masks by index -------------------------------------------------------------------------

local function by_index(name, compare)
  public[name] = function(x, fill)
    local dims, ranges = core.dims(tile(x, "az." .. name))
    if #dims ~= 2 or not ranges[1] or not ranges[2] then
      fail("az.%s: needs a tile of scores whose rows and columns run over ranges of an axis", name)
    end
    local i, j = core.index(ranges[1]), core.index(ranges[2])
    return map("where", map(compare, core.expand(i, 1), core.expand(j, 0)), x, fill or 0)
  end
end
by_index("causal", "ge")        -- keeps row >= column
by_index("strict_causal", "gt") -- keeps row > column

-- -- operators and methods ------------------------------------------------------------------

local binary = { __add = "add", __sub = "sub", __mul = "mul", __div = "div", __band = "and_",
                 __bor = "or_" }
local hint = {
  __lt = "compare tiles with x:lt(y), x:gt(y)", __le = "compare tiles with x:le(y), x:ge(y)",
  __eq = "compare tiles with x:eq(y)", __idiv = "tiles have no //", __mod = "tiles have no %%",
  __concat = "tiles have no ..; az.concat joins them", __len = "a tile has no length",
  __call = "a tile is not a function", __bxor = "masks have & | ~ ; use (a & ~b) | (~a & b)",
  __shl = "tiles have no <<", __shr = "tiles have no >>",
}

local function operators(t)
  for event, op in pairs(binary) do
    t[event] = function(x, y)
      if check.is_tuning(x) then return x + 0 end
      if check.is_tuning(y) then return y + 0 end
      return map(op, x, y)
    end
  end
  t.__unm = function(x) return map("neg", x) end
  t.__bnot = function(x) return map("not_", x) end
  t.__pow = function(x, n)
    if n == 2 then x = core.get(x); return map("mul", x, x) end
    fail("x ^ n: only x ^ 2 exists; use az.exp(n * az.log(x))")
  end
  for event, text in pairs(hint) do t[event] = function() fail(text) end end
end

local methods = { col = public.col, row = public.row, get = core.get }
for name, class in pairs(core.ops) do
  if class == "compare" then
    methods[name] = function(x, y) return map(name, tile(x, ":" .. name), y) end
  end
end

-- x:method(...); a call with a dot in place of the colon passes the wrong self.
local function indexer(what, own)
  for name, f in pairs(own) do
    own[name] = function(self, ...)
      if core.kind(self) ~= what and not (what == "tile" and core.kind(self)) then
        fail("%s: call it with a colon, x:%s(...)", name, name)
      end
      return f(self, ...)
    end
  end
  return function(_, k)
    local m = own[k]
    if not m then fail("a %s has no '%s'; it has %s", what, tostring(k), check.names(own)) end
    return m
  end
end

local function no_fields(what)
  return function() fail("a %s cannot be assigned to; tiles are values", what) end
end

for _, kind in ipairs { "tile", "variable", "state", "axis", "argument" } do
  operators(meta[kind])
end
meta.tile.__index = indexer("tile", methods)
meta.tile.__newindex = no_fields("tile")

return { public = public, methods = methods, indexer = indexer, no_fields = no_fields }
