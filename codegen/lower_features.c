/* lower_features.c -- products with a grown left operand, formed in registers just before its use.
 *
 * Grown along the contraction (a state is read): what cores are made of belongs to a pair of row
 * cores, so rows are the outer loop. Grown along the result's rows (a state is updated): it belongs
 * to a k16 step of the tokens, so that is. There the warps divide the features: warp w forms slots
 * 16 (warps u + w) .. + 15, u = 0, 1, .., whose pairs (I, J) it looks up once in the prologue.
 */
#include "lower_dot.h"

#include <stdlib.h>
#include <string.h>

/* One k16 (or m16) step of a formed operand: its cores for row cores 0, 1 and halves b1 = 0, 1. */
static void form_step(Product *p, const Leaf *x, int piece, int part, const char *s,
                      const char *name)
{
	Lower *L = p->L;

	if (!p->wgmma) /* else one of a batch */
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

/* A piece as batches of a warpgroup's product, in two register sets by turns: the diagonal pairs
 * are the first batch, the others follow, one for each I; steps of other pieces come one by one. */
static void over_piece(Product *p, const Leaf *x, int q, const char *i)
{
	Lower *L = p->L;
	const Piece *pc = &p->a.grow->piece[q];
	bool pairs = pc->kind == PIECE_POW2;
	int G = pc->groups, n[2] = {2, pairs ? G : 1};
	const char *all = lower_wgmma_batch(L, "phi", n, 2), *set, *s, *step, *f;
	Block *out = L->out, *turn;

	for (int part = 0; part < lower_piece_parts(pc); part++) {
		bool others = pairs && part == PAIRS_OTHERS;
		int turns = others ? G - 1 : pairs ? 1 : pc->nslots / 16;
		const char *b = others ? "I" : "b";

		if (part)
			lower_wgmma_trim(L);
		set = arena_printf(L->a, "%s[0]", all);
		if (turns > 1 || others) {
			lower_open(L, S_FOR, true, "int %s = 0; %s < %d; %s++", b, b, turns, b);
			set = arena_printf(L->a, others ? "%s[(%s + 1) %% 2]" : "%s[%s %% 2]", all, b);
		}
		turn = L->out;
		if (turns > (others ? 1 : 2)) {
			lower_open(L, S_IF, false, "%s >= %d", b, others ? 1 : 2)->last->uniform = true;
			lower_wgmma_reuse(L, set, n[1], 2);
			L->out = turn;
		}
		for (int issue = 0; issue < 2; issue++) {
			const char *first = pc->slot ? arena_printf(L->a, "%d + ", pc->slot / 16) : "";

			if (issue)
				lower_wgmma_formed(L, set, n[1]);
			if (others) {
				lower_open(L, S_FOR, true, "int J = I + 1; J < %d; J++", G);
				step = s =
				    arena_printf(L->a, "%s%d + I * (%d - I) / 2 + J", first, G - 1, 2 * G - 3);
				f = arena_printf(L->a, "%s[J - I - 1]", set);
			} else if (pairs) {
				step = s = lower_piece_loops(L, pc, part);
				f = arena_printf(L->a, "%s[I]", set);
			} else {
				s = turns > 1 ? "b" : "0";
				step = arena_printf(L->a, "%s%s", first, s);
				f = arena_printf(L->a, "%s[0]", set);
			}
			if (issue)
				lower_wgmma_step(p, f, false, i, step);
			else
				form_step(p, x, q, part, s, f);
			L->out = turn;
		}
		L->group += turns - 1;
		lower_wgmma_own(L, all, n, 2);
		lower_wgmma_commit(L);
		L->out = out;
	}
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
	x = lower_leaf(L, g, ORIENT_N, &p->a.own, product_twice(L, 0, i), 2);
	rows = L->out;
	for (int q = 0; q < g->npieces; q++) {
		const Piece *pc = &g->piece[q];

		if (p->wgmma && pc->nslots) {
			over_piece(p, &x, q, i);
			continue;
		}
		for (int part = 0; part < lower_piece_parts(pc); part++) {
			const char *f;

			f = lower_name(L, "phi");
			s = lower_piece_loops(L, pc, part);
			form_step(p, &x, q, part, s, f);
			if (pc->kind != PIECE_POW2 && pc->slot)
				s = arena_printf(L->a, "%d + %s", pc->slot / 16, s);
			if (p->b.kind == THIN) {
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
	if (p->wgmma)
		lower_wgmma_close(p);
	if (p->wgmma && p->l.d[0].n > 2) /* in a loop: nothing flies out of it */
		lower_wgmma_settle(L);
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
	const char *w; /* which part this warp's is, 0 .. warps-1 */
	/* by step: bits 0-4 and 8-12 are the lanes that hold the pair's factors (of half 0 the second;
	 * of half 1 it is 8 on); from bit 16 the address of both factors' columns, where they are in
	 * memory, or bits 16-23 and 24-31 their column cores, where they are in registers */
	const char *look;
	bool memory;
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

/* The step of 16 slots that is this warp's u-th. */
static const char *step_of(Lower *L, const Share *h, const char *u)
{
	char *end;
	long n = strtol(u, &end, 10);

	if (*end)
		return arena_printf(L->a, "%d * %s + %s", h->warps, u, h->w);
	return n ? arena_printf(L->a, "%ld + %s", n * h->warps, h->w) : h->w;
}

static void share_lookup(Product *p, Share *h, const Piece *pc)
{
	Lower *L = p->L;
	const char *x = pc->x->name ? pc->x->name : "x", *table = group_table(L, pc, h->warps * h->n);
	Staged *s = lower_staged(L, pc->x);
	Block *saved = L->out;

	L->out = L->pro;
	h->look = lower_name(L, arena_printf(L->a, "%s_pair", x));
	h->memory = s && s->buf->elem == 2 && s->buf->bytes <= 1 << 16;
	lower_code(L, "u32 %s[%d];", h->look, h->n);
	lower_open(L, S_FOR, true, "int u = 0; u < %d; u++", h->n);
	lower_code(L, "const int pair = table_s16(%s + %d * u + %s);", table, h->warps, h->w);
	lower_code(L, "const int I = pair %% 256;");
	lower_code(L, "const int J = pair / 256;");
	lower_code(L,
	           "const u32 lanes = 4 * (4 * (I %% 2) + g / 2) + t + 256 * (4 * (4 * (J %% 2) + g %% "
	           "2) + t);");
	if (h->memory)
		lower_code(L, "%s[u] = lanes + 65536u * (%s);", h->look,
		           lower_unit(L, s->buf, "(lane % 16)", "((lane < 16 ? I : J) / 2)"));
	else
		lower_code(L, "%s[u] = lanes + 65536u * (I / 2 + J / 2 * 256);", h->look);
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

	lower_code(L, "const u32 at = %s[%s];", h->look, u);
	if (h->memory) {
		lower_code(L, "u32 c[2][2];");
		st = lower_code(L,
		                "cores_load4_trans(&c[0][0], &c[1][0], &c[0][1], &c[1][1], %s + %d * %s + "
		                "(at >> 16));",
		                s->base, 16 * s->buf->pbytes, k);
		dev_access(st, s->buf, ACC_READ);
	}
	for (int r = 0; r < 2; r++) {
		const char *ci = h->memory ? arena_printf(L->a, "c[%d][0]", r)
		                           : pick(L, h, r, "(at >> 16 & 255)", ncols);
		const char *cj =
		    h->memory ? arena_printf(L->a, "c[%d][1]", r) : pick(L, h, r, "(at >> 24)", ncols);

		lower_code(L, "const u32 x%d = shfl_idx_u32(%s, (int)at);", r, ci);
		lower_code(L,
		           "const u32 y%d[2] = { shfl_idx_u32(%s, (int)(at >> 8)), shfl_idx_u32(%s, "
		           "(int)(at >> 8) + 8) };",
		           r, cj, cj);
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

/* What is formed for one of the warp's steps u, or several alike. */
typedef struct Run {
	Tile tile;
	int u, n;
} Run;

static Run run_at(const Grow *g, const Share *h, int u)
{
	Run r = {tile_of(g, u * h->warps, u * h->warps + h->warps - 1), u, 1};
	bool plain = r.tile.first == r.tile.last && r.tile.diagonal != 1 &&
	             g->piece[r.tile.first].kind == PIECE_POW2;

	for (; plain && u + r.n < h->n; r.n++) {
		Tile t = tile_of(g, (u + r.n) * h->warps, (u + r.n) * h->warps + h->warps - 1);

		if (t.first != r.tile.first || t.last != t.first || t.diagonal != r.tile.diagonal)
			break;
	}
	return r;
}

/* Opens the run's loop; returns u. */
static const char *run_open(Lower *L, const Run *r)
{
	if (r->n == 1) {
		lower_open(L, S_SCOPE, false, "%s", "");
		return arena_printf(L->a, "%d", r->u);
	}
	lower_open(L, S_FOR, true, "int u = %d; u < %d; u++", r->u, r->u + r->n);
	return "u";
}

/* f = the cores of the warp's step u and k16 step k: of a piece, or of the one that the warp's
 * step falls into. */
static void form_share(Product *p, const Share *each, const Leaf *x, const Run *r, const char *u,
                       const char *k, const char *f)
{
	Lower *L = p->L;
	const Grow *g = p->a.grow;
	const char *at = step_of(L, each, u);
	Block *tile = L->out;

	for (int q = r->tile.first; q <= r->tile.last; q++) {
		Share h = each[q];

		if (!g->piece[q].nslots)
			continue;
		if (q < r->tile.last) /* the same for a whole warp */
			lower_open(L, S_IF, false, "%s < %d", at, (g->piece[q].slot + g->piece[q].nslots) / 16);
		if (g->piece[q].kind == PIECE_POW2) {
			h.cores = x->a[q];
			h.row = x->b[q];
			share_pairs(p, &h, q, f, u, k, at, r->tile.diagonal);
		} else {
			share_plain(p, &h, x, q, f, u, at);
		}
		if (q < r->tile.last) {
			Stmt *chain = tile->last;

			while (chain->orelse.last)
				chain = chain->orelse.last;
			L->out = &chain->orelse;
		}
	}
	L->out = tile;
}

/* The cores of the tiles that the step's operands are made of, where they are not in memory. */
static Leaf share_leaf(Product *p, const Share *each, const char *k)
{
	Lower *L = p->L;
	const Grow *g = p->a.grow;
	Leaf none = {0};

	for (int q = 0; q < g->npieces; q++)
		if (g->piece[q].nslots &&
		    (g->piece[q].kind == PIECE_ELEM || (each[q].look && !each[q].memory)))
			return lower_leaf_cores(L, g, &p->a.own, product_twice(L, 0, k));
	return none;
}

/* By k16 steps of the tokens, whose right operand's cores are loaded once. */
static void to_share(Product *p, const Share *each)
{
	Lower *L = p->L;
	Block *saved = L->out, *step;
	const char *k;
	Leaf x;

	product_loop(L, "k", p->a.k / 2, &k);
	if (p->b.kind == STREAM)
		product_stream(p, &p->b, k);
	x = share_leaf(p, each, k);
	step = L->out;
	for (int u = 0; u < each->n;) {
		Run r = run_at(p->a.grow, each, u);
		const char *us = run_open(L, &r), *f = lower_name(L, "phi");

		lower_code(L, "u32 %s[2][2];", f);
		form_share(p, each, &x, &r, us, k, f);
		to_features(p, f, arena_printf(L->a, "2 * %s", us), arena_printf(L->a, "2 * %s + 1", us),
		            k);
		L->out = step;
		u += r.n;
	}
	L->out = saved;
}

/* By the warp's own steps, whose lookups are then needed one at a time; two k16 steps are a batch,
 * in two register sets by turns. */
static void to_share_wgmma(Product *p, const Share *each)
{
	Lower *L = p->L;
	Block *saved = L->out, *turn;
	int steps = p->a.k / 2, batch = steps % 2 ? 1 : 2, per = steps / batch, n[2] = {2, batch};
	const char *all;

	lower_wgmma_open(p);
	all = lower_wgmma_batch(L, "phi", n, 2);
	for (int u = 0; u < each->n;) {
		Run r = run_at(p->a.grow, each, u);
		const char *us = run_open(L, &r), *k = "0", *set, *b;

		if (per > 1) {
			lower_open(L, S_FOR, true, "int k = 0; k < %d; k += %d", steps, batch);
			k = "k";
		}
		b = per > 1 ? arena_printf(L->a, batch > 1 ? "%d * %s + k / 2" : "%d * %s + k", per, us)
		            : us;
		set = arena_printf(L->a, strchr(b, ' ') ? "%s[(%s) %% 2]" : "%s[%s %% 2]", all, b);
		turn = L->out;
		if (per * (r.u + r.n) > 2) {
			if (per * r.u < 2) {
				lower_open(L, S_IF, false, "%s >= 2", b);
				turn->last->uniform = true;
			}
			lower_wgmma_reuse(L, set, batch, 2);
			L->out = turn;
		}
		for (int i = 0; i < batch; i++) {
			const char *ki = i ? arena_printf(L->a, "%s + 1", k) : k;
			Leaf x = share_leaf(p, each, ki);

			lower_open(L, S_SCOPE, false, "%s", "");
			form_share(p, each, &x, &r, us, strchr(ki, ' ') ? arena_printf(L->a, "(%s)", ki) : ki,
			           arena_printf(L->a, "%s[%d]", set, i));
			L->out = turn;
		}
		lower_wgmma_formed(L, set, batch);
		for (int i = 0; i < batch; i++)
			lower_wgmma_step(p, arena_printf(L->a, "%s[%d]", set, i), true, us,
			                 i ? arena_printf(L->a, "%s + 1", k) : k);
		L->group += per * r.n - 1;
		lower_wgmma_own(L, all, n, 2);
		lower_wgmma_commit(L);
		L->out = saved;
		u += r.n;
	}
	lower_wgmma_close(p);
}

static void to_shared_features(Product *p, const Share *h)
{
	const Grow *g = p->a.grow;
	Share each[MAX_SRC];

	for (int q = 0; q < g->npieces; q++) {
		each[q] = *h;
		if (g->piece[q].kind == PIECE_POW2)
			share_lookup(p, &each[q], &g->piece[q]);
	}
	(p->wgmma ? to_share_wgmma : to_share)(p, each);
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
