/* tails.c -- elements out of range do not exist.
 *
 * Loads give 0 where an element does not exist; what an expression makes of that is followed
 * symbolically. Where a sum, a maximum or a contraction would see anything but its neutral element,
 * the value is replaced by where(live, value, neutral), for all its users if that suits them:
 * elements that do not exist may hold anything. requires: facts. breaks: facts (new ops).
 */
#include "tails.h"

#include <math.h>
#include <string.h>

typedef struct Dead {
	bool known, risky; /* risky: may be inf or NaN, so that 0 times it is not 0 */
	double v;
} Dead;

static Dead dead(Facts *f, const Op *x, int d);

static Dead known(double v)
{
	return (Dead){true, !isfinite(v), v};
}

static bool live_mask(const Op *x, int d)
{
	if (x->code == OP_and_)
		return live_mask(x->src[0], d) || live_mask(x->src[1], d);
	return (x->code == OP_expand && x->axis_dim == 1 - d && x->src[0]->code == OP_live) ||
	       (x->code == OP_live && x->rank == 1);
}

static Dead dead_src(Facts *f, const Op *x, int i, int d)
{
	const Op *s = x->src[i];
	double v;

	if (op_is_const(s, &v))
		return known(v);
	if (s->rank != x->rank || s->dim[d].n != x->dim[d].n)
		return (Dead){false, false, 0};
	return dead(f, s, d);
}

static Dead dead_binary(const Op *x, Dead a, Dead b)
{
	Dead r = {false, a.risky || b.risky, 0};

	if (x->code == OP_mul &&
	    ((a.known && a.v == 0 && !b.risky) || (b.known && b.v == 0 && !a.risky)))
		return known(0);
	if ((x->code == OP_add || x->code == OP_sub) && a.known != b.known) {
		double v = a.known ? a.v : x->code == OP_sub ? -b.v : b.v;

		if (isinf(v))
			return known(v);
	}
	if (x->code == OP_div && !b.known)
		r.risky = true;
	if (!a.known || !b.known)
		return r;
	switch (x->code) {
	case OP_add:
		return known(a.v + b.v);
	case OP_sub:
		return known(a.v - b.v);
	case OP_mul:
		return known(a.v * b.v);
	case OP_div:
		return known(a.v / b.v);
	case OP_min:
		return known(fmin(a.v, b.v));
	case OP_max:
		return known(fmax(a.v, b.v));
	default:
		return r;
	}
}

static Dead dead_unary(const Op *x, Dead a)
{
	if (!a.known)
		return (Dead){false,
		              a.risky || x->code == OP_exp || x->code == OP_exp2 || x->code == OP_recip ||
		                  x->code == OP_rsqrt || x->code == OP_log || x->code == OP_log2,
		              0};
	switch (x->code) {
	case OP_neg:
		return known(-a.v);
	case OP_abs:
		return known(fabs(a.v));
	case OP_exp:
		return known(exp(a.v));
	case OP_exp2:
		return known(exp2(a.v));
	case OP_log:
		return known(log(a.v));
	case OP_log2:
		return known(log2(a.v));
	case OP_sqrt:
		return known(sqrt(a.v));
	case OP_rsqrt:
		return known(1 / sqrt(a.v));
	case OP_tanh:
		return known(tanh(a.v));
	case OP_sigmoid:
		return known(1 / (1 + exp(-a.v)));
	case OP_recip:
		return known(1 / a.v);
	case OP_cast:
		return a;
	default:
		return (Dead){false, false, 0};
	}
}

static Dead dead(Facts *f, const Op *x, int d)
{
	Dead unknown = {false, false, 0}, a;
	double v;

	if (op_is_const(x, &v))
		return known(v);
	switch (op_info[x->code].class) {
	case LEAF:
		return x->code == OP_load ? known(0) : unknown;
	case UNARY:
		return dead_unary(x, dead_src(f, x, 0, d));
	case BINARY:
		return dead_binary(x, dead_src(f, x, 0, d), dead_src(f, x, 1, d));
	case SELECT: {
		Dead no = dead_src(f, x, 2, d);

		if (live_mask(x->src[0], d) || (d == 1 && op_is_tri(x->src[0])))
			return no;
		a = dead_src(f, x, 1, d);
		if (a.known && no.known && a.v == no.v)
			return a;
		return (Dead){false, a.risky || no.risky || (no.known && isinf(no.v)), 0};
	}
	case VIEW:
		if (x->code == OP_transpose)
			return dead(f, x->src[0], 1 - d);
		return d == x->axis_dim ? unknown : dead(f, x->src[0], d > x->axis_dim ? d - 1 : d);
	case DOT:
		a = dead(f, x->src[d], d);
		return a.known && a.v == 0 ? a : (Dead){false, a.risky, 0};
	case REDUCE:
		a = dead(f, x->src[0], d + (d >= x->axis_dim));
		return a.known && a.v == 0 && x->code == OP_sum ? a : (Dead){false, a.risky, 0};
	case SCAN:
		return (Dead){false, dead(f, x->src[0], d).risky, 0};
	case GROW: /* the features of a row are made of the row */
		for (int i = 0; x->code != OP_reshape && d + 1 < x->rank && i < x->nsrc; i++)
			unknown.risky |= dead_src(f, x, i, d).risky;
		return unknown;
	default:
		if (x->code == OP_get)
			unknown.risky = f->op[x->src[0]->id].risky[d];
		return unknown;
	}
}

typedef struct Carried {
	Facts *f;
	bool more;
} Carried;

static void note_carried(void *user, Op *o)
{
	Carried *c = user;
	bool made = o->code == OP_var || o->code == OP_state;
	bool changed = o->code == OP_set || o->code == OP_update || o->code == OP_decay;
	Fact *to = &c->f->op[made ? o->id : changed ? o->src[0]->id : 0];

	for (int d = 0; (made || changed) && d < o->src[changed]->rank; d++)
		if (!to->risky[d] && dead(c->f, o->src[changed], d).risky)
			to->risky[d] = c->more = true;
}

/* What states and variables may hold; again whenever what goes into them has changed. */
static void carried_risk(Facts *f)
{
	Carried c = {f, true};

	for (int i = 0; i < f->nops; i++)
		memset(f->op[i].risky, 0, sizeof f->op[i].risky);
	while (c.more) {
		c.more = false;
		ir_walk(f->k->body, note_carried, &c);
	}
}

/* -- rewriting ----------------------------------------------------------------------------- */

static Op *op_after(Facts *f, Op *at, OpCode code, Dtype dt)
{
	Op *o = ARENA_NEW(f->arena, Op);
	Kernel *k = (Kernel *)f->k;

	o->code = code;
	o->dtype = dt;
	o->loc = at->loc;
	o->id = k->nops++;
	o->parent = at->parent;
	o->prev = at;
	o->next = at->next;
	if (at->next)
		at->next->prev = o;
	else
		at->parent->last = o;
	at->next = o;
	return o;
}

/* The mask of dimension d of x, right after `at`, with x's rank. */
static Op *live_op(Facts *f, Op **at, const Op *x, int d)
{
	Op *l = *at = op_after(f, *at, OP_live, DT_MASK);

	l->rank = 1;
	l->dim[0] = x->dim[d];
	if (x->rank == 1)
		return l;
	*at = op_after(f, *at, OP_expand, DT_MASK);
	(*at)->rank = 2;
	(*at)->nsrc = 1;
	(*at)->src[0] = l;
	(*at)->axis_dim = 1 - d;
	(*at)->dim[d] = x->dim[d];
	(*at)->dim[1 - d].n = 1;
	return *at;
}

typedef struct Replace {
	Op *from, *to, *except;
} Replace;

static void replace_op(void *user, Op *o)
{
	Replace *r = user;

	if (o == r->except)
		return;
	for (int i = 0; i < o->nsrc; i++)
		if (o->src[i] == r->from)
			o->src[i] = r->to;
}

/* Through casts and transposes, as op_base; d follows the dimension. */
static Op *behind(Op *x, int *d)
{
	bool swapped = false;

	x = op_base(x, &swapped);
	if (swapped)
		*d = 1 - *d;
	return x;
}

static bool is_zero(Dead x)
{
	return x.known && x.v == 0;
}

/* Of whole numbers, the ends of i32 that are exact in fp32, which the fold computes in. */
static double neutral_of(const Op *o)
{
	bool whole = o->src[0]->dtype == DT_I32;
	double least = whole ? -2147483648.0 : -INFINITY, most = whole ? 2147483520.0 : INFINITY;

	return o->code == OP_sum ? 0 : o->code == OP_rmax ? least : most;
}

/* Whether o sees nothing but neutral elements where none exist. */
static bool satisfied(Facts *f, const Op *o)
{
	if (op_info[o->code].class == REDUCE) {
		int d = o->axis_dim;
		Dead x;

		if ((o->src[0]->dim[d].n == 1 && o->src[0]->rank == 2) || !facts_ragged(o->src[0], d))
			return true;
		x = dead(f, o->src[0], d);
		return x.known && x.v == neutral_of(o);
	}
	if (o->code == OP_dot && !facts_in_slots(f, o->src[0], 1) && facts_ragged(o->src[0], 1)) {
		int da = 1, db = 0;
		const Op *a = behind(o->src[0], &da), *b = behind(o->src[1], &db);
		Dead x = dead(f, a, da), y = dead(f, b, db);

		return (is_zero(x) || is_zero(y)) && (is_zero(x) || !x.risky) && (is_zero(y) || !y.risky);
	}
	return true;
}

typedef struct Before {
	Facts *f;
	const Op *o;
	bool reached, bad;
} Before;

static void check_before(void *user, Op *o)
{
	Before *b = user;

	b->reached |= o == b->o;
	if (!b->reached)
		b->bad |= !satisfied(b->f, o);
}

static bool spoiled(Facts *f, const Op *o)
{
	Before b = {f, o, false, false};

	ir_walk(f->k->body, check_before, &b);
	return b.bad;
}

/* o's source i, which is x behind casts and transposes, made of w instead. */
static Op *rebuilt(Facts *f, Op *src, Op *x, Op *w)
{
	Op *c, *from;

	if (src == x)
		return w;
	from = rebuilt(f, src->src[0], x, w);
	c = op_after(f, src, src->code, src->dtype);
	c->rank = src->rank;
	for (int i = 0; i < src->rank; i++)
		c->dim[i] = src->dim[i];
	c->nsrc = 1;
	c->src[0] = from;
	c->name = src->name;
	return c;
}

/* where(live, x, neutral) along dimension d, for all users of x unless that spoils what an earlier
 * one sees; then for source i of o alone. */
static void mask_with(Facts *f, Op *o, int i, Op *x, int d, double neutral)
{
	Op *at = x, *live, *w, *c, *of = x;
	Replace r;
	double v;

	if (x->code == OP_mul && x->rank == 2) /* masking a vector factor is cheaper */
		for (int j = 0; j < 2; j++) {
			Op *s = x->src[j];

			if (neutral == 0 && s->code == OP_expand && s->axis_dim == 1 - d &&
			    s->src[0]->rank == 1 && dead(f, s->src[0], 0).risky) {
				mask_with(f, s, 0, s->src[0], 0, 0);
				return;
			}
		}
	if (x->code == OP_where && op_is_const(x->src[2], &v) && v == neutral) {
		at = x->src[0];
		live = live_op(f, &at, x, d);
		w = op_after(f, at, OP_and_, DT_MASK);
		w->rank = x->rank;
		for (int j = 0; j < x->rank; j++)
			w->dim[j] = x->dim[j];
		w->nsrc = 2;
		w->src[0] = x->src[0];
		w->src[1] = live;
		x->src[0] = w;
		return;
	}
	if (x->id >= f->nops && x->code == OP_where && live_mask(x->src[0], d))
		of = x->src[1]; /* made here, for another neutral element */
	live = live_op(f, &at, x, d);
	c = at = op_after(f, at, OP_const_, DT_F32);
	c->value = neutral;
	w = op_after(f, at, OP_where, x->dtype);
	w->rank = x->rank;
	for (int j = 0; j < x->rank; j++)
		w->dim[j] = x->dim[j];
	w->nsrc = 3;
	w->src[0] = live;
	w->src[1] = of;
	w->src[2] = c;
	w->name = x->name;
	if (of == x && op_info[x->code].class != GROW) { /* features' other users form them */
		r = (Replace){x, w, w};
		ir_walk(f->k->body, replace_op, &r);
		carried_risk(f);
		if (!spoiled(f, o))
			return;
		r = (Replace){w, x, w};
		ir_walk(f->k->body, replace_op, &r);
	}
	o->src[i] = rebuilt(f, o->src[i], x, w);
	carried_risk(f);
}

/* Features have no place for a select, but what they are made of does. */
static void mask_risky(Facts *f, Op *o, int i, Op *x, int d)
{
	if (op_info[x->code].class != GROW)
		mask_with(f, o, i, x, d, 0);
	for (int j = 0; op_info[x->code].class == GROW && j < x->nsrc; j++)
		if (dead_src(f, x, j, d).risky)
			mask_risky(f, x, j, x->src[j], d);
}

static void tails_op(void *user, Op *o)
{
	Facts *f = user;
	int da = 1, db = 0;
	Op *a, *b;
	Dead x, y;

	if (satisfied(f, o))
		return;
	if (o->code != OP_dot) {
		mask_with(f, o, 0, o->src[0], o->axis_dim, neutral_of(o));
		return;
	}
	a = behind(o->src[0], &da);
	b = behind(o->src[1], &db);
	x = dead(f, a, da);
	y = dead(f, b, db);
	if (!is_zero(x) && !is_zero(y)) {
		if (op_info[a->code].class == GROW || op_is_const(b, &y.v))
			mask_with(f, o, 1, b, db, 0);
		else
			mask_with(f, o, 0, a, da, 0);
	}
	da = 1;
	a = behind(o->src[0], &da);
	x = dead(f, a, da);
	if (x.risky && !is_zero(x))
		mask_risky(f, o, 0, a, da);
	db = 0;
	b = behind(o->src[1], &db);
	y = dead(f, b, db);
	if (y.risky && !is_zero(y))
		mask_risky(f, o, 1, b, db);
}

void tails_mask(Facts *f)
{
	carried_risk(f);
	ir_walk(f->k->body, tails_op, f);
}
