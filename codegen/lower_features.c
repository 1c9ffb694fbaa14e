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

/* One k16 (or m16) step of a formed operand: its cores for n row cores and halves b1 = 0, 1. */
static void form_step(Product *p, const Leaf *x, int piece, int part, const char *s,
                      const char *name, int n)
{
	Lower *L = p->L;
	Block *saved = L->out;

	if (!p->wgmma) /* else one of a batch */
		lower_code(L, "u32 %s[%d][2];", name, n);
	if (n > 2) {
		lower_open(L, S_FOR, true, "int r = 0; r < %d; r++", n);
		for (int b = 0; b < 2; b++)
			lower_code(L, "%s[r][%d] = %s;", name, b,
			           lower_form_piece(L, x, piece, part, "r", s, b ? "1" : "0"));
		L->out = saved;
		return;
	}
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

/* Steps of pairs that a thread has registers for, in two sets beside the accumulators, the tile's
 * columns that they are made of and WORK others. */
static int few_steps(const Product *p, const Piece *pc)
{
	enum { WORK = 24, MORE = 16 }; /* where there are more warpgroups than two */
	int left = p->L->room - 4 * p->l.d[1].n - 4 * pc->groups - WORK;

	if (p->L->dev->keepers > p->L->dev->warps || p->L->stride > 1)
		left -= MORE + 2 * pc->groups;
	return !p->L->room || left >= 8 * pc->groups ? pc->groups : left < 16 ? 2 : left / 8;
}

/* Pairs in batches of n steps, fewer than all of one I. */
static void over_few(Product *p, const Leaf *x, int q, const char *i, int n)
{
	Lower *L = p->L;
	const Piece *pc = &p->a.grow->piece[q];
	const char *first = pc->slot ? arena_printf(L->a, "%d + ", pc->slot / 16) : "", *b, *all, *set;
	int G = pc->groups, dims[2] = {2, n};
	Block *out = L->out;

	all = lower_wgmma_batch(L, "phi", dims, 2);
	b = lower_name(L, "batch");
	set = arena_printf(L->a, "%s[%s %% 2]", all, b);
	lower_code(L, "int %s = 0;", b);
	for (int part = 0; part < lower_piece_parts(pc); part++) {
		bool others = part == PAIRS_OTHERS;
		const char *at = others ? "J" : "I", *from = lower_name(L, others ? "J0" : "I0"), *step, *f;
		Block *turn;

		if (part)
			lower_wgmma_trim(L);
		if (others)
			lower_open(L, S_FOR, true, "int I = 0; I < %d; I++", G - 1);
		lower_open(L, S_FOR, true, "int %s = %s; %s < %d; %s += %d", from, others ? "I + 1" : "0",
		           from, G, from, n);
		turn = L->out;
		lower_open(L, S_IF, false, "%s >= 2", b);
		turn->last->uniform = true;
		lower_wgmma_reuse(L, set, n, 2);
		L->out = turn;
		for (int issue = 0; issue < 2; issue++) {
			if (issue)
				lower_wgmma_formed(L, set, n);
			lower_open(L, S_FOR, true, "int %s = %s; %s < %s + %d && %s < %d; %s++", at, from, at,
			           from, n, at, G, at);
			step = others
			           ? arena_printf(L->a, "%s%d + I * (%d - I) / 2 + J", first, G - 1, 2 * G - 3)
			           : arena_printf(L->a, "%sI", first);
			f = arena_printf(L->a, "%s[%s - %s]", set, at, from);
			if (issue) {
				lower_wgmma_step(p, f, false, i, step);
				if (p->along)
					lower_wgmma_step(p->along, f, false, i, step);
			} else
				form_step(p, x, q, part, step, f, 2);
			L->out = turn;
		}
		L->group--;
		for (int I = 0; I < (others ? G - 1 : 1); I++)
			L->group += ((others ? G - 1 - I : G) + n - 1) / n;
		lower_wgmma_own(L, all, dims, 2);
		lower_wgmma_commit(L);
		lower_code(L, "%s++;", b);
		L->out = out;
		lower_wgmma_close(L, p->acc);
		if (p->along)
			lower_wgmma_close(L, p->along->acc);
	}
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

			if (issue && turns == 1)
				lower_await(L);
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
			if (issue) {
				lower_wgmma_step(p, f, false, i, step);
				if (p->along)
					lower_wgmma_step(p->along, f, false, i, step);
			} else
				form_step(p, x, q, part, s, f, 2);
			L->out = turn;
		}
		L->group += turns - 1;
		lower_wgmma_own(L, all, n, 2);
		lower_wgmma_commit(L);
		L->out = out;
	}
}

/* The mma of a formed step f, of n row cores from row core `first` on. */
static void formed_tiles(Product *p, const char *f, const char *first, int n, const char *s)
{
	Lower *L = p->L;
	const char *i = "0", *j, *lo, *hi;

	if (p->b.kind == STREAM)
		product_stream(p, &p->b, s);
	product_loop(L, "i", n / 2, &i);
	product_loop(L, "j", p->l.d[1].n, &j);
	if (strchr(s, ' '))
		s = arena_printf(L->a, "(%s)", s);
	lo = product_twice(L, 0, i);
	hi = product_twice(L, 1, i);
	if (n > 2)
		first = i;
	lower_code(L, "mma_%s(%s, %s, %s[%s][0], %s[%s][0], %s[%s][1], %s[%s][1], %s, %s);", p->ty,
	           product_acc(p, product_twice(L, 0, first), j),
	           product_acc(p, product_twice(L, 1, first), j), f, lo, f, hi, f, lo, f, hi,
	           product_frag(p, &p->b, j, 0, s), product_frag(p, &p->b, j, 1, s));
}

/* Whether the right operand is a state's copy that has taken both sides' scales. */
static bool reads_state(const Product *p)
{
	const Op *x = p->b.x;

	return x->code == OP_get && p->L->f->op[x->src[0]->id].unscaled;
}

/* Both of a warp's pairs of row cores at once, so that each core of the right operand is read once
 * for both; by groups J, so that not all that features are made of is in registers at a time. */
static bool by_groups(Product *p)
{
	Lower *L = p->L;
	const Grow *g = p->a.grow;
	int n = p->l.d[0].n;

	if (p->wgmma || p->b.kind == THIN || n != 4 || !lower_leaf_by_groups(L, g) || !reads_state(p))
		return false;
	for (int q = 0; q < g->npieces; q++) {
		const Piece *pc = &g->piece[q];
		Block *saved = L->out, *group;
		Leaf x;

		if (!pc->nslots)
			continue;
		x = lower_leaf_columns(L, g, q, &p->a.own, n);
		group = L->out;
		for (int part = 0; part < lower_piece_parts(pc); part++) {
			const char *f = lower_name(L, "phi"), *s = lower_group_loops(L, pc, part);

			form_step(p, &x, q, part, s, f, n);
			formed_tiles(p, f, "0", n, s);
			L->out = group;
		}
		L->out = saved;
	}
	return true;
}

/* Whether the first features' product is issued at once. */
static bool in_one_batch(const Product *p)
{
	const Grow *g = p->a.grow;

	for (int q = 0; q < g->npieces; q++)
		if (g->piece[q].nslots)
			return p->l.d[0].n == 2 && g->piece[q].kind == PIECE_POW2 &&
			       few_steps(p, &g->piece[q]) >= g->piece[q].groups;
	return false;
}

/* phi [m, F] times [F, n]. Accumulating odd steps apart, for four chains of mma instead of two,
 * changed nothing on an H200: ptxas overlaps the strips already. */
void lower_over_features(Product *p)
{
	Lower *L = p->L;
	const Grow *g = p->a.grow;
	const char *i, *s;
	Block *saved = L->out, *rows;
	const Product *thin = p->b.thin ? p : NULL;
	Product along;
	Leaf x;

	if (p->flip || p->a.swapped)
		lower_cannot(L, p->op, "a grown operand in this place");
	if (lower_beside_read(p, &along))
		thin = p->along = &along;
	if (p->acc->more && !p->along)
		bug("eight columns that nothing is added to");
	if (p->acc->more) {
		p->b.more = along.b.staged;
		p->along = NULL;
	}
	if (p->wgmma)
		lower_wgmma_open(p);
	else
		product_array(p, &p->b);
	if (p->along)
		lower_wgmma_open(p->along);
	if (!p->wgmma || !in_one_batch(p))
		lower_await(L);
	if (by_groups(p))
		return;
	product_loop(L, "i", p->l.d[0].n / 2, &i);
	x = lower_leaf(L, g, ORIENT_N, &p->a.own, product_twice(L, 0, i), 2, reads_state(p));
	rows = L->out;
	for (int q = 0; q < g->npieces; q++) {
		const Piece *pc = &g->piece[q];

		if (p->wgmma && pc->kind == PIECE_POW2 && few_steps(p, pc) < pc->groups) {
			over_few(p, &x, q, i, few_steps(p, pc));
			continue;
		}
		if (p->wgmma && pc->nslots) {
			over_piece(p, &x, q, i);
			continue;
		}
		for (int part = 0; part < lower_piece_parts(pc); part++) {
			const char *f;

			f = lower_name(L, "phi");
			s = lower_piece_loops(L, pc, part);
			form_step(p, &x, q, part, s, f, 2);
			if (pc->kind != PIECE_POW2 && pc->slot)
				s = arena_printf(L->a, "%d + %s", pc->slot / 16, s);
			if (p->b.kind == THIN)
				thin_step(p, i, f, s);
			else
				formed_tiles(p, f, i, 2, s);
			L->out = rows;
		}
	}
	if (p->wgmma)
		lower_wgmma_close(L, p->acc);
	if (p->along)
		lower_wgmma_close(L, p->along->acc);
	if (p->wgmma && (thin || p->l.d[0].n > 2)) /* in a loop: nothing flies out of it */
		lower_wgmma_settle(L);
	if (thin) /* its two columns */
		for (int r = 0; r < 2; r++) {
			const char *row = product_twice(L, r, i), *c = product_acc(thin, row, "0"), *more;

			more = arena_printf(L->a, "%d", p->l.d[1].n);
			more = p->acc->more ? product_acc(p, row, more) : NULL;
			if (more)
				lower_code(L, "%s[0] = %s[0] + %s[1];", c, more, more);
			else
				lower_code(L, "%s[0] += %s[1];", c, c);
		}
	L->out = saved;
}

/* acc cores (rows[0], j) and (rows[1], j) += the formed cores f times the k step's of the right. */
void lower_features_add(Product *p, const char *f, const char *row0, const char *row1,
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
	x = lower_leaf(L, g, ORIENT_T, &p->a.own, product_twice(L, 0, k), 2, false);
	x.state = true;
	step = L->out;
	for (int q = 0; q < g->npieces; q++) {
		const Piece *pc = &g->piece[q];

		for (int part = 0; part < lower_piece_parts(pc); part++) {
			const char *f = lower_name(L, "phi");

			s = lower_piece_loops(L, pc, part);
			form_step(p, &x, q, part, s, f, 2);
			if (pc->kind != PIECE_POW2 && pc->slot)
				s = arena_printf(L->a, "%d + %s", pc->slot / 16, s);
			lower_features_add(p, f, arena_printf(L->a, "2 * (%s)", s),
			                   arena_printf(L->a, "2 * (%s) + 1", s), k);
			L->out = step;
		}
	}
	L->out = saved;
}

/* How the warps divide the features. */
static Share share_of(const Product *p)
{
	Lower *L = p->L;
	Share h = {.warps = 1, .n = p->l.d[0].n / 2};

	for (int i = 3; i < p->l.nd; i++)
		if (p->l.d[i].hw == HW_WARP && p->l.d[i].dim == 0) {
			h.warps = p->l.d[i].n;
			h.pos = p->l.d[i].pos;
		}
	h.w = h.pos > 1            ? arena_printf(L->a, "warp / %d %% %d", h.pos, h.warps)
	      : h.warps < L->warps ? arena_printf(L->a, "warp %% %d", h.warps)
	                           : "warp";
	if (strchr(h.w, ' '))
		h.w = arena_printf(L->a, "(%s)", h.w);
	return h;
}

Steps *lower_features_open(Product *p)
{
	Share h = share_of(p);

	return h.warps > 1 ? lower_share_open(p, &h) : NULL;
}

/* T(phi) [F, k] times [k, n]. */
void lower_to_features(Product *p)
{
	Lower *L = p->L;
	Share h = share_of(p);

	if (p->flip)
		lower_cannot(L, p->op, "features as columns; write the product the other way round");
	if (!p->wgmma)
		product_array(p, &p->b);
	if (h.warps == 1)
		to_all_features(p);
	else
		lower_share(p, &h);
}
