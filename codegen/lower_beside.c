/* lower_beside.c -- a thin state beside a wide one that is updated with the same features.
 *
 * What a step of the wide state's update forms (lower_share.c) is the left operand of the thin
 * state's too: one mma more, with a right operand of ones (0 where a row does not exist). Ones fill
 * one of its eight columns, another one for each of a warp's steps, so that eight steps share a pair
 * of cores: register [i][e] of lane 4 g + t is the sum of slot 8 i + g of the warp's 16 in its step
 * 2 t + e. So each slot has one owner, as in lower_thin.c, and needs nobody else's sum.
 *
 * requires: facts with warps assigned. The same for all parts of a segmented schedule.
 */
#include "lower_dot.h"

#include <stdlib.h>
#include <string.h>

enum { STEPS = 8 }; /* columns of a core */

typedef struct Count {
	const Op *x;
	Op *update;
	int n;
} Count;

static void change_op(void *user, Op *op)
{
	Count *c = user;

	if (op->code != OP_decay && op->code != OP_update && op->code != OP_set)
		return;
	if (op->src[0] == c->x) {
		c->update = op->code == OP_update ? op : NULL;
		c->n++;
	}
}

static void reader_op(void *user, Op *op)
{
	Count *c = user;

	for (int i = 0; i < op->nsrc; i++)
		c->n += op->src[i] == c->x;
}

/* The features that an update adds up, when nothing else needs the sum. */
static const Grow *features_of(Lower *L, const Op *update)
{
	Count c = {update->src[1], NULL, 0};
	bool sw = false;
	Op *left;

	if (c.x->code != OP_dot)
		return NULL;
	left = op_base(c.x->src[0], &sw);
	ir_walk(L->k->body, reader_op, &c);
	return sw && c.n == 1 && left->rank == 2 ? grow_parse(L->a, left) : NULL;
}

static bool same_features(const Grow *a, const Grow *b)
{
	if (!a || !b || !grow_same(a, b))
		return false;
	for (int i = 0; i < a->npieces; i++)
		if (a->piece[i].x != b->piece[i].x)
			return false;
	return true;
}

static bool read_between(const Op *a, const Op *b, const Op *state)
{
	for (; a && a != b; a = a->next)
		if (a->code == OP_get && a->src[0] == state)
			return true;
	return false;
}

static bool before(const Op *a, const Op *b)
{
	while (a && a != b)
		a = a->next;
	return a != NULL;
}

/* The wide state's update that takes update `u` of a thin one along, or NULL. */
static Op *wide_of(Lower *L, Op *u)
{
	const Op *z = u->src[0];
	const Grow *g = features_of(L, u);

	if (!g || L->warps == 1)
		return NULL;
	for (Op *x = u->parent->first; x; x = x->next)
		if (x->code == OP_update && x->src[0]->rank == 2 && x->src[0]->dim[1].n > 1 &&
		    L->f->op[x->src[0]->id].unscaled && facts_dim(L->f, x->src[0], 0).warps == L->warps &&
		    same_features(features_of(L, x), g) &&
		    !(before(x, u) ? read_between(x, u, z) : read_between(u, x, z)))
			return x;
	return NULL;
}

static Op *only_update(Lower *L, const Op *state)
{
	Count c = {state, NULL, 0};

	if (!L->dev->gpu->wgmma || !lower_is_thin(L, state))
		return NULL;
	ir_walk(L->k->body, change_op, &c);
	return c.n == 1 ? c.update : NULL;
}

/* The update of the thin state that goes along with the wide update x, or NULL. */
static Op *beside(Lower *L, const Op *x)
{
	for (Op *u = x->parent->first; u; u = u->next)
		if (u->code == OP_update && only_update(L, u->src[0]) == u && wide_of(L, u) == x)
			return u;
	return NULL;
}

bool lower_is_beside(Lower *L, const Op *state)
{
	Op *u = only_update(L, state), *x = u ? wide_of(L, u) : NULL;

	return x && beside(L, x) == u;
}

Layout lower_beside_layout(Lower *L, int slots)
{
	Layout l = {.rank = 1, .orient = ORIENT_NONE};
	int step = 16 * L->warps, cores = (slots + STEPS * step - 1) / (STEPS * step);

	if (cores > 1)
		l.d[l.nd++] = (Digit){HW_REG, cores, 0, 0, STEPS * step, 0, 0};
	l.d[l.nd++] = (Digit){HW_REG, 2, 0, 0, 8, 0, 0};
	l.d[l.nd++] = (Digit){HW_REG, 2, 0, 0, step, 0, 0};
	l.d[l.nd++] = (Digit){HW_LANE, 8, 4, 0, 1, 0, 0};
	l.d[l.nd++] = (Digit){HW_LANE, 4, 1, 0, 2 * step, 0, 0};
	l.d[l.nd++] = (Digit){HW_WARP, L->warps, 1, 0, 16, 0, 0};
	return l;
}

/* -- the update --------------------------------------------------------------------------------
 */

static bool is_ones(const Op *x)
{
	const Op *m = x->code == OP_where ? x->src[0] : NULL;
	double v;

	while (m && m->code == OP_expand)
		m = m->src[0];
	if (m && m->code == OP_live && op_is_const(x->src[2], &v) && v == 0)
		x = x->src[1];
	return op_is_const(x, &v) && v == 1;
}

/* p: the wide state's update. */
void lower_beside_open(Product *p)
{
	Lower *L = p->L;
	Op *u = NULL;
	bool sw = false;
	Split rows;

	for (Op *x = p->op->parent->first; x && !u; x = x->next)
		if (x->code == OP_update && x->src[1] == p->op)
			u = beside(L, x);
	if (!u)
		return;
	rows = facts_dim(L->f, op_base(u->src[1]->src[0], &sw), 0);
	rows = (Split){rows.cores * rows.warps, 1, 1};
	p->beside.w = lower_var_version(L, u->src[0]);
	p->beside.ones = u->src[1]->src[1];
	p->beside.col = layout_core(ORIENT_T, rows, (Split){1, 1, 1});
	lower_ensure(L, p->beside.ones, &p->beside.col);
}

/* Whether features of slots [lo, hi) are 0 in a row that does not exist: made of loads alone. */
static bool nothing_of_nothing(const Grow *g, int lo, int hi)
{
	for (int i = 0; i < g->npieces; i++) {
		const Piece *p = &g->piece[i];

		if (p->kind == PIECE_CONST ? p->slot >= lo && p->slot < hi : p->x->code != OP_load)
			return false;
	}
	return true;
}

/* The thin state += the formed cores f of the warp's step u, one of slots [lo, hi) for all warps,
 * times the ones of k16 step k. */
void lower_beside_step(Product *p, const char *f, const char *u, const char *k, int lo, int hi)
{
	Lower *L = p->L;
	const Version *w = p->beside.w;
	const char *v[MAX_DIGITS] = {"0", "0", "0"}, *one[2], *column = u, *core = "";
	bool plain, many;
	char *end;
	long n;

	if (!w)
		return;
	n = strtol(u, &end, 10);
	many = w->l.d[0].stride != 8; /* pairs of cores */
	if (many)
		core = *end ? arena_printf(L->a, "[%s / %d]", u, STEPS)
		            : arena_printf(L->a, "[%ld]", n / STEPS);
	if (many || !*end)
		column = *end ? arena_printf(L->a, "%s %% %d", u, STEPS)
		              : arena_printf(L->a, "%ld", n % STEPS);
	plain = is_ones(p->beside.ones) && nothing_of_nothing(p->a.grow, lo, hi);
	for (int h = 0; h < 2; h++) {
		const char *lo_hi[2], *x = L->f16 ? "0x3c003c00u" : "0x3f803f80u";

		if (h && plain) {
			one[1] = one[0];
			break;
		}
		if (!plain) {
			v[0] = product_twice(L, h, strchr(k, ' ') ? arena_printf(L->a, "(%s)", k) : k);
			for (int e = 0; e < 2; e++) {
				v[2] = e ? "1" : "0";
				lo_hi[e] = lower_elem(L, p->beside.ones, &p->beside.col, v);
			}
			x = lower_pack(L, lo_hi[0], lo_hi[1]);
		}
		one[h] = lower_name(L, "one");
		lower_code(L, "const u32 %s = g == %s ? %s : 0;", one[h], column, x);
	}
	lower_code(L, "mma_%s(%s%s[0], %s%s[1], %s[0][0], %s[0][1], %s[1][0], %s[1][1], %s, %s);",
	           p->ty, w->name, core, w->name, core, f, f, f, f, one[0], one[1]);
}
