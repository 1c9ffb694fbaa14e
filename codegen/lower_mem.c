/* lower_mem.c -- tiles between global memory, shared memory and registers.
 *
 * Loads that feed products are staged: copied asynchronously into swizzled shared memory, rows out
 * of range as zeros, and read from there as 8x8 cores. Other loads go straight to registers.
 */
#include "lower.h"

#include <ctype.h>
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
	Text s = { .arena = L->a };
	Block *saved = L->out;

	if (L->pointer[a->id])
		return L->pointer[a->id];
	name = L->pointer[a->id] = lower_name(L, name);
	dev_param(L->dev, PARAM_ARG, a->id, 0, a->dtype, L->argname[a->id]);
	text_add(&s, "%s%s *const %s = %s", a->output ? "" : "const ", element_type(a), name, L->argname[a->id]);
	for (int i = 0; i < a->rank; i++)
		if (op->at[i] && op->at[i]->kind == RANGE_ONE)
			text_add(&s, " + %s * %s", L->prog[op->at[i]->id], stride_param(L, a, i));
	L->out = &L->pro;
	lower_code(L, "%s;", s.s);
	L->out = saved;
	return name;
}

Staged *lower_staged(Lower *L, const Op *op)
{
	for (int i = 0; i < L->nstaged; i++)
		if (L->staged[i].op == op)
			return &L->staged[i];
	return NULL;
}

/* -- global to shared ---------------------------------------------------------------------- */

void lower_stage(Lower *L, Op *op, int stages)
{
	Staged *s = &L->staged[L->nstaged++];
	const char *base = lower_name(L, arena_printf(L->a, "%s_s", op->name ? op->name : op->arg->name));
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
	s->buf = dev_buffer(L->dev, stages > 1 ? arena_printf(L->a, "%s_ring", base) : base, rows, cols, elem,
	                    stages);
	s->buf->used_cols = op->dim[op->rank - 1].n;
	s->base = base;
}

/* Address of 16-byte unit c of row r, in bytes from the tile's base. */
static const char *unit_address(Lower *L, const Buffer *b, const char *r, const char *c)
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
		return arena_printf(L->a, "%s%s * %d + ((%s) ^ (%s >> %d & %d)) * 16", panel, r, b->pbytes, unit,
		                    r, shift, b->swizzle);
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
static void issue_unrolled(Lower *L, const Staged *s, const char *dst, const char *start, const char *col, int per,
                           int turns)
{
	const Op *op = s->op;
	const Buffer *b = s->buf;
	int step = L->warps * 32 / per;
	const char *ptr = lower_pointer(L, op), *stride = lower_stride(L, op, 0), *row, *unit, *src, *at;
	const char *r = per > 1 ? arena_printf(L->a, "tid / %d", per) : "tid";
	const char *c = per > 1 ? arena_printf(L->a, "tid %% %d", per) : "0", *off, *live;
	Block *saved = L->out;
	Stmt *st;

	off = arena_printf(L->a, "%s_c", s->base);
	for (int i = 0; i < L->nnames; i++)
		if (!strcmp(L->names[i], off))
			goto known;
	lower_name(L, off);
	L->out = &L->pro;
	lower_code(L, "const u32 %s = %s;", off, unit_address(L, b, arena_printf(L->a, "(%s)", r),
	                                                    arena_printf(L->a, "(%s)", c)));
	L->out = saved;
known:
	src = lower_name(L, arena_printf(L->a, "%s_src", op->arg->name));
	unit = per > 1 ? arena_printf(L->a, " + %d * (%s)", 16 / b->elem, c) : "";
	if (strcmp(col, "0"))
		unit = arena_printf(L->a, " + %s%s", col, unit);
	lower_code(L, "const %s *const %s = %s + (i64)(%s + %s) * %s%s;", element_type(op->arg), src, ptr, start, r,
	           stride, unit);
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

void lower_issue(Lower *L, const Staged *s, const char *dst, const Range *ring, const char *ring_start)
{
	const Range *rows = s->op->dim[0].range, *cols = s->op->rank == 2 ? s->op->dim[1].range : NULL;
	const char *start = rows == ring && ring ? ring_start : lower_start(L, rows);
	const char *col = cols && cols == ring ? ring_start : lower_start(L, cols), *bytes = NULL;
	bool parts = cols && cols->kind == RANGE_GRID && cols->axis->size && cols->axis->size % cols->n == 0;
	bool tiled = cols && cols->kind != RANGE_WHOLE && !parts;
	const Op *op = s->op;
	const Buffer *b = s->buf;
	int threads = L->warps * 32, vec = op->rank == 1;
	int gran = vec ? b->elem : L->align < 16 ? L->align : 16;
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
	if (!vec && !tiled && gran == 16 && threads % per == 0 && total % threads == 0 && threads / per % 8 == 0) {
		issue_unrolled(L, s, dst, start, col, per, total / threads);
		return;
	}
	saved = lower_open(L, S_FOR, true, "int x = tid; x < %d; x += %d", total,
	                   threads);
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
			lower_code(L, "const int left = %d * (%s - (%s)%s);", b->elem, lower_size(L, cols, 0), col,
			           per > 1 ? arena_printf(L->a, " - %d * c", gran / b->elem) : "");
			lower_code(L, "const int bytes = !on || left < 0 ? 0 : left < %d ? left : %d;", gran, gran);
			bytes = "bytes";
		}
		if (gran == 16)
			addr = arena_printf(L->a, "%s + (%s)", dst, unit_address(L, b, "r", per > 1 ? "c" : "0"));
		else
			addr = arena_printf(L->a, "%s + (%s) + c %% %d * %d", dst,
			                    unit_address(L, b, "r", arena_printf(L->a, "(c / %d)", 16 / gran)),
			                    16 / gran, gran);
	}
	if (gran >= 4) {
		if (bytes)
			lower_code(L, "cp_async_%d(%s, %s, bytes);", gran, addr, src);
		else
			lower_code(L, "cp_async_%d(%s, %s, on ? %d : 0);", gran, addr, src, gran);
		dev_access(loop, s->buf, ACC_ASYNC);
	} else {
		lower_code(L, "st_shared_b16(%s, %s ? ld_global_b16(%s) : 0);", addr, bytes ? "bytes > 0" : "on", src);
		dev_access(loop, s->buf, ACC_WRITE);
	}
	lower_close(L, saved);
}

/* -- shared to registers ------------------------------------------------------------------- */

static bool pow2(int n)
{
	return n > 0 && !(n & (n - 1));
}

/* A value of the thread's own, made once in the prologue. */
static const char *lane_value(Lower *L, const char *key, const char *want, const char *value)
{
	Block *saved = L->out;

	for (int i = 0; i < L->nlanes; i++)
		if (!strcmp(L->lane_key[i], key))
			return L->lane_name[i];
	if (L->nlanes == 64)
		bug("too many lane addresses");
	L->lane_key[L->nlanes] = key;
	L->lane_name[L->nlanes] = lower_name(L, want);
	L->out = &L->pro;
	lower_code(L, "const u32 %s = %s;", L->lane_name[L->nlanes], value);
	L->out = saved;
	return L->lane_name[L->nlanes++];
}

/* Row and 16-byte column unit of the matrix row that the lane reads of the first group of cores. */
typedef struct LanePlace {
	const char *key, *row, *unit;
	bool divided; /* columns, over warps */
} LanePlace;

static LanePlace lane_place(Lower *L, const Staged *s, const Layout *l, int dr, int dc)
{
	Text key = { .arena = L->a }, row = { .arena = L->a }, unit = { .arena = L->a };
	LanePlace p = { .divided = false };

	text_add(&key, "%d:%d%d", s->buf->id, dr, dc);
	text_puts(&row, dr == 2 ? "(lane % 16" : "(lane % 8");
	if (dc == 2)
		text_add(&unit, "(lane / %d %% 2", dr == 2 ? 16 : 8);
	for (int i = 0; i < l->nd; i++)
		if (l->d[i].hw == HW_WARP) {
			const char *w = l->d[i].pos == 1 ? "" : arena_printf(L->a, " / %d", l->d[i].pos);
			Text *t = l->d[i].dim == 0 ? &row : &unit;
			int stride = l->d[i].dim == 0 ? l->d[i].stride : l->d[i].stride / 8;

			text_add(t, "%swarp%s %% %d * %d", t->len ? " + " : "(", w, l->d[i].n, stride);
			text_add(&key, ":%d,%d,%d,%d", l->d[i].n, l->d[i].pos, l->d[i].dim, l->d[i].stride);
			p.divided |= l->d[i].dim == 1;
		}
	text_puts(&row, ")");
	if (unit.len)
		text_puts(&unit, ")");
	p.key = key.s;
	p.row = row.s;
	p.unit = unit.len ? unit.s : "0";
	return p;
}

/* Where a warp's columns start at a multiple of their power-of-two count, or at 0, the group's offset is
 * added to (rows, panels) and XORed into (columns) the lane's address of the first group. */
static const char *group_address(Lower *L, const Staged *s, const Layout *l, int dr, int dc, const char *row,
                                 const char *col)
{
	const Buffer *b = s->buf;
	int wcols = 8 * l->d[1].n, panels = (b->cols + b->pcols - 1) / b->pcols, units = b->pbytes / 16;
	LanePlace at = lane_place(L, s, l, dr, dc);
	const char *x, *p = strcmp(row, "0") ? arena_printf(L->a, "%d * (%s) + ", 8 * b->pbytes, row) : "";

	if (at.divided && !pow2(wcols) && wcols % b->pcols) { /* any start: the unit is added, then swizzled */
		int shift = units == 8 ? 0 : units == 4 ? 1 : 2;
		const char *u = lane_value(L, arena_printf(L->a, "%s u", at.key), arena_printf(L->a, "%s_u", s->base),
		                           at.unit);
		const char *w = lane_value(L, arena_printf(L->a, "%s w", at.key), arena_printf(L->a, "%s_w", s->base),
		                           arena_printf(L->a, "%s >> %d & %d", at.row, shift, b->swizzle));

		x = lane_value(L, at.key, arena_printf(L->a, "%s_l", s->base),
		               arena_printf(L->a, "%s * %d", at.row, b->pbytes));
		if (strcmp(col, "0"))
			u = arena_printf(L->a, "(%s + %s)", u, col);
		x = panels > 1 ? arena_printf(L->a, "%s + %s / %d * %d + 16 * (%s %% %d ^ %s)", x, u, units,
		                              b->rows * b->pbytes, u, units, w)
		               : arena_printf(L->a, "%s + 16 * (%s ^ %s)", x, u, w);
		return arena_printf(L->a, "%s + %s%s", s->base, p, x);
	}
	x = lane_value(L, at.key, arena_printf(L->a, "%s_l", s->base), unit_address(L, b, at.row, at.unit));
	if (strcmp(col, "0")) {
		if (panels > 1 && wcols > b->pcols) {
			x = arena_printf(L->a, "(%s ^ 16 * ((%s) %% %d))", x, col, units);
			x = arena_printf(L->a, "%s + (%s) / %d * %d", x, col, units, b->rows * b->pbytes);
		} else {
			x = arena_printf(L->a, "(%s ^ 16 * (%s))", x, col);
		}
	}
	return arena_printf(L->a, "%s + %s%s", s->base, p, x);
}

static const char *plus(Lower *L, const char *a, const char *b)
{
	if (!strcmp(a, "0"))
		return b;
	if (!strcmp(b, "0"))
		return a;
	return arena_printf(L->a, "%s + %s", a, b);
}

void lower_cores(Lower *L, const Staged *s, const Layout *l, const char *to, const char *r0, int nr,
                 const char *c0, int nc)
{
	bool trans = l->orient == ORIENT_T;
	int dr = nr % 2 ? 1 : 2, dc = nc % 2 ? 1 : 2;
	const char *i = "0", *j = "0", *addr;
	Block *saved = L->out;
	Text args = { .arena = L->a };
	Stmt *st;

	if (nr > dr) {
		lower_open(L, S_FOR, true, "int i = 0; i < %d; i += %d", nr, dr);
		i = "i";
	}
	if (nc > dc) {
		lower_open(L, S_FOR, true, "int j = 0; j < %d; j += %d", nc, dc);
		j = "j";
	}
	addr = group_address(L, s, l, dr, dc, plus(L, r0, i), plus(L, c0, j));
	for (int c = 0; c < dc; c++)
		for (int r = 0; r < dr; r++)
			text_add(&args, "&%s[%s][%s], ", to, r ? arena_printf(L->a, "%s + 1", i) : i,
			         c ? arena_printf(L->a, "%s + 1", j) : j);
	st = lower_code(L, "cores_load%d%s(%s%s);", dr * dc, trans ? "_trans" : "", args.s, addr);
	dev_access(st, s->buf, ACC_READ);
	L->out = saved;
}

/* The part of the argument's axis that dimension d of the tile covers. */
static const Range *io_range(const Op *io, int d)
{
	return io->at[tile_axis(io, d)];
}

/* "row < N && col < V" for the ragged dimensions; NULL when always true. */
static const char *guard(Lower *L, const Op *io, const Op *tile, const Layout *l, const char *const *coord)
{
	Text s = { .arena = L->a };

	for (int d = 0; d < tile->rank; d++) {
		const Range *r = io_range(io, d);
		int covered = 1;

		for (int i = 0; i < l->nd; i++)
			if (l->d[i].dim == d)
				covered = covered > l->d[i].n * l->d[i].stride ? covered : l->d[i].n * l->d[i].stride;
		if (r && r->kind != RANGE_WHOLE) {
			if (covered > tile->dim[d].n)
				text_add(&s, "%s%s < %d", s.len ? " && " : "", coord[d], tile->dim[d].n);
			text_add(&s, "%s%s + %s < %s", s.len ? " && " : "", lower_start(L, r), coord[d],
			         lower_size(L, r, 0));
		} else if (covered > tile->dim[d].n) {
			text_add(&s, "%s%s < %d", s.len ? " && " : "", coord[d], tile->dim[d].n);
		}
	}
	return s.len ? s.s : NULL;
}

static const char *element_pointer(Lower *L, const Op *op, const Op *tile, const char *const *coord)
{
	Text s = { .arena = L->a };

	text_puts(&s, lower_pointer(L, op));
	for (int d = 0; d < tile->rank; d++) {
		const char *stride = lower_stride(L, op, d), *start = lower_start(L, io_range(op, d));
		const char *at = strcmp(start, "0") ? arena_printf(L->a, "%s + %s", start, coord[d]) : coord[d];

		if (!strcmp(stride, "1"))
			text_add(&s, " + %s", at);
		else
			text_add(&s, " + (i64)(%s) * %s", at, stride);
	}
	return s.s;
}

static const char *load_global(Lower *L, Dtype dt, const char *ptr)
{
	if (dt == DT_F32)
		return arena_printf(L->a, "ld_global_f32(%s)", ptr);
	if (dt == DT_I32)
		return arena_printf(L->a, "ld_global_i32(%s)", ptr);
	return arena_printf(L->a, "widen_%s(ld_global_b16(%s))", dt == DT_F16 ? "f16" : "bf16", ptr);
}

static int last_digit(const Layout *l)
{
	int n = -1;

	for (int i = 0; i < l->nd; i++)
		n += l->d[i].hw == HW_REG;
	return n;
}

/* Address of one element of a staged tile. */
static const char *shared_element(Lower *L, const Staged *s, const char *const *coord)
{
	const Buffer *b = s->buf;

	if (s->op->rank == 1)
		return arena_printf(L->a, "%s + %d * (%s)", s->base, b->elem, coord[0]);
	if (!b->swizzle)
		return arena_printf(L->a, "%s + %d * (%s) + %d * (%s)", s->base, b->pbytes, coord[0], b->elem, coord[1]);
	return arena_printf(L->a, "%s + %s + 2 * ((%s) %% 8)", s->base,
	                    unit_address(L, b, arena_printf(L->a, "(%s)", coord[0]),
	                                 arena_printf(L->a, "((%s) / 8)", coord[1])), coord[1]);
}

/* elem[0..n): n contiguous elements of a 16-byte unit, or several whole units. */
static void load_wide_shared(Lower *L, const Staged *s, int n, const char *const *elem, const char *const *coord)
{
	int size = s->buf->elem, words = n * size / 4, part = words > 4 ? 4 : words;
	const char *ty = s->op->dtype == DT_F16 ? "f16" : "bf16", *at = shared_element(L, s, coord);

	lower_code(L, "u32 x[%d];", words);
	for (int w = 0; w < words; w += part) {
		const char *p = w ? arena_printf(L->a, "%s + %d", at, 4 * w) : at;
		Stmt *st;

		if (part == 1)
			st = lower_code(L, "x[%d] = ld_shared_b32(%s);", w, p);
		else
			st = lower_code(L, "ld_shared_v%d(x%s, %s);", part, w ? arena_printf(L->a, " + %d", w) : "", p);
		dev_access(st, s->buf, ACC_READ);
	}
	for (int e = 0; e < n; e++)
		if (size == 4)
			lower_code(L, "%s = bits_f32(x[%d]);", elem[e], e);
		else
			lower_code(L, "%s = %s_%s(x[%d]);", elem[e], ty, e % 2 ? "hi" : "lo", e / 2);
}

/* Whether the elements lie inside the buffer, where a layout covers more; NULL when it does not. */
static const char *in_buffer(Lower *L, const Staged *s, const Layout *l, const char *const *coord)
{
	const Buffer *b = s->buf;
	Text t = { .arena = L->a };

	for (int d = 0; d < s->op->rank; d++) {
		int last = d == s->op->rank - 1, n = last ? b->cols : b->rows, covered = 1;

		for (int i = 0; i < l->nd; i++)
			if (l->d[i].dim == d)
				covered = covered > l->d[i].n * l->d[i].stride ? covered : l->d[i].n * l->d[i].stride;
		if (last && b->elem == 2) /* whole panels are filled */
			n = (n + b->pcols - 1) / b->pcols * b->pcols;
		if (covered > n)
			text_add(&t, "%s%s < %d", t.len ? " && " : "", coord[d], n);
	}
	return t.len ? t.s : NULL;
}

/* `n` contiguous elements at once; v and coord name the first of them. */
static void load_wide(Lower *L, const Op *op, const Staged *s, const Layout *l, Version *w, int n,
                      const char **v, const char *const *coord, Block *outer)
{
	const char *elem[16], *g = s ? in_buffer(L, s, l, coord) : guard(L, op, op, l, coord);
	int last = last_digit(l);
	Block *saved = L->out;

	for (int e = 0; e < n; e++) {
		v[last] = arena_printf(L->a, "%d", e);
		elem[e] = lower_ref(L, w, l, v);
	}
	if (g) {
		for (int e = 0; e < n; e++)
			lower_code(L, "%s = 0.0f;", elem[e]);
		lower_open(L, S_IF, false, "%s", g);
	} else {
		lower_scope(L, outer);
	}
	if (s)
		load_wide_shared(L, s, n, elem, coord);
	else
		lower_wide_load(L, op, n, elem, element_pointer(L, op, op, coord));
	L->out = saved;
}

Version *lower_load(Lower *L, Op *op, const Layout *l, bool packed)
{
	Staged *s = lower_staged(L, op);
	const char *v[MAX_DIGITS], *coord[MAX_RANK], *g;
	Version *w;
	Block *b;
	Stmt *st;
	int wide;

	if (s && op->rank == 2 && s->buf->elem == 2 && l->orient != ORIENT_NONE) {
		w = lower_declare(L, op, l, true, op->name ? NULL : op->arg->name);
		lower_cores(L, s, l, w->name, l->base[0] ? arena_printf(L->a, "%d * %s", l->d[0].n, L->strip->var) : "0",
		            l->d[0].n, "0", l->d[1].n);
		return w;
	}
	if (packed)
		lower_cannot(L, op, "an operand that is not staged");
	w = lower_declare(L, op, l, false, op->name ? NULL : op->arg->name);
	wide = s && op->rank == 1 ? 1 : lower_wide(op, op, l);
	b = lower_nest(L, l, wide > 1, v);
	for (int d = 0; d < op->rank; d++)
		coord[d] = layout_coord(L->a, l, d, v);
	if (wide > 1) {
		load_wide(L, op, s, l, w, wide, v, coord, b);
	} else if (s) {
		const char *at = shared_element(L, s, coord), *x;

		if (op->dtype == DT_I32)
			x = arena_printf(L->a, "(int)ld_shared_b32(%s)", at);
		else if (s->buf->elem == 4)
			x = arena_printf(L->a, "ld_shared_f32(%s)", at);
		else
			x = arena_printf(L->a, "widen_%s(ld_shared_b16(%s))", op->dtype == DT_F16 ? "f16" : "bf16", at);
		g = in_buffer(L, s, l, coord);
		st = lower_code(L, "%s = %s;", lower_ref(L, w, l, v), g ? arena_printf(L->a, "%s ? %s : 0", g, x) : x);
		dev_access(st, s->buf, ACC_READ);
	} else {
		g = guard(L, op, op, l, coord);
		if (g)
			lower_code(L, "%s = %s ? %s : %s;", lower_ref(L, w, l, v), g,
			           load_global(L, op->dtype, element_pointer(L, op, op, coord)),
			           op->dtype == DT_I32 ? "0" : "0.0f");
		else
			lower_code(L, "%s = %s;", lower_ref(L, w, l, v),
			           load_global(L, op->dtype, element_pointer(L, op, op, coord)));
	}
	lower_nest_close(L, b);
	return w;
}

/* -- registers to global ------------------------------------------------------------------- */

/* What is stored: the store itself rounds to the argument's dtype. */
static Op *stored(const Op *op)
{
	Op *x = op->src[0];

	while (x->code == OP_cast && x->dtype == op->arg->dtype && x->dtype != DT_I32)
		x = x->src[0];
	return x;
}

static void store_body(Lower *L, Op *op, const Layout *l)
{
	Op *x = op->src[0];
	Dtype dt = op->arg->dtype;
	const char *v[MAX_DIGITS], *coord[MAX_RANK], *g, *owner, *ty = dt == DT_F16 ? "f16" : "bf16";
	bool pairs = l->orient == ORIENT_N && x->rank == 2 && x->dim[1].n % 2 == 0 && dt != DT_I32 &&
	             (!x->dim[1].range || x->dim[1].range->kind == RANGE_WHOLE || x->dim[1].range == L->k->divided) &&
	             (dt == DT_F32 ? L->align >= 8 : L->align >= 4);
	Block *b;
	Op *from = stored(op);
	int wide;

	lower_ensure(L, from, l);
	if (from->rank > 0 && !lower_find(L, from, l, false) && !op_is_elementwise(from))
		lower_need(L, from, l);
	owner = layout_owner(L->a, l, L->warps);
	b = L->out;
	if (owner)
		lower_open(L, S_IF, false, "%s", owner);
	wide = lower_wide(op, x, l);
	lower_nest(L, l, pairs || wide > 1, v);
	for (int d = 0; d < x->rank; d++)
		coord[d] = layout_coord(L->a, l, d, v);
	g = guard(L, op, x, l, coord);
	if (g)
		lower_open(L, S_IF, false, "%s", g);
	if (wide > 1) {
		const char *elem[16], *ptr = element_pointer(L, op, x, coord);
		int last = last_digit(l);

		for (int e = 0; e < wide; e++) {
			v[last] = arena_printf(L->a, "%d", e);
			elem[e] = lower_elem(L, from, l, v);
		}
		lower_wide_store(L, op, wide, elem, ptr);
	} else if (pairs) {
		const char *lo, *hi;
		int last = 2;

		v[last] = "0";
		lo = lower_elem(L, from, l, v);
		v[last] = "1";
		hi = lower_elem(L, from, l, v);
		if (dt == DT_F32)
			lower_code(L, "st_global_v2(%s, f32_bits(%s), f32_bits(%s));", element_pointer(L, op, x, coord), lo,
			           hi);
		else
			lower_code(L, "st_global_b32(%s, pack_%s(%s, %s));", element_pointer(L, op, x, coord), ty, lo, hi);
	} else if (dt == DT_F32 || dt == DT_I32) {
		lower_code(L, "st_global_%s(%s, %s);", dt == DT_F32 ? "f32" : "i32", element_pointer(L, op, x, coord),
		           lower_elem(L, from, l, v));
	} else {
		lower_code(L, "st_global_b16(%s, round_%s(%s));", element_pointer(L, op, x, coord), ty,
		           lower_elem(L, from, l, v));
	}
	L->out = b;
}

void lower_store(Lower *L, Op *op)
{
	lower_root_strips(L, op, stored(op), store_body);
}

/* Address of 16-byte unit u of the row that lane group g holds in row core r0 + r of layout l. */
const char *lower_row_unit(Lower *L, const Staged *s, const Layout *l, const char *r0, const char *u)
{
	const Buffer *b = s->buf;
	const char *name = arena_printf(L->a, "%s_g", s->base), *x;
	Text row = { .arena = L->a };
	Block *saved = L->out;

	for (int i = 0; i < L->nnames; i++)
		if (!strcmp(L->names[i], name))
			goto known;
	lower_name(L, name);
	text_puts(&row, "(g");
	for (int i = 0; i < l->nd; i++)
		if (l->d[i].hw == HW_WARP && l->d[i].dim == 0)
			text_add(&row, " + warp / %d %% %d * %d", l->d[i].pos, l->d[i].n, l->d[i].stride);
	text_puts(&row, ")");
	L->out = &L->pro;
	lower_code(L, "const u32 %s = %s;", name, unit_address(L, b, row.s, "0"));
	L->out = saved;
known:
	x = strcmp(u, "0") ? arena_printf(L->a, "(%s ^ 16 * %s)", name, u) : name;
	return arena_printf(L->a, "%s + %s + %d * (%s)", s->base, x, 8 * b->pbytes, r0);
}
