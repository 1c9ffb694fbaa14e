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

/* With DIAGONAL inside, the author's scales of a POW2 piece, sqrt(2) apart on and off the diagonal,
 * are one and the same for a state. Where that one is a power of two, storing a state and loading
 * it again loses nothing, and a sequence may be cut without changing a bit. */
bool lower_state_diagonal(const Piece *p)
{
	return p->kind == PIECE_POW2 && is_pow2(1.4142135623730951 * p->scale);
}

/* What both sides' scales weigh a pair off the diagonal, where they are alike. In f16, sums that
 * are not weighed might be out of range. */
double lower_pair_lift(Lower *L, const Piece *p)
{
	double both = 2 * p->scale * p->scale;

	return L->f16 || p->kind != PIECE_POW2 || !is_pow2(both) || both == 0 ? 1 : (float)both;
}

/* Whether units of x's rows can be read as 16-bit pairs. */
static bool pairs_staged(Lower *L, const Op *x)
{
	const Staged *s = lower_staged(L, x);

	return s && s->buf->elem == 2;
}

/* Cores [nrows][...] of x, from row core `first`; *row: what to add to a row index. */
static const char *leaf_cores(Lower *L, Op *x, Orient o, const Layout *rows, const char *first,
                              int nrows, const char **row)
{
	Split r = {0, 1, 1}, c = facts_dim(L->f, x, 1);
	Staged *s = lower_staged(L, x);
	Layout l;
	Version *w;

	r.cores = rows->d[0].n;
	for (int i = 3; i < rows->nd; i++)
		if (rows->d[i].hw == HW_WARP && rows->d[i].dim == 0) {
			r.warps = rows->d[i].n;
			r.pos = rows->d[i].pos;
		}
	c = (Split){c.cores * c.warps, 1, 1};
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

/* Four groups, where features are formed from rows of a turned tile by mma.sync: pairs by I ^ J, so
 * that of two warps' steps 0|1 2|3 (diagonal) 01|23 02|13 12|03 the last two find factors that are
 * already read: those of I in 0|1, those of J in 2|3 (lower_share.c). */
static bool by_xor(Lower *L, int groups)
{
	return groups == 4 && !L->dev->gpu->wgmma;
}

int lower_pair(Lower *L, int groups, int I, int J)
{
	return I == J || !by_xor(L, groups) ? grow_pair(groups, I, J)
	                                    : 2 + 2 * (I ^ J) + ((I ^ J) == 1 ? J / 2 : J % 2);
}

static const char *pair_text(Lower *L, int groups)
{
	if (by_xor(L, groups))
		return "2 + 2 * (I ^ J) + ((I ^ J) == 1 ? J / 2 : J % 2)";
	return arena_printf(L->a, "%d + I * (%d - I) / 2 + J", groups - 1, 2 * groups - 3);
}

/* N orientation, from shared memory: a lane reads the whole rows it needs, 16 bytes at a time.
 * Opens the loop over rows r and reads unit u. */
static void read_unit(Lower *L, const char *row, const Piece *p, const Layout *rows, const char *xb,
                      int nrows)
{
	Staged *s = lower_staged(L, p->x);
	int step = layout_core_step(rows, 0);
	const char *r =
	    rows->base[0] ? arena_printf(L->a, "%d * %s + r", step * rows->d[0].n, L->strip->var) : "r";

	if (strcmp(row, "0"))
		r = step > 1 ? arena_printf(L->a, "%d * (%s) + %s", step, row, r)
		             : arena_printf(L->a, "%s + %s", row, r);
	if (nrows > 2 && step > 1) /* pairs are dealt out */
		r = arena_printf(L->a, "r / 2 * %d + r %% 2", 2 * step);
	dev_access(lower_code(L, "ld_shared_v4(&%s[r][2 * u][0], %s);", xb,
	                      lower_row_unit(L, s, rows, r, "u")),
	           s->buf, ACC_READ);
}

/* The first factors of piece q: the even or the odd columns of the groups, by t. */
static const char *first_factor(Lower *L, const Leaf *x, int q, const char *even, const char *odd)
{
	double lift = x->lifts ? lower_pair_lift(L, &x->g->piece[q]) : 1;
	const char *both = arena_printf(L->a, "prmt(%s, %s, 0x1010 + 0x2222 * t)", even, odd);
	float f = (float)lift;
	unsigned bits;

	memcpy(&bits, &f, sizeof bits);
	return lift == 1 ? both : arena_printf(L->a, "mul_bf16x2(%s, 0x%xu)", both, bits | bits >> 16);
}

static void rows_leaf(Lower *L, Leaf *x, int q, const Layout *rows, const char *xa, const char *xb,
                      int nrows)
{
	const Piece *p = &x->g->piece[q];
	Block *saved = L->out;

	lower_open(L, S_FOR, true, "int r = 0; r < %d; r++", nrows);
	lower_open(L, S_FOR, true, "int u = 0; u < %d; u++", p->groups / 2);
	read_unit(L, x->row, p, rows, xb, nrows);
	lower_open(L, S_FOR, true, "int I = 2 * u; I < 2 * u + 2; I++");
	lower_code(L, "%s[r][I] = %s;", xa,
	           first_factor(L, x, q, arena_printf(L->a, "%s[r][I][0]", xb),
	                        arena_printf(L->a, "%s[r][I][1]", xb)));
	L->out = saved;
}

static void leaf_names(Lower *L, Leaf *x, int q, int nrows)
{
	const Piece *p = &x->g->piece[q];

	x->a[q] = lower_name(L, arena_printf(L->a, "%sa", p->x->name ? p->x->name : "x"));
	x->b[q] = lower_name(L, arena_printf(L->a, "%sb", p->x->name ? p->x->name : "x"));
	lower_code(L, "u32 %s[%d][%d], %s[%d][%d][2];", x->a[q], nrows, p->groups, x->b[q], nrows,
	           p->groups);
}

bool lower_leaf_by_groups(Lower *L, const Grow *g)
{
	int n = 0;

	for (int q = 0; q < g->npieces; q++) {
		const Piece *p = &g->piece[q];

		if (p->nslots && (p->kind != PIECE_POW2 || p->groups % 2 || !pairs_staged(L, p->x)))
			return false;
		n += p->nslots > 0;
	}
	return n > 0;
}

Leaf lower_leaf_columns(Lower *L, const Grow *g, int q, const Layout *rows, int nrows)
{
	Leaf x = {.g = g, .orient = ORIENT_N, .row = "0", .lifts = true};
	const Piece *p = &g->piece[q];
	Block *unit, *group;

	leaf_names(L, &x, q, nrows);
	lower_open(L, S_FOR, true, "int u = 0; u < %d; u++", p->groups / 2);
	unit = L->out;
	lower_open(L, S_FOR, true, "int r = 0; r < %d; r++", nrows);
	read_unit(L, x.row, p, rows, x.b[q], nrows);
	L->out = unit;
	lower_open(L, S_FOR, true, "int J = 2 * u; J < 2 * u + 2; J++");
	group = L->out;
	lower_open(L, S_FOR, true, "int r = 0; r < %d; r++", nrows);
	lower_code(L, "%s[r][J] = %s;", x.a[q],
	           first_factor(L, &x, q, arena_printf(L->a, "%s[r][J][0]", x.b[q]),
	                        arena_printf(L->a, "%s[r][J][1]", x.b[q])));
	L->out = group;
	return x;
}

const char *lower_group_loops(Lower *L, const Piece *p, int part)
{
	const char *first = p->slot ? arena_printf(L->a, "%d + ", p->slot / 16) : "";
	int G = p->groups;

	if (part == PAIRS_DIAGONAL) {
		lower_open(L, S_SCOPE, false, "%s", "");
		lower_code(L, "const int I = J;");
		return arena_printf(L->a, "%sI", first);
	}
	lower_open(L, S_FOR, true, "int I = 0; I < J; I++");
	lower_code(L, "const int p = %s%s;", first, pair_text(L, G));
	return "p";
}

static void pow2_leaf(Lower *L, Leaf *x, int q, const char *cores, const char *row, int nrows,
                      const Layout *rows)
{
	const Piece *p = &x->g->piece[q];
	const char *xa, *xb;
	Block *saved = L->out;

	leaf_names(L, x, q, nrows);
	xa = x->a[q];
	xb = x->b[q];
	if (!cores) {
		rows_leaf(L, x, q, rows, xa, xb, nrows);
		return;
	}
	lower_open(L, S_FOR, true, "int r = 0; r < %d; r++", nrows);
	lower_open(L, S_FOR, true, "int I = 0; I < %d; I++", p->groups);
	if (x->orient == ORIENT_N) {
		for (int b = 0; b < 2; b++)
			lower_code(L, "%s[r][I][%d] = shfl_idx_u32(%s[%sr][I / 2], 4 * g + 2 * (I %% 2)%s);",
			           xb, b, cores, row, b ? " + 1" : "");
		lower_code(L, "%s[r][I] = %s;", xa,
		           first_factor(L, x, q, arena_printf(L->a, "%s[r][I][0]", xb),
		                        arena_printf(L->a, "%s[r][I][1]", xb)));
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
}

Leaf lower_leaf(Lower *L, const Grow *g, Orient o, const Layout *rows, const char *first, int nrows,
                bool lifts)
{
	Leaf x = {.g = g, .orient = o, .row = first, .lifts = lifts};
	const char *row[MAX_SRC], *cores[MAX_SRC];

	for (int q = 0; q < g->npieces; q++) {
		const Piece *p = &g->piece[q];

		bool direct =
		    o == ORIENT_N && p->kind == PIECE_POW2 && pairs_staged(L, p->x) && p->groups % 2 == 0;

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

Leaf lower_leaf_cores(Lower *L, const Grow *g, const Layout *rows, const char *first)
{
	Leaf x = {.g = g, .orient = ORIENT_T, .row = first};

	for (int q = 0; q < g->npieces; q++)
		if (g->piece[q].x && g->piece[q].nslots)
			x.a[q] = leaf_cores(L, g->piece[q].x, ORIENT_T, rows, first, 2, &x.b[q]);
	return x;
}

/* The factor of half h of a diagonal core, T orientation: DIAGONAL in lanes with a == b, else 1.
 */
const char *lower_diagonal_factor(Lower *L, int h)
{
	const char *d = L->f16 ? "0x39a839a8u" : "0x3f353f35u",
	           *one = L->f16 ? "0x3c003c00u" : "0x3f803f80u";
	Block *saved = L->out;

	if (!L->diagonal[h]) {
		L->diagonal[h] = lower_name(L, h ? "diagonal_hi" : "diagonal_lo");
		L->out = L->pro;
		lower_code(L, "const u32 %s = g == %d || g == %d ? %s : %s;", L->diagonal[h], 4 * h,
		           4 * h + 3, d, one);
		L->out = saved;
	}
	return L->diagonal[h];
}

/* A pair's half b1: the product of both factors, and in a diagonal pair what is folded into the
 * slots that weigh nothing: the linear columns, and in the first of all the constant. */
static const char *form_pair(Lower *L, const Leaf *x, int piece, int part, const char *r,
                             const char *b1)
{
	const Piece *p = &x->g->piece[piece];
	const char *one = L->f16 ? "3c00" : "3f80", *b = x->b[piece], *e;
	bool turned = x->orient == ORIENT_T;

	e = arena_printf(L->a, "mul_%sx2(%s[%s][I], %s[%s][%s][%s])", ty(L), x->a[piece], r, b, r,
	                 part == PAIRS_DIAGONAL ? "I" : "J", b1);
	if (part != PAIRS_DIAGONAL)
		return e;
	if (x->state && lower_state_diagonal(p))
		e = arena_printf(L->a, "mul_%sx2(%s, %s)", ty(L), e, lower_diagonal_factor(L, *b1 == '1'));
	if (strcmp(b1, "0"))
		return e;
	if (x->g->linear >= 0 && x->g->pow2 == piece)
		e = arena_printf(L->a,
		                 turned ? "g >= 4 ? (g < 6 ? %s[%s][I][0] : %s[%s][I][1]) : %s"
		                        : "t >= 2 ? (t == 2 ? %s[%s][I][0] : %s[%s][I][1]) : %s",
		                 b, r, b, r, e);
	if (x->g->const_slot != p->slot + 2)
		return e;
	if (turned)
		return arena_printf(L->a, "I == 0 && g == 2 ? 0x%s%su : %s", one, one, e);
	lower_code(L, "const u32 x%s = %s;", r, e);
	return arena_printf(L->a, "I == 0 && t == 1 ? (x%s & 0xffff0000u) | 0x%su : x%s", r, one, r);
}

int lower_piece_parts(const Piece *p)
{
	return !p->nslots ? 0 : p->kind == PIECE_POW2 && p->groups > 1 ? 2 : 1;
}

const char *lower_piece_loops(Lower *L, const Piece *p, int part)
{
	const char *first = p->slot ? arena_printf(L->a, "%d + ", p->slot / 16) : "";
	int G = p->groups;

	if (p->kind == PIECE_POW2 && part == PAIRS_DIAGONAL) {
		lower_open(L, S_FOR, true, "int I = 0; I < %d; I++", G);
		return arena_printf(L->a, "%sI", first);
	}
	if (p->kind == PIECE_POW2) {
		lower_open(L, S_FOR, true, "int I = 0; I < %d; I++", G - 1);
		lower_open(L, S_FOR, true, "int J = I + 1; J < %d; J++", G);
		lower_code(L, "const int p = %s%s;", first, pair_text(L, G));
		return "p";
	}
	if (p->nslots == 16)
		return "0";
	lower_open(L, S_FOR, true, "int p = 0; p < %d; p++", p->nslots / 16);
	return "p";
}

const char *lower_form_piece(Lower *L, const Leaf *x, int piece, int part, const char *r,
                             const char *step, const char *b1)
{
	const Piece *p = &x->g->piece[piece];
	const char *one = L->f16 ? "3c00" : "3f80", *core, *value;
	int cores = (p->n + 7) / 8;

	switch (p->kind) {
	case PIECE_POW2:
		return form_pair(L, x, piece, part, r, b1);
	case PIECE_CONST:
		return arena_printf(L->a,
		                    x->orient == ORIENT_N ? "(t == 0 && %s == 0 ? 0x%su : 0)"
		                                          : "(g == 0 && %s == 0 ? 0x%s%su : 0)",
		                    b1, one, one);
	default:
		core = strcmp(step, "0") ? arena_printf(L->a, "2 * %s + %s", step, b1) : b1;
		value = arena_printf(L->a, "%s[%s%s][%s]", x->a[piece], x->b[piece], r, core);
		if (cores % 2 && strcmp(b1, "0")) /* the last step is half a core's columns */
			value = arena_printf(L->a, "(%s < %d ? %s : 0)", core, cores, value);
		return value;
	}
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
