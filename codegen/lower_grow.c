/* lower_grow.c -- operands over a grown dimension, formed in registers, and the states they feed.
 *
 * The slot order (facts.h) is chosen so that a POW2 core is one packed multiplication: lane bits of
 * a slot select x[4I + a] (array xa, one register for each I) and the rest x[4J + 2 b1 + b0] (array xb).
 * In the N orientation a is the lane's t, so xb is a broadcast within the quad and xa a byte
 * permute of it; in the T orientation the slot's low bits are the lane's g, so both are shuffles.
 * A product of two 16-bit values rounds once, exactly as in fp32; the features' scales are applied in
 * fp32 where the state is rounded for its reader, and never to the features.
 */
#include "lower.h"

#include <math.h>
#include <string.h>

static const char *ty(Lower *L)
{
	return L->f16 ? "f16" : "bf16";
}

static bool is_pow2(double v)
{
	int e;

	return v == 0 || frexpf(fabsf((float)v), &e) == 0.5f;
}

static unsigned bf16_bits(double v)
{
	float f = (float)v;
	unsigned u;

	memcpy(&u, &f, 4);
	return u >> 16;
}

/* What a diagonal feature of a state is multiplied by when it is formed: 1 / sqrt(2), rounded to 16
 * bits (the same value in bf16 and f16). */
#define DIAGONAL 0.70703125

/* With DIAGONAL inside, the author's scales of a POW2 piece, sqrt(2) apart on and off the diagonal, are
 * one and the same for a state. Where that one is a power of two, storing a state and loading it
 * again loses nothing, and a sequence may be cut without changing a bit. */
static bool state_diagonal(const Piece *p)
{
	return p->kind == PIECE_POW2 && is_pow2(1.4142135623730951 * p->scale);
}

/* Cores [nrows][...] of x, from row core `first`; *row: what to add to a row index. */
static const char *leaf_cores(Lower *L, Op *x, Orient o, const Layout *rows, const char *first, int nrows,
                              const char **row)
{
	Split r = { 0, 1, 1, 0 }, c = facts_dim(L->f, x, 1);
	Staged *s = lower_staged(L, x);
	Layout l;
	Version *w;

	r.cores = rows->d[0].n;
	for (int i = 3; i < rows->nd; i++)
		if (rows->d[i].hw == HW_WARP && rows->d[i].dim == 0) {
			r.warps = rows->d[i].n;
			r.pos = rows->d[i].pos;
			r.per = rows->d[i].stride / 8;
		}
	c = (Split){ c.cores * c.warps, 1, 1, 0 };
	l = layout_core(o, r, c);
	l.base[0] = rows->base[0];
	w = lower_find(L, x, &l, true);
	if (!w && s && r.cores > nrows && s->buf->elem == 2) {
		const char *name = lower_name(L, arena_printf(L->a, "%s_f", x->name ? x->name : x->arg->name));

		lower_code(L, "u32 %s[%d][%d];", name, nrows, c.cores);
		lower_cores(L, s, &l, name, first, nrows, "0", c.cores);
		*row = "";
		return name;
	}
	if (!w)
		w = lower_need_packed(L, x, &l);
	*row = strcmp(first, "0") ? arena_printf(L->a, "%s + ", first) : "";
	if (!w->l.base[0] && l.base[0])
		*row = arena_printf(L->a, "%d * %s + %s", r.cores, L->strip->var, *row);
	return w->name;
}

/* N orientation, from shared memory: a lane reads the whole rows it needs, 16 bytes at a time. */
static void rows_leaf(Lower *L, Leaf *x, const Piece *p, const Layout *rows, const char *xa, const char *xb,
                      int nrows)
{
	Staged *s = lower_staged(L, p->x);
	Block *saved = L->out;
	const char *r = rows->base[0] ? arena_printf(L->a, "%d * %s + r", rows->d[0].n, L->strip->var) : "r";

	if (strcmp(x->row, "0"))
		r = arena_printf(L->a, "%s + %s", x->row, r);
	lower_open(L, S_FOR, true, "int r = 0; r < %d; r++", nrows);
	lower_open(L, S_FOR, true, "int u = 0; u < %d; u++", p->groups / 2);
	dev_access(lower_code(L, "ld_shared_v4(&%s[r][2 * u][0], %s);", xb, lower_row_unit(L, s, rows, r, "u")),
	           s->buf, ACC_READ);
	lower_open(L, S_FOR, true, "int I = 2 * u; I < 2 * u + 2; I++");
	lower_code(L, "%s[r][I] = prmt(%s[r][I][0], %s[r][I][1], 0x1010 + 0x2222 * t);", xa, xb, xb);
	L->out = saved;
}

static void pow2_leaf(Lower *L, Leaf *x, int q, const char *cores, const char *row, int nrows,
                      const Layout *rows)
{
	const Piece *p = &x->g->piece[q];
	const char *xa = lower_name(L, arena_printf(L->a, "%sa", p->x->name ? p->x->name : "x"));
	const char *xb = lower_name(L, arena_printf(L->a, "%sb", p->x->name ? p->x->name : "x"));
	Block *saved = L->out;

	lower_code(L, "u32 %s[%d][%d], %s[%d][%d][2];", xa, nrows, p->groups, xb, nrows, p->groups);
	if (!cores) {
		rows_leaf(L, x, p, rows, xa, xb, nrows);
		x->a[q] = xa;
		x->b[q] = xb;
		return;
	}
	lower_open(L, S_FOR, true, "int r = 0; r < %d; r++", nrows);
	lower_open(L, S_FOR, true, "int I = 0; I < %d; I++", p->groups);
	if (x->orient == ORIENT_N) {
		for (int b = 0; b < 2; b++)
			lower_code(L, "%s[r][I][%d] = shfl_idx_u32(%s[%sr][I / 2], 4 * g + 2 * (I %% 2)%s);", xb, b, cores,
			           row, b ? " + 1" : "");
		lower_code(L, "%s[r][I] = prmt(%s[r][I][0], %s[r][I][1], 0x1010 + 0x2222 * t);", xa, xb, xb);
	} else {
		lower_code(L, "%s[r][I] = shfl_idx_u32(%s[%sr][I / 2], 4 * (4 * (I %% 2) + g / 2) + t);", xa, cores,
		           row);
		for (int b = 0; b < 2; b++)
			lower_code(L, "%s[r][I][%d] = shfl_idx_u32(%s[%sr][I / 2], 4 * (4 * (I %% 2) + %sg %% 2) + t);", xb,
			           b, cores, row, b ? "2 + " : "");
	}
	L->out = saved;
	x->a[q] = xa;
	x->b[q] = xb;
}

Leaf lower_leaf(Lower *L, const Grow *g, Orient o, const Layout *rows, const char *first, int nrows)
{
	Leaf x = { .g = g, .orient = o, .row = first };
	const char *row[MAX_SRC], *cores[MAX_SRC];

	for (int q = 0; q < g->npieces; q++) {
		const Piece *p = &g->piece[q];

		bool direct = o == ORIENT_N && p->kind == PIECE_POW2 && lower_staged(L, p->x) && p->groups % 2 == 0;

		cores[q] = NULL;
		if (!p->x || !p->nslots)
			continue;
		for (int i = 0; i < q; i++)
			if (g->piece[i].x == p->x) {
				cores[q] = cores[i];
				row[q] = row[i];
			}
		if (!cores[q] && !direct)
			cores[q] = leaf_cores(L, p->x, o, rows, first, nrows, &row[q]);
		if (p->kind == PIECE_POW2 && direct) {
			pow2_leaf(L, &x, q, NULL, NULL, nrows, rows);
		} else if (p->kind == PIECE_POW2) {
			pow2_leaf(L, &x, q, cores[q], row[q], nrows, rows);
		} else {
			x.a[q] = cores[q];
			x.b[q] = row[q];
		}
	}
	return x;
}

/* The factor of half b1 of a diagonal core, T orientation: DIAGONAL in lanes with a == b, else 1. */
static const char *diagonal_factor(Lower *L, const char *b1)
{
	int h = *b1 == '1';
	const char *d = L->f16 ? "0x39a839a8u" : "0x3f353f35u", *one = L->f16 ? "0x3c003c00u" : "0x3f803f80u";
	Block *saved = L->out;

	if (!L->diagonal[h]) {
		L->diagonal[h] = lower_name(L, h ? "diagonal_hi" : "diagonal_lo");
		L->out = &L->pro;
		lower_code(L, "const u32 %s = g == %d || g == %d ? %s : %s;", L->diagonal[h], 4 * h, 4 * h + 3, d, one);
		L->out = saved;
	}
	return L->diagonal[h];
}

const char *lower_form(Lower *L, const Leaf *x, int piece, const char *r, const char *I, const char *J,
                       const char *b1, bool pair)
{
	const Piece *p = &x->g->piece[piece];
	const char *one = L->f16 ? "3c00" : "3f80", *e;

	if (p->kind == PIECE_CONST)
		return arena_printf(L->a, x->orient == ORIENT_N ? "(t == 0 && %s == 0 ? 0x%su : 0)"
		                                                : "(g == 0 && %s == 0 ? 0x%s%su : 0)",
		                    b1, one, one);
	if (!pair)
		return arena_printf(L->a, "%s[%s%s][%s]", x->a[piece], x->b[piece], r,
		                    strcmp(I, "0") ? arena_printf(L->a, "2 * %s + %s", I, b1) : b1);
	e = arena_printf(L->a, "mul_%sx2(%s[%s][%s], %s[%s][%s][%s])", ty(L), x->a[piece], r, I, x->b[piece], r, J,
	                 b1);
	if (x->state && state_diagonal(p))
		e = arena_printf(L->a, "(I == J ? mul_%sx2(%s, %s) : %s)", ty(L), e, diagonal_factor(L, b1), e);
	if (strcmp(b1, "0") || (x->g->linear < 0 && x->g->const_slot != p->slot + 2))
		return e;
	lower_code(L, "const u32 x%s = %s;", r, e); /* formed in every lane, then replaced in some */
	e = arena_printf(L->a, "x%s", r);
	if (x->g->linear >= 0 && x->g->pow2 == piece)
		e = arena_printf(L->a, x->orient == ORIENT_N
		                 ? "(I == J && t >= 2 ? (t == 2 ? %s[%s][I][0] : %s[%s][I][1]) : %s)"
		                 : "(I == J && g >= 4 ? (g < 6 ? %s[%s][I][0] : %s[%s][I][1]) : %s)", x->b[piece], r,
		                 x->b[piece], r, e);
	if (x->g->const_slot != p->slot + 2)
		return e;
	if (x->orient == ORIENT_N)
		return arena_printf(L->a, "p == %d && t == 1 ? (%s & 0xffff0000u) | 0x%su : %s", p->slot / 16, e, one,
		                    e);
	return arena_printf(L->a, "p == %d && g == 2 ? 0x%s%su : %s", p->slot / 16, one, one, e);
}

/* Opens the loops over a piece's k16 steps; returns the running step: counted from the first slot for
 * POW2 (whose loops also give I and J), from the piece's own start otherwise. */
const char *lower_piece_loops(Lower *L, const Piece *p)
{
	if (p->kind == PIECE_POW2) {
		lower_open(L, S_FOR, true, "int I = 0; I < %d; I++", p->groups);
		lower_open(L, S_FOR, true, "int J = I; J < %d; J++", p->groups);
		lower_code(L, "const int p = %sI * (%d - I) / 2 + J;",
		           p->slot ? arena_printf(L->a, "%d + ", p->slot / 16) : "", 2 * p->groups - 1);
		return "p";
	}
	if (p->nslots == 16)
		return "0";
	lower_open(L, S_FOR, true, "int p = 0; p < %d; p++", p->nslots / 16);
	return "p";
}

const char *lower_form_piece(Lower *L, const Leaf *x, int piece, const char *r, const char *step, const char *b1)
{
	if (x->g->piece[piece].kind == PIECE_POW2)
		return lower_form(L, x, piece, r, "I", "J", b1, true);
	return lower_form(L, x, piece, r, step, NULL, b1, false);
}

/* -- states ------------------------------------------------------------------------------- */

/* The feature map that a state accumulates: the left operand of its update. */
static const Grow *state_grow(Lower *L, const Region *r, const Op *state)
{
	for (Op *o = r->first; o; o = o->next) {
		if (o->code == OP_update && o->src[0] == state && o->src[1]->code == OP_dot) {
			bool sw = false;
			Op *x = op_base(o->src[1]->src[0], &sw);

			return grow_parse(L->a, x);
		}
		if (o->body) {
			const Grow *g = state_grow(L, o->body, state);

			if (g)
				return g;
		}
	}
	return NULL;
}

const Grow *lower_state_grow(Lower *L, const Op *state)
{
	const Grow *g = state_grow(L, L->k->body, state);

	if (!g)
		lower_cannot(L, state, "a state over features whose updates are not a product with the features");
	return g;
}

static const char *fnum(Lower *L, double v)
{
	const char *s = arena_printf(L->a, "%.9g", v);

	return arena_printf(L->a, "%s%sf", s, strpbrk(s, ".e") ? "" : ".0");
}

/* Weight of the linear columns folded into POW2 piece q; 0 for none. */
static double linear_weight(const Grow *right, const Grow *left, int q)
{
	if (right->linear < 0 || right->pow2 != q)
		return 0;
	return right->piece[right->linear].scale * left->piece[right->linear].scale;
}

/* A state held with the slots on lanes g: scaled, rounded, and each core transposed. */
static void pack_turned(Lower *L, Version *w, const Version *from, const Layout *l, const Grow *right,
                        const Grow *left)
{
	const char *cores = arena_printf(L->a, "core_transpose(%s)",
	                                 lower_pack(L, arena_printf(L->a, "%s[c][j][0] * w", from->name),
	                                            arena_printf(L->a, "%s[c][j][1] * w", from->name)));
	Block *saved = L->out;

	for (int q = 0; q < right->npieces; q++) {
		const Piece *p = &right->piece[q];
		double s = p->scale * left->piece[q].scale;

		if (!p->nslots)
			continue;
		if (p->kind == PIECE_POW2) {
			const char *wd = lower_name(L, arena_printf(L->a, "%s_w", from->name));
			const char *d = fnum(L, state_diagonal(p) ? s / DIAGONAL : s);
			const char *o = fnum(L, 2 * s), *one = right->const_slot == p->slot + 2
			                ? fnum(L, right->const_value * left->const_value) : "0.0f";
			const char *x = fnum(L, linear_weight(right, left, q));

			/* slots (a, b) = (g / 2, 2 h + g % 2): diagonal, above it, below it */
			L->out = &L->pro;
			lower_code(L, "const float %s[3] = {", wd);
			lower_code(L, "\tg >= 4 ? %s : g / 2 == g %% 2 ? %s : g / 2 < g %% 2 ? %s : 0.0f,", x, d, o);
			lower_code(L, "\tg / 2 == 2 + g %% 2 ? %s : g / 2 < 2 + g %% 2 ? %s : 0.0f,", d, o);
			lower_code(L, "\tg >= 4 ? %s : g == 2 ? %s : g / 2 == g %% 2 ? %s : g / 2 < g %% 2 ? %s : 0.0f };", x, one, d,
			           o);
			L->out = saved;
			lower_open(L, S_FOR, true, "int I = 0; I < %d; I++", p->groups);
			lower_open(L, S_FOR, true, "int J = I; J < %d; J++", p->groups);
			lower_open(L, S_FOR, true, "int h = 0; h < 2; h++");
			lower_code(L, "const int c = 2 * (%sI * (%d - I) / 2 + J) + h;",
			           p->slot ? arena_printf(L->a, "%d + ", p->slot / 16) : "", 2 * p->groups - 1);
			lower_code(L, "const float w = I < J ? %s : I + h == 0 ? %s[2] : %s[h];", o, wd, wd);
		} else {
			lower_open(L, S_FOR, true, "int c = %d; c < %d; c++", p->slot / 8, (p->slot + p->nslots) / 8);
			lower_code(L, "const float w = %s;", fnum(L, s));
		}
		lower_open(L, S_FOR, true, "int j = 0; j < %d; j++", l->d[1].n);
		lower_code(L, "%s[c][j] = %s;", w->name, cores);
		L->out = saved;
	}
}

Version *lower_pack_state(Lower *L, Op *get, const Layout *l, const Grow *left)
{
	Version *w = lower_find(L, get, l, true), *from;
	const Grow *right;
	const char *src;
	Block *saved, *b;
	int scope;

	if (w)
		return w;
	right = lower_state_grow(L, get->src[0]);
	for (from = L->versions; from && from->op != get->src[0]; from = from->next)
		;
	if (!from)
		lower_cannot(L, get, "a state read outside its scope");
	saved = lower_hoist(L, l, &scope);
	w = lower_declare(L, get, l, true, arena_printf(L->a, "%s_h", from->name));
	if (from->l.orient == ORIENT_N) {
		pack_turned(L, w, from, l, right, left);
		L->out = saved;
		L->scope = scope;
		return w;
	}
	src = from->name;
	for (int q = 0; q < right->npieces; q++) {
		const Piece *p = &right->piece[q], *o = &left->piece[q];
		double s = p->scale * o->scale;

		if (!p->nslots)
			continue;
		b = L->out;
		if (p->kind == PIECE_POW2) {
			double linear = linear_weight(right, left, q), d = state_diagonal(p) ? s / DIAGONAL : s;
			bool exact = !L->f16 && is_pow2(2 * s);
			unsigned o = bf16_bits(2 * s);
			const char *wd, *scaled;

			wd = lower_name(L, arena_printf(L->a, "%s_w", from->name));

			lower_code(L, "const float %s[4] = { t == 0 ? %s : t == 1 ? 0.0f : %s, t == 1 ? %s : t < 1 ? %s : %s, "
			           "t == 2 ? %s : t < 2 ? %s : 0.0f, t == 3 ? %s : %s };", wd, fnum(L, d), fnum(L, linear),
			           fnum(L, d), fnum(L, 2 * s), fnum(L, linear), fnum(L, d), fnum(L, 2 * s), fnum(L, d),
			           fnum(L, 2 * s));
			lower_open(L, S_FOR, true, "int I = 0; I < %d; I++", p->groups);
			lower_open(L, S_FOR, true, "int J = I; J < %d; J++", p->groups);
			lower_open(L, S_FOR, true, "int h = 0; h < 2; h++");
			lower_code(L, "const int c = 2 * (%sI * (%d - I) / 2 + J) + h;",
			           p->slot ? arena_printf(L->a, "%d + ", p->slot / 16) : "", 2 * p->groups - 1);
			if (right->const_slot == p->slot + 2)
				lower_code(L, "const float w0 = I < J ? %s : I + h == 0 && t == 1 ? %s : %s[2 * h];",
				           fnum(L, 2 * s), fnum(L, right->const_value * left->const_value), wd);
			else
				lower_code(L, "const float w0 = I < J ? %s : %s[2 * h];", fnum(L, 2 * s), wd);
			lower_code(L, "const float w1 = I < J ? %s : %s[2 * h + 1];", fnum(L, 2 * s), wd);
			lower_open(L, S_FOR, true, "int j = 0; j < %d; j++", l->d[1].n);
			scaled = lower_pack(L, arena_printf(L->a, "%s[c][j][0] * w0", src),
			                    arena_printf(L->a, "%s[c][j][1] * w1", src));
			if (exact) /* a power of two scales exactly after rounding too, two values at once */
				scaled = arena_printf(L->a, "I < J ? mul_bf16x2(%s, 0x%xu) : %s",
				                      lower_pack(L, arena_printf(L->a, "%s[c][j][0]", src),
				                                 arena_printf(L->a, "%s[c][j][1]", src)), o << 16 | o, scaled);
			lower_code(L, "%s[c][j] = %s;", w->name, scaled);
		} else {
			lower_open(L, S_FOR, true, "int i = %d; i < %d; i++", p->slot / 8, (p->slot + p->nslots) / 8);
			lower_open(L, S_FOR, true, "int j = 0; j < %d; j++", l->d[1].n);
			lower_code(L, "%s[i][j] = %s;", w->name,
			           lower_pack(L, arena_printf(L->a, "%s[i][j][0] * %s", src, fnum(L, s)),
			                      arena_printf(L->a, "%s[i][j][1] * %s", src, fnum(L, s))));
		}
		L->out = b;
	}
	L->out = saved;
	L->scope = scope;
	return w;
}

/* Where each slot lies in the author's order (-1: a dead slot), and its scale. */
typedef struct Order {
	short row[4096];
	double scale[4096]; /* the author's value over the slot's */
	double read[4096];  /* the same for readers: exact where DIAGONAL is rounded */
} Order;

/* `state`: of slots as a state holds them, DIAGONAL inside. */
static void order_fill(Lower *L, const Grow *g, Order *o, bool state)
{
	if (g->slots > 4096)
		diag_fail(L->k->diag, (Loc){ L->k->file, 0 }, "a state over %d features is too large; use a smaller D",
		          g->n);
	for (int i = 0; i < g->slots; i++) {
		o->row[i] = -1;
		o->scale[i] = o->read[i] = 1;
	}
	for (int q = 0; q < g->npieces; q++) {
		const Piece *p = &g->piece[q];
		int d = 4 * p->groups, pair = 0;

		for (int i = 0; p->kind == PIECE_ELEM && q != g->linear && i < p->n; i++) {
			o->row[p->slot + i] = (short)(p->lo + i);
			o->scale[p->slot + i] = o->read[p->slot + i] = p->scale;
		}
		for (int I = 0; p->kind == PIECE_POW2 && I < p->groups; I++)
			for (int J = I; J < p->groups; J++, pair++)
				for (int s = 0; s < 16; s++) {
					int i = 4 * I + s / 2 % 4, j = 4 * J + 2 * (s / 8) + s % 2, at = p->slot + 16 * pair + s;

					if (i > j)
						continue;
					o->row[at] = (short)(p->lo + i * d - i * (i - 1) / 2 + j - i);
					o->scale[at] = o->read[at] = p->scale * (i < j ? 1.4142135623730951 : 1);
					if (state && state_diagonal(p) && i == j) {
						o->scale[at] = p->scale * 1.4142135623730951;
						o->read[at] = p->scale / DIAGONAL;
					}
				}
	}
	for (int i = 0; g->linear >= 0 && i < g->piece[g->linear].n; i++) { /* after POW2, whose dead slots they take */
		int G = g->piece[g->pow2].groups, I = i / 4, pair = I * (2 * G - 1 - I) / 2 + I;
		int at = g->piece[g->pow2].slot + 16 * pair + 2 * (2 + i % 4 / 2) + i % 2;

		o->row[at] = (short)(g->piece[g->linear].lo + i);
		o->scale[at] = o->read[at] = g->piece[g->linear].scale;
	}
	for (int q = 0; q < g->npieces; q++)
		if (g->piece[q].kind == PIECE_CONST) {
			o->row[g->piece[q].slot] = (short)g->piece[q].lo;
			o->scale[g->piece[q].slot] = o->read[g->piece[q].slot] = g->piece[q].scale;
		}
}

static void table_add(Lower *L, const char *name, const char *text)
{
	if (L->dev->ntables == MAX_TABLES)
		bug("too many tables");
	L->dev->table[L->dev->ntables++] = (Table){ name, text };
}

static const char *order_tables(Lower *L, const Grow *g)
{
	const char *name;
	Text row = { .arena = L->a }, scale = { .arena = L->a };
	Order o;

	order_fill(L, g, &o, true);
	for (int i = 0; i < g->slots; i++) {
		text_add(&row, "%s%d", i == 0 ? "\n\t" : i % 16 ? ", " : ",\n\t", o.row[i]);
		text_add(&scale, "%s%s", i == 0 ? "\n\t" : i % 8 ? ", " : ",\n\t", fnum(L, o.scale[i]));
	}
	for (int i = 0; i < L->dev->ntables; i++)
		if (strstr(L->dev->table[i].text, row.s) && strstr(L->dev->table[i].text, scale.s))
			return L->dev->table[i].name;
	name = lower_name(L, arena_printf(L->a, "%s_order", L->dev->name));
	table_add(L, name, arena_printf(L->a,
		"// feature slot -> row of the state (-1: unused), and the row's scale\n"
		"static __device__ const short %s_row[%d] = {%s\n};\n"
		"static __device__ const float %s_scale[%d] = {%s\n};", name, g->slots, row.s, name, g->slots, scale.s));
	return name;
}

/* Table of the products of both sides' scales, by slot; 0 for dead slots. */
const char *lower_weight_table(Lower *L, const Grow *right, const Grow *left, bool state)
{
	Order a, b;
	Text t = { .arena = L->a };
	const char *name;

	order_fill(L, right, &a, state);
	order_fill(L, left, &b, false);
	for (int i = 0; i < right->slots; i++)
		text_add(&t, "%s%s", i == 0 ? "\n\t" : i % 8 ? ", " : ",\n\t", fnum(L, a.row[i] < 0 ? 0 : a.read[i] * b.read[i]));
	for (int i = 0; i < L->dev->ntables; i++)
		if (strstr(L->dev->table[i].text, t.s))
			return L->dev->table[i].name;
	name = lower_name(L, arena_printf(L->a, "%s_weight", L->dev->name));
	table_add(L, name, arena_printf(L->a, "// feature slot -> product of both sides' scales\n"
	                                "static __device__ const float %s[%d] = {%s\n};", name, right->slots, t.s));
	return name;
}

static bool two_axes(const Op *io)
{
	int n = 0;

	for (int i = 0; i < io->arg->rank; i++)
		n += !(io->at[i] && io->at[i]->kind == RANGE_ONE);
	return n == 2;
}

typedef struct Cell {
	const char *v[MAX_DIGITS], *row, *col, *slot, *at;
	Block *saved;
} Cell;

/* Loops over the state's registers down to one element that exists; `tile` is [F, V] or [F]. */
static Cell cell_open(Lower *L, const Op *io, const Op *tile, const Version *w, const char *table, int slots)
{
	bool thin = w->l.rank == 1;
	int cols = thin ? 1 : w->l.d[1].n * 8;
	Cell c;

	c.saved = lower_nest(L, &w->l, false, c.v);
	for (int i = 3; i < w->l.nd; i++)
		if (w->l.d[i].hw == HW_WARP && w->l.d[i].dim == 1)
			cols *= w->l.d[i].n;
	lower_scope(L, c.saved);
	/* without this, every element's address is computed first, and there are not the registers */
	lower_code(L, "compiler_fence();");
	c.slot = lower_name(L, "slot");
	c.at = lower_name(L, "row");
	lower_code(L, "const int %s = %s;", c.slot, layout_coord(L->a, &w->l, 0, c.v));
	if (thin)
		lower_open(L, S_IF, false, "%s < %d", c.slot, slots);
	lower_code(L, "const int %s = table_s16(%s_row + %s);", c.at, table, c.slot);
	c.row = lower_stride(L, io, 0);
	c.col = thin ? "0" : layout_coord(L->a, &w->l, 1, c.v);
	if (!thin && cols > tile->dim[1].n)
		lower_open(L, S_IF, false, "%s >= 0 && %s < %d", c.at, c.col, tile->dim[1].n);
	else
		lower_open(L, S_IF, false, "%s >= 0", c.at);
	return c;
}

static const char *cell_pointer(Lower *L, const Op *io, const Op *tile, const Cell *c)
{
	if (tile->rank == 1 || !two_axes(io))
		return arena_printf(L->a, "%s + %s%s", lower_pointer(L, io), c->at,
		                    strcmp(c->row, "1") ? arena_printf(L->a, " * %s", c->row) : "");
	if (tile->rank == 2 && tile->dim[1].range && tile->dim[1].range->kind != RANGE_WHOLE)
		return arena_printf(L->a, "%s + %s * %s + %s + %s", lower_pointer(L, io), c->at, c->row,
		                    lower_start(L, tile->dim[1].range), c->col);
	return arena_printf(L->a, "%s + %s * %s + %s", lower_pointer(L, io), c->at, c->row, c->col);
}

void lower_state_load(Lower *L, Op *state, Version *to)
{
	Op *load = state->src[0];
	const char *table;
	Cell c;

	while (load->code == OP_cast || load->code == OP_expand)
		load = load->src[0];
	if (load->code != OP_load)
		lower_cannot(L, state, "a state over features that starts from a computed tile");
	table = order_tables(L, lower_state_grow(L, state));
	c = cell_open(L, load, load, to, table, lower_state_grow(L, state)->slots);
	lower_code(L, "%s = ld_global_f32(%s) / table_f32(%s_scale + %s);", lower_ref(L, to, &to->l, c.v),
	           cell_pointer(L, load, load, &c), table, c.slot);
	lower_nest_close(L, c.saved);
}

void lower_state_store(Lower *L, Op *store, Op *get, Version *from)
{
	const char *table = order_tables(L, lower_state_grow(L, get->src[0])), *owner;
	Block *b = L->out;
	Op *x = store->src[0];
	Cell c;

	while (x->code == OP_cast)
		x = x->src[0];
	owner = layout_owner(L->a, &from->l, L->warps);
	if (owner)
		lower_open(L, S_IF, false, "%s", owner);
	c = cell_open(L, store, x, from, table, lower_state_grow(L, get->src[0])->slots);
	lower_code(L, "st_global_f32(%s, %s * table_f32(%s_scale + %s));", cell_pointer(L, store, x, &c),
	           lower_ref(L, from, &from->l, c.v), table, c.slot);
	L->out = b;
}
