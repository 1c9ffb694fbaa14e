/* lower_publish.c -- right operands through shared memory.
 *
 * A product's right operand is read by every warp along its whole contraction. Where the warps
 * divide that dimension of it (the rows of a state, so that no two warps do the same part of its
 * update), each rounds its own part into a buffer, and the product reads it as it reads a tile that
 * was copied there. States over features take both sides' scales on the way.
 */
#include "lower.h"

#include <math.h>
#include <stdlib.h>
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
			if (w->op == x->src[0]) {
				lower_wgmma_land(L, w->name);
				return w;
			}
		lower_cannot(L, x, "a state read outside its scope");
	}
	return lower_need(L, x, &l);
}

/* Where a lane's registers go. */
typedef struct Place {
	Lower *L;
	const Buffer *b;
	const char *base;
	const Layout *l;
	const char *lane; /* offset of its part of core (0, 0) */
	const char *unit; /* of a part that starts at any unit: its first one; else NULL */
	bool fours;       /* four cores at once: lane l gives the place of row l % 8 of core l / 8 */
} Place;

/* The row of the warp's first core that lane l gives the address of: l % 8 where g would stand. */
static const char *row_of_lane(Lower *L, const Layout *l)
{
	Text s = {.arena = L->a};

	text_puts(&s, "(lane % 8");
	for (int i = 3; i < l->nd; i++)
		if (l->d[i].hw == HW_WARP && l->d[i].dim == 0)
			text_add(&s, " + %d * (warp / %d %% %d)", l->d[i].stride, l->d[i].pos, l->d[i].n);
	text_puts(&s, ")");
	return s.s;
}

/* As l with its cores N, which is how they are stored: T cores are turned on their way. */
static Layout turned_cores(const Layout *l)
{
	Layout r = *l;

	for (int i = 0; r.orient == ORIENT_T && i < r.nd; i++)
		if (r.d[i].hw == HW_LANE)
			r.d[i].dim = 1 - r.d[i].dim;
	return r;
}

/* The core's other columns are XORed into the lane's offset where the warp's part starts at a
 * multiple of their number, other rows are added: both leave the swizzle of row g alone. */
static Place place_new(Lower *L, Buffer *b, const char *base, const Layout *l)
{
	Place p = {L, b, base, l, b->lane, NULL, false};
	Text unit = {.arena = L->a};
	Block *saved = L->out;
	const Layout stored = turned_cores(l);
	int n = l->d[1].n;

	for (int i = 3; i < l->nd; i++)
		if (l->d[i].hw == HW_WARP && l->d[i].dim == 1)
			text_add(&unit, "%swarp / %d %% %d * %d", unit.len ? " + " : "(", l->d[i].pos,
			         l->d[i].n, l->d[i].stride / 8);
	if (unit.len)
		text_puts(&unit, ")");
	if (unit.len && layout_core_step(l, 1) == 1 && n & (n - 1))
		p.unit = unit.s;
	p.fours = L->dev->gpu->stmatrix && l->orient == ORIENT_N && n % 4 == 0 && !unit.len &&
	          b->pbytes >= 64;
	if (b->lane)
		return p;
	b->lane = p.lane = lower_name(L, arena_printf(L->a, "%s_w", base));
	L->out = L->pro;
	if (p.fours)
		lower_code(L, "const u32 %s = %s;", p.lane,
		           lower_unit(L, b, row_of_lane(L, l), "(lane / 8)"));
	else
		lower_code(
		    L, "const u32 %s = %s + 4 * t;", p.lane,
		    p.unit
		        ? arena_printf(L->a, "(%s) * %d", layout_thread_coord(L->a, &stored, 0), b->pbytes)
		        : lower_unit(L, b,
		                     arena_printf(L->a, "(%s)", layout_thread_coord(L->a, &stored, 0)),
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
		return arena_printf(L->a, "%s + %s", p->base, lane);
	return arena_printf(L->a, "%s + %s + %d * (%s)", p->base, lane, b->pbytes, row);
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

static void store_fours(const Place *p, const Version *w, const char *i, const char *weight,
                        double exact)
{
	Lower *L = p->L;
	const char *j = "0";
	Text s = {.arena = L->a};

	if (w->l.d[1].n > 4) {
		lower_open(L, S_FOR, true, "int j = 0; j < %d; j += 4", w->l.d[1].n);
		j = "j";
	}
	text_add(&s, "cores_store4(%s", place_core(p, i, j));
	for (int c = 0; c < 4; c++) {
		const char *at =
		    c ? strcmp(j, "0") ? arena_printf(L->a, "%s + %d", j, c) : arena_printf(L->a, "%d", c)
		      : j;
		const char *x = arena_printf(L->a, "%s[%s][%s]", w->name, i, at);

		text_add(&s, ", %s", w->packed ? x : weighed(L, x, weight, exact));
	}
	text_puts(&s, ");");
	dev_access(lower_code(L, "%s", s.s), (Buffer *)p->b, ACC_WRITE);
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
	if (p->fours) {
		store_fours(p, w, i, weight, exact);
		L->out = saved;
		return;
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

/* The weight of this lane's row in half h of a warp's 16 slots from `lo` on, by g and the warp's
 * part: selects, since a table in memory would be read in every turn, or kept in a register. */
static const char *lane_weight(Lower *L, const Layout *l, const double *weight, int lo, int h,
                               int slots)
{
	int warps = layout_core_step(l, 0);
	const char *part = warp_part(L, l);
	Text t = {.arena = L->a};

	for (int g = 0; g < 8; g++) {
		const double *x = weight + lo + 8 * h + g;
		bool same = true, alike = g < 7;
		int at[2] = {lo + 8 * h + g, lo + 8 * h + g + 1};

		for (int w = 0; w < warps; w++, at[0] += 16, at[1] += 16) {
			double mine = at[0] < slots ? weight[at[0]] : 0,
			       next = at[1] < slots ? weight[at[1]] : 0;

			same &= at[0] >= slots || mine == *x;
			alike &= g < 7 && mine == next;
		}
		if (alike) /* as the next */
			continue;
		if (g < 7)
			text_add(&t, "g <= %d ? ", g);
		if (!same)
			text_puts(&t, g < 7 ? "(" : "");
		for (int w = 0; !same && w + 1 < warps && lo + 16 * (w + 1) < slots; w++) {
			int rest = lo + 16 * (w + 1) + 8 * h + g;

			if (weight[lo + 16 * w + 8 * h + g] != (rest < slots ? weight[rest] : 0) || !w)
				text_add(&t, "%s <= %d ? %s : ", part, w,
				         lower_number(L, weight[lo + 16 * w + 8 * h + g]));
		}
		if (!same) {
			int w = warps - 1;

			while (w > 0 && lo + 16 * w >= slots)
				w--;
			text_add(&t, "%s%s", lower_number(L, weight[lo + 16 * w + 8 * h + g]),
			         g < 7 ? ")" : "");
		} else {
			text_puts(&t, lower_number(L, *x));
		}
		if (g < 7)
			text_puts(&t, " : ");
	}
	return t.s;
}

/* Pairs of row cores of one weight for all warps are stored in one go. */
static void store_weighed(const Place *p, const Version *w, const Grow *right, const Grow *left)
{
	Lower *L = p->L;
	int warps = layout_core_step(&w->l, 0), pairs = w->l.d[0].n / 2, slots = right->slots;
	const double *weight = lower_weights(L, right, left);

	for (int u = 0, n; u < pairs; u += n) {
		int lo = 16 * warps * u, hi = lo + 16 * warps;
		Block *saved = L->out;

		for (n = 0; u + n < pairs && (n ? hi + 16 * warps * n <= slots : hi <= slots); n++)
			for (int i = lo; i < lo + 16 * warps * (n + 1); i++)
				if (weight[i] != weight[lo])
					goto mixed;
	mixed:
		if (n) {
			store_cores(p, w, 2 * u, 2 * (u + n), lower_number(L, weight[lo]), weight[lo]);
			continue;
		}
		n = 1;
		if (hi > slots) /* steps beyond the last feature hold nothing; whole warps skip */
			lower_open(L, S_IF, false, "%s < %d", warp_part(L, &w->l), (slots - lo) / 16);
		for (int h = 0; h < 2; h++) {
			const char *x = lane_weight(L, &w->l, weight, lo, h, slots), *f;
			char *end;
			double v = strtod(x, &end);

			if (!strcmp(end, "f")) {
				store_cores(p, w, 2 * u + h, 2 * u + h + 1, x, v);
				continue;
			}
			f = lower_name(L, arena_printf(L->a, "%s_x", w->name));
			lower_code(L, "const float %s = %s;", f, x);
			store_cores(p, w, 2 * u + h, 2 * u + h + 1, f, 0);
		}
		L->out = saved;
	}
}

const char *lower_publish_name(Lower *L, const Op *x)
{
	const Op *who = x->code == OP_get ? x->src[0] : x;

	return lower_name(L,
	                  arena_printf(L->a, "%s_s", who->name ? who->name : op_info[who->code].name));
}

Buffer *lower_publish_buffer(Lower *L, Op *x, const Grow *right, const char *name, int stages)
{
	Buffer *b =
	    dev_buffer(L->dev, name, right ? right->slots : facts_extent(L->f, facts_class(L->f, x, 0)),
	               facts_extent(L->f, facts_class(L->f, x, 1)), 2, stages);

	b->used_cols = 0;
	return b;
}

/* The threads' parts of x, into s. */
void lower_publish_write(Lower *L, const Staged *s, Op *x, const Grow *right, const Grow *left)
{
	Version *w = held(L, x);
	Place place = place_new(L, s->buf, s->base, &w->l);
	const char *owner = layout_owner(L->a, &w->l, L->warps);
	Block *saved = L->out;

	lower_open(L, owner ? S_IF : S_SCOPE, false, "%s", owner ? owner : "");
	saved->last->atomic = true; /* all its threads write different places */
	if (right)
		store_weighed(&place, w, right, left);
	else
		store_cores(&place, w, 0, w->l.d[0].n, NULL, 0);
	L->out = saved;
}

Staged *lower_publish(Lower *L, Op *x, const Grow *left)
{
	Staged *s = lower_staged(L, x);
	bool state = x->code == OP_get && x->src[0]->code == OP_state;
	bool grown = state && L->f->op[x->src[0]->id].unscaled;
	const Grow *right = grown ? lower_state_grow(L, x->src[0]) : NULL;
	Layout none = {.rank = 1, .orient = ORIENT_NONE};
	Block *saved;
	int scope;

	if (s)
		return s;
	if (grown && !left)
		lower_cannot(L, x, LOWER_NOT_FEATURES);
	if (L->nstaged == MAX_BUFFERS)
		lower_cannot(L, x, "too many tiles in shared memory");
	saved = lower_hoist(L, &none, &scope);
	s = &L->staged[L->nstaged++];
	s->op = x;
	s->base = lower_publish_name(L, x);
	if (state && L->role == ROLE_OUTPUT) {
		lower_published_read(L, s, x);
	} else {
		s->buf = lower_publish_buffer(L, x, right, s->base, 1);
		lower_publish_write(L, s, x, right, left);
	}
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

Op *lower_publish_reader(Lower *L, const Op *get)
{
	Reader r = {get, NULL};

	if (get->code == OP_get && get->src[0]->code == OP_state && get->rank == 2)
		ir_walk(L->k->body, reader_op, &r);
	return r.dot;
}

/* A state is published where the author reads it, if a product does, so that the barrier behind it
 * has something to overlap with. */
void lower_publish_get(Lower *L, Op *get)
{
	Op *dot = lower_publish_reader(L, get);
	bool sw = false;

	if (!dot)
		return;
	if (L->role == ROLE_STATE)
		lower_published_write(L, get);
	else if (get->dim[1].n > 1 && (!L->live || L->live[dot->id]))
		lower_publish(L, get, grow_parse(L->a, op_base(dot->src[0], &sw)));
}
