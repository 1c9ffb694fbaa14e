-- A vector as a matrix, its columns summed, and back again in another shape.
local az = require "azulejo"

return az.kernel "reshape" {
  doc   = "y = x as [I, J], transposed and written row by row; z = the sums of its columns",
  dims  = { "B", I = 24, J = 8, IJ = az.derived(function(p) return p.I * p.J end) },
  args  = { x = az.input("bf16", "B IJ"), y = az.output("f32", "B IJ"), z = az.output("f32", "B J") },
  tune  = { warps = { 4, 1 }, stages = { 2 } },
  grid  = { "B" },
  smoke = { "B=3", "B=1,I=5,J=16" },
  body  = function(a, g, p)
    local x = az.reshape(a.x[{}], p.I, p.J)
    a.z = az.colsum(x)
    a.y = az.reshape(az.transpose(x), p.IJ) * 2
  end,
  reference = {
    y = function(r)
      local x, y = az.ref.all(r.x, r.IJ), {}
      for i = 0, r.I - 1 do
        for j = 0, r.J - 1 do y[j * r.I + i + 1] = 2 * x[i * r.J + j + 1] end
      end
      return y
    end,
    z = function(r)
      local x, z = az.ref.all(r.x, r.IJ), az.ref.zeros(r.J)
      for i = 0, r.I - 1 do
        for j = 1, r.J do z[j] = z[j] + x[i * r.J + j] end
      end
      return z
    end,
  },
}
