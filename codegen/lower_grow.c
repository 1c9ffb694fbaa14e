/* lower_grow.c -- operands over a grown dimension, formed in registers, and the states they feed.
 *
 * The slot order (facts.h) is chosen so that a POW2 core is one packed multiplication: lane bits of
 * a slot select x[4I + a] (array xa, one register for each I) and the rest x[4J + 2 b1 + b0] (array
 * xb). In the N orientation a is the lane's t, so xb is a broadcast within the quad and xa a byte
 * permute of it; in the T orientation the slot's low bits are the lane's g, so both are shuffles.
 * A product of two 16-bit values rounds once, exactly as in fp32; the features' scales are applied
 * in fp32 where the state is rounded for its reader, and never to the features.
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

/* With DIAGONAL inside, the author's scales of a POW2 piece, sqrt(2) apart on and off the diagonal,
 * are one and the same for a state. Where that one is a power of two, storing a state and loading
 * it again loses nothing, and a sequence may be cut without changing a bit. */
bool lower_state_diagonal(const Piece *p)
{
	return p->kind == PIECE_POW2 && is_pow2(1.4142135623730951 * p->scale);
}

/* Cores [nrows][...] of x, from row core `first`; *row: what to add to a row index. */
static const char *leaf_cores(Lower *L, Op *x, Orient o, const Layout *rows, const char *first,
                              int nrows, const char **row)
{
	Split r = {0, 1, 1, 0}, c = facts_dim(L->f, x, 1);
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
	c = (Split){c.cores * c.warps, 1, 1, 0};
	l = layout_core(o, r, c);
	l.base[0] = rows->base[0];
	w = lower_find(L, x, &l, true);
	if (!w && s && r.cores > nrows && s->buf->elem == 2) {
		const char *name =
		    lower_name(L, arena_printf(L->a, "%s_f", x->name ? x->name : x->arg->name));

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
static void rows_leaf(Lower *L, Leaf *x, const Piece *p, const Layout *rows, const char *xa,
                      const char *xb, int nrows)
{
	Staged *s = lower_staged(L, p->x);
	Block *saved = L->out;
	const char *r =
	    rows->base[0] ? arena_printf(L->a, "%d * %s + r", rows->d[0].n, L->strip->var) : "r";

	if (strcmp(x->row, "0"))
		r = arena_printf(L->a, "%s + %s", x->row, r);
	lower_open(L, S_FOR, true, "int r = 0; r < %d; r++", nrows);
	lower_open(L, S_FOR, true, "int u = 0; u < %d; u++", p->groups / 2);
	dev_access(lower_code(L, "ld_shared_v4(&%s[r][2 * u][0], %s);", xb,
	                      lower_row_unit(L, s, rows, r, "u")),
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
			lower_code(L, "%s[r][I][%d] = shfl_idx_u32(%s[%sr][I / 2], 4 * g + 2 * (I %% 2)%s);",
			           xb, b, cores, row, b ? " + 1" : "");
		lower_code(L, "%s[r][I] = prmt(%s[r][I][0], %s[r][I][1], 0x1010 + 0x2222 * t);", xa, xb,
		           xb);
	} else {
		lower_code(L, "%s[r][I] = shfl_idx_u32(%s[%sr][I / 2], 4 * (4 * (I %% 2) + g / 2) + t);",
		           xa, cores, row);
		for (int b = 0; b < 2; b++)
			lower_code(
			    L,
			    "%s[r][I][%d] = shfl_idx_u32(%s[%sr][I / 2], 4 * (4 * (I %% 2) + %sg %% 2) + t);",
			    xb, b, cores, row, b ? "2 + " : "");
	}
	L->out = saved;
	x->a[q] = xa;
	x->b[q] = xb;
}

Leaf lower_leaf(Lower *L, const Grow *g, Orient o, const Layout *rows, const char *first, int nrows)
{
	Leaf x = {.g = g, .orient = o, .row = first};
	const char *row[MAX_SRC], *cores[MAX_SRC];

	for (int q = 0; q < g->npieces; q++) {
		const Piece *p = &g->piece[q];

		bool direct =
		    o == ORIENT_N && p->kind == PIECE_POW2 && lower_staged(L, p->x) && p->groups % 2 == 0;

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

/* The factor of half b1 of a diagonal core, T orientation: DIAGONAL in lanes with a == b, else 1.
 */
static const char *diagonal_factor(Lower *L, const char *b1)
{
	int h = *b1 == '1';
	const char *d = L->f16 ? "0x39a839a8u" : "0x3f353f35u",
	           *one = L->f16 ? "0x3c003c00u" : "0x3f803f80u";
	Block *saved = L->out;

	if (!L->diagonal[h]) {
		L->diagonal[h] = lower_name(L, h ? "diagonal_hi" : "diagonal_lo");
		L->out = &L->pro;
		lower_code(L, "const u32 %s = g == %d || g == %d ? %s : %s;", L->diagonal[h], 4 * h,
		           4 * h + 3, d, one);
		L->out = saved;
	}
	return L->diagonal[h];
}

const char *lower_form(Lower *L, const Leaf *x, int piece, const char *r, const char *I,
                       const char *J, const char *b1, bool pair)
{
	const Piece *p = &x->g->piece[piece];
	const char *one = L->f16 ? "3c00" : "3f80", *e;

	if (p->kind == PIECE_CONST)
		return arena_printf(L->a,
		                    x->orient == ORIENT_N ? "(t == 0 && %s == 0 ? 0x%su : 0)"
		                                          : "(g == 0 && %s == 0 ? 0x%s%su : 0)",
		                    b1, one, one);
	if (!pair)
		return arena_printf(L->a, "%s[%s%s][%s]", x->a[piece], x->b[piece], r,
		                    strcmp(I, "0") ? arena_printf(L->a, "2 * %s + %s", I, b1) : b1);
	e = arena_printf(L->a, "mul_%sx2(%s[%s][%s], %s[%s][%s][%s])", ty(L), x->a[piece], r, I,
	                 x->b[piece], r, J, b1);
	if (x->state && lower_state_diagonal(p))
		e = arena_printf(L->a, "(I == J ? mul_%sx2(%s, %s) : %s)", ty(L), e, diagonal_factor(L, b1),
		                 e);
	if (strcmp(b1, "0") || (x->g->linear < 0 && x->g->const_slot != p->slot + 2))
		return e;
	lower_code(L, "const u32 x%s = %s;", r, e); /* formed in every lane, then replaced in some */
	e = arena_printf(L->a, "x%s", r);
	if (x->g->linear >= 0 && x->g->pow2 == piece)
		e = arena_printf(L->a,
		                 x->orient == ORIENT_N
		                     ? "(I == J && t >= 2 ? (t == 2 ? %s[%s][I][0] : %s[%s][I][1]) : %s)"
		                     : "(I == J && g >= 4 ? (g < 6 ? %s[%s][I][0] : %s[%s][I][1]) : %s)",
		                 x->b[piece], r, x->b[piece], r, e);
	if (x->g->const_slot != p->slot + 2)
		return e;
	if (x->orient == ORIENT_N)
		return arena_printf(L->a, "p == %d && t == 1 ? (%s & 0xffff0000u) | 0x%su : %s",
		                    p->slot / 16, e, one, e);
	return arena_printf(L->a, "p == %d && g == 2 ? 0x%s%su : %s", p->slot / 16, one, one, e);
}

/* Opens the loops over a piece's k16 steps; returns the running step: counted from the first slot
 * for POW2 (whose loops also give I and J), from the piece's own start otherwise. */
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

const char *lower_form_piece(Lower *L, const Leaf *x, int piece, const char *r, const char *step,
                             const char *b1)
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
		lower_cannot(L, state,
		             "a state over features whose updates are not a product with the features");
	return g;
}

const char *lower_number(Lower *L, double v)
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
static void pack_turned(Lower *L, Version *w, const Version *from, const Layout *l,
                        const Grow *right, const Grow *left)
{
	const char *cores =
	    arena_printf(L->a, "core_transpose(%s)",
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
			const char *d = lower_number(L, lower_state_diagonal(p) ? s / DIAGONAL : s);
			const char *o = lower_number(L, 2 * s),
			           *one = right->const_slot == p->slot + 2
			                      ? lower_number(L, right->const_value * left->const_value)
			                      : "0.0f";
			const char *x = lower_number(L, linear_weight(right, left, q));

			/* slots (a, b) = (g / 2, 2 h + g % 2): diagonal, above it, below it */
			L->out = &L->pro;
			lower_code(L, "const float %s[3] = {", wd);
			lower_code(L, "\tg >= 4 ? %s : g / 2 == g %% 2 ? %s : g / 2 < g %% 2 ? %s : 0.0f,", x,
			           d, o);
			lower_code(L, "\tg / 2 == 2 + g %% 2 ? %s : g / 2 < 2 + g %% 2 ? %s : 0.0f,", d, o);
			lower_code(L,
			           "\tg >= 4 ? %s : g == 2 ? %s : g / 2 == g %% 2 ? %s : g / 2 < g %% 2 ? %s : "
			           "0.0f };",
			           x, one, d, o);
			L->out = saved;
			lower_open(L, S_FOR, true, "int I = 0; I < %d; I++", p->groups);
			lower_open(L, S_FOR, true, "int J = I; J < %d; J++", p->groups);
			lower_open(L, S_FOR, true, "int h = 0; h < 2; h++");
			lower_code(L, "const int c = 2 * (%sI * (%d - I) / 2 + J) + h;",
			           p->slot ? arena_printf(L->a, "%d + ", p->slot / 16) : "", 2 * p->groups - 1);
			lower_code(L, "const float w = I < J ? %s : I + h == 0 ? %s[2] : %s[h];", o, wd, wd);
		} else {
			lower_open(L, S_FOR, true, "int c = %d; c < %d; c++", p->slot / 8,
			           (p->slot + p->nslots) / 8);
			lower_code(L, "const float w = %s;", lower_number(L, s));
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
			double linear = linear_weight(right, left, q),
			       d = lower_state_diagonal(p) ? s / DIAGONAL : s;
			bool exact = !L->f16 && is_pow2(2 * s);
			unsigned o = bf16_bits(2 * s);
			const char *wd, *scaled;

			wd = lower_name(L, arena_printf(L->a, "%s_w", from->name));

			lower_code(L,
			           "const float %s[4] = { t == 0 ? %s : t == 1 ? 0.0f : %s, t == 1 ? %s : t < "
			           "1 ? %s : %s, "
			           "t == 2 ? %s : t < 2 ? %s : 0.0f, t == 3 ? %s : %s };",
			           wd, lower_number(L, d), lower_number(L, linear), lower_number(L, d),
			           lower_number(L, 2 * s), lower_number(L, linear), lower_number(L, d),
			           lower_number(L, 2 * s), lower_number(L, d), lower_number(L, 2 * s));
			lower_open(L, S_FOR, true, "int I = 0; I < %d; I++", p->groups);
			lower_open(L, S_FOR, true, "int J = I; J < %d; J++", p->groups);
			lower_open(L, S_FOR, true, "int h = 0; h < 2; h++");
			lower_code(L, "const int c = 2 * (%sI * (%d - I) / 2 + J) + h;",
			           p->slot ? arena_printf(L->a, "%d + ", p->slot / 16) : "", 2 * p->groups - 1);
			if (right->const_slot == p->slot + 2)
				lower_code(L,
				           "const float w0 = I < J ? %s : I + h == 0 && t == 1 ? %s : %s[2 * h];",
				           lower_number(L, 2 * s),
				           lower_number(L, right->const_value * left->const_value), wd);
			else
				lower_code(L, "const float w0 = I < J ? %s : %s[2 * h];", lower_number(L, 2 * s),
				           wd);
			lower_code(L, "const float w1 = I < J ? %s : %s[2 * h + 1];", lower_number(L, 2 * s),
			           wd);
			lower_open(L, S_FOR, true, "int j = 0; j < %d; j++", l->d[1].n);
			scaled = lower_pack(L, arena_printf(L->a, "%s[c][j][0] * w0", src),
			                    arena_printf(L->a, "%s[c][j][1] * w1", src));
			if (exact) /* a power of two scales exactly after rounding too, two values at once */
				scaled = arena_printf(L->a, "I < J ? mul_bf16x2(%s, 0x%xu) : %s",
				                      lower_pack(L, arena_printf(L->a, "%s[c][j][0]", src),
				                                 arena_printf(L->a, "%s[c][j][1]", src)),
				                      o << 16 | o, scaled);
			lower_code(L, "%s[c][j] = %s;", w->name, scaled);
		} else {
			lower_open(L, S_FOR, true, "int i = %d; i < %d; i++", p->slot / 8,
			           (p->slot + p->nslots) / 8);
			lower_open(L, S_FOR, true, "int j = 0; j < %d; j++", l->d[1].n);
			lower_code(L, "%s[i][j] = %s;", w->name,
			           lower_pack(L,
			                      arena_printf(L->a, "%s[i][j][0] * %s", src, lower_number(L, s)),
			                      arena_printf(L->a, "%s[i][j][1] * %s", src, lower_number(L, s))));
		}
		L->out = b;
	}
	L->out = saved;
	L->scope = scope;
	return w;
}
