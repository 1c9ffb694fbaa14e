/* lower_reduce.c -- values that cross threads: reductions, scans, and changes of a vector's layout.
 *
 * A reduction over a dimension combines that dimension's register digits, then its lane digits by
 * xor shuffles, then its warp digits through shared memory. Vectors change layout through shared
 * memory, where they stay for every later request.
 */
#include "lower.h"

#include <string.h>

static const char *combine(Lower *L, const Op *op, const char *x, const char *y)
{
	if (op->code == OP_sum)
		return arena_printf(L->a, "%s + %s", x, y);
	return arena_printf(L->a, op->code == OP_rmax ? "fmaxf(%s, %s)" : "fminf(%s, %s)", x, y);
}

static const char *neutral(const Op *op)
{
	return op->code == OP_sum ? "0.0f" : op->code == OP_rmax ? "-inf()" : "inf()";
}

/* Opens loops over l's registers, as one statement that no barrier may enter; with `one`, in one of
 * each set of threads that hold the same. */
static Block *atomic_nest(Lower *L, const Layout *l, const Layout *one, const char **v)
{
	const char *owner = one ? layout_owner(L->a, one, L->warps) : NULL;
	Block *saved = L->out;
	Stmt *last, *opened;

	lower_wgmma_settle(L); /* a wait is for whole warps: not behind a condition on the thread */
	last = saved->last;
	if (owner)
		lower_open(L, S_IF, false, "%s", owner);
	lower_nest(L, l, false, v);
	opened = last ? last->next : saved->first;
	if (opened)
		opened->atomic = true;
	return saved;
}

/* The layout in which a reduction's source is asked for. */
static Layout source_layout(Lower *L, const Op *src, const Layout *want, int dim)
{
	Layout l;

	if (src->rank == 1)
		return lower_lane_layout(src->dim[0].n);
	l = lower_value_layout(L, src);
	if (src->rank == 2 && want->rank == 1 && want->base[0]) {
		int keep = 1 - dim;

		l.base[keep] = want->base[0];
		l.d[keep] = want->d[0];
		l.d[keep].dim = keep;
	}
	return l;
}

/* Each warp's parts go to shared memory. */
static void publish_parts(Lower *L, Fold *f)
{
	int pos = 1;
	const char *v[MAX_DIGITS], *at;
	Layout own = f->to;
	Block *b;
	Stmt *st;

	f->warps = 1;
	for (int i = 0; i < f->from.nd; i++)
		if (f->from.d[i].hw == HW_WARP && f->from.d[i].dim == f->op->axis_dim) {
			f->warps = f->from.d[i].n;
			pos = f->from.d[i].pos;
			own.d[own.nd++] = f->from.d[i]; /* every part has an owner */
		}
	if (f->warps == 1)
		return;
	f->name = lower_name(L, arena_printf(L->a, "%s_x", f->w->name));
	f->buf = dev_buffer(L->dev, f->name, f->warps,
	                    f->to.rank ? lower_reach(L, f->op, &f->to, 0) : 1, 4, 1);
	b = atomic_nest(L, &f->to, &own, v);
	at = f->to.rank ? layout_coord(L->a, &f->to, 0, v) : "0";
	st = lower_code(L, "st_shared_f32(%s + %d * (warp / %d %% %d) + 4 * (%s), %s);", f->name,
	                f->buf->pbytes, pos, f->warps, at, lower_ref(L, f->w, &f->to, v));
	dev_access(st, f->buf, ACC_WRITE);
	lower_nest_close(L, b);
}

/* The parts of all warps are added up to w. */
static void gather_parts(Lower *L, const Fold *f, Version *w)
{
	const char *v[MAX_DIGITS], *at, *in = NULL;
	Block *b = lower_nest(L, &w->l, false, v);
	Stmt *st;

	at = w->l.rank ? layout_coord(L->a, &w->l, 0, v) : "0";
	lower_code(L, "%s = %s;", lower_ref(L, w, &w->l, v), neutral(f->op));
	if (w->l.rank && lower_reach(L, f->op, &w->l, 0) > f->buf->cols)
		in = lower_within(L, &w->l, 0, v, f->buf->cols);
	if (in)
		lower_open(L, S_IF, false, "%s", in);
	lower_open(L, S_FOR, true, "int x = 0; x < %d; x++", f->warps);
	st = lower_code(L, "%s = %s;", lower_ref(L, w, &w->l, v),
	                combine(L, f->op, lower_ref(L, w, &w->l, v),
	                        arena_printf(L->a, "ld_shared_f32(%s + %d * x + 4 * (%s))", f->name,
	                                     f->buf->pbytes, at)));
	dev_access(st, f->buf, ACC_READ);
	lower_nest_close(L, b);
}

static void through_lanes(Lower *L, const Op *op, Version *w, const Layout *to, const Layout *from,
                          int dim)
{
	const char *v[MAX_DIGITS];
	Block *b = lower_nest(L, to, false, v);

	for (int i = 0; i < from->nd; i++)
		if (from->d[i].hw == HW_LANE && from->d[i].dim == dim)
			for (int m = from->d[i].pos; m < from->d[i].pos * from->d[i].n; m *= 2)
				lower_code(
				    L, "%s = %s;", lower_ref(L, w, to, v),
				    combine(L, op, lower_ref(L, w, to, v),
				            arena_printf(L->a, "shfl_xor_f32(%s, %d)", lower_ref(L, w, to, v), m)));
	lower_nest_close(L, b);
}

/* Whether op's lanes can each keep a part of it, in the layout of `to`, to be combined later: no
 * other warp has one. */
bool lower_reduce_parts(Lower *L, Op *op, const Layout *to)
{
	Layout from = source_layout(L, op->src[0], to, op->axis_dim), own;

	if (op->code != OP_sum || op->src[0]->rank != 2 || op->src[0]->dim[op->axis_dim].n == 1 ||
	    layout_spread_dim(&from, HW_WARP, op->axis_dim) > 1)
		return false;
	own = layout_drop(from, op->axis_dim);
	return layout_same(&own, to);
}

/* w, which holds lanes' parts of sums by op, becomes whole. */
void lower_reduce_join(Lower *L, Op *op, Version *w)
{
	Layout from = source_layout(L, op->src[0], &w->l, op->axis_dim);

	through_lanes(L, op, w, &w->l, &from, op->axis_dim);
}

static const Digit *last_digit(const Layout *l)
{
	const Digit *last = l->d;

	for (int i = 0; i < l->nd; i++)
		if (l->d[i].hw == HW_REG)
			last = &l->d[i];
	return last;
}

/* Where a fold of op is made, from what is in layout `from`: nothing folded yet. */
void lower_fold_open(Lower *L, Fold *f, Op *op, const Layout *from)
{
	const char *v[MAX_DIGITS];
	Block *b;

	*f = (Fold){.op = op, .from = *from, .to = layout_drop(*from, op->axis_dim)};
	f->w = lower_declare(L, op, &f->to, false, NULL);
	f->w->op = NULL;
	b = lower_nest(L, &f->to, false, v);
	lower_code(L, "%s = %s;", lower_ref(L, f->w, &f->to, v), neutral(op));
	lower_nest_close(L, b);
}

/* Each thread folds what it has of the source in `from`: the whole, or one of its strips. */
void lower_fold_turn(Lower *L, Fold *f, const Layout *from)
{
	const char *v[MAX_DIGITS], *vv[MAX_DIGITS], *e;
	Op *op = f->op, *x = op->src[0];
	int dim = op->axis_dim, r = 0, n = 0;
	bool single = x->dim[dim].n == 1 && x->rank == 2; /* element 0 of a padded dimension */
	bool pairs =
	    !single && from->rank == 2 && last_digit(from)->dim == dim && last_digit(from)->n == 2;
	Layout to = layout_drop(*from, dim);
	Block *b = lower_nest(L, from, pairs, v);

	for (int i = 0; i < from->nd; i++)
		if (from->d[i].hw == HW_REG) {
			if (from->d[i].dim != dim)
				vv[n++] = v[r];
			r++;
		}
	e = lower_elem(L, x, from, v);
	if (pairs) { /* half as long a chain of dependent operations */
		v[r - 1] = "1";
		e = combine(L, op, e, lower_elem(L, x, from, v));
		if (op->code == OP_sum)
			e = arena_printf(L->a, "(%s)", e);
	}
	if (single)
		e = arena_printf(L->a, "(%s == 0 ? %s : %s)", layout_coord(L->a, from, dim, v), e,
		                 neutral(op));
	lower_code(L, "%s = %s;", lower_ref(L, f->w, &to, vv),
	           combine(L, op, lower_ref(L, f->w, &to, vv), e));
	lower_nest_close(L, b);
}

/* Over the lanes, and to where all warps can read it. */
void lower_fold_close(Lower *L, Fold *f)
{
	through_lanes(L, f->op, f->w, &f->to, &f->from, f->op->axis_dim);
	publish_parts(L, f);
}

/* The whole, in layout `want` where other warps had parts of it: here, since it may be in a
 * condition that does not hold where it is needed next. */
Version *lower_fold_take(Lower *L, Fold *f, const Layout *want)
{
	const Layout *l = want->rank ? want : &f->to;
	Version *w = f->w;

	if (f->warps > 1) {
		if (w->scope != L->scope || !layout_same(&f->to, l))
			w = lower_declare(L, f->op, l, false, w->name);
		gather_parts(L, f, w);
	}
	w->op = f->op;
	return layout_same(&w->l, l) ? w : lower_convert(L, f->op, w, want);
}

Version *lower_reduce(Lower *L, Op *op, const Layout *want)
{
	Op *x = op->src[0];
	int dim = op->axis_dim;
	Layout from = source_layout(L, x, want, dim), to = layout_drop(from, dim);
	const char *v[MAX_DIGITS], *vv[MAX_DIGITS];
	Version *w;
	Block *b;
	Fold f;

	if (lower_sweep(L, op))
		return lower_fold_take(L, lower_swept(L, op), want);
	from.tri = op->code == OP_sum && dim == 1 && lower_takes_tri(L, x, &from);
	lower_ensure(L, x, &from);
	if (x->dim[dim].n == 1 && x->rank == 2 && from.orient == ORIENT_N && dim == 1 &&
	    layout_spread_dim(&from, HW_WARP, 1) == 1) {
		w = lower_declare(L, op, &to, false, NULL);
		w->op = NULL;
		b = lower_nest(L, &to, false, v);
		vv[0] = v[0];
		vv[1] = vv[2] = "0";
		lower_code(L, "%s = shfl_idx_f32(%s, lane & 28);", lower_ref(L, w, &to, v),
		           lower_elem(L, x, &from, vv));
		lower_nest_close(L, b);
		w->op = op;
		return layout_same(&to, want) ? w : lower_convert(L, op, w, want);
	}
	lower_fold_open(L, &f, op, &from);
	lower_fold_turn(L, &f, &from);
	if (op == L->parts) {
		f.w->op = op;
		return f.w;
	}
	lower_fold_close(L, &f);
	return lower_fold_take(L, &f, want);
}

/* Down the columns, through shared memory: one thread a column. */
static Version *matrix_cumsum(Lower *L, Op *op, const Layout *want)
{
	Op *x = op->src[0];
	Layout l = lower_value_layout(L, x);
	int rows = lower_covered(&l, 0), cols = lower_covered(&l, 1), scope;
	const char *v[MAX_DIGITS], *name, *at[2], *in = "";
	Block *saved = lower_hoist(L, &l, &scope), *b;
	Buffer *buf;
	Version *w;
	Stmt *st;

	lower_ensure(L, x, &l);
	name = lower_name(L, arena_printf(L->a, "%s_c", op->name ? op->name : "cumsum"));
	buf = dev_buffer(L->dev, name, rows, cols, 4, 1);
	b = atomic_nest(L, &l, &l, v);
	st = lower_code(L, "st_shared_f32(%s + %d * (%s) + 4 * (%s), %s);", name, buf->pbytes,
	                layout_coord(L->a, &l, 0, v), layout_coord(L->a, &l, 1, v),
	                lower_elem(L, x, &l, v));
	dev_access(st, buf, ACC_WRITE);
	L->out = b;
	lower_open(L, S_FOR, false, "int c = tid; c < %d; c += %d", cols, 32 * L->warps);
	b->last->atomic = true;
	lower_code(L, "float run = 0.0f;");
	lower_open(L, S_FOR, false, "int r = 0; r < %d; r++", op->dim[0].n);
	st = lower_code(L, "run = run + ld_shared_f32(%s + %d * r + 4 * c);", name, buf->pbytes);
	dev_access(st, buf, ACC_READ);
	st = lower_code(L, "st_shared_f32(%s + %d * r + 4 * c, run);", name, buf->pbytes);
	dev_access(st, buf, ACC_WRITE);
	L->out = saved;
	L->scope = scope;
	w = lower_declare(L, op, want, false, NULL);
	b = lower_nest(L, want, false, v);
	at[0] = layout_coord(L->a, want, 0, v);
	at[1] = layout_coord(L->a, want, 1, v);
	if (lower_reach(L, op, want, 0) > rows || lower_reach(L, op, want, 1) > cols)
		in = arena_printf(L->a, "%s < %d && %s < %d ? ", at[0], rows, at[1], cols);
	st = lower_code(L, "%s = %sld_shared_f32(%s + %d * (%s) + 4 * (%s))%s;",
	                lower_ref(L, w, want, v), in, name, buf->pbytes, at[0], at[1],
	                *in ? " : 0.0f" : "");
	dev_access(st, buf, ACC_READ);
	lower_nest_close(L, b);
	return w;
}

/* Inclusive, along dimension 0: within the lane, then over lanes, every warp for itself. */
Version *lower_cumsum(Lower *L, Op *op, const Layout *want)
{
	Op *x = op->src[0];
	Layout l;
	const char *v[MAX_DIGITS];
	Version *w;
	Block *saved;
	int per, scope;

	if (op->rank != 1)
		return matrix_cumsum(L, op, want);
	l = lower_lane_layout(op->dim[0].n);
	per = l.d[0].n;
	saved = lower_hoist(L, &l, &scope);
	lower_ensure(L, x, &l);
	w = lower_declare(L, op, &l, false, NULL);
	w->op = NULL;
	for (int i = 0; i < per; i++) {
		v[0] = arena_printf(L->a, "%d", i);
		if (i)
			lower_code(L, "%s[%d] = %s[%d] + %s;", w->name, i, w->name, i - 1,
			           lower_elem(L, x, &l, v));
		else
			lower_code(L, "%s[0] = %s;", w->name, lower_elem(L, x, &l, v));
	}
	{
		const char *run = lower_name(L, arena_printf(L->a, "%s_run", w->name));
		Block *b;

		lower_code(L, "float %s = %s[%d];", run, w->name, per - 1);
		b = lower_open(L, S_FOR, true, "int d = 1; d < 32; d *= 2");
		lower_code(L, "const float up = shfl_up_f32(%s, d);", run);
		lower_code(L, "%s = lane >= d ? %s + up : %s;", run, run, run);
		lower_close(L, b);
		if (per == 1) {
			lower_code(L, "%s[0] = %s;", w->name, run);
		} else { /* what the lanes before have; the lane's own taken from it again were inf - inf */
			lower_code(L, "%s = shfl_up_f32(%s, 1);", run, run);
			b = lower_open(L, S_FOR, true, "int i = 0; i < %d; i++", per);
			lower_code(L, "%s[i] = lane > 0 ? %s + %s[i] : %s[i];", w->name, run, w->name, w->name);
			lower_close(L, b);
		}
	}
	w->op = op;
	L->out = saved;
	L->scope = scope;
	return layout_same(&l, want) ? w : lower_convert(L, op, w, want);
}

/* Where an element lies, in bytes; what a turn adds apart, as an address has room for it. */
static const char *words_at(Lower *L, const Layout *l, const char *const *v)
{
	Layout near = *l;

	if (!l->far || !l->base[0])
		return arena_printf(L->a, "4 * (%s)", layout_coord(L->a, l, 0, v));
	near.base[0] = NULL;
	return arena_printf(L->a, "4 * (%s) + 4 * (%s)", layout_coord(L->a, &near, 0, v), l->base[0]);
}

/* A vector in another layout, through shared memory; outside loops it goes there as soon as it is
 * made, so that all that do may meet at one barrier. */
Version *lower_convert(Lower *L, Op *op, Version *from, const Layout *want)
{
	const char *v[MAX_DIGITS], *name = NULL, *at, *x;
	bool whole = op->dtype == DT_I32;
	Buffer *buf = NULL;
	Version *w;
	Block *b, *saved, here = {0};
	Stmt *st;
	int scope;
	bool early;

	if (op->rank == 0)
		return from;
	if (op->rank != 1)
		lower_cannot(L, op, "a matrix needed in two layouts");
	if (op->code == OP_get)
		op = op->src[0];
	saved = lower_hoist(L, &from->l, &scope);
	early = from->made_in == L->out && from->made_at && !op->parent->owner && !L->nflying &&
	        op_info[op->code].class != STATE;
	for (int i = 0; i < L->nhomes; i++)
		if (L->home_op[i] == op && op_info[op->code].class != STATE) {
			buf = L->home_buf[i];
			name = L->homes[i];
		}
	if (!buf) {
		name = lower_name(L, arena_printf(L->a, "%s_v", from->name));
		buf = dev_buffer(L->dev, name, 1, lower_reach(L, op, &from->l, 0), 4, 1);
		if (early)
			L->out = &here;
		b = atomic_nest(L, &from->l, &from->l, v);
		st = lower_code(L,
		                whole ? "st_shared_b32(%s + 4 * (%s), (u32)%s);"
		                      : "st_shared_f32(%s + 4 * (%s), %s);",
		                name, layout_coord(L->a, &from->l, 0, v), lower_ref(L, from, &from->l, v));
		dev_access(st, buf, ACC_WRITE);
		L->out = b;
		if (early)
			dev_splice(from->made_in, from->made_at, &here);
		if (L->nhomes < MAX_BUFFERS) {
			L->home_op[L->nhomes] = op;
			L->home_buf[L->nhomes] = buf;
			L->homes[L->nhomes++] = name;
		}
	}
	L->out = saved;
	L->scope = scope;
	saved = lower_hoist(L, want, &scope);
	w = lower_declare(L, from->op, want, false, arena_printf(L->a, "%s_at", from->name));
	b = lower_nest(L, want, false, v);
	at = layout_coord(L->a, want, 0, v);
	x = arena_printf(L->a, whole ? "(int)ld_shared_b32(%s + %s)" : "ld_shared_f32(%s + %s)", name,
	                 words_at(L, want, v));
	if (lower_reach(L, op, want, 0) > buf->cols)
		x = arena_printf(L->a, "%s < %d ? %s : 0", at, buf->cols, x);
	st = lower_code(L, "%s = %s;", lower_ref(L, w, want, v), x);
	dev_access(st, buf, ACC_READ);
	lower_nest_close(L, b);
	L->out = saved;
	L->scope = scope;
	return w;
}
