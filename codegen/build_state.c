/* build_state.c -- makers of reductions, growing ops, carried tiles, stores and loops.
 * maintains: as build.c.
 */
#include "build.h"

#include <string.h>

/* -- along a dimension -------------------------------------------------------------------- */

static void need_number(Builder *b, Loc at, OpCode c, const Op *x)
{
	build_use(b, at, x);
	if (x->dtype == DT_MASK)
		diag_fail(b->k->diag, at, "%s: a mask is not a number; use az.where(mask, 1, 0)",
		          op_spelling(c));
}

Op *ir_reduce(Builder *b, Loc at, OpCode c, Op *x, int d)
{
	Dim dim[MAX_RANK] = {0};
	Op *o;

	need_number(b, at, c, x);
	if (d < 0 || d >= x->rank)
		diag_fail(b->k->diag, at, "%s: no dimension %d in %s", op_spelling(c), d + 1,
		          shape_text(b, x));
	for (int i = 0, j = 0; i < x->rank; i++)
		if (i != d)
			dim[j++] = x->dim[i];
	o = build_op(b, at, c, DT_F32, x->rank - 1, dim);
	o->axis_dim = d;
	build_src(b, o, x);
	return o;
}

Op *ir_cumsum(Builder *b, Loc at, Op *x)
{
	Op *o;

	need_number(b, at, OP_cumsum, x);
	if (x->rank < 1 || x->rank > 2)
		diag_fail(b->k->diag, at, "cumsum: needs a vector or a matrix, not %s", shape_text(b, x));
	o = build_op(b, at, OP_cumsum, DT_F32, x->rank, x->dim);
	build_src(b, o, x);
	return o;
}

static void need_inner(Builder *b, Loc at, OpCode c, const Op *x)
{
	need_number(b, at, c, x);
	if (x->rank == 0)
		diag_fail(b->k->diag, at, "%s: needs a vector or a matrix, not a scalar", op_spelling(c));
	if (x->dim[x->rank - 1].range)
		diag_fail(b->k->diag, at,
		          "%s: works along the inner dimension, which here runs over a range of "
		          "%s; transpose first",
		          op_spelling(c), x->dim[x->rank - 1].range->axis->name);
}

Op *ir_concat(Builder *b, Loc at, int n, Op *const *src)
{
	Dtype dt = src[0]->dtype;
	Dim dim[MAX_RANK];
	int inner, total = 0;
	Op *o;

	if (n > MAX_SRC)
		bug("concat of %d", n);
	inner = src[0]->rank - 1;
	for (int s = 0; s < n; s++) {
		need_inner(b, at, OP_concat, src[s]);
		if (src[s]->rank != inner + 1)
			diag_fail(b->k->diag, at, "concat: ranks differ: %s and %s", shape_text(b, src[0]),
			          shape_text(b, src[s]));
		if (src[s]->dtype != dt)
			dt = DT_F32;
	}
	memcpy(dim, src[0]->dim, sizeof dim);
	for (int s = 0; s < n; s++) {
		for (int i = 0; i < inner; i++) {
			Dim d = src[s]->dim[i];

			if (d.n != dim[i].n || (d.range && dim[i].range && d.range != dim[i].range))
				diag_fail(b->k->diag, at, "concat: rows differ: %s and %s", shape_text(b, src[0]),
				          shape_text(b, src[s]));
			if (d.range)
				dim[i] = d;
		}
		total += src[s]->dim[inner].n;
	}
	dim[inner] = (Dim){total, NULL};
	o = build_op(b, at, OP_concat, dt, inner + 1, dim);
	for (int s = 0; s < n; s++)
		build_src(b, o, src[s]);
	return o;
}

Op *ir_sympow2(Builder *b, Loc at, Op *x)
{
	Dim dim[MAX_RANK];
	Op *o;
	int d;

	need_inner(b, at, OP_sympow2, x);
	memcpy(dim, x->dim, sizeof dim);
	d = dim[x->rank - 1].n;
	if (d > 256)
		diag_fail(b->k->diag, at, "sympow2: %d columns would grow to %d; at most 256 are taken", d,
		          d * (d + 1) / 2);
	dim[x->rank - 1].n = d * (d + 1) / 2;
	o = build_op(b, at, OP_sympow2, DT_F32, x->rank, dim);
	build_src(b, o, x);
	return o;
}

Op *ir_slice(Builder *b, Loc at, Op *x, int lo, int n)
{
	Dim dim[MAX_RANK];
	Op *o;

	need_inner(b, at, OP_slice, x);
	memcpy(dim, x->dim, sizeof dim);
	if (lo < 0 || n < 1 || lo > dim[x->rank - 1].n - n)
		diag_fail(b->k->diag, at,
		          "slice: columns %d to %d of %s; columns count from 0, and the last "
		          "argument is how many",
		          lo, lo + n - 1, shape_text(b, x));
	dim[x->rank - 1].n = n;
	o = build_op(b, at, OP_slice, x->dtype, x->rank, dim);
	o->lo = lo;
	build_src(b, o, x);
	return o;
}

Op *ir_reshape(Builder *b, Loc at, Op *x, int rows, int cols)
{
	Dim dim[MAX_RANK] = {{rows, NULL}, {cols, NULL}};
	int64_t n = 1, want = cols ? (int64_t)rows * cols : rows;
	Op *o;

	for (int d = 0; d < x->rank; d++) {
		if (x->dim[d].range && x->dim[d].range->kind != RANGE_WHOLE)
			diag_fail(
			    b->k->diag, at,
			    "reshape: a dimension of %s is cut from the axis %s; reshape whole compile-time "
			    "dimensions only",
			    shape_text(b, x), x->dim[d].range->axis->name);
		n *= x->dim[d].n;
	}
	if (x->rank < 1 || x->rank > 2 || rows < 1 || cols < 0 || (x->rank == 2) == (cols > 0) ||
	    n != want)
		diag_fail(b->k->diag, at,
		          "reshape: %s cannot become %s; give a vector two extents, or a matrix "
		          "one, with the same number of elements",
		          shape_text(b, x),
		          cols ? arena_printf(b->k->arena, "[%d, %d]", rows, cols)
		               : arena_printf(b->k->arena, "[%d]", rows));
	o = build_op(b, at, OP_reshape, x->dtype, cols ? 2 : 1, dim);
	build_src(b, o, x);
	return o;
}

/* -- carried tiles ------------------------------------------------------------------------ */

static Op *carried(Builder *b, Loc at, OpCode c, Op *init)
{
	Op *o;

	need_number(b, at, c, init);
	if (init->dtype != DT_I32 || c == OP_state)
		init = ir_cast(b, at, init, DT_F32);
	o = build_op(b, at, c, init->dtype, init->rank, init->dim);
	build_src(b, o, init);
	return o;
}

Op *ir_var(Builder *b, Loc at, Op *init)
{
	return carried(b, at, OP_var, init);
}

Op *ir_state(Builder *b, Loc at, Op *init)
{
	return carried(b, at, OP_state, init);
}

Op *ir_get(Builder *b, Loc at, Op *var)
{
	Op *o;

	build_use(b, at, var);
	o = build_op(b, at, OP_get, var->dtype, var->rank, var->dim);
	o->is_state = var->code == OP_state;
	build_src(b, o, var);
	return o;
}

/* A value that must have exactly v's shape; a number stands for a full tile. */
static Op *conform(Builder *b, Loc at, OpCode c, const Op *v, Op *x)
{
	bool ok = x->rank == v->rank;

	need_number(b, at, c, x);
	if (x->code == OP_const_ && v->rank > 0)
		return ir_full(b, at, v->rank, v->dim, x->value);
	for (int i = 0; ok && i < x->rank; i++)
		ok = x->dim[i].n == v->dim[i].n &&
		     (!x->dim[i].range || !v->dim[i].range || x->dim[i].range == v->dim[i].range);
	if (!ok)
		diag_fail(b->k->diag, at, "%s: the value is %s, but %s is %s", op_spelling(c),
		          shape_text(b, x), v->name ? v->name : "the variable", shape_text(b, v));
	if (x->dtype != v->dtype && (x->dtype != DT_I32 || x->code != OP_const_))
		x = ir_cast(b, at, x, v->dtype);
	return x;
}

static void effect(Builder *b, Loc at, OpCode c, Op *v, Op *x)
{
	Op *o = build_op(b, at, c, v->dtype, 0, NULL);

	build_src(b, o, v);
	build_src(b, o, x);
}

void ir_set(Builder *b, Loc at, Op *var, Op *value)
{
	build_use(b, at, var);
	effect(b, at, OP_set, var, conform(b, at, OP_set, var, value));
}

void ir_update(Builder *b, Loc at, Op *state, Op *u)
{
	build_use(b, at, state);
	effect(b, at, OP_update, state, conform(b, at, OP_update, state, u));
}

void ir_decay(Builder *b, Loc at, Op *state, Op *a)
{
	bool ok = a->rank == 0 || a->rank == state->rank;

	build_use(b, at, state);
	need_number(b, at, OP_decay, a);
	for (int i = 0; ok && i < a->rank; i++)
		ok = a->dim[i].n == state->dim[i].n || (a->dim[i].n == 1 && !a->dim[i].range);
	if (!ok)
		diag_fail(b->k->diag, at,
		          ":decay: the factor is %s, the state %s; it may be a scalar, one per "
		          "row (:col()), one per column (:row()) or one per element",
		          shape_text(b, a), shape_text(b, state));
	effect(b, at, OP_decay, state, a);
}

/* -- effects and regions ------------------------------------------------------------------ */

/* Every element is written once: by one program, and in one step of the loops around. */
static void check_coverage(Builder *b, Loc at, const Arg *a, Range *const *range)
{
	const Grid *g = &b->k->grid;

	for (int i = 0; i < g->n; i++) {
		int d = 0;

		while (d < a->rank && range[d] != g->range[i])
			d++;
		if (d == a->rank)
			diag_fail(b->k->diag, at,
			          "every program along %s of the grid would write the same elements of "
			          "%s%s",
			          g->range[i]->axis->name, a->name,
			          g->range[i]->kind == RANGE_GRID
			              ? "; give the grid's own range in the bracket, or leave that axis out of "
			                "the grid"
			              : "; leave that axis out of the grid");
	}
	for (const Region *r = b->open; r->owner; r = r->owner->parent) {
		int d = 0;

		while (d < a->rank && range[d] != r->owner->range)
			d++;
		if (d == a->rank)
			diag_fail(b->k->diag, at,
			          "%s would be written again at every step of the loop at line %d; "
			          "write it after the loop, or give the loop's range in the bracket",
			          a->name, r->owner->loc.line);
	}
}

void ir_store(Builder *b, Loc at, Arg *a, Range *const *range, Op *value)
{
	Op cut = {.name = a->name}, *o;

	if (!a->output)
		diag_fail(b->k->diag, at, "%s is an input and cannot be written; declare it az.output",
		          a->name);
	if (a->rank == 0)
		diag_fail(b->k->diag, at, "%s is a scalar and cannot be written", a->name);
	cut.rank = build_cut(b, at, "store", a, range, cut.dim);
	check_coverage(b, at, a, range);
	need_number(b, at, OP_store, value);
	cut.dtype = value->dtype; /* the store itself rounds to the argument's dtype */
	value = conform(b, at, OP_store, &cut, value);
	o = build_op(b, at, OP_store, a->dtype, 0, NULL);
	build_src(b, o, value);
	o->arg = a;
	for (int i = 0; i < a->rank; i++)
		o->at[i] = range[i];
}

Range *ir_range(Kernel *k, RangeKind kind, Axis *axis, int n, Op *loop)
{
	Range *r;

	for (int i = 0; i < k->nranges; i++) {
		r = k->ranges[i];
		if (kind != RANGE_LOOP && r->kind == kind && r->axis == axis && r->n == n)
			return r;
	}
	if (k->nranges == MAX_RANGES)
		diag_fail(k->diag, loop ? loop->loc : (Loc){k->file, 0},
		          "more than %d ranges; is a plain Lua loop unrolling tile loops?", MAX_RANGES);
	r = ARENA_NEW(k->arena, Range);
	*r = (Range){kind, axis, n, loop, k->nranges};
	k->ranges[k->nranges++] = r;
	return r;
}

Op *ir_loop_open(Builder *b, Loc at, Axis *axis, int chunk, bool reverse)
{
	Op *o = build_op(b, at, OP_loop, DT_F32, 0, NULL);

	o->range = ir_range(b->k, RANGE_LOOP, axis, chunk, o);
	o->reverse = reverse;
	o->body = ARENA_NEW(b->k->arena, Region);
	o->body->owner = o;
	b->open = o->body;
	return o;
}

void ir_loop_close(Builder *b, Op *loop)
{
	if (b->open != loop->body)
		bug("loop closed out of order");
	b->open = loop->parent;
}
