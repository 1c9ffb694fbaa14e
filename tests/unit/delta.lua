-- A delta rule one step at a time, in the form that a segment cannot have: S <- S + k (v - k S).
local az = require "azulejo"
local dot, T = az.dot, az.transpose

return az.kernel "delta" {
  dims = { "B", "N", D = 16, V = 16 },
  args = { q = az.input("bf16", "B N D"), k = az.input("bf16", "B N D"),
           v = az.input("bf16", "B N V"), o = az.output("bf16", "B N V") },
  grid = { "B" },
  body = function(a)
    local S = az.state(nil, 16, 16)
    for n in az.tiles("N", 1) do
      S:add(dot(T(a.k[n]), a.v[n] - dot(a.k[n], S)))
      a.o[n] = dot(a.q[n], S)
    end
  end,
}
