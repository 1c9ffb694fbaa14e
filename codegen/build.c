/* build.c -- the only makers of ops: leaves, elementwise, views, dot.
 *
 * maintains: the invariants of ir.h. Every maker infers dtype and shape or fails at the author's
 * line, in the author's words, with a hint. See build_state.c for reductions, growth, carried
 * tiles, stores and loops.
 */
#include "build.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const OpInfo op_info[NOPS] = {
#define OP(name, class, nsrc, cuda, doc) [OP_##name] = {#name, class, nsrc, cuda, doc},
#include "ops.h"
#undef OP
};

static const struct {
	const char *name;
	int bytes;
} dtypes[NDTYPE] = {
    [DT_F32] = {"f32", 4}, [DT_BF16] = {"bf16", 2}, [DT_F16] = {"f16", 2},
    [DT_I32] = {"i32", 4}, [DT_MASK] = {"mask", 1},
};

/* How the author writes an op, where it differs from its name. */
static const char *const spelling[NOPS] = {
    [OP_neg] = "-",       [OP_add] = "+",        [OP_sub] = "-",    [OP_mul] = "*",
    [OP_div] = "/",       [OP_not_] = "~",       [OP_and_] = "&",   [OP_or_] = "|",
    [OP_lt] = ":lt",      [OP_le] = ":le",       [OP_gt] = ":gt",   [OP_ge] = ":ge",
    [OP_eq] = ":eq",      [OP_ne] = ":ne",       [OP_rmax] = "max", [OP_rmin] = "min",
    [OP_update] = ":add", [OP_decay] = ":decay", [OP_set] = ":set", [OP_expand] = ":col/:row",
};

const char *dtype_name(Dtype dt)
{
	return dtypes[dt].name;
}

int dtype_bytes(Dtype dt)
{
	return dtypes[dt].bytes;
}

bool dtype_half(Dtype dt)
{
	return dt == DT_BF16 || dt == DT_F16;
}

const char *op_spelling(OpCode c)
{
	return spelling[c] ? spelling[c] : op_info[c].name;
}

/* "[64, 16]", for messages. */
const char *shape_text(Builder *b, const Op *x)
{
	char s[96] = "[";

	if (x->rank == 0)
		return "a scalar";
	for (int i = 0; i < x->rank; i++) {
		size_t len = strlen(s);
		snprintf(s + len, sizeof s - len, "%s%d", i ? ", " : "", x->dim[i].n);
	}
	return arena_printf(b->k->arena, "%s]", s);
}

/* A region is in scope when it is the open one or encloses it. */
static bool region_open(const Builder *b, const Region *r)
{
	for (const Region *o = b->open; o; o = o->owner ? o->owner->parent : NULL)
		if (o == r)
			return true;
	return false;
}

void build_use(Builder *b, Loc at, const Op *x)
{
	if (!region_open(b, x->parent))
		diag_fail(b->k->diag, at,
		          "%s%sthe tile made at line %d belongs to a loop that has ended; "
		          "carry it out with az.var (v:set in the loop, v:get after it)",
		          x->name ? x->name : "", x->name ? ": " : "", x->loc.line);
}

void build_use_range(Builder *b, Loc at, const Range *r)
{
	if (r->loop && !region_open(b, r->loop->body))
		diag_fail(b->k->diag, at,
		          "this range of %s belongs to the loop at line %d, which has ended; "
		          "use it inside the loop",
		          r->axis->name, r->loop->loc.line);
}

Op *build_op(Builder *b, Loc at, OpCode c, Dtype dt, int rank, const Dim *dim)
{
	Kernel *k = b->k;
	Op *o;

	if (k->nops >= MAX_OPS)
		diag_fail(k->diag, at, "more than %d operations; is a plain Lua loop unrolling?", MAX_OPS);
	o = ARENA_NEW(k->arena, Op);
	o->code = c;
	o->dtype = dt;
	o->rank = rank;
	for (int i = 0; i < rank; i++)
		o->dim[i] = dim[i];
	o->loc = at;
	o->id = k->nops++;
	o->parent = b->open;
	o->prev = b->open->last;
	if (o->prev)
		o->prev->next = o;
	else
		b->open->first = o;
	b->open->last = o;
	return o;
}

void build_src(Builder *b, Op *o, Op *x)
{
	build_use(b, o->loc, x);
	o->src[o->nsrc++] = x;
}

static void need_no_mask(Builder *b, Loc at, OpCode c, const Op *x)
{
	if (x->dtype == DT_MASK)
		diag_fail(b->k->diag, at, "%s: a mask is not a number; choose with az.where(mask, x, y)",
		          op_spelling(c));
}

static void need_mask(Builder *b, Loc at, OpCode c, const Op *x)
{
	if (x->dtype != DT_MASK)
		diag_fail(b->k->diag, at,
		          "%s: needs a mask, not %s %s; masks come from comparisons such as "
		          "i:ge(j)",
		          op_spelling(c), dtype_name(x->dtype), shape_text(b, x));
}

/* -- leaves ------------------------------------------------------------------------------- */

Op *ir_const(Builder *b, Loc at, double v)
{
	Op *o = build_op(b, at, OP_const_, DT_F32, 0, NULL);

	o->value = v;
	return o;
}

Op *ir_full(Builder *b, Loc at, int rank, const Dim *dim, double v)
{
	Op *o;

	for (int i = 0; i < rank; i++)
		if (dim[i].range)
			build_use_range(b, at, dim[i].range);
	o = build_op(b, at, OP_full, DT_F32, rank, dim);
	o->value = v;
	return o;
}

Op *ir_index(Builder *b, Loc at, Range *r)
{
	Dim d = {r->n, r};
	Op *o;

	build_use_range(b, at, r);
	o = build_op(b, at, OP_index, DT_I32, r->kind == RANGE_ONE ? 0 : 1, &d);
	o->range = r;
	return o;
}

Op *ir_scalar_arg(Builder *b, Loc at, Arg *a)
{
	Op *o;

	if (a->rank != 0)
		diag_fail(b->k->diag, at, "%s is not a scalar; load a tile of it: a.%s[range]", a->name,
		          a->name);
	o = build_op(b, at, OP_scalar, a->dtype, 0, NULL);
	o->arg = a;
	return o;
}

Op *ir_scalar_size(Builder *b, Loc at, Axis *x)
{
	Op *o;

	if (x->size) {
		o = ir_const(b, at, (double)x->size);
		return o;
	}
	o = build_op(b, at, OP_scalar, DT_I32, 0, NULL);
	o->axis = x;
	return o;
}

/* The dims of the tile that `range` cuts from `a`. */
int build_cut(Builder *b, Loc at, const char *what, const Arg *a, Range *const *range, Dim *dim)
{
	int rank = 0;

	for (int i = 0; i < a->rank; i++) {
		const Range *r = range[i];

		build_use_range(b, at, r);
		if (r->axis != a->axis[i])
			bug("%s %s: range of %s at axis %s", what, a->name, r->axis->name, a->axis[i]->name);
		if (r->kind == RANGE_ONE)
			continue;
		if (rank == MAX_RANK)
			diag_fail(b->k->diag, at,
			          "%s %s: a tile has at most %d dimensions; put more axes in the grid", what,
			          a->name, MAX_RANK);
		dim[rank].n = r->n;
		dim[rank++].range = r->kind == RANGE_WHOLE ? NULL : range[i];
	}
	return rank;
}

Op *ir_load(Builder *b, Loc at, Arg *a, Range *const *range)
{
	Dim dim[MAX_RANK];
	Op *o;
	int rank;

	if (a->output)
		diag_fail(b->k->diag, at, "%s is an output and cannot be read; keep the tile in a local",
		          a->name);
	if (a->rank == 0)
		diag_fail(b->k->diag, at, "%s is a scalar; write a.%s without a bracket", a->name, a->name);
	if (!a->present)
		diag_fail(b->k->diag, at, "%s is optional and absent here; test a.%s.present first",
		          a->name, a->name);
	rank = build_cut(b, at, "load", a, range, dim);
	o = build_op(b, at, OP_load, a->dtype, rank, dim);
	o->arg = a;
	for (int i = 0; i < a->rank; i++)
		o->at[i] = range[i];
	return o;
}

/* -- elementwise -------------------------------------------------------------------------- */

static Dim dim_join(Builder *b, Loc at, OpCode c, const Op *x, const Op *y, int i)
{
	Dim p = x->dim[i], q = y->dim[i];

	if (p.n == q.n) {
		if (p.range && q.range && p.range != q.range)
			diag_fail(b->k->diag, at,
			          "%s: dimension %d runs over different ranges of %s and %s; "
			          "one of them may need az.transpose, :col() or :row()",
			          op_spelling(c), i + 1, p.range->axis->name, q.range->axis->name);
		return p.range ? p : q;
	}
	if (p.n == 1 && !p.range)
		return q;
	if (q.n == 1 && !q.range)
		return p;
	diag_fail(b->k->diag, at,
	          "%s: shapes differ: %s and %s; a dimension of 1 is repeated, others "
	          "must be equal",
	          op_spelling(c), shape_text(b, x), shape_text(b, y));
}

static int shape_join(Builder *b, Loc at, OpCode c, int n, Op *const *src, Dim *dim)
{
	Op joined = {0};

	for (int s = 0; s < n; s++) {
		const Op *x = src[s];

		if (x->rank == 0)
			continue;
		if (joined.rank == 0) {
			joined.rank = x->rank;
			memcpy(joined.dim, x->dim, sizeof joined.dim);
			continue;
		}
		if (joined.rank != x->rank)
			diag_fail(b->k->diag, at,
			          "%s: ranks differ: %s and %s; say :col() ([n] -> [n, 1]) or "
			          ":row() ([n] -> [1, n])",
			          op_spelling(c), shape_text(b, &joined), shape_text(b, x));
		for (int i = 0; i < x->rank; i++)
			joined.dim[i] = dim_join(b, at, c, &joined, x, i);
	}
	memcpy(dim, joined.dim, sizeof joined.dim);
	return joined.rank;
}

static bool is_integral(const Op *x)
{
	return x->code == OP_const_ && x->value == floor(x->value) && fabs(x->value) < 2147483648.0;
}

/* True when the op can be done on i32: every source is, or is a whole number in the source text. */
static bool all_i32(int n, Op *const *src)
{
	bool any = false;

	for (int i = 0; i < n; i++) {
		if (src[i]->dtype == DT_I32)
			any = true;
		else if (!is_integral(src[i]))
			return false;
	}
	return any;
}

static const bool keeps_i32[NOPS] = {
    [OP_neg] = true, [OP_abs] = true, [OP_add] = true,   [OP_sub] = true, [OP_mul] = true,
    [OP_min] = true, [OP_max] = true, [OP_where] = true, [OP_lt] = true,  [OP_le] = true,
    [OP_gt] = true,  [OP_ge] = true,  [OP_eq] = true,    [OP_ne] = true,
};

Op *ir_elementwise(Builder *b, Loc at, OpCode c, int n, Op *const *src)
{
	bool logical = c == OP_and_ || c == OP_or_ || c == OP_not_;
	Dtype dt = DT_F32;
	Dim dim[MAX_RANK];
	int rank;
	Op *o;

	if (n != op_info[c].nsrc)
		bug("%s with %d sources", op_info[c].name, n);
	for (int i = 0; i < n; i++) {
		build_use(b, at, src[i]);
		if (logical || (c == OP_where && i == 0))
			need_mask(b, at, c, src[i]);
		else
			need_no_mask(b, at, c, src[i]);
	}
	rank = shape_join(b, at, c, n, src, dim);
	if (keeps_i32[c] && all_i32(n - (c == OP_where), src + (c == OP_where))) {
		dt = DT_I32;
		for (int i = 0; i < n; i++)
			if (src[i]->code == OP_const_)
				src[i]->dtype = DT_I32;
	}
	if (logical || op_info[c].class == COMPARE)
		dt = DT_MASK;
	o = build_op(b, at, c, dt, rank, dim);
	for (int i = 0; i < n; i++)
		build_src(b, o, src[i]);
	return o;
}

Op *ir_cast(Builder *b, Loc at, Op *x, Dtype dt)
{
	Op *o;

	if (x->dtype == dt)
		return x;
	if (x->dtype == DT_MASK || dt == DT_MASK)
		diag_fail(b->k->diag, at, "cast: a mask is not a number; use az.where(mask, 1, 0)");
	build_use(b, at, x);
	o = build_op(b, at, OP_cast, dt, x->rank, x->dim);
	build_src(b, o, x);
	return o;
}

/* -- views -------------------------------------------------------------------------------- */

Op *ir_transpose(Builder *b, Loc at, Op *x)
{
	Dim dim[2];
	Op *o;

	if (x->rank != 2)
		diag_fail(b->k->diag, at, "transpose: needs a matrix, not %s%s", shape_text(b, x),
		          x->rank == 1 ? "; say :col() or :row()" : "");
	if (x->code == OP_transpose)
		return x->src[0];
	build_use(b, at, x);
	dim[0] = x->dim[1];
	dim[1] = x->dim[0];
	o = build_op(b, at, OP_transpose, x->dtype, 2, dim);
	build_src(b, o, x);
	return o;
}

Op *ir_expand(Builder *b, Loc at, Op *x, int d)
{
	Dim dim[MAX_RANK + 1] = {0};
	Op *o;

	if (x->rank >= MAX_RANK || x->rank == 0 || d < 0 || d > x->rank)
		diag_fail(b->k->diag, at, "%s: cannot add dimension %d to %s", op_spelling(OP_expand),
		          d + 1, shape_text(b, x));
	build_use(b, at, x);
	for (int i = 0, j = 0; i <= x->rank; i++)
		dim[i] = i == d ? (Dim){1, NULL} : x->dim[j++];
	o = build_op(b, at, OP_expand, x->dtype, x->rank + 1, dim);
	o->axis_dim = d;
	build_src(b, o, x);
	return o;
}

/* -- products ----------------------------------------------------------------------------- */

Dtype build_half_dtype(const Kernel *k)
{
	for (int i = 0; i < k->nsettings; i++)
		if (!strcmp(k->settings[i].name, "dtype") && k->settings[i].text)
			return !strcmp(k->settings[i].text, "f16") ? DT_F16 : DT_BF16;
	return DT_BF16;
}

/* Rounds an operand; under a transpose, so that the transpose stays next to the dot. */
static Op *operand_cast(Builder *b, Loc at, Op *x, Dtype dt)
{
	if (x->dtype == dt)
		return x;
	if (x->code == OP_transpose)
		return ir_transpose(b, at, ir_cast(b, at, x->src[0], dt));
	return ir_cast(b, at, x, dt);
}

/* [m, k] x [k, n]. An f32 operand takes its partner's 16-bit dtype; two take the kernel's. A
 * vector stands for a row on the left and a column on the right, and its dimension goes again. */
Op *ir_dot(Builder *b, Loc at, Op *x, Op *y)
{
	Diag *d = b->k->diag;
	bool xvec = x->rank == 1, yvec = y->rank == 1;
	Op *side[2] = {x, y}, *o;
	Dim dim[2];
	Dtype dt;

	for (int i = 0; i < 2; i++)
		if (side[i]->dtype != DT_F32 && !dtype_half(side[i]->dtype))
			diag_fail(d, at, "dot: cannot multiply %s tiles; cast to f32 first",
			          dtype_name(side[i]->dtype));
	if ((!xvec && x->rank != 2) || (!yvec && y->rank != 2) || (xvec && yvec))
		diag_fail(d, at, "dot: needs [m, k] x [k, n], not %s x %s%s", shape_text(b, x),
		          shape_text(b, y), xvec && yvec ? "; use az.sum(x * y)" : "");
	if (xvec)
		x = ir_expand(b, at, x, 0);
	if (yvec)
		y = ir_expand(b, at, y, 1);
	if (x->dim[1].n != y->dim[0].n)
		diag_fail(d, at,
		          "dot: inner dimensions differ: %s x %s; transpose one of them with "
		          "az.transpose",
		          shape_text(b, x), shape_text(b, y));
	if (x->dim[1].range && y->dim[0].range && x->dim[1].range != y->dim[0].range)
		diag_fail(d, at,
		          "dot: inner dimensions run over different ranges of %s and %s; transpose one "
		          "of them with az.transpose",
		          x->dim[1].range->axis->name, y->dim[0].range->axis->name);
	if (dtype_half(x->dtype) && dtype_half(y->dtype) && x->dtype != y->dtype)
		diag_fail(d, at, "dot: operands are %s and %s; az.cast one of them", dtype_name(x->dtype),
		          dtype_name(y->dtype));
	dt = dtype_half(x->dtype) ? x->dtype : dtype_half(y->dtype) ? y->dtype : build_half_dtype(b->k);
	x = operand_cast(b, at, x, dt);
	y = operand_cast(b, at, y, dt);
	dim[0] = x->dim[0];
	dim[1] = y->dim[1];
	o = build_op(b, at, OP_dot, DT_F32, 2, dim);
	build_src(b, o, x);
	build_src(b, o, y);
	if (xvec || yvec)
		o = ir_reduce(b, at, OP_sum, o, yvec ? 1 : 0);
	return o;
}
