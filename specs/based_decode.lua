-- One token: z <- z + phi(k), S <- S + phi(k) v^T, y = phi(q) S / phi(q) . z; fp32 throughout.
-- s1 may be s0 and z1 may be z0: an element is read before it is written, by the same program.
local az = require "azulejo"
local phi, ref = az.taylor2, az.ref

local function state_dtype(p) return p.half_state and "bf16" or "f32" end

return az.kernel "based_decode" {
  doc   = "One step of causal linear attention under the 2nd-order Taylor map, from raw q, k, v",
  dims  = { "B", "H", D = 16, V = 64, F = az.taylor2_size "D" },
  args  = { q = az.input("bf16", "B H D"), k = az.input("bf16", "B H D"),
            v = az.input("bf16", "B H V"), o = az.output("bf16", "B H V"),
            s0 = az.input(state_dtype, "B H F V"), s1 = az.output(state_dtype, "B H F V"),
            z0 = az.input("f32", "B H F", { mean = 0, spread = 0.004 }),
            z1 = az.output("f32", "B H F") },
  flags = { half_state = false, normalize = true },
  tune  = { warps = { 4, 8 }, stages = { 4, 2 } },
  grid  = { "B", "H" },
  smoke = { "B=2,H=3", "B=1,H=2,D=24,V=112,normalize=false,half_state=true" },
  body  = function(a, g, p)
    local q, k = phi(a.q[{}]), phi(a.k[{}])
    local S, z = a.s0[{}] + az.outer(k, a.v[{}]), a.z0[{}] + k
    local y = az.colsum(q:col() * S)
    if p.normalize then y = y / az.sum(q * z) end
    a.o, a.s1, a.z1 = y, S, z
  end,
  reference = {
    o = function(r)
      local q, k = ref.taylor2(ref.all(r.q, r.D)), ref.taylor2(ref.all(r.k, r.D))
      local y, den = ref.apply(q, r.s0, r.V), ref.dot(q, ref.all(r.z0, r.F)) + ref.dot(q, k)
      ref.axpy(ref.dot(q, k), ref.all(r.v, r.V), y)
      return r.normalize and ref.scale(1 / den, y) or y
    end,
    s1 = function(r)
      local k = ref.taylor2(ref.all(r.k, r.D))
      return ref.axpy(k[r.at.F + 1], ref.all(r.v, r.V), r.s0[r.at.F])
    end,
    z1 = function(r) return ref.axpy(1, ref.taylor2(ref.all(r.k, r.D)), ref.all(r.z0, r.F)) end,
  },
}
