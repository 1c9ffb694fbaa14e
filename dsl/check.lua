-- check.lua -- mistakes that tracing alone would miss, and the tables that read strictly.
local check = {}

-- Fails at the author's line. Outside a trace a plain error is located by the message handler,
-- or by check.at ("file:line"), since `return az.kernel "x" {...}` is a tail call: no frame of
-- the spec is left while a declaration is read.
check.at = nil
function check.fail(fmt, ...)
  local msg = string.format(fmt, ...)
  if core.tracing() then core.fail(msg) end
  error(check.at and check.at .. ": " .. msg or msg, 0)
end
local fail = check.fail

local function names(t)
  local list = {}
  for k in pairs(t) do if type(k) == "string" then list[#list + 1] = k end end
  table.sort(list)
  return table.concat(list, ", ")
end
check.names = names

-- How many letters to change, at most 3, to get from x to y.
local function distance(x, y)
  local row = {}
  for j = 0, #y do row[j] = j end
  for i = 1, #x do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #y do
      local same = string.byte(x, i) == string.byte(y, j)
      diagonal, row[j] = row[j], math.min(row[j] + 1, row[j - 1] + 1, diagonal + (same and 0 or 1))
    end
  end
  return row[#y]
end

-- "there are a, b, c", or the nearest names when there are many.
local function choices(t, name)
  local near, n = {}, 0
  for k in pairs(t) do
    n = n + 1
    if #k < 40 and #name < 40 and distance(name, k) <= 1 + #name // 4 then near[k] = true end
  end
  if n <= 16 then return "; there are " .. names(t) end
  return next(near) and "; did you mean " .. names(near) .. "?" or "; see dsl/manual.md"
end

-- A read-only view of `t` in which a misspelt name is an error.
function check.strict(t, what)
  return setmetatable({}, {
    __index = function(_, k)
      local v = t[k]
      if v == nil then
        fail("%s.%s does not exist%s", what, tostring(k), choices(t, tostring(k)))
      end
      return v
    end,
    __newindex = function(_, k) fail("%s.%s cannot be assigned", what, tostring(k)) end,
    __metatable = false,
  })
end

-- A tuning value: may size a chunk, may not enter arithmetic, since a body must mean the same
-- for every chunk.
local tuning = setmetatable({}, { __mode = "k" })
local Tuning = { __metatable = false }
local function refuse(a, b)
  local t = tuning[a] or tuning[b]
  fail("p.%s is a tuning value and may not enter arithmetic: a body means the same for every chunk",
       t.name)
end
for _, op in ipairs { "add", "sub", "mul", "div", "idiv", "mod", "pow", "unm", "lt", "le", "concat",
                      "index", "newindex", "call", "len", "band", "bor", "bxor", "bnot", "shl",
                      "shr" } do
  Tuning["__" .. op] = refuse
end

function check.tuning(name, value)
  local t = setmetatable({}, Tuning)
  tuning[t] = { name = name, value = value }
  return t
end

-- The largest value that a tuning name may have. Clusters: CUDA C++ Programming Guide, "Thread Block
-- Clusters", what every GPU with clusters takes.
function check.tuning_most(name) return name == "cluster" and 8 or 4096 end

-- A chunk: a tuning value or a whole number.
function check.chunk(x, what)
  local t = type(x) == "table" and tuning[x]
  local n = t and t.value or x
  if math.type(n) == "float" and n == math.floor(n) then n = math.tointeger(n) end
  if math.type(n) ~= "integer" or n < 1 or n > 65536 then
    fail("%s: a chunk is p.C or a whole number from 1, not %s", what, tostring(n))
  end
  return n
end

function check.is_tuning(x) return type(x) == "table" and tuning[x] ~= nil end

-- Rebinding in a loop. A body runs once, so whatever a local holds after one pass is what it
-- would hold after all: locals, upvalues and the tables they reach must be the same when the loop
-- closes as when it opened.
local LIMIT = 4000

local function remember(seen, value, depth, count)
  if type(value) ~= "table" or seen[value] or depth == 0 or count.n > LIMIT then return end
  local fields = {}
  seen[value] = fields
  for k, v in next, value do
    fields[k] = v
    count.n = count.n + 1
    remember(seen, v, depth - 1, count)
  end
end

function check.snapshot()
  local snap = { locals = {}, tables = {}, name = {} }
  local count = { n = 0 }
  for _, l in ipairs(core.locals()) do
    snap.locals[l[1]] = l
    if type(l[3]) == "table" then snap.name[l[3]] = snap.name[l[3]] or l[2] end
    remember(snap.tables, l[3], 3, count)
  end
  return snap
end

local function changed(name, kind)
  if kind == "table" then
    fail("%s changes inside the loop, but a loop is traced once; carry the value in az.var", name)
  end
  fail("%s is rebound inside the loop, but a loop is traced once; use %s = az.var(...) and "
       .. "%s:set(...), or az.state and %s:add(...)", name, name, name, name)
end

function check.unchanged(snap)
  for _, l in ipairs(core.locals()) do
    local old = snap.locals[l[1]]
    if old and old[2] == l[2] and not rawequal(old[3], l[3]) then changed(l[2]) end
  end
  for t, fields in pairs(snap.tables) do
    local what = snap.name[t] or "a table"
    for k, v in next, t do
      if not rawequal(fields[k], v) then changed(what .. "." .. tostring(k), "table") end
    end
    for k in pairs(fields) do
      if rawget(t, k) == nil then changed(what .. "." .. tostring(k), "table") end
    end
  end
end

-- Two names for one variable: the second is an alias that changes with the first.
function check.alias(var)
  local frame, first
  for _, l in ipairs(core.locals()) do
    local at = string.sub(l[1], 1, (string.find(l[1], ":", 1, true)))
    frame = frame or at
    if at ~= frame then return end
    if rawequal(l[3], var) and string.sub(l[1], #at + 1, #at + 2) ~= "up" then
      if first then
        fail("%s and %s are one variable, so both change here; for a copy, write :get()", first,
             l[2])
      end
      first = l[2]
    end
  end
end

return check
