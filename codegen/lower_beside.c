/* lower_beside.c -- a thin state beside a wide one that is updated with the same features.
 *
 * What a step of the wide state's update forms (lower_share.c) is the left operand of the thin
 * state's too: one mma more, with a right operand of ones (0 where a row does not exist). Ones fill
 * one of its eight columns, another one for each of a warp's steps, so that eight steps share a
 * pair of cores: register [i][e] of lane 4 g + t is the sum of slot 8 i + g of the warp's 16 in its
 * step 4 e + t, which is column 2 t + e. So each slot has one owner, as in lower_thin.c, and needs
 * nobody else's sum.
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

/* -- the update ---------------------------------------------------------------------------------
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

/* p: the wide state's update. */
void lower_beside_open(Product *p)
{
	Lower *L = p->L;
	Op *u = NULL;
	bool sw = false, live;
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
	p->beside.g = lower_name(L, "own_g");
	lower_code(L, "const int %s = opaque_i32(g);", p->beside.g);
	if (is_ones(p->beside.ones, &live) && live) {
		p->beside.live = lower_name(L, "live");
		lower_code(L, "const int %s = %s_live - 2 * t;", p->beside.live,
		           lower_start(L, p->beside.ones->dim[0].range));
	}
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
	const char *v[MAX_DIGITS] = {"0", "0", "0"}, *one[2], *column, *core = "";
	const char *both = L->f16 ? "0x3c003c00u" : "0x3f803f80u",
	           *first = L->f16 ? "0x3c00u" : "0x3f80u";
	bool many, live;
	char *end;
	long n;

	if (!w)
		return;
	n = strtol(u, &end, 10);
	many = w->l.d[0].stride != 8; /* pairs of cores */
	if (many)
		core = *end ? arena_printf(L->a, "[%s / %d]", u, STEPS)
		            : arena_printf(L->a, "[%ld]", n / STEPS);
	column = *end ? arena_printf(L->a, "(2 * (%s %% 4) + %s / 4 %% 2)", u, u)
	              : arena_printf(L->a, "%ld", 2 * (n % 4) + n / 4 % 2);
	if (is_ones(p->beside.ones, &live) && (!live || nothing_of_nothing(p->a.grow, lo, hi))) {
		one[0] = one[1] = lower_name(L, "one");
		lower_code(L, "const u32 %s = %s == %s ? %s : 0;", one[0], p->beside.g, column, both);
	} else {
		for (int h = 0; h < 2; h++) {
			const char *lo_hi[2];

			one[h] = lower_name(L, "one");
			if (p->beside.live) {
				const char *at = arena_printf(L->a, "16 * (%s) + %d", k, 8 * h);

				lower_code(L, "const u32 %s = %s != %s || %s <= %s ? 0 : %s == %s + 1 ? %s : %s;",
				           one[h], p->beside.g, column, p->beside.live, at, p->beside.live, at,
				           first, both);
				continue;
			}
			v[0] = product_twice(L, h, strchr(k, ' ') ? arena_printf(L->a, "(%s)", k) : k);
			for (int e = 0; e < 2; e++) {
				v[2] = e ? "1" : "0";
				lo_hi[e] = lower_elem(L, p->beside.ones, &p->beside.col, v);
			}
			lower_code(L, "const u32 %s = %s == %s ? %s : 0;", one[h], p->beside.g, column,
			           lower_pack(L, lo_hi[0], lo_hi[1]));
		}
	}
	lower_code(L, "mma_%s(%s%s[0], %s%s[1], %s[0][0], %s[0][1], %s[1][0], %s[1][1], %s, %s);",
	           p->ty, w->name, core, w->name, core, f, f, f, f, one[0], one[1]);
}

/* -- what another role reads ------------------------------------------------------------------- */

enum { PANEL = 64, ROWS = 8 }; /* slots of a panel of 128 bytes; rows of a core */

/* A warp's lanes write four steps at once. */
int lower_beside_bytes(Lower *L, const Op *state)
{
	int four = 4 * 16 * L->f->keepers;

	return 2 * ROWS * ((lower_state_grow(L, state)->slots + four - 1) / four * four);
}

Buffer *lower_beside_buffer(Lower *L, const Op *state, const char *name)
{
	Buffer *b = dev_buffer(L->dev, name, ROWS, lower_beside_bytes(L, state) / (2 * ROWS), 2, 2);

	b->used_cols = 1; /* what slots and their two parts do not fill stays 0 */
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
static const char *weight_of(Lower *L, const double *weight, const char *t, int from, int slots)
{
	const char *const var[] = {t, "g", "warp"};
	int warps = L->f->keepers, n[] = {4, 8, warps, 0};
	double *x = ARENA_ARRAY(L->a, double, 4 * 8 * warps);

	for (int i = 0; i < 4 * 8 * warps; i++) {
		int slot = from + (i / 8 / warps * warps + i % warps) * 16 + i / warps % 8;

		x[i] = slot < slots ? weight[slot] : NAN;
	}
	return choose(L, x, n, var);
}

/* Lanes whose slots do not exist write where nobody reads. Warps deal out whole panels; the second
 * row's units are exchanged in pairs. */
void lower_beside_write(Lower *L, const Staged *s, const Op *get, const Grow *left)
{
	const Grow *g = lower_state_grow(L, get->src[0]);
	const double *weight = lower_weights(L, g, left);
	const Version *w = lower_var_version(L, get->src[0]);
	const char *ty = L->f16 ? "f16" : "bf16",
	           *lane = lower_name(L, arena_printf(L->a, "%s_w", s->base)), *t;
	int step = 16 * L->f->keepers, panels = step / PANEL;
	Block *saved = L->out;

	if (step % PANEL || s->buf->pbytes != 2 * PANEL)
		bug("a thin state published by %d warps", L->f->keepers);
	L->out = L->pro;
	lower_code(L, "const u32 %s = %d * (%d * t + warp / 4) + 32 * (warp %% 4) + 2 * g;", lane,
	           ROWS * 2 * PANEL, panels);
	L->out = saved;
	t = lower_name(L, "own_t");
	lower_code(L, "const int %s = opaque_i32(t);", t);
	for (int u = 0; u * step < g->slots; u += 4) {
		const char *core = w->l.d[0].stride != 8 ? arena_printf(L->a, "[%d]", u / STEPS) : "";
		int panel = ROWS * 2 * PANEL * panels * u;

		for (int i = 0; i < 2; i++) {
			const char *x = lower_name(L, "x"), *hi = lower_name(L, "x_hi"), *reg;

			reg = arena_printf(L->a, "%s%s[%d][%d]", w->name, core, i, u / 4 % 2);
			lower_code(L, "const float %s = %s * (%s);", x, reg,
			           weight_of(L, weight, t, u * step + 8 * i, g->slots));
			lower_code(L, "const b16 %s = round_%s(%s);", hi, ty, x);
			dev_access(lower_code(L, "st_shared_b16(%s + %s + %d, %s);", s->base, lane,
			                      panel + 16 * i, hi),
			           s->buf, ACC_WRITE);
			lower_code(L, "st_shared_b16(%s + %s + %d, round_%s(%s - widen_%s(%s)));", s->base,
			           lane, panel + 2 * PANEL + 16 * (1 - i), ty, x, ty, hi);
		}
		L->out = saved;
	}
}

/* -- the read --------------------------------------------------------------------------------- */

static bool reads_thin(Lower *L, const Op *x)
{
	bool left = false, right = false;
	const Op *get;

	if (x->code != OP_dot)
		return false;
	op_base(x->src[0], &left);
	get = op_base(x->src[1], &right);
	return !left && !right && get->code == OP_get && lower_is_thin(L, get->src[0]);
}

static Layout thin_layout(Product *p, const Op *dot)
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

		if (!L->live[x->id] || !reads_thin(L, x) ||
		    !same_features(grow_parse(L->a, op_base(x->src[0], &sw)), p->a.grow))
			continue;
		l = thin_layout(p, x);
		if (l.d[0].n == p->l.d[0].n && !lower_find(L, x, &l, false))
			return product_thin(p, q, x, &l);
	}
	return false;
}

/* -- row sums of a left operand ---------------------------------------------------------------- */

static Op *only_reader(Lower *L, const Op *x)
{
	Count c = {x, NULL, 0};
	Op *found = NULL;

	ir_walk(L->k->body, reader_op, &c);
	for (Op *o = x->parent->first; c.n == 1 && o; o = o->next)
		for (int i = 0; i < o->nsrc; i++)
			if (o->src[i] == x)
				found = o;
	return found;
}

/* What was begun inside a condition is not known outside; neither are the sums that it took. */
static Version *begun(Lower *L)
{
	for (Version *w = L->versions; w; w = w->next)
		if (w == L->begun)
			return w;
	return NULL;
}

/* The product of a thin state whose only use is to be added to the row sums x, or NULL. */
static Op *joined(Lower *L, const Op *x)
{
	Op *add = only_reader(L, x), *sum;

	if (!add || add->code != OP_add || add->src[0] == add->src[1])
		return NULL;
	sum = add->src[add->src[0] == x];
	if (sum->code != OP_sum || sum->axis_dim != 1 || only_reader(L, sum) != add ||
	    sum->src[0]->rank != 2 || sum->src[0]->dim[1].n != 1 ||
	    only_reader(L, sum->src[0]) != sum || sum->src[0]->parent != x->parent ||
	    !reads_thin(L, sum->src[0]))
		return NULL;
	return sum->src[0];
}

/* x, the row sums of p's left operand, which is in registers, begins the accumulators of the
 * product that it is added to: as one more product, with ones. What is left to be added is nothing.
 */
bool lower_beside_rows(Product *p, Op *x)
{
	Lower *L = p->L;
	Op *dot = joined(L, x);
	const char *v[MAX_DIGITS], *one, *i, *k;
	Layout l, drop;
	Version *acc, *none;
	Block *b, *saved;

	if (!dot || begun(L))
		return false;
	for (const Version *w = L->versions; w; w = w->next)
		if (w->op == dot)
			return false;
	l = thin_layout(p, dot);
	if (l.d[0].n != p->l.d[0].n || p->a.swapped)
		return false;
	acc = lower_declare(L, dot, &l, false, NULL);
	acc->op = NULL;
	L->begun = acc;
	L->begun_dot = dot;
	b = lower_nest(L, &l, false, v);
	lower_code(L, "%s = 0.0f;", lower_ref(L, acc, &l, v));
	lower_nest_close(L, b);
	one = lower_name(L, "one");
	lower_code(L, "const u32 %s = g == 0 ? %s : 0;", one, L->f16 ? "0x3c003c00u" : "0x3f803f80u");
	saved = product_loop(L, "i", p->l.d[0].n / 2, &i);
	product_loop(L, "k", p->a.k / 2, &k);
	lower_code(L, "mma_%s(%s[%s][0], %s[%s][0], %s, %s, %s, %s, %s, %s);", p->ty, acc->name,
	           product_twice(L, 0, i), acc->name, product_twice(L, 1, i),
	           product_frag(p, &p->a, product_twice(L, 0, i), 0, k),
	           product_frag(p, &p->a, product_twice(L, 1, i), 0, k),
	           product_frag(p, &p->a, product_twice(L, 0, i), 1, k),
	           product_frag(p, &p->a, product_twice(L, 1, i), 1, k), one, one);
	L->out = saved;
	drop = layout_drop(l, 1);
	none = lower_declare(L, x, &drop, false, NULL);
	b = lower_nest(L, &drop, false, v);
	lower_code(L, "%s = -0.0f;", lower_ref(L, none, &drop, v));
	lower_nest_close(L, b);
	return true;
}

/* The accumulators that `dot` begins with, or NULL. */
Version *lower_beside_begun(Lower *L, const Op *dot)
{
	Version *w = begun(L);

	if (!w || dot != L->begun_dot)
		return NULL;
	w->op = dot;
	L->begun = NULL;
	return w;
}
