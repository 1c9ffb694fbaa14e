-- reference.lua -- what a reference function sees: one output row in plain fp64 Lua.
local check = use "check"
local fail = check.fail
local reference = { public = {} }

-- Helpers on rows (Lua tables from 1); those used once for every key are the compiler's:
--   ref.dot(x, y)       sum of x[i] y[i] over x's length
--   ref.axpy(a, x, y)   y <- y + a x, in place; returns y
--   ref.scale(a, x)     x <- a x, in place; returns x
--   ref.zeros(n)        a row of n zeros
--   ref.table(x)        the row as a table, which can grow
local ref = {}
for name, f in pairs(core.ref) do ref[name] = f end
-- A vector input r.x of n numbers as a row; zeros when it is absent.
function ref.all(x, n)
  local t = ref.zeros(n)
  if x then for i = 1, n do t[i] = x[i - 1] end end
  return t
end
-- sum over f of a[f] times row f of a matrix input r.x; zeros when it is absent.
function ref.apply(a, x, n)
  local y = ref.zeros(n)
  if x then for f = 1, #a do ref.axpy(a[f], x[f - 1], y) end end
  return y
end

-- The packed second-order Taylor features of a row; with n, the n-th alone.
function ref.taylor2(x, n)
  local d, f = #x, { 1.0 }
  if not n then x = ref.table(x) end
  local c, w = d ^ -0.25, 1 / math.sqrt(2 * d)
  if n then
    if n == 1 then return 1.0 elseif n <= d + 1 then return c * x[n - 1] end
    local i, j = 1, n - d - 1
    while j > d - i + 1 do i, j = i + 1, j - (d - i + 1) end
    return w * (j > 1 and math.sqrt(2) or 1) * x[i] * x[i + j - 1]
  end
  for i = 1, d do f[i + 1] = c * x[i] end
  for i = 1, d do
    f[#f + 1] = w * x[i] * x[i]
    for j = i + 1, d do f[#f + 1] = w * math.sqrt(2) * x[i] * x[j] end
  end
  return f
end

-- softmax over keys first .. last: the average of rows of v, and log of the sum of e^score(j).
-- No key at all: zeros and -inf.
function ref.softmax(score, first, last, v, n)
  local y, sum, m = ref.zeros(n), 0.0, -math.huge
  for j = first, last do
    local s = score(j)
    if s > m then
      local fix = math.exp(m - s)
      ref.scale(fix, y)
      sum, m = sum * fix, s
    end
    local e = math.exp(s - m)
    ref.axpy(e, v[j], y)
    sum = sum + e
  end
  if sum > 0 then ref.scale(1 / sum, y) end
  return y, m + math.log(sum)
end

-- Causal linear attention, the quadratic way, with inputs named q, k, v, s0, s1, z0 as usual:
-- y_i = sum over j <= i of decay(i, j) weight(q_i . k_j) v_j, plus what s0 (and z0) held.
--   features  phi, so that phi(q) . phi(k) is weight(q . k); without it the weight of s0 is linear
--   decay     function(i, j), i >= j; or gate: log decays by step, summed over j+1 .. i
--   normalize divides by the sum of the weights
local function decays(r, opt)
  if opt.decay then return opt.decay end
  if not opt.gate then return function() return 1.0 end end
  local sum, at = 0.0, nil -- asked from the last j to the first
  return function(i, j)
    if at ~= i or j == i then sum, at = 0.0, i end
    local e = math.exp(sum)
    if j >= 0 then sum = sum + opt.gate[j] end
    return e
  end
end

function ref.linear(r, opt)
  local i, q = r.at.N, r.q[r.at.N]
  local y, den, decay = ref.zeros(r.V), 0.0, decays(r, opt)
  for j = i, 0, -1 do
    local w = decay(i, j) * opt.weight(ref.dot(q, r.k[j]))
    ref.axpy(w, r.v[j], y)
    den = den + w
  end
  local s0, z0 = rawget(r, "s0"), rawget(r, "z0") -- the spec may have neither
  if s0 or z0 then
    local f, w = opt.features and opt.features(q), decay(i, -1)
    if not f then f = ref.scale(opt.weight(1), r.q[i]) end
    ref.axpy(w, ref.apply(f, s0, r.V), y)
    if z0 then den = den + w * ref.dot(f, ref.all(z0, #f)) end
  end
  return opt.normalize and ref.scale(1 / den, y) or y
end

-- Its state after the last step: row r.at.F (or r.at.D) of sum decay phi(k_j) v_j^T on top of s0.
function ref.linear_state(r, opt)
  local row = opt.features and r.at.F or r.at.D
  local y, decay = ref.zeros(r.V), decays(r, opt)
  for j = r.N - 1, 0, -1 do
    local k = r.k[j]
    local f = opt.features and opt.features(k, row + 1) or k[row + 1]
    ref.axpy(decay(r.N - 1, j) * f, r.v[j], y)
  end
  if r.s0 then ref.axpy(decay(r.N - 1, -1), r.s0[row], y) end
  return y
end

-- The same for a count: sum decay phi(k_j) on top of z0.
function ref.linear_count(r, opt)
  local decay, z
  decay = decays(r, opt)
  for j = r.N - 1, 0, -1 do
    local f = opt.features and opt.features(r.k[j]) or r.k[j]
    z = z or ref.zeros(#f)
    ref.axpy(decay(r.N - 1, j), f, z)
  end
  if r.z0 then ref.axpy(decay(r.N - 1, -1), ref.all(r.z0, #z), z) end
  return z
end
reference.public.ref = check.strict(ref, "az.ref")

-- row(k, output, r): r has sizes, settings and inputs; r.at the index of the row.
function reference.row(k, output, r)
  local f = k.reference[output]
  if not f then fail("reference.%s is missing; every output needs one", output) end
  for _, x in ipairs(k.flags) do
    if type(x.values[1]) == "boolean" then r[x.name] = r[x.name] ~= 0 end
  end
  local absent = {}
  for _, x in ipairs(k.args) do
    if string.find(x.flags, "o", 1, true) then absent[x.name] = true end
  end
  r.at = check.strict(r.at, "r.at")
  return f(setmetatable(r, {
    __metatable = false,
    __index = function(_, name)
      if not absent[name] then
        fail("r.%s does not exist; there are %s", tostring(name), check.names(r))
      end
    end,
  }))
end

return reference
