/* lower_share.c -- T(phi) [F, k] times [k, n] where the warps divide the features.
 *
 * Warp w forms slots 16 (warps u + w) .. + 15, u = 0, 1, .. Which pair (I, J) of column groups that
 * is, it looks up once. A core of features against tokens wants column 4 I + a of the tile in lanes
 * with g / 2 = a, and 4 J + b in lanes with g % 2 = b: rows of the tile turned round, in any order,
 * which is what ldmatrix reads. So a tile that features are made of is turned in shared memory at
 * the start of a turn (lower_turn_tiles), each warp some of its tokens, and a step of 16 slots and
 * 16 tokens reads six matrices of it. A tile that is only in registers is shuffled instead.
 */
#include "lower_dot.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The step of 16 slots that is this warp's u-th. */
static const char *step_of(Lower *L, const Steps *h, const char *u)
{
	char *end;
	long n = strtol(u, &end, 10);

	return *end ? arena_printf(L->a, "%d * %s + %s", h->s.warps, u, h->s.w)
	       : n  ? arena_printf(L->a, "%ld + %s", n * h->s.warps, h->s.w)
	            : h->s.w;
}

/* Core [row r][column c] of an array, c known only when running. */
static const char *pick(Lower *L, const Steps *h, int r, const char *c, int ncols)
{
	Text t = {.arena = L->a};

	for (int i = 0; i + 1 < ncols; i++)
		text_add(&t, "%s == %d ? %s[%s%d][%d] : ", c, i, h->cores, h->row, r, i);
	text_add(&t, "%s[%s%d][%d]", h->cores, h->row, r, ncols - 1);
	return t.s;
}

/* The diagonal's part of a step: `always`, or where this warp's step is one of the first ones. */
static void fold_diagonal(Product *p, int q, const char *f, const char *step, bool always)
{
	Lower *L = p->L;
	const Grow *g = p->a.grow;
	const Piece *pc = &g->piece[q];
	const char *one = L->f16 ? "3c00" : "3f80", *ty = L->f16 ? "f16" : "bf16";
	Block *saved = L->out;

	if (!always)
		lower_open(L, S_IF, false, "%s < %d", step, pc->slot / 16 + pc->groups);
	for (int r = 0; r < 2; r++) {
		if (lower_state_diagonal(pc))
			for (int b = 0; b < 2; b++)
				lower_code(L, "%s[%d][%d] = mul_%sx2(%s[%d][%d], %s);", f, r, b, ty, f, r, b,
				           lower_diagonal_factor(L, b));
		if (g->linear >= 0 && g->pow2 == q)
			lower_code(L, "%s[%d][0] = g >= 4 ? (g < 6 ? y%d0 : y%d1) : %s[%d][0];", f, r, r, r, f,
			           r);
		if (g->const_slot == pc->slot + 2)
			lower_code(L, "%s[%d][0] = %s == %d && g == 2 ? 0x%s%su : %s[%d][0];", f, r, step,
			           pc->slot / 16, one, one, f, r);
	}
	L->out = saved;
}

/* c = the rows of step u: the first factor, the second's two halves; tokens of k16 step k. */
static void load_rows(Lower *L, const Steps *h, const char *c, const char *u, const char *k)
{
	const Buffer *b = h->turned->buf;
	int per = b->pbytes / 32;
	const char *at = arena_printf(L->a, "%s[%s]", h->look, u), *panel = "", *step = k,
	           *plus = b->swizzle ? "^" : "+";

	if (strchr(k, ' '))
		step = k = arena_printf(L->a, "(%s)", k);
	if (b->cols > b->pcols) {
		panel = arena_printf(L->a, " + %s / %d * %d", k, per, b->rows * b->pbytes);
		step = arena_printf(L->a, "(%s %% %d)", k, per);
	}
	dev_access(lower_code(L,
	                      "cores_load4(&%s[0][0], &%s[0][1], &%s[1][0], &%s[1][1], %s + (%s %% "
	                      "65536 %s 32 * %s)%s);",
	                      c, c, c, c, h->turned->base, at, plus, step, panel),
	           h->turned->buf, ACC_READ);
	lower_code(L, "cores_load2(&%s[2][0], &%s[2][1], %s + (%s / 65536 %s 32 * %s)%s);", c, c,
	           h->turned->base, at, plus, step, panel);
}

/* f = the cores of step u of a POW2 piece; `diagonal`: 2 all of the warps' are, 1 some, 0 none. */
static void share_pairs(Product *p, const Steps *h, int q, const char *f, const char *u,
                        const char *k, const char *step, int diagonal)
{
	Lower *L = p->L;
	const Piece *pc = &p->a.grow->piece[q];
	const char *ty = L->f16 ? "f16" : "bf16", *c = h->ahead ? h->ahead : "c", *I = c, *J = c;
	int ncols = facts_dim(L->f, pc->x, 1).cores * facts_dim(L->f, pc->x, 1).warps;

	if (!h->turned)
		lower_code(L, "const u32 at = %s[%s];", h->look, u);
	else if (h->kept) {
		int n = isdigit((unsigned char)*u) ? atoi(u) : -1;

		I = arena_printf(L->a, "%s[%d]", h->kept, n < 0 ? 0 : h->same[0][n]);
		J = arena_printf(L->a, "%s[%d]", h->kept, n < 0 ? 0 : h->same[1][n]);
		if (n < 0)
			I = J = arena_printf(L->a, "%s[u]", h->kept);
		if (n < 0 || h->same[1][n] == n)
			load_rows(L, h, J, u, k);
		else if (h->same[0][n] == n)
			lower_code(L, "cores_load2(&%s[0][0], &%s[0][1], %s + (%s[%s] %% 65536 + 32 * %s));", I,
			           I, h->turned->base, h->look, u, k);
		if (n >= 0 && h->same[1][n] == n)
			I = J;
	} else if (!h->ahead) {
		lower_code(L, "u32 c[3][2];");
		load_rows(L, h, "c", u, k);
	}
	for (int r = 0; r < 2; r++) {
		if (!h->turned) {
			lower_code(L, "const u32 x%d = shfl_idx_u32(%s, (int)at);", r,
			           pick(L, h, r, "(at >> 16 & 255)", ncols));
			for (int b = 0; b < 2; b++)
				lower_code(L, "const u32 y%d%d = shfl_idx_u32(%s, (int)(at >> 8)%s);", r, b,
				           pick(L, h, r, "(at >> 24)", ncols), b ? " + 8" : "");
		} else if (diagonal) {
			for (int b = 0; b < 2; b++)
				lower_code(L, "const u32 y%d%d = %s[%d][%d];", r, b, J, b + 1, r);
		}
		for (int b = 0; b < 2; b++)
			if (h->turned)
				lower_code(L, "%s[%d][%d] = mul_%sx2(%s[0][%d], %s[%d][%d]);", f, r, b, ty, I, r, J,
				           b + 1, r);
			else
				lower_code(L, "%s[%d][%d] = mul_%sx2(x%d, y%d%d);", f, r, b, ty, r, r, b);
	}
	if (diagonal)
		fold_diagonal(p, q, f, step, diagonal == 2);
}

static void share_plain(Product *p, const Leaf *x, int q, const char *f, const char *step)
{
	Lower *L = p->L;
	const Piece *pc = &p->a.grow->piece[q];
	const char *one = L->f16 ? "3c00" : "3f80";
	Split cols = facts_dim(L->f, pc->kind == PIECE_ELEM ? pc->x : p->a.x, 1);
	int ncols = cols.cores * cols.warps; /* every warp has them all here */

	for (int r = 0; r < 2; r++)
		for (int b = 0; b < 2; b++) {
			Text t = {.arena = L->a};

			if (pc->kind == PIECE_CONST) {
				text_add(&t, b ? "0" : "g == 0 ? 0x%s%su : 0", one, one);
			} else {
				for (int s = 0; s + 1 < pc->nslots / 16 && 2 * s + b < ncols; s++)
					text_add(&t, "%s == %d ? %s[%s%d][%d] : ", step, pc->slot / 16 + s, x->a[q],
					         x->b[q], r, 2 * s + b);
				if (pc->nslots / 8 - 2 + b < ncols)
					text_add(&t, "%s[%s%d][%d]", x->a[q], x->b[q], r, pc->nslots / 8 - 2 + b);
				else
					text_puts(&t, "0");
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

/* The last of the warps' steps, where only the first `some` warps have it; some = 0: all have. */
typedef struct Last {
	int u, some;
} Last;

/* Returns u. */
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
static void form_share(Product *p, const Steps *each, const Leaf *x, const Run *r, const char *u,
                       const char *k, const char *f)
{
	Lower *L = p->L;
	const Grow *g = p->a.grow;
	const char *at = step_of(L, each, u);
	Block *tile = L->out;

	for (int q = r->tile.first; q <= r->tile.last; q++) {
		Steps h = each[q];

		if (!g->piece[q].nslots)
			continue;
		if (q < r->tile.last) /* the same for a whole warp */
			lower_open(L, S_IF, false, "%s < %d", at, (g->piece[q].slot + g->piece[q].nslots) / 16);
		if (g->piece[q].kind == PIECE_POW2) {
			h.cores = x->a[q];
			h.row = x->b[q];
			share_pairs(p, &h, q, f, u, k, at, r->tile.diagonal);
		} else {
			share_plain(p, x, q, f, at);
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
static Leaf share_leaf(Product *p, const Steps *each, const char *k)
{
	Lower *L = p->L;
	const Grow *g = p->a.grow;
	Leaf none = {0};

	for (int q = 0; q < g->npieces; q++)
		if (g->piece[q].nslots &&
		    (g->piece[q].kind == PIECE_ELEM || (each[q].look && !each[q].turned)))
			return lower_leaf_cores(L, g, &p->a.own, product_twice(L, 0, k));
	return none;
}

void lower_share_step(Product *p, const Steps *each, const char *k)
{
	Lower *L = p->L;
	Leaf x = share_leaf(p, each, k);
	Block *step = L->out;
	Steps h[MAX_SRC];
	int q = lower_share_piece(p->a.grow);

	memcpy(h, each, sizeof h);
	if (q >= 0 && h[q].again) {
		const char *x = p->a.grow->piece[q].x->name;

		h[q].kept = lower_name(L, arena_printf(L->a, "%s_rows", x ? x : "x"));
		lower_code(L, "u32 %s[%d][3][2];", h[q].kept, h[q].s.n);
	}
	for (int u = 0; u < each->s.n;) {
		Run r = run_at(p->a.grow, &each->s, u);
		const char *us, *f = lower_name(L, "phi");
		int next = q >= 0 && h[q].kept ? lower_share_again(&h[q], u) : each->s.n;

		if (u + r.n > next)
			r.n = next > u ? next - u : 1;
		us = run_open(L, &r);
		lower_code(L, "u32 %s[2][2];", f);
		form_share(p, h, &x, &r, us, k, f);
		lower_beside_step(p, f, us, k);
		lower_features_add(p, f, arena_printf(L->a, "2 * %s", us),
		                   arena_printf(L->a, "2 * %s + 1", us), k);
		L->out = step;
		u += r.n;
	}
}

/* By k16 steps of the tokens, whose right operand's cores are loaded once. */
static void to_share(Product *p, const Steps *each)
{
	Lower *L = p->L;
	Block *saved = L->out;
	const char *k;

	product_loop(L, "k", p->a.k / 2, &k);
	if (p->b.kind == STREAM)
		product_stream(p, &p->b, k);
	lower_share_step(p, each, k);
	L->out = saved;
}

/* Reads the rows of step b + 1. A read that stands behind a product in program order is served when
 * that product's own reads are, hundreds of cycles later on an H200 with four warpgroups an SM: so
 * a step's rows are read before the step before it is issued. `ends`: the last step has no next. */
static void load_next(Lower *L, const Steps *h, const char *cols, const char *b, int per, bool ends,
                      const Last *last)
{
	Block *saved = L->out;
	const char *next = lower_name(L, "next");

	lower_code(L, "const int %s = %s + 1;", next, b);
	if (ends && last->some)
		lower_open(L, S_IF, false, "%s < %d || (%s < %d && %s < %d)", next, per * last->u, next,
		           per * h->s.n, h->s.w, last->some);
	else if (ends)
		lower_open(L, S_IF, false, "%s < %d", next, per * h->s.n)->last->uniform = true;
	load_rows(L, h, arena_printf(L->a, "%s[%s %% 2]", cols, next),
	          arena_printf(L->a, "%s / %d", next, per), arena_printf(L->a, "%s %% %d", next, per));
	L->out = saved;
}

/* What is made of the lookups is made again in each turn. */
static void forget_places(Lower *L, const Steps *h)
{
	Block *saved = L->out;

	lower_open(L, S_FOR, true, "int u = 0; u < %d; u++", h->s.n);
	lower_code(L, "%s[u] = (u32)opaque_i32((int)%s[u]);", h->look, h->look);
	L->out = saved;
}

/* The same for a step that not all warps have: the others multiply zeros, which on an H200 takes
 * less power than what else their registers might hold (0.7 % of based_prefill at N = 16384). */
static void form_ahead(Product *p, const Steps *h, const Run *r, const char *u, const char *k,
                       const char *f, const Last *last)
{
	Lower *L = p->L;
	Leaf none = {0};
	Block *saved = L->out;
	Stmt *has;

	if (!last->some || r->u + r->n <= last->u) {
		form_share(p, h, &none, r, u, k, f);
		return;
	}
	if (r->u < last->u)
		lower_open(L, S_IF, false, "%s < %d || %s < %d", u, last->u, h->s.w, last->some);
	else
		lower_open(L, S_IF, false, "%s < %d", h->s.w, last->some);
	has = saved->last;
	form_share(p, h, &none, r, u, k, f);
	L->out = &has->orelse;
	for (int i = 0; i < 4; i++)
		lower_code(L, "%s[%d][%d] = 0;", f, i / 2, i % 2);
	L->out = saved;
}

/* By the warp's own steps, whose lookups are then needed one at a time. Two register sets hold
 * operands by turns: of one step each, or of two k16 steps where nothing is read ahead. */
static void to_share_wgmma(Product *p, const Steps *each)
{
	Lower *L = p->L;
	Block *saved = L->out, *turn;
	int q = lower_share_piece(p->a.grow), steps = p->a.k / 2;
	bool ahead = q >= 0 && each[q].turned;
	int batch = ahead || steps % 2 ? 1 : 2, per = steps / batch, n[2] = {2, batch};
	Last last = {each->s.n - 1, p->a.grow->slots / 16 % each->s.warps};
	const char *all, *cols = NULL;
	Steps h[MAX_SRC];

	memcpy(h, each, sizeof h);
	lower_wgmma_open(p);
	all = lower_wgmma_batch(L, "phi", n, 2);
	if (ahead &&
	    (L->f->keepers > 4 || L->dev->takers > 1)) { /* not all their uses before the loop */
		lower_open(L, S_FOR, true, "int u = 0; u < %d; u++", each[q].s.n);
		lower_code(L, "%s[u] = opaque_i32(%s[u]);", each[q].look, each[q].look);
		L->out = saved;
	}
	if (ahead) {
		cols = lower_name(L, "c");
		lower_code(L, "u32 %s[2][3][2];", cols);
		if (p->beside
		        .w) /* its registers were those of each step's places, kept from turn to turn */
			forget_places(L, &each[q]);
		load_rows(L, &each[q], arena_printf(L->a, "%s[0]", cols), "0", "0");
	}
	for (int u = 0; u < each->s.n;) {
		Run r = run_at(p->a.grow, &each->s, u);
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
			const char *ki = i ? arena_printf(L->a, "%s + %d", k, i) : k;
			const char *at = strchr(ki, ' ') ? arena_printf(L->a, "(%s)", ki) : ki,
			           *f = arena_printf(L->a, "%s[%d]", set, i);
			Leaf x = share_leaf(p, each, ki);

			if (cols)
				h[q].ahead =
				    arena_printf(L->a, strchr(b, ' ') ? "%s[(%s) %% 2]" : "%s[%s %% 2]", cols, b);
			lower_open(L, S_SCOPE, false, "%s", "");
			if (cols)
				form_ahead(p, h, &r, us, at, f, &last);
			else
				form_share(p, h, &x, &r, us, at, f);
			L->out = turn;
			lower_beside_step(p, arena_printf(L->a, "%s[%d]", set, i), us, ki);
		}
		if (cols && (per * r.n > 1 || r.u + r.n < each->s.n))
			load_next(L, &each[q], cols, b, per, r.u + r.n == each->s.n, &last);
		lower_wgmma_formed(L, set, batch);
		for (int i = 0; i < batch; i++) {
			const char *f = arena_printf(L->a, "%s[%d]", set, i);

			lower_wgmma_step(p, f, true, us, i ? arena_printf(L->a, "%s + 1", k) : k);
			lower_beside_issue(p, f, us);
		}
		L->group += per * r.n - 1;
		lower_wgmma_own(L, all, n, 2);
		lower_wgmma_commit(L);
		L->out = saved;
		u += r.n;
	}
	lower_wgmma_close(L, p->acc);
	if (p->beside.desc)
		lower_wgmma_close(L, p->beside.w);
}

Steps *lower_share_open(Product *p, const Share *share)
{
	const Grow *g = p->a.grow;
	Steps *each = ARENA_ARRAY(p->L->a, Steps, MAX_SRC);

	for (int q = 0; q < g->npieces; q++) {
		each[q] = (Steps){.s = *share};
		if (g->piece[q].kind == PIECE_POW2)
			lower_share_lookup(p, &each[q], &g->piece[q]);
	}
	lower_beside_open(p);
	return each;
}

void lower_share(Product *p, const Share *share)
{
	const Steps *each = lower_share_open(p, share);

	(p->wgmma ? to_share_wgmma : to_share)(p, each);
}
