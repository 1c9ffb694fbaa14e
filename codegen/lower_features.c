/* lower_features.c -- products with a grown left operand, formed in registers just before its use.
 *
 * Grown along the contraction (a state is read): what cores are made of belongs to a pair of row
 * cores, so rows are the outer loop. Grown along the result's rows (a state is updated): it belongs
 * to a k16 step of the tokens, so that is. There the warps divide the features: warp w forms slots
 * 16 (warps u + w) .. + 15, u = 0, 1, .., whose pairs (I, J) it looks up once in the prologue.
 */
#include "lower_dot.h"

#include <string.h>

/* Steps of a warpgroup's product in flight while the next is formed. */
enum { RING = 4 };

/* One k16 (or m16) step of a formed operand: its cores for row cores 0, 1 and halves b1 = 0, 1. */
static void form_step(Product *p, const Leaf *x, int piece, int part, const char *s,
                      const char *name)
{
	Lower *L = p->L;

	if (!p->wgmma)
		lower_code(L, "u32 %s[2][2];", name);
	for (int r = 0; r < 2; r++)
		for (int b = 0; b < 2; b++)
			lower_code(L, "%s[%d][%d] = %s;", name, r, b,
			           lower_form_piece(L, x, piece, part, r ? "1" : "0", s, b ? "1" : "0"));
}

static void thin_step(Product *p, const char *i, const char *f, const char *s)
{
	Lower *L = p->L;

	for (int h = 0; h < 2; h++)
		dev_access(lower_code(L,
		                      "const u32 b%d = g < 2 ? ld_shared_b32(%s + %d * g + 32 * (%s) + %d "
		                      "+ 4 * t) : 0;",
		                      h, p->b.thin->name, 2 * p->a.grow->slots, s, 16 * h),
		           p->b.thin, ACC_READ);
	lower_code(L, "mma_%s(%s, %s, %s[0][0], %s[1][0], %s[0][1], %s[1][1], b0, b1);", p->ty,
	           product_acc(p, product_twice(L, 0, i), "0"),
	           product_acc(p, product_twice(L, 1, i), "0"), f, f, f, f);
}

static int last_step(const Piece *pc, int part)
{
	return pc->slot / 16 + (pc->kind == PIECE_POW2 && part == PAIRS_DIAGONAL ? pc->groups
	                                                                         : pc->nslots / 16) - 1;
}

/* phi [m, F] times [F, n]. Accumulating odd steps apart, for four chains of mma instead of two,
 * changed nothing on an H200: ptxas overlaps the strips already. */
void lower_over_features(Product *p)
{
	Lower *L = p->L;
	const Grow *g = p->a.grow;
	const char *i, *j, *s;
	Block *saved = L->out, *rows;
	Leaf x;

	if (p->flip || p->a.swapped)
		lower_cannot(L, p->op, "a grown operand in this place");
	if (p->wgmma)
		lower_wgmma_open(p);
	else
		product_array(p, &p->b);
	product_loop(L, "i", p->l.d[0].n / 2, &i);
	if (p->wgmma)
		lower_wgmma_ring(p, g->slots / 16 < RING ? g->slots / 16 : RING, "phi");
	x = lower_leaf(L, g, ORIENT_N, &p->a.own, product_twice(L, 0, i), 2);
	rows = L->out;
	for (int q = 0; q < g->npieces; q++) {
		const Piece *pc = &g->piece[q];

		for (int part = 0; part < lower_piece_parts(pc); part++) {
			const char *f, *own;

			own = s = lower_piece_loops(L, pc, part);
			if (pc->kind != PIECE_POW2 && pc->slot)
				s = arena_printf(L->a, "%d + %s", pc->slot / 16, s);
			f = p->wgmma ? lower_wgmma_slot(p, s, last_step(pc, part)) : lower_name(L, "phi");
			form_step(p, &x, q, part, own, f);
			if (p->wgmma) {
				lower_wgmma_step(p, f, false, i, s);
			} else if (p->b.kind == THIN) {
				thin_step(p, i, f, s);
			} else {
				if (p->b.kind == STREAM)
					product_stream(p, &p->b, s);
				product_loop(L, "j", p->l.d[1].n, &j);
				if (strchr(s, ' '))
					s = arena_printf(L->a, "(%s)", s);
				lower_code(L, "mma_%s(%s, %s, %s[0][0], %s[1][0], %s[0][1], %s[1][1], %s, %s);",
				           p->ty, product_acc(p, product_twice(L, 0, i), j),
				           product_acc(p, product_twice(L, 1, i), j), f, f, f, f,
				           product_frag(p, &p->b, j, 0, s), product_frag(p, &p->b, j, 1, s));
			}
			L->out = rows;
		}
	}
	if (p->b.kind == THIN) /* the two columns of a thin state */
		for (int r = 0; r < 2; r++) {
			const char *c = product_acc(p, product_twice(L, r, i), "0");

			lower_code(L, "%s[0] += %s[1];", c, c);
		}
	L->out = saved;
}

/* acc cores (rows[0], j) and (rows[1], j) += the formed cores f times the k step's of the right. */
static void to_features(Product *p, const char *f, const char *row0, const char *row1,
                        const char *k)
{
	Lower *L = p->L;
	Block *saved = L->out;
	const char *j;

	product_loop(L, "j", p->l.d[1].n, &j);
	lower_code(L, "mma_%s(%s, %s, %s[0][0], %s[0][1], %s[1][0], %s[1][1], %s, %s);", p->ty,
	           product_acc(p, row0, j), product_acc(p, row1, j), f, f, f, f,
	           product_frag(p, &p->b, j, 0, k), product_frag(p, &p->b, j, 1, k));
	L->out = saved;
}

/* -- every warp forms all features ------------------------------------------------------------ */

static void to_all_features(Product *p)
{
	Lower *L = p->L;
	const Grow *g = p->a.grow;
	const char *k, *s;
	Block *saved = L->out, *step;
	Leaf x;

	product_loop(L, "k", p->a.k / 2, &k);
	if (p->b.kind == STREAM)
		product_stream(p, &p->b, k);
	x = lower_leaf(L, g, ORIENT_T, &p->a.own, product_twice(L, 0, k), 2);
	x.state = true;
	step = L->out;
	for (int q = 0; q < g->npieces; q++) {
		const Piece *pc = &g->piece[q];

		for (int part = 0; part < lower_piece_parts(pc); part++) {
			const char *f = lower_name(L, "phi");

			s = lower_piece_loops(L, pc, part);
			form_step(p, &x, q, part, s, f);
			if (pc->kind != PIECE_POW2 && pc->slot)
				s = arena_printf(L->a, "%d + %s", pc->slot / 16, s);
			to_features(p, f, arena_printf(L->a, "2 * (%s)", s),
			            arena_printf(L->a, "2 * (%s) + 1", s), k);
			L->out = step;
		}
	}
	L->out = saved;
}

/* -- each warp forms some of them ------------------------------------------------------------- */

/* How the warps divide the features, and what a warp looks up for its steps of a POW2 piece. */
typedef struct Share {
	int warps, pos, n;
	const char *w;       /* which part this warp's is, 0 .. warps-1 */
	const char *i, *j;   /* the lanes that hold the pair's factors; j: of half 0, 8 on of half 1 */
	const char *at;      /* address of both factors' columns, where they are in memory */
	const char *ci, *cj; /* or their column cores, where they are in registers */
	const char *cores, *row;
} Share;

static const char *group_table(Lower *L, const Piece *pc, int steps)
{
	int G = pc->groups, first = pc->slot / 16, *pair = ARENA_ARRAY(L->a, int, steps);
	const char *name;
	Text t = {.arena = L->a};

	for (int I = 0; I < G; I++)
		for (int J = I; J < G; J++)
			if (first + grow_pair(G, I, J) < steps)
				pair[first + grow_pair(G, I, J)] = I + 256 * J;
	for (int i = 0; i < steps; i++)
		text_add(&t, "%s%d", i == 0 ? "\n\t" : i % 12 ? ", " : ",\n\t", pair[i]);
	for (int i = 0; i < L->dev->ntables; i++)
		if (strstr(L->dev->table[i].text, t.s) && strstr(L->dev->table[i].name, "groups"))
			return L->dev->table[i].name;
	name = lower_name(L, arena_printf(L->a, "%s_groups", L->dev->name));
	if (L->dev->ntables == MAX_TABLES)
		bug("too many tables");
	L->dev->table[L->dev->ntables++] =
	    (Table){name, arena_printf(L->a,
	                               "// step of 16 slots -> I + 256 J, its groups of four columns\n"
	                               "static __device__ const short %s[%d] = {%s\n};",
	                               name, steps, t.s)};
	return name;
}

static void share_lookup(Product *p, Share *h, const Piece *pc)
{
	Lower *L = p->L;
	const char *x = pc->x->name ? pc->x->name : "x", *table = group_table(L, pc, h->warps * h->n);
	Staged *s = lower_staged(L, pc->x);
	Block *saved = L->out;

	L->out = &L->pro;
	h->i = lower_name(L, arena_printf(L->a, "%s_i", x));
	h->j = lower_name(L, arena_printf(L->a, "%s_j", x));
	lower_code(L, "int %s[%d], %s[%d];", h->i, h->n, h->j, h->n);
	if (s && s->buf->elem == 2) {
		h->at = lower_name(L, arena_printf(L->a, "%s_at", x));
		lower_code(L, "u32 %s[%d];", h->at, h->n);
	} else {
		h->ci = lower_name(L, arena_printf(L->a, "%s_ci", x));
		h->cj = lower_name(L, arena_printf(L->a, "%s_cj", x));
		lower_code(L, "int %s[%d], %s[%d];", h->ci, h->n, h->cj, h->n);
	}
	lower_open(L, S_FOR, true, "int u = 0; u < %d; u++", h->n);
	lower_code(L, "const int pair = table_s16(%s + %d * u + %s);", table, h->warps, h->w);
	lower_code(L, "const int I = pair %% 256;");
	lower_code(L, "const int J = pair / 256;");
	lower_code(L, "%s[u] = 4 * (4 * (I %% 2) + g / 2) + t;", h->i);
	lower_code(L, "%s[u] = 4 * (4 * (J %% 2) + g %% 2) + t;", h->j);
	if (h->at) {
		lower_code(L, "%s[u] = %s;", h->at,
		           lower_unit(L, s->buf, "(lane % 16)", "((lane < 16 ? I : J) / 2)"));
	} else {
		lower_code(L, "%s[u] = I / 2;", h->ci);
		lower_code(L, "%s[u] = J / 2;", h->cj);
	}
	L->out = saved;
}

/* Core [row r][column c] of an array, c known only when running. */
static const char *pick(Lower *L, const Share *h, int r, const char *c, int ncols)
{
	Text t = {.arena = L->a};

	for (int i = 0; i + 1 < ncols; i++)
		text_add(&t, "%s == %d ? %s[%s%d][%d] : ", c, i, h->cores, h->row, r, i);
	text_add(&t, "%s[%s%d][%d]", h->cores, h->row, r, ncols - 1);
	return t.s;
}

/* The diagonal's part of a step: `always`, or where this warp's step is one of the first ones. */
static void fold_diagonal(Product *p, const Share *h, int q, const char *f, const char *step,
                          bool always)
{
	Lower *L = p->L;
	const Grow *g = p->a.grow;
	const Piece *pc = &g->piece[q];
	const char *one = L->f16 ? "3c00" : "3f80", *ty = L->f16 ? "f16" : "bf16";
	Block *saved = L->out;

	(void)h;
	if (!always)
		lower_open(L, S_IF, false, "%s < %d", step, pc->slot / 16 + pc->groups);
	for (int r = 0; r < 2; r++) {
		if (lower_state_diagonal(pc))
			for (int b = 0; b < 2; b++)
				lower_code(L, "%s[%d][%d] = mul_%sx2(%s[%d][%d], %s);", f, r, b, ty, f, r, b,
				           lower_diagonal_factor(L, b));
		if (g->linear >= 0 && g->pow2 == q)
			lower_code(L, "%s[%d][0] = g >= 4 ? (g < 6 ? y%d[0] : y%d[1]) : %s[%d][0];", f, r, r, r,
			           f, r);
		if (g->const_slot == pc->slot + 2)
			lower_code(L, "%s[%d][0] = %s == %d && g == 2 ? 0x%s%su : %s[%d][0];", f, r, step,
			           pc->slot / 16, one, one, f, r);
	}
	L->out = saved;
}

/* f = the cores of step u of a POW2 piece; `first`: how its steps meet the diagonal ones. */
static void share_pairs(Product *p, const Share *h, int q, const char *f, const char *u,
                        const char *k, const char *step, int diagonal)
{
	Lower *L = p->L;
	const Piece *pc = &p->a.grow->piece[q];
	const char *ty = L->f16 ? "f16" : "bf16";
	Staged *s = lower_staged(L, pc->x);
	int ncols = facts_dim(L->f, pc->x, 1).cores * facts_dim(L->f, pc->x, 1).warps;
	Stmt *st;

	if (h->at) {
		lower_code(L, "u32 c[2][2];");
		st = lower_code(
		    L, "cores_load4_trans(&c[0][0], &c[1][0], &c[0][1], &c[1][1], %s + %d * %s + %s[%s]);",
		    s->base, 16 * s->buf->pbytes, k, h->at, u);
		dev_access(st, s->buf, ACC_READ);
	}
	for (int r = 0; r < 2; r++) {
		const char *ci = h->at ? arena_printf(L->a, "c[%d][0]", r)
		                       : pick(L, h, r, arena_printf(L->a, "%s[%s]", h->ci, u), ncols);
		const char *cj = h->at ? arena_printf(L->a, "c[%d][1]", r)
		                       : pick(L, h, r, arena_printf(L->a, "%s[%s]", h->cj, u), ncols);

		lower_code(L, "const u32 x%d = shfl_idx_u32(%s, %s[%s]);", r, ci, h->i, u);
		lower_code(L,
		           "const u32 y%d[2] = { shfl_idx_u32(%s, %s[%s]), shfl_idx_u32(%s, %s[%s] + 8) };",
		           r, cj, h->j, u, cj, h->j, u);
		for (int b = 0; b < 2; b++)
			lower_code(L, "%s[%d][%d] = mul_%sx2(x%d, y%d[%d]);", f, r, b, ty, r, r, b);
	}
	if (diagonal)
		fold_diagonal(p, h, q, f, step, diagonal == 2);
}

static void share_plain(Product *p, const Share *h, const Leaf *x, int q, const char *f,
                        const char *u, const char *step)
{
	Lower *L = p->L;
	const Piece *pc = &p->a.grow->piece[q];
	const char *one = L->f16 ? "3c00" : "3f80";
	int ncols = facts_dim(L->f, pc->kind == PIECE_ELEM ? pc->x : p->a.x, 1).cores;

	(void)u;
	(void)h;
	for (int r = 0; r < 2; r++)
		for (int b = 0; b < 2; b++) {
			Text t = {.arena = L->a};

			if (pc->kind == PIECE_CONST) {
				text_add(&t, b ? "0" : "g == 0 ? 0x%s%su : 0", one, one);
			} else {
				for (int s = 0; s + 1 < pc->nslots / 16 && 2 * s + b < ncols; s++)
					text_add(&t, "%s == %d ? %s[%s%d][%d] : ", step, pc->slot / 16 + s, x->a[q],
					         x->b[q], r, 2 * s + b);
				text_add(&t, "%s[%s%d][%d]", x->a[q], x->b[q], r, pc->nslots / 8 - 2 + b);
			}
			lower_code(L, "%s[%d][%d] = %s;", f, r, b, t.s);
		}
}

/* Steps [lo, hi] of all warps for one u: the piece each is of, and what of it is diagonal: 2 all,
 * 1 some, 0 none. */
typedef struct Tile {
	int first, last, diagonal; /* pieces */
} Tile;

static Tile tile_of(const Grow *g, int lo, int hi)
{
	Tile t = {-1, -1, 0};

	for (int q = 0; q < g->npieces; q++) {
		const Piece *pc = &g->piece[q];
		int a = pc->slot / 16, b = a + pc->nslots / 16;

		if (!pc->nslots)
			continue;
		if ((lo < b && hi >= a) || (t.first < 0 && lo >= b)) {
			t.first = t.first < 0 || lo >= b ? q : t.first;
			t.last = q;
		}
		if (pc->kind == PIECE_POW2 && lo < a + pc->groups && hi >= a)
			t.diagonal = lo >= a && hi < a + pc->groups ? 2 : 1;
	}
	return t;
}

static void to_shared_features(Product *p, Share *h)
{
	Lower *L = p->L;
	const Grow *g = p->a.grow;
	Block *saved = L->out, *step, *tile;
	Share each[MAX_SRC];
	const char *k;
	Leaf x;
	bool leaves = false;

	for (int q = 0; q < g->npieces; q++) {
		each[q] = *h;
		if (g->piece[q].kind == PIECE_POW2)
			share_lookup(p, &each[q], &g->piece[q]);
	}
	if (p->wgmma) {
		lower_wgmma_open(p);
		lower_wgmma_ring(p, RING, "phi");
	}
	product_loop(L, "k", p->a.k / 2, &k);
	if (p->b.kind == STREAM && !p->wgmma)
		product_stream(p, &p->b, k);
	for (int q = 0; q < g->npieces; q++)
		leaves |= g->piece[q].nslots && (g->piece[q].kind == PIECE_ELEM || (each[q].ci != NULL));
	if (leaves)
		x = lower_leaf_cores(L, g, &p->a.own, product_twice(L, 0, k));
	step = L->out;
	for (int u = 0, n; u < h->n; u += n) {
		Tile t = tile_of(g, u * h->warps, u * h->warps + h->warps - 1), o;
		const char *f, *us, *at;

		for (n = 1; u + n < h->n; n++) {
			o = tile_of(g, (u + n) * h->warps, (u + n) * h->warps + h->warps - 1);
			if (t.first != t.last || o.first != t.first || o.last != t.last ||
			    o.diagonal != t.diagonal || t.diagonal == 1 || g->piece[t.first].kind != PIECE_POW2)
				break;
		}
		us = arena_printf(L->a, "%d", u);
		if (n > 1) {
			lower_open(L, S_FOR, true, "int u = %d; u < %d; u++", u, u + n);
			us = "u";
			at = arena_printf(L->a, "%d * u + %s", h->warps, h->w);
		} else {
			lower_open(L, S_SCOPE, false, "%s", "");
			at = u ? arena_printf(L->a, "%d + %s", u * h->warps, h->w) : h->w;
		}
		if (p->wgmma) {
			f = lower_wgmma_slot(p, arena_printf(L->a, strcmp(k, "0") ? "%d * k + %s" : "%.0d%s", strcmp(k, "0") ? h->n : 0, us), h->n * p->a.k / 2 - 1);
		} else {
			f = lower_name(L, "phi");
			lower_code(L, "u32 %s[2][2];", f);
		}
		tile = L->out;
		for (int q = t.first; q <= t.last; q++) {
			if (!g->piece[q].nslots)
				continue;
			if (q < t.last) /* the same for a whole warp */
				lower_open(L, S_IF, false, "%s < %d", at,
				           (g->piece[q].slot + g->piece[q].nslots) / 16);
			if (g->piece[q].kind == PIECE_POW2) {
				if (each[q].ci) {
					each[q].cores = x.a[q];
					each[q].row = x.b[q];
				}
				share_pairs(p, &each[q], q, f, us, k, at, t.diagonal);
			} else {
				share_plain(p, h, &x, q, f, us, at);
			}
			if (q < t.last) {
				Stmt *chain = tile->last;

				while (chain->orelse.last)
					chain = chain->orelse.last;
				L->out = &chain->orelse;
			}
		}
		L->out = tile;
		if (p->wgmma)
			lower_wgmma_step(p, f, true, us, k);
		else
			to_features(p, f, arena_printf(L->a, "2 * %s", us), arena_printf(L->a, "2 * %s + 1", us),
		            k);
		L->out = step;
	}
	L->out = saved;
}

/* T(phi) [F, k] times [k, n]. */
void lower_to_features(Product *p)
{
	Lower *L = p->L;
	Share h = {.warps = 1, .n = p->l.d[0].n / 2};

	if (p->flip)
		lower_cannot(L, p->op, "features as columns; write the product the other way round");
	if (!p->wgmma)
		product_array(p, &p->b);
	for (int i = 3; i < p->l.nd; i++)
		if (p->l.d[i].hw == HW_WARP && p->l.d[i].dim == 0) {
			h.warps = p->l.d[i].n;
			h.pos = p->l.d[i].pos;
		}
	if (h.warps == 1) {
		to_all_features(p);
		return;
	}
	h.w = h.pos > 1            ? arena_printf(L->a, "warp / %d %% %d", h.pos, h.warps)
	      : h.warps < L->warps ? arena_printf(L->a, "warp %% %d", h.warps)
	                           : "warp";
	if (strchr(h.w, ' '))
		h.w = arena_printf(L->a, "(%s)", h.w);
	to_shared_features(p, &h);
}
