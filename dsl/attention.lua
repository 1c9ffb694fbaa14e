-- attention.lua -- the library: feature maps, masks and online softmax, written in the language.
local check, tile, loop, kernel = use "check", use "tile", use "loop", use "kernel"
local az, fail = {}, check.fail
for _, part in ipairs { tile, loop, kernel } do
  for name, value in pairs(part.public) do az[name] = value end
end
local public = {}

-- -- feature maps ---------------------------------------------------------------------------

-- taylor2(x) = [1, x / d^1/4, sympow2(x) / (sqrt 2 sqrt d)], so that for s = q.k / sqrt d
-- taylor2(q) . taylor2(k) = 1 + s + s^2 / 2 exactly.
function public.taylor2(x)
  local dims = core.dims(x)
  local d = dims[#dims]
  return az.concat(1, x * d ^ -0.25, az.sympow2(x) * (1 / math.sqrt(2 * d)))
end

-- The same with every pair i, j, unpacked: 1 + d + d d columns.
function public.taylor2_plain(x)
  local dims = core.dims(x)
  local d, y = dims[#dims], x * (1 / math.sqrt(2 * dims[#dims]))
  local parts = { 1, x * d ^ -0.25 }
  for i = 0, d - 1 do parts[#parts + 1] = az.slice(x, i, 1) * y end
  return az.concat(table.unpack(parts))
end

-- The number of its features for d columns: 1 + d + d (d + 1) / 2.
function public.taylor2_size(name)
  return az.derived(function(p) local d = p[name]; return 1 + d + d * (d + 1) // 2 end)
end

-- -- masks ----------------------------------------------------------------------------------

-- For az.tiles { rows, mask }: row i sees key j.
function public.causal_mask(i, j) return i:ge(j) end
-- The same with rows shifted: az.causal_from(a.k.N - a.q.M) lets the last row see the last key.
function public.causal_from(shift)
  return function(i, j) return (i + shift):ge(j) end
end
-- W visible keys, the current one included.
function public.window(w)
  return function(i, j) return i:ge(j) & (i - j):lt(w) end
end

-- c: inclusive running sums of log decays. [i, j] = e^(c_i - c_j) for i >= j, else 0; the
-- exponent is masked before the exponential, which may overflow above the diagonal.
function public.decay_mask(c)
  return az.exp(az.causal(az.col(c) - az.row(c), -math.huge))
end

-- -- online softmax -------------------------------------------------------------------------

-- softmax_state(rows, columns): for a range of rows and the columns of the values.
--   :step(s, seen, v)  scores, their mask (true: all seen), values
--   :out()             the average of the values; a row that saw nothing gives 0
--   :lse()             log of the sum of e^score; -inf for a row that saw nothing
-- A row whose maximum is still -inf subtracts 0, so that no -inf - -inf arises. What is subtracted
-- lags behind the maximum by up to SLACK, so that it, and all that was scaled by it, seldom
-- changes: powers up to e^SLACK are as exact as those up to 1.
local SLACK = 8 * math.log(2)
local Softmax = {}
Softmax.__index = check.strict(Softmax, "softmax_state")
Softmax.__metatable = false

function public.softmax_state(rows, columns)
  return setmetatable({
    m = core.name(az.var(-math.huge, rows), "m"), l = core.name(az.var(0, rows), "l"),
    acc = core.name(az.var(0, rows, columns), "acc"),
  }, Softmax)
end

function Softmax:step(s, seen, v)
  if seen == nil or v == nil then
    fail("softmax_state: step(s, seen, v) takes scores, the mask of az.tiles or true, and values")
  end
  s = az.where(seen, s, -math.huge)
  local top = core.name(az.rowmax(s), "top")
  local rises = core.map("gt", top, self.m + SLACK)
  local m = core.name(az.where(rises, top, self.m), "m_new")
  local base = az.where(core.map("eq", m, -math.huge), 0, m)
  local E = core.name(az.exp(s - az.col(base)), "E")
  local P = core.name(az.cast(E, core.dtype(v)), "P")
  local fix = core.name(az.where(rises, az.exp(self.m - top), 1), "fix")
  self.l:set(self.l * fix + az.rowsum(E))
  self.acc:set(self.acc * az.col(fix) + az.dot(P, v))
  self.m:set(m)
end

function Softmax:out()
  local l = core.get(self.l)
  return self.acc / az.col(az.where(core.map("eq", l, 0), 1, l))
end

function Softmax:lse() return self.m + az.log(self.l) end

return { public = public }
