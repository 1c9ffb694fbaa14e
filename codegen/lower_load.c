/* lower_load.c -- tiles into registers: cores and vectors of elements from shared memory, what is
 * not staged from global memory. Elements out of range are 0.
 */
#include "lower.h"

#include <string.h>

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
	L->out = L->pro;
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
	Text key = {.arena = L->a}, row = {.arena = L->a}, unit = {.arena = L->a};
	LanePlace p = {.divided = false};

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

/* Where a warp's columns start at a multiple of their power-of-two count, or at 0, the group's
 * offset is added to (rows, panels) and XORed into (columns) the lane's address of the first group.
 */
static const char *group_address(Lower *L, const Staged *s, const Layout *l, int dr, int dc,
                                 const char *row, const char *col)
{
	const Buffer *b = s->buf;
	int dealt = layout_core_step(l, 1), wcols = 8 * l->d[1].n,
	    panels = (b->cols + b->pcols - 1) / b->pcols, units = b->pbytes / 16;
	LanePlace at = lane_place(L, s, l, dr, dc);
	const char *x, *p = strcmp(row, "0") ? arena_printf(L->a, "%d * (%s) + ",
	                                                    8 * b->pbytes * layout_core_step(l, 0), row)
	                                     : "";

	if (dealt > 1 && strcmp(col, "0"))
		col = arena_printf(L->a, "%d * (%s)", dealt, col);
	if (at.divided && (dealt > 1 ? !pow2(dealt) : !pow2(wcols)) &&
	    wcols % b->pcols) { /* any start: the unit is added, then swizzled */
		int shift = units == 8 ? 0 : units == 4 ? 1 : 2;
		const char *u = lane_value(L, arena_printf(L->a, "%s u", at.key),
		                           arena_printf(L->a, "%s_u", s->base), at.unit);
		const char *w =
		    lane_value(L, arena_printf(L->a, "%s w", at.key), arena_printf(L->a, "%s_w", s->base),
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
	x = lane_value(L, at.key, arena_printf(L->a, "%s_l", s->base),
	               lower_unit(L, b, at.row, at.unit));
	if (strcmp(col, "0")) {
		if (panels > 1 && wcols * dealt > b->pcols) {
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
	Text args = {.arena = L->a};
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

const char *lower_load_global(Lower *L, Dtype dt, const char *ptr)
{
	if (dt == DT_F32)
		return arena_printf(L->a, "ld_global_f32(%s)", ptr);
	if (dt == DT_I32)
		return arena_printf(L->a, "ld_global_i32(%s)", ptr);
	return arena_printf(L->a, "widen_%s(ld_global_b16(%s))", dt == DT_F16 ? "f16" : "bf16", ptr);
}

/* Address of one element of a staged tile. */
static const char *shared_element(Lower *L, const Staged *s, const char *const *coord)
{
	const Buffer *b = s->buf;

	if (s->op->rank == 1)
		return arena_printf(L->a, "%s + %d * (%s)", s->base, b->elem, coord[0]);
	if (!b->swizzle)
		return arena_printf(L->a, "%s + %d * (%s) + %d * (%s)", s->base, b->pbytes, coord[0],
		                    b->elem, coord[1]);
	return arena_printf(L->a, "%s + %s + 2 * ((%s) %% 8)", s->base,
	                    lower_unit(L, b, arena_printf(L->a, "(%s)", coord[0]),
	                               arena_printf(L->a, "((%s) / 8)", coord[1])),
	                    coord[1]);
}

/* elem[0..n): n contiguous elements of a 16-byte unit, or several whole units. */
static void load_wide_shared(Lower *L, const Staged *s, int n, const char *const *elem,
                             const char *const *coord)
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
			st = lower_code(L, "ld_shared_v%d(x%s, %s);", part,
			                w ? arena_printf(L->a, " + %d", w) : "", p);
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
	Text t = {.arena = L->a};

	for (int d = 0; d < s->op->rank; d++) {
		int last = d == s->op->rank - 1, n = last ? b->cols : b->rows;

		if (last && b->elem == 2) /* whole panels are filled */
			n = (n + b->pcols - 1) / b->pcols * b->pcols;
		if (lower_reach(L, s->op, l, d) > n)
			text_add(&t, "%s%s < %d", t.len ? " && " : "", coord[d], n);
	}
	return t.len ? t.s : NULL;
}

/* `n` contiguous elements at once; v and coord name the first of them. */
static void load_wide(Lower *L, const Op *op, const Staged *s, const Layout *l, Version *w, int n,
                      const char **v, const char *const *coord, Block *outer)
{
	const char *elem[16], *g = s ? in_buffer(L, s, l, coord) : lower_guard(L, op, op, l, v);
	int last = lower_last(l);
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
		lower_wide_load(L, op, n, elem, lower_element(L, op, op, coord));
	L->out = saved;
}

/* A matrix of 16-bit elements from memory stays as it came, and is widened where it is used: all
 * its loads are in flight at once, in half the registers. */
static bool stays_packed(Lower *L, const Op *op, int wide)
{
	Dtype dt = op->arg->dtype;

	return op->rank == 2 && wide > 1 && (dt == DT_BF16 || dt == DT_F16) && L->f16 == (dt == DT_F16);
}

/* A vector's words; v and coord name its first element. */
static void load_words(Lower *L, const Op *op, const Layout *l, Version *w, const char **v,
                       const char *const *coord)
{
	const char *g = lower_guard(L, op, op, l, v), *x, *ptr = lower_element(L, op, op, coord);
	int n = lower_pairs(l), part = n > 4 ? 4 : n;

	x = lower_words(L, w, l, v);
	for (int i = 0; g && i < n; i++)
		lower_code(L, n > 1 ? "%s[%d] = 0;" : "%s = 0;", x, i);
	if (g)
		lower_open(L, S_IF, false, "%s", g);
	for (int i = 0; i < n; i += part) {
		const char *p = i ? arena_printf(L->a, "%s + %d", ptr, 2 * i) : ptr;

		if (n == 1)
			lower_code(L, "%s = ld_global_b32(%s);", x, p);
		else
			lower_code(L, "ld_global_v%d(%s%s, %s);", part, x,
			           i ? arena_printf(L->a, " + %d", i) : "", p);
	}
}

static int width(Lower *L, const Op *op, const Staged *s, const Layout *l)
{
	int wide = s && op->rank == 1 ? 1 : lower_wide(op, op, l);

	return !s && wide * dtype_bytes(op->arg->dtype) > L->align && L->align < 16 ? 1 : wide;
}

/* The elements that l names, to w. */
static void fill(Lower *L, Op *op, Staged *s, const Layout *l, Version *w)
{
	const char *v[MAX_DIGITS], *coord[MAX_RANK], *g;
	int wide = width(L, op, s, l);
	Block *b = lower_nest(L, l, wide > 1, v);
	Stmt *st;

	for (int d = 0; d < op->rank; d++)
		coord[d] = layout_coord(L->a, l, d, v);
	if (w->packed) {
		lower_scope(L, b);
		load_words(L, op, l, w, v, coord);
	} else if (wide > 1) {
		load_wide(L, op, s, l, w, wide, v, coord, b);
	} else if (s) {
		const char *at = shared_element(L, s, coord), *x;

		if (op->dtype == DT_I32)
			x = arena_printf(L->a, "(int)ld_shared_b32(%s)", at);
		else if (s->buf->elem == 4)
			x = arena_printf(L->a, "ld_shared_f32(%s)", at);
		else
			x = arena_printf(L->a, "widen_%s(ld_shared_b16(%s))",
			                 op->dtype == DT_F16 ? "f16" : "bf16", at);
		g = in_buffer(L, s, l, coord);
		st = lower_code(L, "%s = %s;", lower_ref(L, w, l, v),
		                g ? arena_printf(L->a, "%s ? %s : 0", g, x) : x);
		dev_access(st, s->buf, ACC_READ);
	} else {
		g = lower_guard(L, op, op, l, v);
		if (g)
			lower_code(L, "%s = %s ? %s : %s;", lower_ref(L, w, l, v), g,
			           lower_load_global(L, op->dtype, lower_element(L, op, op, coord)),
			           op->dtype == DT_I32 ? "0" : "0.0f");
		else
			lower_code(L, "%s = %s;", lower_ref(L, w, l, v),
			           lower_load_global(L, op->dtype, lower_element(L, op, op, coord)));
	}
	lower_nest_close(L, b);
}

Version *lower_load(Lower *L, Op *op, const Layout *l, bool packed)
{
	Staged *s = lower_staged(L, op);
	Version *w;

	if (s && op->rank == 2 && s->buf->elem == 2 && l->orient != ORIENT_NONE) {
		w = lower_declare(L, op, l, true, op->name ? NULL : op->arg->name);
		lower_cores(
		    L, s, l, w->name,
		    l->base[0] ? arena_printf(L->a, "%d * %s", l->d[0].n, L->strip->var) : "0", l->d[0].n,
		    l->base[1] ? arena_printf(L->a, "%d * %s", l->d[1].n, L->strip->var) : "0", l->d[1].n);
		return w;
	}
	if (packed)
		lower_cannot(L, op, "an operand that is not staged");
	packed = !s && stays_packed(L, op, width(L, op, s, l));
	w = lower_declare(L, op, l, packed, op->name ? NULL : op->arg->name);
	fill(L, op, s, l, w);
	return w;
}

void lower_load_more(Lower *L, Op *op, const Layout *l, Version *w)
{
	fill(L, op, NULL, l, w);
}

/* Address of 16-byte unit u of the row that lane group g holds in row core r0 + r of layout l. */
const char *lower_row_unit(Lower *L, const Staged *s, const Layout *l, const char *r0,
                           const char *u)
{
	const Buffer *b = s->buf;
	const char *name = arena_printf(L->a, "%s_g", s->base), *x;
	Text row = {.arena = L->a};
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
	L->out = L->pro;
	lower_code(L, "const u32 %s = %s;", name, lower_unit(L, b, row.s, "0"));
	L->out = saved;
known:
	x = strcmp(u, "0") ? arena_printf(L->a, "(%s ^ 16 * %s)", name, u) : name;
	if (b->cols > b->pcols)
		x = arena_printf(L->a, "(%s ^ 16 * (%s %% %d)) + %s / %d * %d", name, u, b->pbytes / 16, u,
		                 b->pbytes / 16, b->rows * b->pbytes);
	return arena_printf(L->a, "%s + %s + %d * (%s)", s->base, x, 8 * b->pbytes, r0);
}
