/* cost.c -- how much work a kernel is, counted on the tile IR. */
#include "cost.h"
#include "facts.h"

enum { SAMPLES = 128 };

typedef struct Cost {
	const int64_t *axis_size;
	const float *scalar;
	const Range *loop; /* of the mask being read */
	int64_t i, j;      /* the row and the loop's element */
	const Range *rows; /* where i comes from, once seen */
	bool unknown;      /* the mask depends on more than indices */
} Cost;

static int64_t extent(const Cost *c, const Axis *x)
{
	return x->size ? x->size : c->axis_size[x->id];
}

static double trips(const Cost *c, const Range *r)
{
	return (double)((extent(c, r->axis) + r->n - 1) / r->n);
}

/* -- masks --------------------------------------------------------------------------------- */

static double value(Cost *c, const Op *o)
{
	double x = o->nsrc > 0 ? value(c, o->src[0]) : 0, y = o->nsrc > 1 ? value(c, o->src[1]) : 0;

	switch (o->code) {
	case OP_const_:
	case OP_full:
		return o->value;
	case OP_scalar:
		return o->arg ? (double)c->scalar[o->arg->id] : (double)extent(c, o->axis);
	case OP_index:
		if (o->range == c->loop)
			return (double)c->j;
		c->rows = o->range;
		return (double)c->i;
	case OP_expand:
	case OP_transpose:
	case OP_cast:
		return x;
	case OP_neg:
		return -x;
	case OP_not_:
		return !x;
	case OP_add:
		return x + y;
	case OP_sub:
		return x - y;
	case OP_mul:
		return x * y;
	case OP_and_:
		return x && y;
	case OP_or_:
		return x || y;
	case OP_lt:
		return x < y;
	case OP_le:
		return x <= y;
	case OP_gt:
		return x > y;
	case OP_ge:
		return x >= y;
	case OP_eq:
		return x == y;
	case OP_ne:
		return x != y;
	case OP_where:
		return x ? y : value(c, o->src[2]);
	default:
		c->unknown = true;
		return 1;
	}
}

/* The share of a loop's elements that its mask lets through. Both indices are sampled at the
 * midpoints of equal parts, the loop's finely. */
static double seen_share(Cost *c, const Op *loop)
{
	int64_t n = extent(c, loop->range->axis), m;
	int a, b, seen = 0, fine = 16 * SAMPLES;

	if (!loop->mask)
		return 1;
	c->loop = loop->range;
	c->rows = NULL;
	c->unknown = false;
	value(c, loop->mask);
	if (c->unknown)
		return 1;
	m = c->rows ? extent(c, c->rows->axis) : 1;
	for (a = 0; a < SAMPLES; a++)
		for (b = 0; b < fine; b++) {
			c->i = (2 * a + 1) * m / (2 * SAMPLES);
			c->j = (2 * b + 1) * n / (2 * fine);
			seen += value(c, loop->mask) != 0;
		}
	return (double)seen / ((double)SAMPLES * fine);
}

/* -- products ------------------------------------------------------------------------------ */

static double region_flops(Cost *c, const Region *g)
{
	double sum = 0;
	const Op *o;

	for (o = g->first; o; o = o->next) {
		if (o->code == OP_dot)
			sum += 2.0 * o->dim[0].n * o->dim[1].n * o->src[0]->dim[1].n;
		if (o->body)
			sum += region_flops(c, o->body) * trips(c, o->range) * seen_share(c, o);
	}
	return sum;
}

double kernel_flops(const Kernel *k, const int64_t *axis_size, const float *scalar)
{
	Cost c = {axis_size, scalar, NULL, 0, 0, NULL, false};
	double n = region_flops(&c, k->body);
	int i;

	for (i = 0; i < k->grid.n; i++)
		n *= trips(&c, k->grid.range[i]);
	return n;
}

typedef struct Issued {
	Facts *f;
	int warps;
	double issued, asked;
} Issued;

static bool has_part(const Op *op, const Range *part)
{
	return part && (op->dim[0].range == part || op->dim[1].range == part);
}

static void issued_op(void *user, Op *op)
{
	Issued *n = user;
	const Range *part = n->f->k->divided;
	double parts = part ? (double)part->axis->size / part->n : 1, w = facts_turns(op), k;
	Split m, c;

	if (op->code != OP_dot)
		return;
	m = facts_dim(n->f, op, 0);
	c = facts_dim(n->f, op, 1);
	k = facts_extent(n->f, facts_class(n->f, op->src[0], 1));
	n->issued += w * parts * n->warps * 64.0 * m.cores * c.cores * k;
	n->asked +=
	    w * (has_part(op, part) ? parts : 1) * op->dim[0].n * op->dim[1].n * op->src[0]->dim[1].n;
}

double cost_redundancy(Facts *f, int warps)
{
	Issued n = {f, warps, 0, 0};

	ir_walk(f->k->body, issued_op, &n);
	return n.asked > 0 ? n.issued / n.asked : 1;
}
