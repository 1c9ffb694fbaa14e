-- lint.lua -- mistakes in the body's source that Lua runs without a word: a tile as a condition,
-- a tile compared with ==, an argument as a condition, a tile that nothing uses.
-- The tokens are Lua's own as far as needed: names, numbers, strings, comments, symbols.
local lint = {}

-- -> list of { text, line }; strings and numbers are "" and "0"
local function tokens(source)
  local list, i, line = {}, 1, 1
  local function add(text, to)
    list[#list + 1] = { text = text, line = line }
    local _, n = string.gsub(string.sub(source, i, to), "\n", "")
    line, i = line + n, to + 1
  end
  local function long_end(from) -- of [[, [=[ ... at `from`, or nil
    local eq = string.match(source, "^%[(=*)%[", from)
    if not eq then return nil end
    local _, to = string.find(source, "]" .. eq .. "]", from, true)
    return to or #source
  end
  while i <= #source do
    local c = string.sub(source, i, i)
    local _, to = string.find(source, "^[%a_][%w_]*", i)
    if c == "\n" then line, i = line + 1, i + 1
    elseif string.find(c, "%s") then i = i + 1
    elseif string.find(source, "^%-%-", i) then
      to = long_end(i + 2) or (string.find(source, "\n", i, true) or #source + 1) - 1
      local _, n = string.gsub(string.sub(source, i, to), "\n", "")
      line, i = line + n, to + 1
    elseif to then add(string.sub(source, i, to), to)
    elseif string.find(c, "%d") then
      _, to = string.find(source, "^[%w.]+", i)
      add("0", to)
    elseif c == "'" or c == '"' then
      to = i + 1
      while to <= #source and string.sub(source, to, to) ~= c do
        to = to + (string.sub(source, to, to) == "\\" and 2 or 1)
      end
      add("\"\"", to)
    elseif long_end(i) then add("\"\"", long_end(i))
    else
      _, to = string.find(source, "^[=~<>]=", i)
      add(to and string.sub(source, i, to) or c, to or i)
    end
  end
  return list
end

local function set(words)
  local t = {}
  for w in string.gmatch(words, "%S+") do t[w] = true end
  return t
end
local opens = set "if elseif while until not"          -- a condition follows
local starts = set "= ( , { return and or not if elseif while until then else do"
local ends = set "then do and or ) , } ; end else"     -- an operand is over
local logic = set "and or"

local function fail(line, fmt, ...) core.fail_at(line, string.format(fmt, ...)) end

function lint.body(f, names)
  local first, last, arg = core.body_lines(f)
  local list, tile = tokens(core.source() or ""), {}
  for _, n in ipairs(names) do tile[n[1]] = true end
  local function text(i) return list[i] and list[i].text or "" end
  for i, t in ipairs(list) do
    local before, after = text(i - 1), text(i + 1)
    if t.line < first or t.line > last or before == "." or before == ":" then goto continue end
    if tile[t.text] then
      if (opens[before] and (ends[after] or logic[after])) or
         (starts[before] and logic[after] and not (before == "and" and after == "or")) then
        fail(t.line, "%s is a tile, which is always true; a tile cannot decide what is traced: "
             .. "select with az.where, or test a setting of p", t.text)
      end
      if (after == "==" or after == "~=") and text(i + 2) ~= "nil" or
         (before == "==" or before == "~=") and text(i - 2) ~= "nil" and ends[after] then
        fail(t.line, "%s is a tile: compare with :eq or :ne", t.text)
      end
    end
    if t.text == arg and after == "." and (opens[before] or starts[before]) and
       (logic[text(i + 3)] or text(i + 3) == "then" or before == "not") then
      fail(t.line, "%s.%s is always true; test %s.%s.present", arg, text(i + 2), arg, text(i + 2))
    end
    ::continue::
  end
  for _, n in ipairs(names) do
    if not n[3] then
      local used = 0
      for _, t in ipairs(list) do
        if t.text == n[1] and t.line >= n[2] and t.line <= last then used = used + 1 end
      end
      if used == 1 then fail(n[2], "%s is never used", n[1]) end
    end
  end
end

return lint
