/* facts.c -- what must be known of a kernel's tiles before lowering: which dimensions are laid out
 * alike (classes), which tiles live in accumulators and in which orientation, how the warps divide
 * the work. Computed once, by union-find and one vote; nothing here changes the kernel.
 */
#include "facts.h"

#include <string.h>

void ir_walk(const Region *r, FactsVisit *f, void *user)
{
	for (Op *o = r->first; o; o = o->next) {
		f(user, o);
		if (o->body)
			ir_walk(o->body, f, user);
	}
}

bool op_is_elementwise(const Op *x)
{
	OpClass c = op_info[x->code].class;

	return c == UNARY || c == BINARY || c == COMPARE || c == SELECT;
}

/* The comparison i >= j of one range is false at every column past the row, and at a column that
 * does not exist in every row that does. */
bool op_is_tri(const Op *x)
{
	if (x->code == OP_and_)
		return op_is_tri(x->src[0]) || op_is_tri(x->src[1]);
	if (x->code != OP_ge && x->code != OP_gt)
		return false;
	for (int i = 0; i < 2; i++)
		if (x->src[i]->code != OP_expand || x->src[i]->axis_dim != 1 - i ||
		    x->src[i]->src[0]->code != OP_index)
			return false;
	return x->src[0]->src[0]->range == x->src[1]->src[0]->range;
}

Op *op_base(Op *x, bool *swapped)
{
	for (;; x = x->src[0]) {
		if (x->code == OP_transpose)
			*swapped = !*swapped;
		else if (x->code != OP_cast || (x->dtype != DT_BF16 && x->dtype != DT_F16) || x->shared)
			return x;
	}
}

/* -- classes ------------------------------------------------------------------------------- */

static int find(Class *c, int i)
{
	while (c[i].parent != i)
		i = c[i].parent = c[c[i].parent].parent;
	return i;
}

static void unite(Facts *f, int a, int b)
{
	Class *c = f->class;

	a = find(c, a);
	b = find(c, b);
	if (a == b)
		return;
	if (c[a].n != c[b].n)
		return; /* a broadcast */
	if (!c[a].range)
		c[a].range = c[b].range;
	if (!c[a].grow)
		c[a].grow = c[b].grow;
	c[a].contracted |= c[b].contracted;
	c[b].parent = a;
}

int facts_class(const Facts *f, const Op *op, int d)
{
	return find(f->class, f->op[op->id].cls[d]);
}

static int class_new(Facts *f, int n)
{
	Class *c = &f->class[f->nclasses];

	*c = (Class){.parent = f->nclasses, .n = n, .gran = 8, .warps = 1, .pos = 1};
	return f->nclasses++;
}

static void dims_make(void *user, Op *op)
{
	Facts *f = user;

	for (int d = 0; d < op->rank; d++) {
		int c = f->op[op->id].cls[d] = class_new(f, op->dim[d].n);

		f->class[c].range = op->dim[d].range;
	}
	for (int i = 0; i < op->nsrc; i++)
		f->op[op->src[i]->id].uses++;
	f->ndots += op->code == OP_dot;
}

static void tie(Facts *f, const Op *a, int da, const Op *b, int db)
{
	unite(f, f->op[a->id].cls[da], f->op[b->id].cls[db]);
}

static void tie_all(Facts *f, const Op *a, const Op *b)
{
	if (a->rank == b->rank)
		for (int d = 0; d < a->rank; d++)
			tie(f, a, d, b, d);
}

/* Loads and stores: a compile-time axis is one class wherever it appears; so is a range. */
static void tie_named(Facts *f, Op *op, int *by_axis, int *by_range)
{
	int d = 0;

	if (op->code != OP_load && op->code != OP_store)
		return;
	for (int i = 0; i < op->arg->rank; i++) {
		Range *r = op->at[i];
		const Op *tile = op->code == OP_store ? op->src[0] : op;
		int *slot;

		if (r && r->kind == RANGE_ONE)
			continue;
		slot = r && r->kind != RANGE_WHOLE ? &by_range[r->id] : &by_axis[op->arg->axis[i]->id];
		if (*slot < 0)
			*slot = f->op[tile->id].cls[d];
		else
			unite(f, *slot, f->op[tile->id].cls[d]);
		d++;
	}
}

static void tie_op(Facts *f, Op *op)
{
	switch (op_info[op->code].class) {
	case UNARY:
	case BINARY:
	case COMPARE:
	case SELECT:
	case SCAN:
		for (int i = 0; i < op->nsrc; i++)
			tie_all(f, op, op->src[i]);
		break;
	case STATE:
		if (op->code == OP_get || op->code == OP_var || op->code == OP_state)
			tie_all(f, op, op->src[0]);
		else
			tie_all(f, op->src[0], op->src[1]);
		break;
	case DOT:
		tie(f, op, 0, op->src[0], 0);
		tie(f, op, 1, op->src[1], 1);
		tie(f, op->src[0], 1, op->src[1], 0);
		break;
	case REDUCE:
		for (int d = 0, s = 0; s < op->src[0]->rank; s++)
			if (s != op->axis_dim)
				tie(f, op, d++, op->src[0], s);
		break;
	case VIEW:
		if (op->code == OP_transpose) {
			tie(f, op, 0, op->src[0], 1);
			tie(f, op, 1, op->src[0], 0);
		} else {
			for (int d = 0, s = 0; d < op->rank; d++)
				if (d != op->axis_dim)
					tie(f, op, d, op->src[0], s++);
		}
		break;
	case GROW:
		if (op->code == OP_reshape)
			break;
		for (int i = 0; i < op->nsrc; i++)
			for (int d = 0; d + 1 < op->rank; d++)
				tie(f, op, d, op->src[i], d);
		break;
	default:
		break;
	}
}

/* -- orientation --------------------------------------------------------------------------- */

static int group_find(Facts *f, int i)
{
	while (f->op[i].group != i)
		i = f->op[i].group = f->op[f->op[i].group].group;
	return i;
}

static void group_unite(Facts *f, const Op *a, const Op *b)
{
	if (a->rank == 2 && b->rank == 2 && f->op[a->id].anchored && f->op[b->id].anchored)
		f->op[group_find(f, a->id)].group = group_find(f, b->id);
}

static bool anchored_now(const Facts *f, const Op *op)
{
	if (op->code == OP_dot || op->code == OP_var || op->code == OP_state || op->code == OP_get)
		return true;
	if (op_is_elementwise(op))
		for (int i = 0; i < op->nsrc; i++)
			if (f->op[op->src[i]->id].anchored && op->src[i]->rank == op->rank)
				return true;
	return false;
}

static void anchor(void *user, Op *op)
{
	Facts *f = user;
	bool row = op->code == OP_dot;

	f->op[op->id].anchored = op->rank == 2 && op->dim[0].n > 1 && anchored_now(f, op);
	for (int i = 0; op_is_elementwise(op) && i < op->nsrc; i++)
		row |= f->op[op->src[i]->id].row;
	f->op[op->id].row = row && op->rank == 2 && op->dim[0].n == 1;
}

static void group_op(void *user, Op *op)
{
	Facts *f = user;

	if (op_is_elementwise(op))
		for (int i = 0; i < op->nsrc; i++)
			group_unite(f, op, op->src[i]);
	if (op->code == OP_get || op->code == OP_var || op->code == OP_state)
		group_unite(f, op, op->src[0]);
	if (op->code == OP_set || op->code == OP_update)
		group_unite(f, op->src[0], op->src[1]);
}

typedef struct Vote {
	Facts *f;
	int *n, *t;
} Vote;

/* Operands want their pairs along the contraction; a state read as a right operand goes through
 * shared memory and does not mind. A column too thin for the 16-row side of an mma stays on its
 * 8-column side. */
static void vote_op(void *user, Op *op)
{
	Vote *v = user;

	if (op->code != OP_dot)
		return;
	for (int i = 0; i < 2; i++) {
		bool sw = i == 1;
		Op *x = op_base(op->src[i], &sw);

		if (x->code == OP_expand)
			x = x->src[0];
		if (i == 1 && x->code == OP_get && x->src[0]->code == OP_state)
			continue;
		if (v->f->op[x->id].anchored)
			(sw ? v->t : v->n)[group_find(v->f, x->id)]++;
	}
	if (op->dim[1].n <= 8)
		v->n[group_find(v->f, op->id)] += 100;
}

static void orient_all(Facts *f)
{
	Vote v = {f, ARENA_ARRAY(f->arena, int, f->nops), ARENA_ARRAY(f->arena, int, f->nops)};

	ir_walk(f->k->body, group_op, f);
	ir_walk(f->k->body, vote_op, &v);
	for (int i = 0; i < f->nops; i++) {
		int g = group_find(f, i);

		f->op[i].orient = v.t[g] > v.n[g] ? ORIENT_T : ORIENT_N;
	}
}

/* -- the whole ----------------------------------------------------------------------------- */

static void grow_op(void *user, Op *op)
{
	Facts *f = user;
	const Grow *g;
	Class *c;

	if (op->rank != 2 || op_info[op->code].class != GROW || !(g = grow_parse(f->arena, op)))
		return;
	c = &f->class[facts_class(f, op, 1)];
	if (!c->grow)
		c->grow = g;
	else if (!grow_same(c->grow, g))
		diag_fail(f->k->diag, op->loc,
		          "%s: tiles grown in different ways meet in one product; "
		          "build both operands with the same feature map",
		          op_info[op->code].name);
}

static void gran_op(void *user, Op *op)
{
	Facts *f = user;
	const Op *from = op->nsrc ? op->src[0] : NULL, *right;
	bool swapped = false;

	if (op->code == OP_transpose &&
	    (f->op[from->id].anchored || f->op[from->id].row)) /* may be formed either way */
		for (int d = 0; d < 2; d++)
			f->class[facts_class(f, op, d)].gran = 16;
	if (op->code != OP_dot)
		return;
	right = op_base(op->src[1], &swapped);
	f->class[facts_class(f, op->src[0], 1)].contracted = true;
	f->class[facts_class(f, op->src[0], 1)].gran = 16;
	f->class[facts_class(f, op, f->op[op->id].orient == ORIENT_N ? 0 : 1)].gran = 16;
	if (f->op[right->id].row)
		f->class[facts_class(f, right, 1)].gran = 16;
}

/* States over a grown dimension that only products touch hold bare monomials: the scales enter,
 * in fp32, when the state is rounded for its reader. */
static void unscaled_op(void *user, Op *op)
{
	Facts *f = user;

	if (op->code == OP_state && op->rank == 2 && f->class[facts_class(f, op, 0)].grow)
		f->op[op->id].unscaled = true;
}

typedef struct TieMaps {
	Facts *f;
	int *by_axis, *by_range;
} TieMaps;

static void tie_visit(void *user, Op *op)
{
	TieMaps *m = user;

	tie_named(m->f, op, m->by_axis, m->by_range);
	tie_op(m->f, op);
}

static void count_op(void *user, Op *op)
{
	int *n = user;

	if (op->id >= *n)
		*n = op->id + 1;
}

Facts *facts_new(const Kernel *k)
{
	Facts *f = ARENA_NEW(k->arena, Facts);
	TieMaps m;

	f->k = k;
	f->arena = k->arena;
	ir_walk(k->body, count_op, &f->nops);
	f->op = ARENA_ARRAY(f->arena, Fact, f->nops + 1);
	f->class = ARENA_ARRAY(f->arena, Class, MAX_RANK * f->nops + 1);
	for (int i = 0; i < f->nops; i++)
		f->op[i].group = i;
	ir_walk(k->body, dims_make, f);
	m.f = f;
	m.by_axis = ARENA_ARRAY(f->arena, int, MAX_DIMS + 1);
	m.by_range = ARENA_ARRAY(f->arena, int, 64);
	for (int i = 0; i <= MAX_DIMS; i++)
		m.by_axis[i] = -1;
	for (int i = 0; i < 64; i++)
		m.by_range[i] = -1;
	ir_walk(k->body, tie_visit, &m);
	ir_walk(k->body, anchor, f);
	ir_walk(k->body, grow_op, f);
	orient_all(f);
	ir_walk(k->body, gran_op, f);
	ir_walk(k->body, unscaled_op, f);
	return f;
}

static int class_slots(const Class *c)
{
	return c->grow ? c->grow->slots : c->n;
}

int facts_cores(const Class *c)
{
	int g = c->gran / 8, per = 8 * g * c->warps;

	return (class_slots(c) + per - 1) / per * g;
}

Split facts_dim(const Facts *f, const Op *op, int d)
{
	const Class *c = &f->class[facts_class(f, op, d)];
	const Class *rows = d == 1 ? &f->class[facts_class(f, op, 0)] : c;

	/* where both are divided by the same warps, rows are and columns are whole */
	if (d == 1 && c->warps > 1 && rows->warps > 1 && rows->pos == c->pos)
		return (Split){facts_cores(c) * c->warps, 1, 1};
	return (Split){facts_cores(c), c->warps, c->pos};
}

Layout facts_layout(const Facts *f, const Op *op, Orient o)
{
	return layout_core(o, facts_dim(f, op, 0), facts_dim(f, op, 1));
}

int facts_extent(const Facts *f, int cls)
{
	const Class *c = &f->class[find(f->class, cls)];

	return facts_cores(c) * 8 * c->warps;
}

bool facts_in_slots(const Facts *f, const Op *op, int d)
{
	bool swapped = false;

	op = op_base((Op *)op, &swapped);
	d = swapped ? 1 - d : d;
	if (op->rank == 2 && grow_parse(f->arena, op))
		return d == 1;
	if (op->code == OP_get)
		return d == 0 && f->op[op->src[0]->id].unscaled;
	return op->code == OP_dot && facts_in_slots(f, op->src[d], d);
}

bool facts_ragged(const Op *op, int d)
{
	const Range *r = op->dim[d].range;

	if (r && r->kind != RANGE_WHOLE)
		return true;
	/* padding depends on how warps divide it, which is not yet known; vectors lie over 32 lanes */
	return op->rank == 1 ? op->dim[d].n % 32 != 0 : op->dim[d].n % 128 != 0 && op->dim[d].n > 1;
}
