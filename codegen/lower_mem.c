/* lower_mem.c -- addresses in global memory, and its tiles copied to shared memory.
 *
 * Loads that feed products are staged: copied asynchronously into swizzled shared memory, rows out
 * of range as zeros, and read from there as 8x8 cores (lower_load.c).
 */
#include "lower.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

const char *lower_start(Lower *L, const Range *r)
{
	if (!r || r->kind == RANGE_WHOLE)
		return "0";
	if (r->kind == RANGE_ONE)
		return L->prog[r->id];
	if (!L->start[r->id])
		bug("range of axis %s has no start here", r->axis->name);
	return L->start[r->id];
}

const char *lower_size(Lower *L, const Range *r, int n)
{
	if (!r)
		return arena_printf(L->a, "%d", n);
	if (r->axis->size)
		return arena_printf(L->a, "%lld", (long long)r->axis->size);
	return dev_param(L->dev, PARAM_SIZE, 0, r->axis->id, DT_I32, r->axis->name);
}

static const char *stride_param(Lower *L, const Arg *a, int axis)
{
	return dev_param(L->dev, PARAM_STRIDE, a->id, axis, DT_I32,
	                 arena_printf(L->a, "%s_s%s", a->name, a->axis[axis]->name));
}

/* The argument axis behind a dimension of the tile. */
static int tile_axis(const Op *op, int d)
{
	for (int i = 0; i < op->arg->rank; i++)
		if (!(op->at[i] && op->at[i]->kind == RANGE_ONE) && d-- == 0)
			return i;
	bug("%s: no axis for this dimension", op->arg->name);
}

/* "1" for the contiguous last axis of a matrix. */
const char *lower_stride(Lower *L, const Op *op, int d)
{
	int i = tile_axis(op, d);

	if (i == op->arg->rank - 1 && (d > 0 || !op->at[i] || op->at[i]->kind == RANGE_WHOLE))
		return "1";
	return stride_param(L, op->arg, i);
}

static const char *element_type(const Arg *a)
{
	return a->dtype == DT_F32 ? "float" : a->dtype == DT_I32 ? "int" : "b16";
}

const char *lower_pointer(Lower *L, const Op *op)
{
	const Arg *a = op->arg;
	const char *name = arena_printf(L->a, "%s_p", a->name);
	Text s = {.arena = L->a};
	Block *saved = L->out, here = {0};

	if (L->pointer[a->id])
		return L->pointer[a->id];
	name = L->pointer[a->id] = lower_name(L, name);
	dev_param(L->dev, PARAM_ARG, a->id, 0, a->dtype, L->argname[a->id]);
	text_add(&s, "%s%s *const %s = %s", a->output ? "" : "const ", element_type(a), name,
	         L->argname[a->id]);
	for (int i = 0; i < a->rank; i++)
		if (op->at[i] && op->at[i]->kind == RANGE_ONE)
			text_add(&s, " + %s * %s", L->prog[op->at[i]->id], stride_param(L, a, i));
	L->out = a->output && L->store ? &here : L->pro;
	lower_code(L, "%s;", s.s);
	L->out = saved;
	if (here.first)
		dev_splice(L->store, L->store_at, &here);
	return name;
}

Staged *lower_staged(Lower *L, const Op *op)
{
	for (int i = 0; i < L->nstaged; i++)
		if (L->staged[i].op == op)
			return &L->staged[i];
	return NULL;
}

/* The part of the argument's axis that dimension d of the tile covers. */
const Range *lower_io_range(const Op *io, int d)
{
	return io->at[tile_axis(io, d)];
}

bool lower_range_whole(const Range *r)
{
	return !r || r->kind == RANGE_WHOLE ||
	       (r->kind == RANGE_GRID && r->axis->size && r->axis->size % r->n == 0);
}

/* Of the turns that a loop over registers takes along dimension d, all but the last few are inside
 * whatever the thread: said first, that costs nothing, since such loops are unrolled. */
const char *lower_within(Lower *L, const Layout *l, int d, const char *const *v, int n)
{
	const Digit *far = NULL;
	Digit strips;
	const char *turn = NULL, *at = layout_coord(L->a, l, d, v);
	char *end;
	int rest, whole;

	for (int i = 0, r = 0; i < l->nd; i++)
		if (l->d[i].hw == HW_REG) {
			if (l->d[i].dim == d && l->d[i].n > 1 && !l->d[i].fold &&
			    (!far || l->d[i].stride > far->stride)) {
				far = &l->d[i];
				turn = v[r];
			}
			r++;
		}
	rest = layout_reach(l, d, true);
	if (l->base[d] && L->strip->step) {
		strips = (Digit){.n = L->strip->count, .stride = L->strip->step};
		far = &strips;
		turn = L->strip->var;
	} else if (far && !l->base[d]) {
		rest -= (far->n - 1) * far->stride;
	} else
		return arena_printf(L->a, "%s < %d", at, n);
	whole = rest > n ? 0 : (n - rest) / far->stride + 1;
	if (whole >= far->n || (strtol(turn, &end, 10) < whole && !*end))
		return NULL;
	if (!whole || !*end)
		return arena_printf(L->a, "%s < %d", at, n);
	return arena_printf(L->a, "(%s < %d || %s < %d)", turn, whole, at, n);
}

/* "row < N && col < V" for the ragged dimensions; NULL when always true. */
const char *lower_guard(Lower *L, const Op *io, const Op *tile, const Layout *l,
                        const char *const *v)
{
	Text s = {.arena = L->a};

	for (int d = 0; d < tile->rank; d++) {
		const Range *r = lower_io_range(io, d);
		const char *in = lower_reach(L, tile, l, d) > tile->dim[d].n
		                     ? lower_within(L, l, d, v, tile->dim[d].n)
		                     : NULL;

		if (in)
			text_add(&s, "%s%s", s.len ? " && " : "", in);
		if (r && !lower_range_whole(r))
			text_add(&s, "%s%s + %s < %s", s.len ? " && " : "", lower_start(L, r),
			         layout_coord(L->a, l, d, v), lower_size(L, r, 0));
	}
	return s.len ? s.s : NULL;
}

const char *lower_element(Lower *L, const Op *op, const Op *tile, const char *const *coord)
{
	Text s = {.arena = L->a};

	text_puts(&s, lower_pointer(L, op));
	for (int d = 0; d < tile->rank; d++) {
		const char *stride = lower_stride(L, op, d), *start = lower_start(L, lower_io_range(op, d));
		const char *at =
		    strcmp(start, "0") ? arena_printf(L->a, "%s + %s", start, coord[d]) : coord[d];

		if (!strcmp(stride, "1"))
			text_add(&s, " + %s", at);
		else
			text_add(&s, " + (i64)(%s) * %s", at, stride);
	}
	return s.s;
}

/* -- global to shared ---------------------------------------------------------------------- */

void lower_stage(Lower *L, Op *op, int stages)
{
	Staged *s = &L->staged[L->nstaged++];
	const char *base =
	    lower_name(L, arena_printf(L->a, "%s_s", op->name ? op->name : op->arg->name));
	int elem = op->dtype == DT_F32 || op->dtype == DT_I32 ? 4 : 2, rows, cols;

	if (op->rank == 2) {
		rows = facts_extent(L->f, facts_class(L->f, op, 0));
		cols = facts_extent(L->f, facts_class(L->f, op, 1));
	} else {
		int n = facts_extent(L->f, facts_class(L->f, op, 0));

		rows = 1;
		cols = ((n > op->dim[0].n ? n : op->dim[0].n) + 31) / 32 * 32;
	}
	s->op = op;
	s->buf =
	    dev_buffer(L->dev, stages > 1 ? lower_name(L, arena_printf(L->a, "%s_ring", base)) : base,
	               rows, cols, elem, stages);
	s->buf->used_cols = op->dim[op->rank - 1].n;
	s->base = base;
}

/* Address of 16-byte unit c of row r, in bytes from the tile's base. */
const char *lower_unit(Lower *L, const Buffer *b, const char *r, const char *c)
{
	int units = b->pbytes / 16, shift = units == 8 ? 0 : units == 4 ? 1 : 2;
	int panels = b->pcols ? (b->cols + b->pcols - 1) / b->pcols : 1;
	const char *unit = c, *panel = "";

	if (panels > 1) {
		panel = arena_printf(L->a, "%s / %d * %d + ", c, units, b->rows * b->pbytes);
		unit = arena_printf(L->a, "%s %% %d", c, units);
	}
	if (!b->swizzle)
		return arena_printf(L->a, "%s%s * %d + %s * 16", panel, r, b->pbytes,
		                    panels > 1 ? arena_printf(L->a, "(%s)", unit) : unit);
	if (shift)
		return arena_printf(L->a, "%s%s * %d + ((%s) ^ (%s >> %d & %d)) * 16", panel, r, b->pbytes,
		                    unit, r, shift, b->swizzle);
	return arena_printf(L->a, "%s%s * %d + ((%s) ^ (%s & %d)) * 16", panel, r, b->pbytes, unit, r,
	                    b->swizzle);
}

static const char *row_live(Lower *L, const Op *op, const char *start, const char *r, int alloc)
{
	const Range *x = op->dim[0].range;
	int n = op->dim[0].n;
	const char *in = alloc > n ? arena_printf(L->a, "%s < %d", r, n) : NULL;

	if (!x || x->kind == RANGE_WHOLE)
		return in ? in : "1";
	if (in)
		return arena_printf(L->a, "%s && %s + %s < %s", in, start, r, lower_size(L, x, 0));
	return arena_printf(L->a, "%s + %s < %s", start, r, lower_size(L, x, 0));
}

/* The common case: each thread copies the same unit of rows a multiple of 8 apart, so that its
 * addresses differ by constants. */
static void issue_unrolled(Lower *L, const Staged *s, const char *dst, const char *start,
                           const char *col, int per, int turns)
{
	const Op *op = s->op;
	const Buffer *b = s->buf;
	int step = L->warps * 32 / per;
	const char *ptr = lower_pointer(L, op), *stride = lower_stride(L, op, 0), *row, *unit, *src,
	           *at;
	const char *r = per > 1 ? arena_printf(L->a, "tid / %d", per) : "tid";
	const char *c = per > 1 ? arena_printf(L->a, "tid %% %d", per) : "0", *off, *live;
	Block *saved = L->out;
	Stmt *st;

	off = arena_printf(L->a, "%s_c", s->base);
	for (int i = 0; i < L->nnames; i++)
		if (!strcmp(L->names[i], off))
			goto known;
	lower_name(L, off);
	L->out = L->pro;
	lower_code(L, "const u32 %s = %s;", off,
	           lower_unit(L, b, arena_printf(L->a, "(%s)", r), arena_printf(L->a, "(%s)", c)));
	L->out = saved;
known:
	src = lower_name(L, arena_printf(L->a, "%s_src", op->arg->name));
	unit = per > 1 ? arena_printf(L->a, " + %d * (%s)", 16 / b->elem, c) : "";
	if (strcmp(col, "0"))
		unit = arena_printf(L->a, " + %s%s", col, unit);
	lower_code(L, "const %s *const %s = %s + (i64)(%s + %s) * %s%s;", element_type(op->arg), src,
	           ptr, start, r, stride, unit);
	if (turns > 1)
		lower_open(L, S_FOR, true, "int u = 0; u < %d; u++", turns);
	row = turns > 1 ? arena_printf(L->a, "%s + %d * u", r, step) : r;
	live = row_live(L, op, start, row, b->rows);
	at = turns > 1 ? arena_printf(L->a, "%s + (i64)(%d * u) * %s", src, step, stride) : src;
	st = lower_code(L, "cp_async_16(%s + %s%s, %s, %s);", dst, off,
	                turns > 1 ? arena_printf(L->a, " + %d * u", step * b->pbytes) : "", at,
	                strcmp(live, "1") ? arena_printf(L->a, "%s ? 16 : 0", live) : "16");
	dev_access(st, s->buf, ACC_ASYNC);
	L->out = saved;
}

void lower_issue(Lower *L, const Staged *s, const char *dst, const Range *ring,
                 const char *ring_start)
{
	const Range *rows = s->op->dim[0].range, *cols = s->op->rank == 2 ? s->op->dim[1].range : NULL;
	const char *start = rows == ring && ring ? ring_start : lower_start(L, rows);
	const char *col = cols && cols == ring ? ring_start : lower_start(L, cols), *bytes = NULL;
	bool parts =
	    cols && cols->kind == RANGE_GRID && cols->axis->size && cols->axis->size % cols->n == 0;
	bool tiled = cols && cols->kind != RANGE_WHOLE && !parts;
	const Op *op = s->op;
	const Buffer *b = s->buf;
	int threads = L->warps * 32, vec = op->rank == 1;
	int gran = vec || L->align < b->elem ? b->elem : L->align < 16 ? L->align : 16;
	int row_bytes = op->dim[op->rank - 1].n * b->elem, per, total;
	const char *ptr = lower_pointer(L, op), *addr, *src, *stride;
	Block *saved;
	Stmt *loop;

	if (tiled) /* whole units, the last one cut at the end of the axis */
		row_bytes = (row_bytes + 15) / 16 * 16;
	while (!vec && (row_bytes % gran || (tiled && op->dim[1].n * b->elem % gran)))
		gran /= 2;
	per = vec ? 1 : row_bytes / gran;
	total = vec ? b->cols : b->rows * per;
	if (!vec && !tiled && gran == 16 && threads % per == 0 && total % threads == 0 &&
	    threads / per % 8 == 0) {
		issue_unrolled(L, s, dst, start, col, per, total / threads);
		return;
	}
	saved = lower_open(L, S_FOR, true, "int x = tid; x < %d; x += %d", total, threads);
	loop = saved->last;
	loop->atomic = true;
	loop->unroll = false;
	if (vec) {
		stride = lower_stride(L, op, 0);
		lower_code(L, "const int on = %s;", row_live(L, op, start, "x", b->cols));
		addr = arena_printf(L->a, "%s + %d * x", dst, b->elem);
		src = arena_printf(L->a, "%s + (i64)(on ? %s + x : 0) * %s", ptr, start, stride);
	} else {
		stride = lower_stride(L, op, 0);
		if (per > 1)
			lower_code(L, "const int r = x / %d, c = x %% %d;", per, per);
		else
			lower_code(L, "const int r = x;");
		lower_code(L, "const int on = %s;", row_live(L, op, start, "r", b->rows));
		src = arena_printf(L->a, "%s + (i64)(on ? %s + r : 0) * %s", ptr, start, stride);
		if (per > 1)
			src = arena_printf(L->a, "%s + %d * c", src, gran / b->elem);
		if (parts)
			src = arena_printf(L->a, "%s + %s", src, col);
		if (tiled) {
			src = arena_printf(L->a, "%s + %s", src, col);
			/* units beyond the chunk hold elements of the next one */
			if (row_bytes > op->dim[1].n * b->elem)
				lower_code(L, "const int end = %s - (%s) < %d ? %s - (%s) : %d;",
				           lower_size(L, cols, 0), col, op->dim[1].n, lower_size(L, cols, 0), col,
				           op->dim[1].n);
			else
				lower_code(L, "const int end = %s - (%s);", lower_size(L, cols, 0), col);
			lower_code(L, "const int left = %d * (end%s);", b->elem,
			           per > 1 ? arena_printf(L->a, " - %d * c", gran / b->elem) : "");
			lower_code(L, "const int bytes = !on || left < 0 ? 0 : left < %d ? left : %d;", gran,
			           gran);
			bytes = "bytes";
		}
		if (gran == 16)
			addr = arena_printf(L->a, "%s + (%s)", dst, lower_unit(L, b, "r", per > 1 ? "c" : "0"));
		else
			addr = arena_printf(L->a, "%s + (%s) + c %% %d * %d", dst,
			                    lower_unit(L, b, "r", arena_printf(L->a, "(c / %d)", 16 / gran)),
			                    16 / gran, gran);
	}
	if (gran >= 4) {
		if (bytes)
			lower_code(L, "cp_async_%d(%s, %s, bytes);", gran, addr, src);
		else
			lower_code(L, "cp_async_%d(%s, %s, on ? %d : 0);", gran, addr, src, gran);
		dev_access(loop, s->buf, ACC_ASYNC);
	} else {
		lower_code(L, "st_shared_b16(%s, %s ? ld_global_b16(%s) : 0);", addr,
		           bytes ? "bytes > 0" : "on", src);
		/* into a stage that nobody reads before the next wait, as copies do */
		dev_access(loop, s->buf, b->stages > 1 ? ACC_ASYNC : ACC_WRITE);
	}
	lower_close(L, saved);
}
