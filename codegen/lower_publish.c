/* lower_publish.c -- right operands through shared memory.
 *
 * A product's right operand is read by every warp along its whole contraction. Where the warps
 * divide that dimension of it (the rows of a state, so that no two warps do the same part of its
 * update), each rounds its own part into a buffer, and the product reads it as it reads a tile that
 * was copied there. States over features take both sides' scales on the way.
 */
#include "lower.h"

#include <math.h>
#include <string.h>

bool lower_must_publish(Lower *L, const Op *x, bool swapped)
{
	if (x->rank != 2 || !L->f->op[x->id].anchored)
		return false;
	return (x->code == OP_get && x->src[0]->code == OP_state) ||
	       facts_dim(L->f, x, swapped ? 1 : 0).warps > 1;
}

static Version *held(Lower *L, Op *x)
{
	Layout l = lower_value_layout(L, x);

	if (x->code == OP_get && L->f->op[x->src[0]->id].unscaled) {
		for (Version *w = L->versions; w; w = w->next)
			if (w->op == x->src[0])
				return w;
		lower_cannot(L, x, "a state read outside its scope");
	}
	return lower_need(L, x, &l);
}

/* Where a lane's registers go. */
typedef struct Place {
	Lower *L;
	const Buffer *b;
	const Layout *l;
	const char *lane; /* offset of its part of core (0, 0) */
	const char *unit; /* of a part that starts at any unit: its first one; else NULL */
} Place;

/* The core's other columns are XORed into the lane's offset where the warp's part starts at a
 * multiple of their number, other rows are added: both leave the swizzle of row g alone. */
static Place place_new(Lower *L, const Buffer *b, const Layout *l)
{
	Place p = {L, b, l, lower_name(L, arena_printf(L->a, "%s_w", b->name)), NULL};
	Text unit = {.arena = L->a};
	Block *saved = L->out;
	int n = l->d[1].n;

	for (int i = 3; i < l->nd; i++)
		if (l->d[i].hw == HW_WARP && l->d[i].dim == 1)
			text_add(&unit, "%swarp / %d %% %d * %d", unit.len ? " + " : "(", l->d[i].pos,
			         l->d[i].n, l->d[i].stride / 8);
	if (unit.len)
		text_puts(&unit, ")");
	if (unit.len && layout_core_step(l, 1) == 1 && n & (n - 1))
		p.unit = unit.s;
	L->out = &L->pro;
	lower_code(L, "const u32 %s = %s + 4 * t;", p.lane,
	           p.unit
	               ? arena_printf(L->a, "(%s) * %d", layout_thread_coord(L->a, l, 0), b->pbytes)
	               : lower_unit(L, b, arena_printf(L->a, "(%s)", layout_thread_coord(L->a, l, 0)),
	                            unit.len ? unit.s : "0"));
	L->out = saved;
	return p;
}

static const char *place_core(const Place *p, const char *i, const char *j)
{
	Lower *L = p->L;
	const Buffer *b = p->b;
	int units = b->pbytes / 16, step = layout_core_step(p->l, 1);
	const char *row = layout_reg_coord(L->a, &p->l->d[0], i), *u = j, *lane = p->lane;

	if (p->unit) {
		lane = arena_printf(L->a, "%s + %s", lane,
		                    lower_unit(L, b, "g", arena_printf(L->a, "(%s + %s)", p->unit, j)));
		lane = arena_printf(L->a, "%s - g * %d", lane, b->pbytes);
	} else if (strcmp(j, "0")) {
		if (step > 1)
			u = arena_printf(L->a, "(%s / 2 * %d + %s %% 2)", j, 2 * step, j);
		if (b->cols > b->pcols)
			lane = arena_printf(L->a, "(%s ^ 16 * (%s %% %d)) + %s / %d * %d", lane, u, units, u,
			                    units, b->rows * b->pbytes);
		else
			lane = arena_printf(L->a, "(%s ^ 16 * %s)", lane, u);
	}
	if (!strcmp(row, "0"))
		return arena_printf(L->a, "%s + %s", b->name, lane);
	return arena_printf(L->a, "%s + %s + %d * (%s)", b->name, lane, b->pbytes, row);
}

/* Two values, times `weight`: a power of two (`exact`) scales exactly after rounding too, and both
 * at once. */
static const char *weighed(Lower *L, const char *x, const char *weight, double exact)
{
	const char *lo = arena_printf(L->a, "%s[0]", x), *hi = arena_printf(L->a, "%s[1]", x);
	unsigned bits;
	float f = (float)exact;
	int e;

	if (weight && !L->f16 && exact > 0 && frexp(exact, &e) == 0.5) {
		memcpy(&bits, &f, 4);
		return exact == 1 ? lower_pack(L, lo, hi)
		                  : arena_printf(L->a, "mul_bf16x2(%s, 0x%xu)", lower_pack(L, lo, hi),
		                                 bits | bits >> 16);
	}
	if (!weight)
		return lower_pack(L, lo, hi);
	return lower_pack(L, arena_printf(L->a, "%s * %s", lo, weight),
	                  arena_printf(L->a, "%s * %s", hi, weight));
}

/* Stores row cores [i0, i1), each value times `weight`, when not NULL. */
static void store_cores(const Place *p, const Version *w, int i0, int i1, const char *weight,
                        double exact)
{
	Lower *L = p->L;
	const char *i = arena_printf(L->a, "%d", i0), *j = "0", *x;
	Block *saved = L->out;

	if (i1 - i0 > 1) {
		lower_open(L, S_FOR, true, "int i = %d; i < %d; i++", i0, i1);
		i = "i";
	}
	if (w->l.d[1].n > 1) {
		lower_open(L, S_FOR, true, "int j = 0; j < %d; j++", w->l.d[1].n);
		j = "j";
	}
	x = arena_printf(L->a, "%s[%s][%s]", w->name, i, j);
	if (!w->packed)
		x = weighed(L, x, weight, exact);
	if (w->l.orient == ORIENT_T)
		x = arena_printf(L->a, "core_transpose(%s)", x);
	dev_access(lower_code(L, "st_shared_b32(%s, %s);", place_core(p, i, j), x), (Buffer *)p->b,
	           ACC_WRITE);
	L->out = saved;
}

/* Which of the parts of the rows is this warp's. */
static const char *warp_part(Lower *L, const Layout *l)
{
	for (int i = 3; i < l->nd; i++)
		if (l->d[i].hw == HW_WARP && l->d[i].dim == 0)
			return l->d[i].pos > 1 ? arena_printf(L->a, "warp / %d %% %d", l->d[i].pos, l->d[i].n)
			                       : arena_printf(L->a, "warp %% %d", l->d[i].n);
	return "0";
}

/* Pairs of row cores of one weight for all warps are stored in one go; others look theirs up. */
static void store_weighed(const Place *p, const Version *w, const Grow *right, const Grow *left)
{
	Lower *L = p->L;
	int warps = layout_core_step(&w->l, 0), pairs = w->l.d[0].n / 2;
	const char *table = NULL;

	for (int u = 0, n; u < pairs; u += n) {
		int lo = 16 * warps * u, hi = lo + 16 * warps;
		Block *saved = L->out;
		double x, y;
		const char *zero[3] = {"0", "0", "0"};
		bool one;

		n = 1;
		if (lower_one_weight(L, right, left, lo, hi, &x) && hi <= right->slots) {
			while (u + n < pairs && hi + 16 * warps * n <= right->slots &&
			       lower_one_weight(L, right, left, hi + 16 * warps * (n - 1), hi + 16 * warps * n,
			                        &y) &&
			       x == y)
				n++;
			store_cores(p, w, 2 * u, 2 * (u + n), lower_number(L, x), x);
			continue;
		}
		if (hi > right->slots) /* steps beyond the last feature hold nothing; whole warps skip */
			lower_open(L, S_IF, false, "%s < %d", warp_part(L, &w->l), (right->slots - lo) / 16);
		one = lower_one_weight(L, right, left, lo, hi, &x);
		for (int h = 0; h < 2; h++) {
			const char *f = lower_number(L, x);

			if (!one) {
				if (!table)
					table = lower_weight_table(L, right, left, true);
				f = lower_name(L, arena_printf(L->a, "%s_x", w->name));
				zero[0] = arena_printf(L->a, "%d", 2 * u + h);
				lower_code(L, "const float %s = table_f32(%s + %s);", f, table,
				           layout_coord(L->a, &w->l, 0, zero));
			}
			store_cores(p, w, 2 * u + h, 2 * u + h + 1, f, one ? x : 0);
		}
		L->out = saved;
	}
}

Staged *lower_publish(Lower *L, Op *x, const Grow *left)
{
	Staged *s = lower_staged(L, x);
	bool grown = x->code == OP_get && L->f->op[x->src[0]->id].unscaled;
	const Grow *right = grown ? lower_state_grow(L, x->src[0]) : NULL;
	const Op *who = x->code == OP_get ? x->src[0] : x;
	Layout none = {.rank = 1, .orient = ORIENT_NONE};
	const char *owner;
	Place place;
	Block *saved, *whole;
	Version *w;
	int scope;

	if (s)
		return s;
	if (grown && !left)
		lower_cannot(L, x, "a state over features read by something other than the features");
	saved = lower_hoist(L, &none, &scope);
	w = held(L, x);
	if (L->nstaged == MAX_BUFFERS)
		lower_cannot(L, x, "too many tiles in shared memory");
	s = &L->staged[L->nstaged++];
	s->op = x;
	s->base =
	    lower_name(L, arena_printf(L->a, "%s_s", who->name ? who->name : op_info[who->code].name));
	s->buf = dev_buffer(L->dev, s->base,
	                    grown ? right->slots : facts_extent(L->f, facts_class(L->f, x, 0)),
	                    facts_extent(L->f, facts_class(L->f, x, 1)), 2, 1);
	s->buf->used_cols = 0;
	place = place_new(L, s->buf, &w->l);
	owner = layout_owner(L->a, &w->l, L->warps);
	whole = L->out;
	lower_open(L, owner ? S_IF : S_SCOPE, false, "%s", owner ? owner : "");
	whole->last->atomic = true; /* all its threads write different places */
	if (grown)
		store_weighed(&place, w, right, left);
	else
		store_cores(&place, w, 0, w->l.d[0].n, NULL, 0);
	L->out = saved;
	L->scope = scope;
	return s;
}

typedef struct Reader {
	const Op *x;
	Op *dot;
} Reader;

static void reader_op(void *user, Op *op)
{
	Reader *r = user;
	bool sw = false;

	if (op->code == OP_dot && !r->dot && op_base(op->src[1], &sw) == r->x)
		r->dot = op;
}

/* A state is published where the author reads it, if a product does, so that the barrier behind it
 * has something to overlap with. */
void lower_publish_get(Lower *L, Op *get)
{
	Reader r = {get, NULL};
	bool sw = false;

	if (get->src[0]->code != OP_state || get->rank != 2 || get->dim[1].n == 1)
		return;
	ir_walk(L->k->body, reader_op, &r);
	if (r.dot && (!L->live || L->live[r.dot->id]))
		lower_publish(L, get, grow_parse(L->a, op_base(r.dot->src[0], &sw)));
}
