/* clang-format off */
/* ops.h -- the tile operations, one row each. Included with OP defined.
 *
 * OP(name, class, nsrc, cuda, doc)
 *   class  LEAF    no tile sources
 *          UNARY   elementwise, one source      (cuda: expression with x)
 *          BINARY  elementwise, two sources     (cuda: expression with x and y)
 *          COMPARE elementwise, gives a mask    (cuda: expression with x and y)
 *          SELECT  where(mask, x, y)
 *          VIEW    another way of indexing its source; costs nothing
 *          REDUCE  removes dimension `dim`
 *          SCAN    along dimension 0
 *          GROW    along the inner dimension
 *          DOT     matrix product
 *          STATE   reads or writes a carried tile
 *          EFFECT  no result
 *          REGION  owns a list of ops
 *   nsrc   number of sources (-1: any)
 *   cuda   what one element costs in the generated text, on fp32 values; NULL: lowered by its class
 *   doc    one line for the manual's index
 */

/* leaves */
OP(const_,   LEAF,    0, NULL, "a number, the same everywhere")
OP(full,     LEAF,    0, NULL, "a tile of one value")
OP(index,    LEAF,    0, NULL, "i32 [n]: the position along the axis of each element of a range")
OP(scalar,   LEAF,    0, NULL, "a rank-0 argument, or the run-time size of an axis")
OP(live,     LEAF,    0, NULL, "mask [n]: which elements of a dimension exist (made by the compiler)")
OP(load,     LEAF,    0, NULL, "a tile read from an argument; elements out of range do not exist")

/* elementwise */
OP(neg,      UNARY,   1, "-(x)", "-x")
OP(abs,      UNARY,   1, "fabsf(x)", "|x|")
OP(exp,      UNARY,   1, "exp2_fast(1.44269504f * (x))", "e^x")
OP(exp2,     UNARY,   1, "exp2_fast(x)", "2^x")
OP(log,      UNARY,   1, "0.69314718f * log2_fast(x)", "natural logarithm")
OP(log2,     UNARY,   1, "log2_fast(x)", "logarithm to base 2")
OP(sqrt,     UNARY,   1, "sqrt_fast(x)", "square root")
OP(rsqrt,    UNARY,   1, "rsqrt_fast(x)", "1 / square root")
OP(tanh,     UNARY,   1, "tanh_exact(x)", "hyperbolic tangent")
OP(sigmoid,  UNARY,   1, "sigmoid(x)", "1 / (1 + e^-x)")
OP(recip,    UNARY,   1, "recip_fast(x)", "1 / x")
OP(not_,     UNARY,   1, "!(x)", "logical not of a mask")
OP(cast,     UNARY,   1, NULL, "rounds to another dtype")
OP(add,      BINARY,  2, "(x) + (y)", "x + y")
OP(sub,      BINARY,  2, "(x) - (y)", "x - y")
OP(mul,      BINARY,  2, "(x) * (y)", "x * y")
OP(div,      BINARY,  2, "divide(x, y)", "x / y")
OP(min,      BINARY,  2, "fminf(x, y)", "the smaller")
OP(max,      BINARY,  2, "fmaxf(x, y)", "the larger")
OP(and_,     BINARY,  2, "(x) & (y)", "both masks")
OP(or_,      BINARY,  2, "(x) | (y)", "either mask")
OP(lt,       COMPARE, 2, "(x) < (y)", "x < y")
OP(le,       COMPARE, 2, "(x) <= (y)", "x <= y")
OP(gt,       COMPARE, 2, "(x) > (y)", "x > y")
OP(ge,       COMPARE, 2, "(x) >= (y)", "x >= y")
OP(eq,       COMPARE, 2, "(x) == (y)", "x == y")
OP(ne,       COMPARE, 2, "(x) != (y)", "x != y")
OP(where,    SELECT,  3, NULL, "where(mask, x, y): x where the mask holds, else y; never multiplies")

/* views */
OP(transpose, VIEW,   1, NULL, "[m, n] -> [n, m]")
OP(expand,   VIEW,    1, NULL, "[n] -> [n, 1] (col) or [1, n] (row): a new dimension of 1 at `dim`, repeated on demand")

/* along a dimension */
OP(sum,      REDUCE,  1, "(x) + (y)", "sum over `dim`")
OP(rmax,     REDUCE,  1, "fmaxf(x, y)", "largest over `dim`")
OP(rmin,     REDUCE,  1, "fminf(x, y)", "smallest over `dim`")
OP(cumsum,   SCAN,    1, "(x) + (y)", "inclusive running sum along dimension 0")
OP(concat,   GROW,   -1, NULL, "side by side along the inner dimension")
OP(sympow2,  GROW,    1, NULL, "[.., d] -> [.., d(d+1)/2]: x_i x_j for i <= j in lexicographic order, sqrt(2) where i < j")
OP(slice,    GROW,    1, NULL, "columns lo .. lo+n of the inner dimension")
OP(reshape,  GROW,    1, NULL, "[m n] -> [m, n], or [m, n] -> [m n]: the same elements in row order")

/* products */
OP(dot,      DOT,     2, NULL, "[m, k] x [k, n] -> [m, n], fp32 accumulation")

/* carried tiles */
OP(var,      STATE,   1, NULL, "declares a variable tile with its initial value")
OP(get,      STATE,   1, NULL, "reads a variable or state (source 0: the var or state op)")
OP(set,      STATE,   2, NULL, "overwrites a variable (var, value)")
OP(state,    STATE,   1, NULL, "declares a state with its initial value; changed by decay and update alone")
OP(decay,    STATE,   2, NULL, "S <- a * S (state, a); a is a scalar, [f, 1], [1, v] or S's shape")
OP(update,   STATE,   2, NULL, "S <- S + u (state, u)")

/* effects and regions */
OP(store,    EFFECT,  1, NULL, "writes a tile to an output; elements out of range are dropped")
OP(loop,     REGION, -1, NULL, "the body once for each chunk of an axis, in order")
