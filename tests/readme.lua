-- readme.lua -- README.md says what is true: its commands give what it shows, its excerpts stand in
-- the files they are of, its example's mistakes get the lines it quotes.
--   lua tests/readme.lua AZULEJO TEMPORARY-FOLDER
-- Prints "ok NAME", "FAIL NAME: why" or "skip NAME" lines. "..." stands for anything; spaces and
-- where lines break do not count.

local az, tmp = arg[1], arg[2]
local root = io.popen("pwd"):read "l"

local function read(path)
  local f = assert(io.open(path, "rb"))
  local text = f:read "a"
  f:close()
  return text
end

local function write(path, text)
  local f = assert(io.open(path, "wb"))
  f:write(text)
  f:close()
end

local function squeeze(s) return (s:gsub("%s+", " "):gsub("^ ", ""):gsub(" $", "")) end

-- Where `text` goes on behind the pieces of `shown`, in order from `at`; nil and the piece that is
-- not there.
local function follow(text, shown, at)
  for piece in (shown .. "..."):gmatch "(.-)%.%.%." do
    piece = squeeze(piece)
    local _, last = text:find(piece, at, true)
    if not last then return nil, piece end
    at = last + 1
  end
  return at
end

local function report(name, ok, why)
  print(ok and "ok " .. name or ("FAIL %s: %s"):format(name, why))
end

local function output(command)
  local p = io.popen(("cd '%s' && { %s; } 2>&1"):format(tmp, command))
  local text = p:read "a"
  p:close()
  return text
end

-- README's blocks: of a fence's language, or of what is indented ("").
local function blocks()
  local all, now = {}, nil
  for line in io.lines "README.md" do
    local fence = line:match "^```(%a*)"
    if now and now.fence then
      if fence then now = nil else now.text = now.text .. line .. "\n" end
    elseif fence then
      now = { fence = true, kind = fence, text = "" }
      all[#all + 1] = now
    elseif line:find "^    %S" then
      if not now then
        now = { kind = "", text = "" }
        all[#all + 1] = now
      end
      now.text = now.text .. line:sub(5) .. "\n"
    else
      now = nil
    end
  end
  return all
end

-- Lines of an excerpt without their notes, in order somewhere in the file.
local function excerpt(shown, path, note)
  local text, at, missing = squeeze(read(path)), 1, nil
  for line in shown:gmatch "[^\n]+" do
    at, missing = follow(text, (line:gsub(note .. ".*", "")), at)
    if not at then break end
  end
  report("an excerpt of " .. path, at, "does not have: " .. tostring(missing))
end

local gpu = output(("'%s' doctor --json"):format(root .. "/" .. az)):find('"gpu": {"found": true', 1, true)

local function run(command, shown)
  local name, words = "$ " .. command, command:gsub("%s+#.*", "")
  if gpu and not words:find "%-%-device sim" and not words:find "explain" then
    return print("skip " .. name .. ": shown without a GPU")
  end
  words = words == "make demo" and ("cd '%s' && tests/demo"):format(root)
          or words:gsub("^azulejo", root .. "/" .. az)
  local text = squeeze(output(words))
  local at, missing = follow(text, shown, 1)
  report(name, at, ("no '%s' in: %s"):format(tostring(missing), text))
end

local function commands(text)
  local command, shown
  for line in (text .. "$ \n"):gmatch "[^\n]+" do
    if line:sub(1, 2) == "$ " then
      if command then run(command, shown) end
      command, shown = line:sub(3), ""
    elseif command then
      shown = shown .. line .. "\n"
    end
  end
end

-- What is changed in the example, a part of the line that README quotes for it, and other sizes.
local mistakes = {
  { "y:add%((dot%b())%)", "y = y + %1", "is rebound" },
  { "dot%(Q, T(%b())%)", "dot(Q, %1)", "inner dimensions", ",D=128" },
  { "az%.max%(", "az.maxx(", "does not exist" },
  { "(%(g%.N%.index %+ 1%)):col%(%)", "%1", "ranks differ" },
  { "seen, s %* s", "seen, s", "row error" },
}

local function mistake(example, quoted, m)
  local changed, n = example:gsub(m[1], m[2])
  local name = "the example's mistake: " .. m[3]
  if n ~= 1 then return report(name, false, "nothing in the example to change") end
  write(tmp .. "/relu2.lua", changed)
  local text = squeeze(output(("'%s/%s' run relu2.lua --device sim --set B=1,H=2,N=200%s --check")
                              :format(root, az, m[4] or "")))
  for line in quoted:gmatch "[^\n]+" do
    if line:find(m[3], 1, true) then
      local at, missing = follow(text, line, 1)
      return report(name, at, ("no '%s' in: %s"):format(tostring(missing), text))
    end
  end
  report(name, false, "README does not quote it")
end

local lua, quoted = {}, ""
for _, b in ipairs(blocks()) do
  if b.kind == "lua" then
    lua[#lua + 1] = b.text
    if #lua == 2 then write(tmp .. "/relu2.lua", b.text) end
  elseif b.kind == "c" and b.text:find "^if" then
    excerpt(b.text, "generated/based_prefill.sm_90a.cu", "%s//")
  elseif b.kind == "" and b.text:find "^%$ " then
    commands(b.text)
  elseif b.kind == "" and b.text:find "^relu2" then
    quoted = quoted .. b.text
  end
end
excerpt(lua[1], "specs/based_prefill.lua", "%s%-%-")
for _, m in ipairs(mistakes) do mistake(lua[2], quoted, m) end
