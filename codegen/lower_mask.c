/* lower_mask.c -- masks that compare indices: split into intervals.
 *
 * A mask is a conjunction of linear constraints sum(coef[d] * index[d]) + rest >= 0. Over a tile
 * each constraint has a least value; where all of them are >= 0 the tile is whole and its select is
 * skipped, by a condition that is the same for a warp. The same constraints bound the loop over
 * tiles: where one has no solution, the tile is never visited.
 */
#include "lower.h"

#include <math.h>
#include <string.h>

typedef struct Linear {
	int coef[2];
	const Range *range[2];
	const char *rest; /* C expression, or NULL */
	long c;
	int live; /* the constraint "dimension `live - 1` exists" */
} Linear;

enum { MAX_CONJ = 8 };

struct Mask {
	int n;
	Linear l[MAX_CONJ];
};

static bool linear_add(Lower *L, const Op *x, int sign, Linear *out)
{
	switch (x->code) {
	case OP_const_:
	case OP_full:
		out->c += sign * (long)x->value;
		return x->value == (double)(long)x->value;
	case OP_scalar: {
		const char *v = lower_elem(L, (Op *)x, NULL, NULL);

		if (x->dtype != DT_I32)
			return false;
		out->rest =
		    arena_printf(L->a, "%s%s%s", out->rest ? out->rest : "",
		                 sign > 0 ? (out->rest ? " + " : "") : (out->rest ? " - " : "-"), v);
		return true;
	}
	case OP_expand: {
		int d = 1 - x->axis_dim;

		if (x->rank != 2 || x->src[0]->code != OP_index || out->range[d])
			return linear_add(L, x->src[0], sign, out) && x->src[0]->rank == 0;
		out->coef[d] = sign;
		out->range[d] = x->src[0]->range;
		return true;
	}
	case OP_add:
		return linear_add(L, x->src[0], sign, out) && linear_add(L, x->src[1], sign, out);
	case OP_sub:
		return linear_add(L, x->src[0], sign, out) && linear_add(L, x->src[1], -sign, out);
	case OP_neg:
		return linear_add(L, x->src[0], -sign, out);
	default:
		return false;
	}
}

static bool mask_parse(Lower *L, const Op *x, Mask *m)
{
	Linear *l;
	int s;

	if (x->code == OP_and_)
		return mask_parse(L, x->src[0], m) && mask_parse(L, x->src[1], m);
	if (m->n == MAX_CONJ)
		return false;
	l = &m->l[m->n++];
	*l = (Linear){.live = 0};
	if (x->code == OP_expand && x->src[0]->code == OP_live) {
		l->live = 2 - x->axis_dim;
		l->range[l->live - 1] = x->src[0]->dim[0].range;
		l->c = x->src[0]->dim[0].n;
		return true;
	}
	switch (x->code) {
	case OP_ge:
		s = 1;
		break;
	case OP_gt:
		s = 1;
		l->c = -1;
		break;
	case OP_le:
		s = -1;
		break;
	case OP_lt:
		s = -1;
		l->c = -1;
		break;
	default:
		return false;
	}
	return linear_add(L, x->src[0], s, l) && linear_add(L, x->src[1], -s, l);
}

static bool lin_static(const Linear *l)
{
	return !l->live && !l->rest && l->range[0] && l->range[0] == l->range[1] &&
	       l->coef[0] == -l->coef[1];
}

/* Whether a select keeps just what lies left of the diagonal, with or without it, and is known to
 * when compiling. */
bool lower_is_triangle(Lower *L, const Op *where)
{
	Mask m = {0};

	return op_is_tri(where->src[0]) && mask_parse(L, where->src[0], &m) && m.n == 1 &&
	       lin_static(m.l) && m.l[0].c <= 0 && m.l[0].c >= -1;
}

/* The select that makes x zero wherever the column index exceeds the row index, not used unmasked;
 * or NULL. */
static const Op *upper_zero(const Op *x)
{
	const Op *where;
	double v;

	while (x->code == OP_cast)
		x = x->src[0];
	if (x->code == OP_mul)
		return (where = upper_zero(x->src[0])) ? where : upper_zero(x->src[1]);
	where = x->code == OP_exp ? x->src[0] : x;
	return where->code == OP_where && op_is_tri(where->src[0]) && op_is_const(where->src[2], &v) &&
	               v == (x == where ? 0 : -INFINITY)
	           ? where
	           : NULL;
}

bool lower_zero_upper(const Op *x)
{
	return upper_zero(x) != NULL;
}

/* "start of the warp's part" along dimension d (NULL: 0), and how far the part reaches from there.
 */
static const char *part(Lower *L, const Layout *l, int d, int n, int *extent)
{
	Text s = {.arena = L->a};
	int e = layout_reach(l, d, false);

	if (l->base[d])
		text_add(&s, "%s", l->base[d]);
	for (int i = 0; i < l->nd; i++)
		if (l->d[i].dim == d && l->d[i].hw == HW_WARP)
			text_add(&s, "%s%d * (warp / %d %% %d)", s.len ? " + " : "", l->d[i].stride,
			         l->d[i].pos, l->d[i].n);
	*extent = s.len || e < n ? e : n;
	return s.len ? s.s : NULL;
}

/* "constraint holds for the whole tile" as C; NULL when it always does. */
static const char *whole(Lower *L, const Op *op, const Layout *l, const Linear *x)
{
	Text s = {.arena = L->a};
	long c = x->c;

	if (x->live) {
		int d = x->live - 1, e;
		const Range *r = x->range[d];
		const char *p = part(L, l, d, 1 << 30, &e);

		if (!r || r->kind == RANGE_WHOLE)
			return p ? "0" : e <= (int)x->c ? NULL : "0";
		return arena_printf(L->a, "%s%s%d <= %s_live", p ? p : "", p ? " + " : "", e,
		                    lower_start(L, r));
	}
	for (int d = 0; d < 2; d++) {
		int e = op->dim[d].n;
		const char *p, *start;

		if (!x->coef[d])
			continue;
		p = part(L, l, d, e, &e);
		start = lower_start(L, x->range[d]);
		if (lin_static(x))
			start = "0";
		if (strcmp(start, "0"))
			text_add(&s, "%s%s", x->coef[d] < 0 ? " - " : s.len ? " + " : "", start);
		if (p)
			text_add(&s, x->coef[d] < 0 ? " - (%s)" : s.len ? " + %s" : "%s", p);
		if (x->coef[d] < 0)
			c -= e - 1;
	}
	if (x->rest)
		text_add(&s, "%s%s", s.len ? " + " : "", x->rest);
	if (!s.len)
		return c >= 0 ? NULL : "0";
	return arena_printf(L->a, "%s >= %ld", s.s, -c);
}

/* Whether which elements a select keeps is known when compiling. */
bool lower_is_static(Lower *L, const Op *op)
{
	Mask m = {0};

	if (!mask_parse(L, op->src[0], &m))
		return false;
	for (int i = 0; i < m.n; i++)
		if (!lin_static(&m.l[i]))
			return false;
	return true;
}

/* Where no column is kept beyond its row, of the same axis, a column that does not exist is kept in
 * rows that do not exist either and nowhere else: that it exists need not be said, unless the
 * layout has more columns than the tile. */
static void drop_implied(Lower *L, const Op *op, const Layout *l, Mask *m)
{
	bool below = false;
	int n = 0;

	for (int i = 0; i < m->n; i++) {
		const Linear *x = &m->l[i];

		below |= !x->live && !x->rest && x->c <= 0 && x->coef[0] == 1 && x->coef[1] == -1 &&
		         x->range[0] && x->range[1] && x->range[0]->axis == x->range[1]->axis;
	}
	below &= lower_reach(L, op, l, 1) <= op->dim[1].n;
	for (int i = 0; i < m->n; i++)
		if (m->l[i].live != 2 || !below)
			m->l[n++] = m->l[i];
	m->n = n;
}

/* A constraint at a thread's first element, as a name declared here. */
static const char *at_first(Lower *L, const Layout *l, const Linear *x)
{
	static const char *const first[MAX_DIGITS] = {"0", "0", "0", "0", "0", "0",
	                                              "0", "0", "0", "0", "0", "0"};
	const char *name = lower_name(L, "room");
	Text s = {.arena = L->a};

	if (x->live) {
		int d = x->live - 1;
		const Range *r = x->range[d];

		if (!r || r->kind == RANGE_WHOLE)
			text_add(&s, "%ld", x->c - 1);
		else
			text_add(&s, "%s_live - 1", lower_start(L, r));
		text_add(&s, " - (%s)", layout_coord(L->a, l, d, first));
	} else {
		text_add(&s, "%ld", x->c);
		if (x->rest)
			text_add(&s, " + (%s)", x->rest);
		for (int d = 0; d < 2; d++)
			if (x->coef[d] && lin_static(x))
				text_add(&s, " %c (%s)", x->coef[d] < 0 ? '-' : '+',
				         layout_coord(L->a, l, d, first));
			else if (x->coef[d])
				text_add(&s, " %c (%s + %s)", x->coef[d] < 0 ? '-' : '+',
				         lower_start(L, x->range[d]), layout_coord(L->a, l, d, first));
	}
	lower_code(L, "const int %s = %s;", name, s.s);
	return name;
}

/* How much of that the element's own place in registers takes. */
static const char *takes(Lower *L, const Layout *l, const Linear *x, const char *const *v)
{
	Text s = {.arena = L->a};

	for (int i = 0, r = 0; i < l->nd; i++) {
		int d = l->d[i].dim;
		int coef = x->live ? -(d == x->live - 1) : x->coef[d];
		const char *at;

		if (l->d[i].hw != HW_REG)
			continue;
		at = coef && l->d[i].n > 1 ? layout_reg_coord(L->a, &l->d[i], v[r]) : "0";
		if (strcmp(at, "0"))
			text_add(&s, "%s%s",
			         coef > 0 ? s.len ? " - " : "-"
			         : s.len  ? " + "
			                  : "",
			         strpbrk(at, "+-") ? arena_printf(L->a, "(%s)", at) : at);
		r++;
	}
	return s.len ? s.s : "0";
}

Version *lower_where(Lower *L, Op *op, const Layout *l)
{
	Mask m = {0};
	Op *x = op->src[1];
	const char *v[MAX_DIGITS];
	Text full = {.arena = L->a};
	Version *w;
	Block *b;

	if (!mask_parse(L, op->src[0], &m) || lower_is_static(L, op))
		return NULL;
	drop_implied(L, op, l, &m);
	for (int i = 0; i < m.n; i++) {
		const char *c = whole(L, op, l, &m.l[i]);

		if (c)
			text_add(&full, "%s%s", full.len ? " && " : "", c);
	}
	for (int i = 0; i < 3; i++)
		lower_ensure(L, op->src[i], l);
	w = L->f->op[x->id].uses == 1 ? lower_find(L, x, l, false) : NULL;
	if (!w || w->packed || !layout_same(&w->l, l) || w->scope != L->scope || x->code == OP_get) {
		w = lower_declare(L, op, l, false, NULL);
		w->op = NULL;
		b = lower_nest(L, l, false, v);
		lower_code(L, "%s = %s;", lower_ref(L, w, l, v), lower_elem(L, x, l, v));
		lower_nest_close(L, b);
	}
	if (full.len) {
		const char *room[MAX_CONJ];
		Text mask = {.arena = L->a};

		b = strcmp(full.s, "0") ? lower_open(L, S_IF, false, "!(%s)", full.s) : L->out;
		for (int i = 0; i < m.n; i++)
			room[i] = at_first(L, l, &m.l[i]);
		lower_nest(L, l, false, v);
		for (int i = 0; i < m.n; i++)
			text_add(&mask, m.n > 1 ? "%s(%s >= %s)" : "%s%s >= %s", i ? " & " : "", room[i],
			         takes(L, l, &m.l[i], v));
		lower_code(L, "%s = %s ? %s : %s;", lower_ref(L, w, l, v), mask.s, lower_ref(L, w, l, v),
		           lower_elem(L, op->src[2], l, v));
		L->out = b;
	}
	w->op = op;
	return w;
}

/* The part of the warps' rows that is this warp's, where each has one pair of row cores and all
 * have as many rows as there are columns; else NULL. */
static const char *square_part(Lower *L, const Layout *l)
{
	const char *part = NULL;

	if (l->rank != 2 || l->orient != ORIENT_N || l->d[0].n != 2 || l->base[0] || l->tri)
		return NULL;
	for (int i = 3; i < l->nd; i++) {
		if (l->d[i].dim != 0 || l->d[i].hw != HW_WARP)
			continue;
		if (part || l->d[i].stride != 16 || 16 * l->d[i].n != 8 * l->d[1].n)
			return NULL;
		part = arena_printf(L->a, "warp / %d %% %d", l->d[i].pos, l->d[i].n);
	}
	return part;
}

static void open_square(Lower *L)
{
	lower_open(L, S_FOR, true, "int i = 0; i < 2; i++");
	lower_open(L, S_FOR, true, "int j = 2 * q; j < 2 * q + 2; j++");
}

/* Packs x into w by squares of 16 rows: in those left of the diagonal nothing is compared, in those
 * right of it nothing is computed. False: x is no triangle. On an H200 1 % of based_prefill; where
 * a row sum reads w too nothing, and the branches' registers make it spill. */
bool lower_pack_square(Lower *L, const Version *w, Op *x, const Layout *l)
{
	const char *v[MAX_DIGITS] = {"i", "j", "0"}, *part = square_part(L, l);
	const Op *where = upper_zero(x);
	Block *saved = L->out;
	Stmt *chain;

	if (!part || !where || !lower_is_triangle(L, where))
		return false;
	lower_open(L, S_FOR, true, "int q = 0; q < %d; q++", l->d[1].n / 2);
	chain = lower_open(L, S_IF, false, "q < %s", part)->last;
	open_square(L);
	L->square = SQUARE_LEFT;
	lower_pack_elem(L, w, x, l, v);
	L->out = &chain->orelse;
	chain = lower_open(L, S_IF, false, "q == %s", part)->last;
	open_square(L);
	L->square = SQUARE_DIAGONAL;
	lower_pack_elem(L, w, x, l, v);
	L->square = SQUARE_NONE;
	L->out = &chain->orelse;
	open_square(L);
	lower_code(L, "%s[i][j] = 0;", w->name);
	L->out = saved;
	return true;
}

/* The tiles [lo, hi) of the loop's axis in which its mask holds anywhere, out of `tiles`. Whether
 * it is known that there is one. */
bool lower_loop_bounds(Lower *L, const Op *loop, const char *tiles, const char **lo,
                       const char **hi)
{
	Mask m = {0};
	int C = loop->range->n;
	const Op *mask = loop->mask;
	bool some = true;

	*lo = "0";
	*hi = tiles;
	if (!mask || !mask_parse(L, mask, &m))
		return true;
	for (int i = 0; i < m.n; i++) {
		const Linear *x = &m.l[i];
		int j = x->range[1] == loop->range ? 1 : x->range[0] == loop->range ? 0 : -1, r = 1 - j;
		Text at = {.arena = L->a};
		const char *name;
		long c = x->c;

		if (j < 0 || x->live)
			continue;
		/* rest + coef_r * row: at its largest over the rows */
		if (x->rest)
			text_puts(&at, x->rest);
		if (x->coef[r]) {
			text_add(&at, "%s%s",
			         x->coef[r] < 0 ? " - "
			         : at.len       ? " + "
			                        : "",
			         lower_start(L, x->range[r]));
			if (x->coef[r] > 0)
				c += mask->dim[r].n - 1;
		}
		some &= x->coef[j] < 0 && x->coef[r] >= 0 && !x->rest && c >= 0;
		if (x->coef[j] < 0) { /* j <= at + c */
			name = lower_name(L, arena_printf(L->a, "%s_last", loop->range->axis->name));
			lower_code(L, "const int %s = %s%s%ld;", name, at.len ? at.s : "", at.len ? " + " : "",
			           c);
			*hi = arena_printf(L->a, "(%s < 0 ? 0 : %s / %d + 1 < %s ? %s / %d + 1 : %s)", name,
			                   name, C, *hi, name, C, *hi);
		} else { /* j >= -(at + c) */
			name = lower_name(L, arena_printf(L->a, "%s_first", loop->range->axis->name));
			lower_code(L, "const int %s = -(%s%s%ld);", name, at.len ? at.s : "",
			           at.len ? " + " : "", c);
			if (!strcmp(*lo, "0"))
				*lo = arena_printf(L->a, "(%s > 0 ? %s / %d : 0)", name, name, C);
			else
				*lo =
				    arena_printf(L->a, "(%s / %d > %s ? %s / %d : %s)", name, C, *lo, name, C, *lo);
		}
	}
	return some;
}

static bool loops_grow(Lower *L, const Region *body, const Range *r)
{
	for (const Op *o = body->first; o; o = o->next) {
		Mask m = {0};
		bool up = false, down = false;

		if (o->code != OP_loop)
			continue;
		if (o->mask && mask_parse(L, o->mask, &m))
			for (int i = 0; i < m.n; i++)
				for (int d = 0; d < 2; d++)
					if (m.l[i].range[d] == r && m.l[i].range[1 - d] == o->range) {
						up |= m.l[i].coef[1 - d] < 0 && m.l[i].coef[d] > 0;
						down |= m.l[i].coef[1 - d] > 0;
					}
		if ((up && !down) || loops_grow(L, o->body, r))
			return true;
	}
	return false;
}

bool lower_grows_with(Lower *L, const Range *r)
{
	return loops_grow(L, L->k->body, r);
}
