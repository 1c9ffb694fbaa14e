/* simplify.c -- the kernel as lowering wants it.
 * maintains: meaning. Three rewrites: equal pure ops of a region become one; ops without users go;
 * a vector carried over a grown dimension becomes a one-column matrix, so that products with the
 * features serve it like any state.
 */
#include "simplify.h"
#include "facts.h"

#include <math.h>
#include <string.h>

typedef struct Replace {
	const Op *from;
	Op *to;
} Replace;

static void replace_op(void *user, Op *o)
{
	Replace *r = user;

	for (int i = 0; i < o->nsrc; i++)
		if (o->src[i] == r->from)
			o->src[i] = r->to;
	if (o->mask == r->from)
		o->mask = r->to;
}

static void op_remove(Op *o)
{
	if (o->prev)
		o->prev->next = o->next;
	else
		o->parent->first = o->next;
	if (o->next)
		o->next->prev = o->prev;
	else
		o->parent->last = o->prev;
}

static bool pure(const Op *o)
{
	OpClass c = op_info[o->code].class;

	return c != STATE && c != EFFECT && c != REGION;
}

static bool op_equal(const Op *a, const Op *b)
{
	if (a->code != b->code || a->dtype != b->dtype || a->rank != b->rank || a->nsrc != b->nsrc ||
	    a->value != b->value || a->arg != b->arg || a->axis != b->axis || a->range != b->range ||
	    a->axis_dim != b->axis_dim || a->lo != b->lo)
		return false;
	if (memcmp(a->at, b->at, sizeof a->at) != 0)
		return false;
	for (int i = 0; i < a->rank; i++)
		if (a->dim[i].n != b->dim[i].n || a->dim[i].range != b->dim[i].range)
			return false;
	for (int i = 0; i < a->nsrc; i++)
		if (a->src[i] != b->src[i])
			return false;
	return true;
}

/* Within a region, from the top: later equals become the first. A `full` differs from another only
 * by what it meets, which decides its layout, so it stays. */
static void merge_equal(Kernel *k, Region *r)
{
	for (Op *o = r->first, *next; o; o = next) {
		next = o->next;
		if (o->body)
			merge_equal(k, o->body);
		if (!pure(o) || o->code == OP_full)
			continue;
		for (Op *p = r->first; p != o; p = p->next)
			if (pure(p) && op_equal(p, o)) {
				Replace x = {o, p};

				if (!p->name)
					p->name = o->name;
				ir_walk(k->body, replace_op, &x);
				op_remove(o);
				break;
			}
	}
}

typedef struct Used {
	bool *seen;
} Used;

static void use_op(void *user, Op *o)
{
	Used *u = user;

	for (int i = 0; i < o->nsrc; i++)
		u->seen[o->src[i]->id] = true;
}

static bool drop_dead(Kernel *k, Region *r, const bool *used)
{
	bool any = false;

	for (Op *o = r->first, *next; o; o = next) {
		next = o->next;
		if (o->body)
			any |= drop_dead(k, o->body, used);
		if ((pure(o) || o->code == OP_get) && !used[o->id]) {
			op_remove(o);
			any = true;
		}
	}
	return any;
}

static void remove_unused(Kernel *k)
{
	bool any;

	do {
		Used u = {ARENA_ARRAY(k->arena, bool, k->nops + 1)};

		ir_walk(k->body, use_op, &u);
		any = drop_dead(k, k->body, u.seen);
	} while (any);
}

/* -- vectors over grown dimensions ---------------------------------------------------------- */

static bool is_grown(Kernel *k, const Op *x)
{
	while (x->code == OP_cast)
		x = x->src[0];
	return x->rank == 2 && grow_parse(k->arena, x) != NULL;
}

static Op *op_before(Kernel *k, Op *at, OpCode code, const Op *like)
{
	Op *o = ARENA_NEW(k->arena, Op);

	o->code = code;
	o->dtype = DT_F32;
	o->loc = like->loc;
	o->id = k->nops++;
	o->parent = at->parent;
	o->next = at;
	o->prev = at->prev;
	if (at->prev)
		at->prev->next = o;
	else
		at->parent->first = o;
	at->prev = o;
	return o;
}

static void two(Op *o, Dim a, Dim b)
{
	o->rank = 2;
	o->dim[0] = a;
	o->dim[1] = b;
}

typedef struct Columns {
	Kernel *k;
	Op *state;
	bool grown;
} Columns;

static void finds_grown(void *user, Op *o)
{
	Columns *c = user;

	if (o->code == OP_update && o->src[0] == c->state && o->src[1]->code == OP_sum &&
	    o->src[1]->axis_dim == 0 && is_grown(c->k, o->src[1]->src[0]))
		c->grown = true;
}

static bool reads_state(const Op *x, const Op *state)
{
	while (x->code == OP_cast)
		x = x->src[0];
	return x->code == OP_get && x->src[0] == state;
}

/* update(z, colsum(phi)) -> update(z, T(phi) 1); reads lose their expand. */
static void widen_use(void *user, Op *o)
{
	static const Dim one = {1, NULL};
	Columns *c = user;

	if (o->code == OP_update && o->src[0] == c->state) {
		Op *sum = o->src[1], *t, *ones, *dot;

		if (sum->code != OP_sum || sum->rank != 1)
			return;
		t = op_before(c->k, o, OP_transpose, o);
		t->nsrc = 1;
		t->src[0] = sum->src[0];
		two(t, sum->src[0]->dim[1], sum->src[0]->dim[0]);
		ones = op_before(c->k, o, OP_full, o);
		ones->value = 1;
		two(ones, sum->src[0]->dim[0], one);
		dot = op_before(c->k, o, OP_dot, o);
		dot->nsrc = 2;
		dot->src[0] = t;
		dot->src[1] = ones;
		two(dot, t->dim[0], one);
		o->src[1] = dot;
	} else if (o->code == OP_get && o->src[0] == c->state) {
		two(o, o->dim[0], one);
	} else if (o->code == OP_cast && reads_state(o->src[0], c->state)) {
		two(o, o->dim[0], one);
	} else if (o->code == OP_expand && reads_state(o->src[0], c->state) && o->axis_dim == 1) {
		Replace r = {o, o->src[0]};

		ir_walk(c->k->body, replace_op, &r);
	}
}

static void widen_state(void *user, Op *o)
{
	Kernel *k = user;
	Columns c = {k, o, false};

	if (o->code != OP_state || o->rank != 1)
		return;
	ir_walk(k->body, finds_grown, &c);
	if (!c.grown)
		return;
	two(o, o->dim[0], (Dim){1, NULL});
	ir_walk(k->body, widen_use, &c);
}

/* -- constant factors ------------------------------------------------------------------------ */

static Op *const_before(Kernel *k, Op *at, double v)
{
	Op *c = op_before(k, at, OP_const_, at);

	c->value = v;
	return c;
}

static bool same_shape(const Op *a, const Op *b)
{
	return a->rank == b->rank && a->dim[0].n == b->dim[0].n && a->dim[1].n == b->dim[1].n;
}

/* x / c is x * (1/c); a positive factor moves out of a select against infinity and of a maximum, to
 * where an exponential can absorb it. */
static void factor_op(void *user, Op *o)
{
	Kernel *k = user;
	double c, inf;

	if (o->code == OP_div && o->dtype == DT_F32 && op_is_const(o->src[1], &c) && c != 0) {
		o->code = OP_mul;
		o->src[1] = const_before(k, o, 1 / c);
	}
	if (o->code == OP_where && o->rank == 2 && o->src[1]->code == OP_mul &&
	    op_is_const(o->src[1]->src[1], &c) && c > 0 && op_is_const(o->src[2], &inf) && isinf(inf)) {
		Op *mul = o->src[1], *w = op_before(k, o, OP_where, o);

		two(w, o->dim[0], o->dim[1]);
		w->nsrc = 3;
		w->src[0] = o->src[0];
		w->src[1] = mul->src[0];
		w->src[2] = o->src[2];
		w->name = o->name;
		o->code = OP_mul;
		o->nsrc = 2;
		o->src[0] = w;
		o->src[1] = mul->src[1];
		o->name = NULL;
	}
	if (o->code == OP_rmax && o->rank == 1 && o->src[0]->code == OP_mul &&
	    op_is_const(o->src[0]->src[1], &c) && c > 0 && same_shape(o->src[0]->src[0], o->src[0])) {
		Op *mul = o->src[0], *r = op_before(k, o, OP_rmax, o);

		r->rank = 1;
		r->dim[0] = o->dim[0];
		r->axis_dim = o->axis_dim;
		r->nsrc = 1;
		r->src[0] = mul->src[0];
		o->code = OP_mul;
		o->nsrc = 2;
		o->src[0] = r;
		o->src[1] = mul->src[1]->rank ? const_before(k, o, c) : mul->src[1];
	}
}

/* f(expand(x)) is expand(f(x)): computed once for each element of the vector. */
static void sink_op(void *user, Op *o)
{
	Kernel *k = user;
	int d = o->rank == 2 && o->dim[0].n == 1 ? 0 : 1;
	Op *v;

	if (!op_is_elementwise(o) || o->rank != 2 || (o->dim[d].n != 1) || o->dim[1 - d].n == 1)
		return;
	for (int i = 0; i < o->nsrc; i++)
		if (o->src[i]->rank != 0 &&
		    !(o->src[i]->code == OP_expand && o->src[i]->rank == 2 && o->src[i]->axis_dim == d))
			return;
	v = op_before(k, o, o->code, o);
	v->dtype = o->dtype;
	v->rank = 1;
	v->dim[0] = o->dim[1 - d];
	v->nsrc = o->nsrc;
	v->name = o->name;
	for (int i = 0; i < o->nsrc; i++)
		v->src[i] = o->src[i]->rank ? o->src[i]->src[0] : o->src[i];
	o->code = OP_expand;
	o->axis_dim = d;
	o->nsrc = 1;
	o->src[0] = v;
	o->name = NULL;
}

typedef struct Count {
	int *n;
} Count;

static void count_use(void *user, Op *o)
{
	Count *c = user;

	for (int i = 0; i < o->nsrc; i++)
		c->n[o->src[i]->id]++;
}

static void mark_shared(void *user, Op *o)
{
	Count *c = user;

	o->shared = c->n[o->id] > 1;
}

void simplify_kernel(Kernel *k)
{
	Count c;

	ir_walk(k->body, factor_op, k);
	ir_walk(k->body, sink_op, k);
	merge_equal(k, k->body);
	ir_walk(k->body, widen_state, k);
	remove_unused(k);
	c.n = ARENA_ARRAY(k->arena, int, k->nops + 1);
	ir_walk(k->body, count_use, &c);
	ir_walk(k->body, mark_shared, &c);
}
