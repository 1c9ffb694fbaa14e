/* lower_beside.c -- a thin state beside a wide one that is updated with the same features.
 *
 * What a step of the wide state's update forms (lower_share.c) is the left operand of the thin
 * state's too: one product more, with a right operand of ones. Ones fill one of its eight columns,
 * another one for each of a warp's steps, so that eight steps share a pair of cores: register
 * [i][e] of lane 4 g + t is the sum of slot 8 i + g of the warp's 16 in its step 4 e + t, which is
 * column 2 t + e. So each slot has one owner, as in lower_thin.c, and needs nobody else's sum. Rows
 * that do not exist are left out: where products are a warpgroup's (lower_ones.c) by what is
 * constant in them, else by zeros among the ones.
 *
 * requires: facts with warps assigned. The same for all parts of a segmented schedule.
 */
#include "lower_dot.h"

#include <math.h>
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

	if (!g || L->f->keepers == 1)
		return NULL;
	for (Op *x = u->parent->first; x; x = x->next)
		if (x->code == OP_update && x->src[0]->rank == 2 && x->src[0]->dim[1].n > 1 &&
		    L->f->op[x->src[0]->id].unscaled &&
		    facts_dim(L->f, x->src[0], 0).warps == L->f->keepers &&
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
	int step = 16 * L->f->keepers, cores = (slots + STEPS * step - 1) / (STEPS * step);

	if (cores > 1)
		l.d[l.nd++] = (Digit){HW_REG, cores, 0, 0, STEPS * step, 0, 0};
	l.d[l.nd++] = (Digit){HW_REG, 2, 0, 0, 8, 0, 0};
	l.d[l.nd++] = (Digit){HW_REG, 2, 0, 0, 4 * step, 0, 0};
	l.d[l.nd++] = (Digit){HW_LANE, 8, 4, 0, 1, 0, 0};
	l.d[l.nd++] = (Digit){HW_LANE, 4, 1, 0, step, 0, 0};
	l.d[l.nd++] = (Digit){HW_WARP, L->f->keepers, 1, 0, 16, 0, 0};
	return l;
}

/* -- the update --------------------------------------------------------------------------------
 */

/* Ones; *live: but 0 where a row does not exist. */
static bool is_ones(const Op *x, bool *live)
{
	const Op *m = x->code == OP_where ? x->src[0] : NULL;
	double v;

	while (m && m->code == OP_expand)
		m = m->src[0];
	*live = m && m->code == OP_live && op_is_const(x->src[2], &v) && v == 0;
	if (*live)
		x = x->src[1];
	return op_is_const(x, &v) && v == 1;
}

/* Whether features but constants are 0 in a row that does not exist: made of loads alone. */
static bool nothing_of_nothing(const Grow *g)
{
	for (int i = 0; i < g->npieces; i++)
		if (g->piece[i].kind != PIECE_CONST && g->piece[i].x->code != OP_load)
			return false;
	return true;
}

/* Where the sum of the warp's step u is: *core of the accumulators; its column. */
static const char *column_of(Product *p, const char *u, const char **core)
{
	Lower *L = p->L;
	char *end;
	long n = strtol(u, &end, 10);
	bool many = p->beside.w->l.d[0].stride != 8; /* pairs of cores */

	*core = !many  ? ""
	        : *end ? arena_printf(L->a, "[%s / %d]", u, STEPS)
	               : arena_printf(L->a, "[%ld]", n / STEPS);
	if (!*end)
		return arena_printf(L->a, "%ld", 2 * (n % 4) + n / 4 % 2);
	return p->l.d[0].n <= STEPS ? arena_printf(L->a, "2 * %s", u)
	                            : arena_printf(L->a, "(2 * (%s %% 4) + %s / 4 %% 2)", u, u);
}

/* The sums of constants will count rows that do not exist; who keeps such a sum takes those off. */
static void take_dead(Product *p)
{
	Lower *L = p->L;
	const Grow *g = p->a.grow;
	Block *saved = L->out;

	for (int i = 0; i < g->npieces; i++) {
		int slot = g->piece[i].slot, warp = slot / 16 % L->f->keepers,
		    u = slot / 16 / L->f->keepers;
		const char *core;

		if (g->piece[i].kind != PIECE_CONST)
			continue;
		column_of(p, arena_printf(L->a, "%d", u), &core);
		lower_open(L, S_IF, false, "warp == %d && lane == %d", warp, slot % 8 * 4 + u % 4);
		lower_code(L, "%s%s[%d][%d] -= (float)(%d - %s_live);", p->beside.w->name, core,
		           slot / 8 % 2, u / 4 % 2, 8 * p->a.k,
		           lower_start(L, p->beside.ones->dim[0].range));
		L->out = saved;
	}
}

/* p: the wide state's update. */
void lower_beside_open(Product *p)
{
	Lower *L = p->L;
	Op *u = NULL;
	bool sw = false, live, ones;
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
	ones = is_ones(p->beside.ones, &live);
	if (p->wgmma && ones && (!live || nothing_of_nothing(p->a.grow))) {
		if (live)
			take_dead(p);
		p->beside.desc = lower_ones(L);
		lower_wgmma_take(L, p->beside.w);
		return;
	}
	p->beside.col = layout_core(ORIENT_T, rows, (Split){1, 1, 1});
	lower_ensure(L, p->beside.ones, &p->beside.col);
	p->beside.g = lower_name(L, "own_g");
	lower_code(L, "const int %s = opaque_i32(g);", p->beside.g);
}

/* The thin state += the formed cores f of the warp's step u times the ones of k16 step k. */
void lower_beside_step(Product *p, const char *f, const char *u, const char *k)
{
	Lower *L = p->L;
	const Version *w = p->beside.w;
	const char *v[MAX_DIGITS] = {"0", "0", "0"}, *one[2], *column, *core;

	if (!w || p->beside.desc)
		return;
	column = column_of(p, u, &core);
	for (int h = 0; h < 2; h++) {
		const char *lo_hi[2];

		one[h] = lower_name(L, "one");
		v[0] = product_twice(L, h, strchr(k, ' ') ? arena_printf(L->a, "(%s)", k) : k);
		for (int e = 0; e < 2; e++) {
			v[2] = e ? "1" : "0";
			lo_hi[e] = lower_elem(L, p->beside.ones, &p->beside.col, v);
		}
		lower_code(L, "const u32 %s = %s == %s ? %s : 0;", one[h], p->beside.g, column,
		           lower_pack(L, lo_hi[0], lo_hi[1]));
	}
	lower_code(L, "mma_%s(%s%s[0], %s%s[1], %s[0][0], %s[0][1], %s[1][0], %s[1][1], %s, %s);",
	           p->ty, w->name, core, w->name, core, f, f, f, f, one[0], one[1]);
}

/* The same as a warpgroup's product, in the group now open. */
void lower_beside_issue(Product *p, const char *f, const char *u)
{
	Lower *L = p->L;
	const char *core, *column, *sums, *a[4];

	if (!p->beside.desc)
		return;
	column = column_of(p, u, &core);
	sums = arena_printf(L->a, "%s%s", p->beside.w->name, core);
	for (int i = 0; i < 4; i++)
		a[i] = arena_printf(L->a, "%s[%d][%d]", f, i / 2, i % 2);
	lower_ones_step(p, sums, arena_printf(L->a, "%s + 1", sums), a, p->beside.desc, column, "1");
}

/* -- what another role reads -------------------------------------------------------------------
 */

enum { PANEL = 64, ROWS = 16 }; /* elements of a panel's row of 128 bytes; slots of a step */

/* A warp's lanes write four steps at once. */
int lower_beside_bytes(Lower *L, const Op *state)
{
	int slots = lower_state_grow(L, state)->slots, own = 4 * 16 * L->f->keepers;

	return 2 * 8 * ((slots + own - 1) / own * own);
}

Buffer *lower_beside_buffer(Lower *L, const Op *state, const char *name)
{
	Buffer *b = dev_buffer(L->dev, name, ROWS, lower_beside_bytes(L, state) / (2 * ROWS), 2, 2);

	b->used_cols = 1; /* of each step's eight columns the two parts take two, the others stay 0 */
	return b;
}

/* x is chosen by variables of which each takes values 0 .. n-1; NAN: never. */
static const char *choose(Lower *L, const double *x, const int *n, const char *const *var)
{
	int size = 1;
	double *block;
	Text s = {.arena = L->a};

	if (!*n)
		return lower_number(L, isnan(*x) ? 0 : *x);
	for (int i = 1; n[i]; i++)
		size *= n[i];
	block = ARENA_ARRAY(L->a, double, size);
	for (int a = 0, b; a < *n; a = b) {
		memcpy(block, x + a * size, (size_t)size * sizeof *block);
		for (b = a + 1; b < *n; b++) {
			bool same = true;

			for (int i = 0; i < size; i++)
				same &= isnan(block[i]) || isnan(x[b * size + i]) || block[i] == x[b * size + i];
			if (!same)
				break;
			for (int i = 0; i < size; i++)
				if (isnan(block[i]))
					block[i] = x[b * size + i];
		}
		if (b < *n)
			text_add(&s, "%s <= %d ? ", *var, b - 1);
		text_add(&s, a || b < *n ? "(%s)" : "%s", choose(L, block, n + 1, var + 1));
		if (b < *n)
			text_puts(&s, " : ");
	}
	return s.s;
}

/* The weight of the slots `from` on that a register holds: where t is 0, what the wide state's
 * first rows take (lower_publish.c), which is computed once. */
static const char *weight_of(Lower *L, const double *weight, int from, int slots)
{
	const char *const var[] = {"t", "g", "warp"};
	int n[] = {4, 8, L->f->keepers, 0};
	double *x = ARENA_ARRAY(L->a, double, 4 * 8 * L->f->keepers);

	for (int i = 0; i < 4 * 8 * L->f->keepers; i++) {
		int slot = from + (i / 8 / L->f->keepers * L->f->keepers + i % L->f->keepers) * 16 +
		           i / L->f->keepers % 8;

		x[i] = slot < slots ? weight[slot] : NAN;
	}
	return choose(L, x, n, var);
}

/* Step s of 16 slots is columns 8 (s % 8) .. + 7 of panel s / 8, its slots the rows. Lanes whose
 * slots do not exist write where nobody reads. */
void lower_beside_write(Lower *L, const Staged *s, const Op *get, const Grow *left)
{
	const Grow *g = lower_state_grow(L, get->src[0]);
	const double *weight = lower_weights(L, g, left);
	const Version *w = lower_var_version(L, get->src[0]);
	const char *ty = L->f16 ? "f16" : "bf16",
	           *lane = lower_name(L, arena_printf(L->a, "%s_w", s->base));
	int warps = L->f->keepers, step = 16 * warps, panel = ROWS * 2 * PANEL;
	Block *saved = L->out;

	if (warps % 4 || s->buf->pbytes != 2 * PANEL)
		bug("a thin state published by %d warps", warps);
	L->out = L->pro;
	if (warps == 4)
		lower_code(L, "const u32 %s = t / 2 * %d + g * %d + ((warp + t %% 2 * 4) ^ g) * 16;", lane,
		           panel, 2 * PANEL);
	else
		lower_code(
		    L,
		    "const u32 %s = (%d * t + warp) / 8 * %d + g * %d + ((%d * t + warp) %% 8 ^ g) * 16;",
		    lane, warps, panel, 2 * PANEL, warps);
	L->out = saved;
	for (int u = 0; u * step < g->slots; u += 4) {
		const char *core = w->l.d[0].stride != 8 ? arena_printf(L->a, "[%d]", u / STEPS) : "";
		const char *x[2], *hi = lower_name(L, "x_hi"), *lo = lower_name(L, "x_lo");

		for (int i = 0; i < 2; i++) {
			x[i] = lower_name(L, "x");
			lower_code(L, "const float %s = %s%s[%d][%d] * (%s);", x[i], w->name, core, i,
			           u / 4 % 2, weight_of(L, weight, u * step + 8 * i, g->slots));
		}
		lower_code(L, "const u32 %s = %s;", hi, lower_pack(L, x[0], x[1]));
		lower_code(L, "const u32 %s = pack_%s(%s - %s_lo(%s), %s - %s_hi(%s));", lo, ty, x[0], ty,
		           hi, x[1], ty, hi);
		for (int i = 0; i < 2; i++)
			dev_access(lower_code(L, "st_shared_b32(%s + %s + %d, prmt(%s, %s, %s));", s->base,
			                      lane, warps * u / 8 * panel + i * ROWS / 2 * 2 * PANEL, hi, lo,
			                      i ? "0x7632" : "0x5410"),
			           s->buf, ACC_WRITE);
	}
}

/* -- the read ----------------------------------------------------------------------------------
 */

/* Whether x is a product that reads a thin state. */
bool lower_beside_reads(Lower *L, const Op *x)
{
	bool left = false, right = false;
	const Op *get;

	if (x->code != OP_dot)
		return false;
	op_base(x->src[0], &left);
	get = op_base(x->src[1], &right);
	return !left && !right && get->code == OP_get && lower_is_thin(L, get->src[0]);
}

bool lower_beside_same(Lower *L, const Op *dot, const Op *then)
{
	bool sw = false;
	const Grow *g = grow_parse(L->a, op_base(dot->src[0], &sw));

	return same_features(g, grow_parse(L->a, op_base(then->src[0], &sw))) && !sw;
}

Layout lower_beside_read_layout(Product *p, const Op *dot)
{
	Layout l = lower_value_layout(p->L, dot);

	return p->l.base[0] ? layout_strip(p->L->a, l, p->L->strip->var) : l;
}

bool lower_beside_read(Product *p, Product *q)
{
	Lower *L = p->L;

	if (!p->wgmma || p->b.thin || L->role != ROLE_OUTPUT)
		return false;
	for (Op *x = p->op->parent->first; x; x = x->next) {
		bool sw = false;
		Layout l;

		if (!L->live[x->id] || !lower_beside_reads(L, x) ||
		    !same_features(grow_parse(L->a, op_base(x->src[0], &sw)), p->a.grow))
			continue;
		l = lower_beside_read_layout(p, x);
		if (l.d[0].n == p->l.d[0].n && !lower_find(L, x, &l, false))
			return product_thin(p, q, x, &l);
	}
	return false;
}
