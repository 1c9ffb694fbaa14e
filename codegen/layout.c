/* layout.c -- layouts as lists of digits; see layout.h. */
#include "layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void digit_add(Layout *l, Hw hw, int n, int pos, int dim, int stride)
{
	if (n == 1)
		return;
	if (l->nd == MAX_DIGITS)
		bug("layout: too many digits");
	l->d[l->nd++] = (Digit){hw, n, pos, dim, stride, 0, 0};
}

static bool dealt(const Split *s)
{
	return s->warps > 1 && s->cores % 2 == 0;
}

static Digit core_digit(const Split *s, int dim)
{
	Digit x = {HW_REG, s->cores, 0, dim, 8, 0, 0};

	if (dealt(s) && s->cores > 2) {
		x.fold = 2;
		x.far = 16 * s->warps;
	}
	return x;
}

/* Register digits: row cores, column cores, the pair; always present, so that arrays of cores are
 * indexed [row][column][pair] whatever their extents. */
Layout layout_core(Orient o, Split rows, Split cols)
{
	Layout l = {.rank = 2, .orient = o};
	int pair = o == ORIENT_N ? 1 : 0;

	l.d[l.nd++] = core_digit(&rows, 0);
	l.d[l.nd++] = core_digit(&cols, 1);
	l.d[l.nd++] = (Digit){HW_REG, 2, 0, pair, 1, 0, 0};
	digit_add(&l, HW_LANE, 8, 4, 1 - pair, 1);
	digit_add(&l, HW_LANE, 4, 1, pair, 2);
	digit_add(&l, HW_WARP, rows.warps, rows.pos, 0, dealt(&rows) ? 16 : 8 * rows.cores);
	digit_add(&l, HW_WARP, cols.warps, cols.pos, 1, dealt(&cols) ? 16 : 8 * cols.cores);
	return l;
}

int layout_core_step(const Layout *l, int d)
{
	for (int i = 3; i < l->nd; i++)
		if (l->d[i].hw == HW_WARP && l->d[i].dim == d && l->d[d].n % 2 == 0)
			return l->d[i].n;
	return 1;
}

int layout_reach(const Layout *l, int d, bool warps)
{
	int n = 1;

	for (int i = 0; i < l->nd; i++) {
		const Digit *x = &l->d[i];

		if (x->dim != d || (x->hw == HW_WARP && !warps))
			continue;
		n += x->fold ? (x->n / x->fold - 1) * x->far + (x->fold - 1) * x->stride
		             : (x->n - 1) * x->stride;
	}
	return n;
}

Layout layout_strip(Arena *a, Layout l, const char *m)
{
	l.base[0] = arena_printf(a, "%d * %s", 16 * layout_core_step(&l, 0), m);
	l.d[0].n = 2;
	l.d[0].fold = l.d[0].far = 0;
	return l;
}

Layout layout_drop(Layout l, int d)
{
	Layout r = {.rank = l.rank - 1, .orient = ORIENT_NONE, .far = l.far};

	for (int i = 0; i < l.nd; i++)
		if (l.d[i].dim != d) {
			r.d[r.nd] = l.d[i];
			r.d[r.nd++].dim -= l.d[i].dim > d;
		}
	for (int i = 0, j = 0; i < l.rank; i++)
		if (i != d)
			r.base[j++] = l.base[i];
	return r;
}

Layout layout_swap(Layout l)
{
	const char *b = l.base[0];
	Layout r = l;

	if (l.rank != 2)
		return l;
	for (int i = 0; i < r.nd; i++)
		r.d[i].dim = 1 - r.d[i].dim;
	r.base[0] = l.base[1];
	r.base[1] = b;
	if (l.orient != ORIENT_NONE) {
		Digit x = r.d[0];

		r.d[0] = r.d[1];
		r.d[1] = x;
		r.orient = l.orient == ORIENT_N ? ORIENT_T : ORIENT_N;
		if (r.nd >= 7) { /* warp digits: rows first, as layout_core has them */
			x = r.d[5];
			r.d[5] = r.d[6];
			r.d[6] = x;
		}
	}
	return r;
}

static bool base_same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

bool layout_same(const Layout *a, const Layout *b)
{
	if (a->rank != b->rank || a->nd != b->nd)
		return false;
	for (int i = 0; i < a->rank; i++)
		if (!base_same(a->base[i], b->base[i]))
			return false;
	for (int i = 0; i < a->nd; i++) {
		const Digit *x = &a->d[i], *y = &b->d[i];

		if (x->hw != y->hw || x->n != y->n || x->dim != y->dim || x->stride != y->stride ||
		    x->far != y->far || (x->hw != HW_REG && x->pos != y->pos))
			return false;
	}
	return true;
}

int layout_regs(const Layout *l)
{
	int n = 1;

	for (int i = 0; i < l->nd; i++)
		if (l->d[i].hw == HW_REG)
			n *= l->d[i].n;
	return n;
}

int layout_spread(const Layout *l, Hw hw)
{
	int n = 1;

	for (int i = 0; i < l->nd; i++)
		if (l->d[i].hw == hw)
			n *= l->d[i].n;
	return n;
}

int layout_spread_dim(const Layout *l, Hw hw, int dim)
{
	int n = 1;

	for (int i = 0; i < l->nd; i++)
		if (l->d[i].hw == hw && l->d[i].dim == dim)
			n *= l->d[i].n;
	return n;
}

/* The digit's value as C: g and t are names every kernel defines. */
static const char *digit_value(Arena *a, const Digit *x)
{
	const char *hw = x->hw == HW_LANE ? "lane" : "warp";

	if (x->hw == HW_LANE && x->n == 8 && x->pos == 4)
		return "g";
	if (x->hw == HW_LANE && x->n == 4 && x->pos == 1)
		return "t";
	if (x->hw == HW_LANE && x->n == 32)
		return hw;
	if (x->pos == 1)
		return arena_printf(a, "%s %% %d", hw, x->n);
	if (x->hw == HW_LANE && x->n * x->pos == 32)
		return arena_printf(a, "%s / %d", hw, x->pos);
	return arena_printf(a, "%s / %d %% %d", hw, x->pos, x->n);
}

static void term_add(Text *s, int stride, const char *v)
{
	char *end;
	long k = strtol(v, &end, 10);

	if (!*end && end != v) {
		if (k)
			text_add(s, "%s%ld", s->len ? " + " : "", k * stride);
		return;
	}
	if (stride == 1 && !strpbrk(v, "+-"))
		text_add(s, "%s%s", s->len ? " + " : "", v);
	else if (strpbrk(v, " "))
		text_add(s, "%s%d * (%s)", s->len ? " + " : "", stride, v);
	else
		text_add(s, "%s%d * %s", s->len ? " + " : "", stride, v);
}

const char *layout_thread_coord(Arena *a, const Layout *l, int d)
{
	Text s = {.arena = a};

	for (int i = l->nd - 1; i >= 0; i--)
		if (l->d[i].hw != HW_REG && l->d[i].dim == d)
			term_add(&s, l->d[i].stride, digit_value(a, &l->d[i]));
	return s.len ? s.s : "0";
}

static void reg_term(Arena *a, Text *s, const Digit *x, const char *i)
{
	char *end;
	long k = strtol(i, &end, 10);

	if (!x->fold) {
		term_add(s, x->stride, i);
	} else if (!*end && end != i) {
		k = k % x->fold * x->stride + k / x->fold * x->far;
		if (k)
			text_add(s, "%s%ld", s->len ? " + " : "", k);
	} else {
		i = strpbrk(i, " ") ? arena_printf(a, "(%s)", i) : i;
		text_add(s, "%s%s / %d * %d + %s %% %d * %d", s->len ? " + " : "", i, x->fold, x->far, i,
		         x->fold, x->stride);
	}
}

const char *layout_reg_coord(Arena *a, const Digit *x, const char *i)
{
	Text s = {.arena = a};

	reg_term(a, &s, x, i);
	return s.len ? s.s : "0";
}

const char *layout_coord(Arena *a, const Layout *l, int d, const char *const *reg)
{
	Text s = {.arena = a};

	if (l->base[d] && !l->far)
		text_add(&s, "%s", l->base[d]);
	for (int i = l->nd - 1; i >= 0; i--)
		if (l->d[i].hw != HW_REG && l->d[i].dim == d)
			term_add(&s, l->d[i].stride, digit_value(a, &l->d[i]));
	if (l->base[d] && l->far)
		text_add(&s, "%s%s", s.len ? " + " : "", l->base[d]);
	for (int i = 0, r = 0; i < l->nd; i++)
		if (l->d[i].hw == HW_REG) {
			if (l->d[i].dim == d && l->d[i].n > 1)
				reg_term(a, &s, &l->d[i], reg[r]);
			r++;
		}
	return s.len ? s.s : "0";
}

const char *layout_owner(Arena *a, const Layout *l, int warps)
{
	Text s = {.arena = a};

	for (int hw = HW_LANE; hw <= HW_WARP; hw++) {
		const char *name = hw == HW_LANE ? "lane" : "warp";
		int size = hw == HW_LANE ? 32 : warps;

		/* walk the index from its lowest place; a gap between digits is a replica */
		for (int pos = 1; pos < size;) {
			int n = 0, next = size;

			for (int i = 0; i < l->nd; i++)
				if ((int)l->d[i].hw == hw) {
					if (l->d[i].pos == pos)
						n = l->d[i].n;
					else if (l->d[i].pos > pos && l->d[i].pos < next)
						next = l->d[i].pos;
				}
			if (n) {
				pos *= n;
				continue;
			}
			n = next / pos;
			if (s.len)
				text_puts(&s, " && ");
			if (pos == 1 && next == size)
				text_add(&s, "%s == 0", name);
			else if (pos == 1)
				text_add(&s, "%s %% %d == 0", name, n);
			else if (next == size)
				text_add(&s, "%s / %d == 0", name, pos);
			else
				text_add(&s, "%s / %d %% %d == 0", name, pos, n);
			pos = next;
		}
	}
	return s.len ? s.s : NULL;
}
