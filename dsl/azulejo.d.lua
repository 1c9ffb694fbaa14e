---@meta azulejo
-- Type annotations for editors (LuaLS). Never run; dsl/manual.md explains.

---@alias az.Dtype "bf16"|"f16"|"f32"|"i32"
---@alias az.Operand az.Tile|az.Var|az.State|az.Axis|az.Argument|number
---@alias az.Dim az.Range|az.Axis|integer
---@alias az.Mask az.Tile

---@class az.Values arithmetic shared by tiles and what reads as one
---@operator add(az.Operand): az.Tile
---@operator sub(az.Operand): az.Tile
---@operator mul(az.Operand): az.Tile
---@operator div(az.Operand): az.Tile
---@operator unm: az.Tile
---@operator band(az.Mask): az.Mask
---@operator bor(az.Mask): az.Mask
---@operator bnot: az.Mask

---@class az.Tile: az.Values a value of rank 0 to 3
local Tile = {}
---[n] -> [n, 1]
---@return az.Tile
function Tile:col() end
---[n] -> [1, n]
---@return az.Tile
function Tile:row() end
---the value at this place of the body
---@return az.Tile
function Tile:get() end
---@param y az.Operand
---@return az.Mask
function Tile:lt(y) end
---@param y az.Operand
---@return az.Mask
function Tile:le(y) end
---@param y az.Operand
---@return az.Mask
function Tile:gt(y) end
---@param y az.Operand
---@return az.Mask
function Tile:ge(y) end
---@param y az.Operand
---@return az.Mask
function Tile:eq(y) end
---@param y az.Operand
---@return az.Mask
function Tile:ne(y) end

---@class az.Var: az.Tile a variable tile
local Var = {}
---@param x az.Operand
function Var:set(x) end
---@param x az.Operand
function Var:add(x) end

---@class az.State: az.Tile a carried tile that admits S <- a S + u alone
local State = {}
---S <- a S; a: a scalar, [F, 1], [1, V] or S's shape
---@param a az.Operand
function State:decay(a) end
---S <- S + u
---@param u az.Operand
function State:add(u) end

---@class az.Axis: az.Values an axis; as an operand, its size
---@class az.Range the part of an axis that one tile dimension covers
---@field index az.Tile i32 positions along the axis

---@class az.Argument: az.Values
---@field present boolean whether an optional argument is bound
---@field [string] az.Axis its axes by name
---@field [az.Range] az.Tile
---@field [az.Range[]] az.Tile

---@class az.Setting a tuning value: sizes a chunk, enters no arithmetic

---@class az.Row what a reference sees: sizes, settings, inputs by name
---@field at table<string, integer> index of the row, from 0
---@field [string] any

---@class az.Declaration
---@field doc? string
---@field dims table names of run-time axes; NAME = default or az.derived for compile-time ones
---@field args table<string, az.Arg>
---@field flags? table<string, boolean|integer[]>
---@field tune? table<string, integer[]>
---@field grid? table names of axes; NAME = tile (a name in tune, or a whole number)
---@field smoke? string[]
---@field body fun(a: table<string, az.Argument>, g: table<string, az.Range>, p: table<string, any>)
---@field reference? table<string, fun(r: az.Row): number[]|number>

---@class az.Arg an argument's declaration
---@class az.Derived a dimension computed from the settings
---@class az.Random
---@field mean? number
---@field spread? number

---@class az
local az = {}

---@param name string
---@return fun(decl: az.Declaration): table
function az.kernel(name) end
---@param dtype az.Dtype|fun(p: table): az.Dtype
---@param shape string axes such as "B (G R) N D"
---@param random? az.Random
---@return az.Arg
function az.input(dtype, shape, random) end
---@param dtype az.Dtype|fun(p: table): az.Dtype
---@param shape string
---@param random? az.Random
---@return az.Arg
function az.optional(dtype, shape, random) end
---@param dtype az.Dtype|fun(p: table): az.Dtype
---@param shape string
---@return az.Arg
function az.output(dtype, shape) end
---@param dtype az.Dtype|fun(p: table): az.Dtype
---@param shape string
---@return az.Arg
function az.optional_output(dtype, shape) end
---@param dtype "i32"|"f32"
---@param default number
---@return az.Arg
function az.scalar(dtype, default) end
---@param f fun(p: table): integer
---@return az.Derived
function az.derived(f) end

---@class az.LoopOptions
---@field rows? az.Range the other side of the mask
---@field mask? fun(i: az.Tile, j: az.Tile): az.Mask row positions [rows, 1], the chunk's [1, keys]
---@field reverse? boolean

---for n, seen in az.tiles(axis, chunk) do
---@param axis az.Axis|string
---@param chunk az.Setting|integer
---@param opts? az.LoopOptions
---@return fun(): az.Range, az.Mask|true
function az.tiles(axis, chunk, opts) end
---@param init az.Operand
---@param ... az.Dim
---@return az.Var
function az.var(init, ...) end
---@param init az.Argument|az.Operand|nil
---@param ... az.Dim
---@return az.State
function az.state(init, ...) end

---@param value number
---@param ... az.Dim
---@return az.Tile
function az.full(value, ...) end
---@param ... az.Dim
---@return az.Tile
function az.zeros(...) end
---x where the mask holds, else y
---@param mask az.Mask|true
---@param x az.Operand
---@param y az.Operand
---@return az.Tile
function az.where(mask, x, y) end
---@param x az.Operand
---@param dtype az.Dtype
---@return az.Tile
function az.cast(x, dtype) end

---@param x az.Operand
---@return az.Tile
function az.exp(x) end
az.exp2, az.log, az.log2, az.sqrt, az.rsqrt = az.exp, az.exp, az.exp, az.exp, az.exp
az.tanh, az.sigmoid, az.silu, az.softplus = az.exp, az.exp, az.exp, az.exp
az.abs, az.recip, az.sympow2, az.cumsum = az.exp, az.exp, az.exp, az.exp
az.transpose, az.col, az.row, az.sum = az.exp, az.exp, az.exp, az.exp
az.rowsum, az.rowmax, az.rowmin = az.exp, az.exp, az.exp
az.colsum, az.colmax, az.colmin = az.exp, az.exp, az.exp
az.taylor2, az.taylor2_plain, az.decay_mask = az.exp, az.exp, az.exp

---@param x az.Operand
---@param y az.Operand
---@return az.Tile
function az.dot(x, y) end
az.min, az.max, az.outer = az.dot, az.dot, az.dot
---@param ... az.Operand
---@return az.Tile
function az.concat(...) end
---@param x az.Operand
---@param rows integer
---@param columns? integer
---@return az.Tile
function az.reshape(x, rows, columns) end
---@param x az.Operand
---@param first integer
---@param count integer
---@return az.Tile
function az.slice(x, first, count) end
---@param x az.Operand
---@param fill? number
---@return az.Tile
function az.causal(x, fill) end
az.strict_causal = az.causal

---@param i az.Tile
---@param j az.Tile
---@return az.Mask
function az.causal_mask(i, j) end
---@param shift az.Operand
---@return fun(i: az.Tile, j: az.Tile): az.Mask
function az.causal_from(shift) end
---@param w az.Operand
---@return fun(i: az.Tile, j: az.Tile): az.Mask
function az.window(w) end
---@param name string a compile-time dim
---@return az.Derived
function az.taylor2_size(name) end

---@class az.Softmax
local Softmax = {}
---@param scores az.Tile
---@param seen az.Mask|true
---@param values az.Tile
function Softmax:step(scores, seen, values) end
---@return az.Tile
function Softmax:out() end
---@return az.Tile
function Softmax:lse() end
---@param rows az.Range
---@param columns az.Dim
---@return az.Softmax
function az.softmax_state(rows, columns) end

---helpers for references, on Lua tables from 1
az.ref = {}
---@param x number[]
---@param y number[]
---@return number
function az.ref.dot(x, y) end
---@param n integer
---@return number[]
function az.ref.zeros(n) end
---y <- y + a x
---@param a number
---@param x number[]
---@param y number[]
---@return number[] y
function az.ref.axpy(a, x, y) end
---@param a number
---@param x number[]
---@return number[] x
function az.ref.scale(a, x) end
---@param x number[]
---@return number[] a table, which can grow
function az.ref.table(x) end
---@param x table?
---@param n integer
---@return number[]
function az.ref.all(x, n) end
---@param a number[]
---@param x table?
---@param n integer
---@return number[]
function az.ref.apply(a, x, n) end
---@param x number[]
---@param n? integer one feature alone
---@return number[]|number
function az.ref.taylor2(x, n) end
---@param score fun(j: integer): number
---@param first integer
---@param last integer
---@param v table
---@param n integer
---@return number[], number
function az.ref.softmax(score, first, last, v, n) end
---@param r az.Row
---@param opt table weight, features, decay or gate, normalize
---@return number[]
function az.ref.linear(r, opt) end
---@param r az.Row
---@param opt table
---@return number[]
function az.ref.linear_state(r, opt) end
---@param r az.Row
---@param opt table
---@return number[]
function az.ref.linear_count(r, opt) end

return az
