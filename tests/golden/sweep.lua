-- A matrix that goes by once: stored twice, folded to its columns and its rows, by a window of strips.
local az = require "azulejo"
local ref = az.ref

local function row(r, i)
  local s = ref.zeros(r.D)
  for j = 1, r.D do s[j] = r.x[i][j] * r.w[j - 1] + r.u[i] end
  return s
end

local function each(r, from, f)
  local y = ref.zeros(r.R)
  for i = 1, r.R do
    local s = row(r, i - 1)
    y[i] = from
    for j = 1, r.D do y[i] = f(y[i], s[j]) end
  end
  return y
end

return az.kernel "sweep" {
  doc   = "y = s = x w_j + u_i, z = s + t, c = colsum(s) / (w . w), l = rowsum(s), m = rowmax(s)",
  dims  = { "B", R = 200, D = 64 },
  args  = { x = az.input(function(p) return p.wide and "f32" or "bf16" end, "B R D"),
            t = az.input("f32", "B R D"),
            w = az.input("f32", "B D"), u = az.input("f32", "B R"),
            y = az.output("f32", "B R D"), z = az.output("bf16", "B R D"),
            c = az.output("f32", "B D"), l = az.output("f32", "B R"), m = az.output("f32", "B R") },
  flags = { wide = false },
  tune  = { warps = { 4, 8 }, stages = { 2, 1 } },
  grid  = { "B" },
  smoke = { "B=2", "B=2,wide=true", "B=1,R=33,D=24", "B=2,R=77,D=40,warps=8,stages=1,wide=true" },
  body  = function(a)
    local x, w = a.x[{}], a.w[{}]
    local s = x * w:row() + a.u[{}]:col()
    a.c = az.colsum(s) / az.sum(w * w)
    a.l, a.m = az.rowsum(s), az.rowmax(s)
    a.y, a.z = s, s + a.t[{}]
  end,
  reference = {
    y = function(r) return row(r, r.at.R) end,
    z = function(r) return ref.axpy(1, r.t[r.at.R], row(r, r.at.R)) end,
    l = function(r) return each(r, 0, function(x, y) return x + y end) end,
    m = function(r) return each(r, -math.huge, math.max) end,
    c = function(r)
      local w, y = ref.all(r.w, r.D), row(r, 0)
      for i = 1, r.R - 1 do ref.axpy(1, row(r, i), y) end
      return ref.scale(1 / ref.dot(w, w), y)
    end,
  },
}
