/* eval.h -- tile IR done in fp64 on the CPU, with no compiler in between: what a traced body
 * means. Tiles have their live extents, so an element out of range does not exist. Casts to
 * 16 bits round nothing. One program of the grid at a time.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../codegen/ir.h"

typedef struct Value {
	int rank, n[MAX_RANK];
	double *x;
} Value;

typedef struct Eval {
	const Kernel *k;
	Arena *arena;           /* of values; freed between programs */
	const int64_t *size;    /* by Axis.id */
	double **data;          /* by Arg.id, outermost axis first */
	int64_t *start;         /* by Range.id: first element of the range now */
	Value *value, *carried; /* by Op.id */
} Eval;

static int64_t eval_extent(const Eval *e, const Axis *x)
{
	return x->size ? x->size : e->size[x->id];
}

static int eval_live(const Eval *e, Dim d)
{
	int64_t left;

	if (!d.range)
		return d.n;
	left = eval_extent(e, d.range->axis) - e->start[d.range->id];
	return left < d.n ? (int)left : d.n;
}

static int value_count(const Value *v)
{
	int n = 1;

	for (int i = 0; i < v->rank; i++)
		n *= v->n[i];
	return n;
}

static Value value_new(Eval *e, const Op *o)
{
	Value v = {o->rank, {1, 1, 1}, NULL};

	for (int i = 0; i < o->rank; i++)
		v.n[i] = eval_live(e, o->dim[i]);
	v.x = ARENA_ARRAY(e->arena, double, value_count(&v) + 1);
	return v;
}

/* Element of v at index i of a value of rank r; dimensions of 1 repeat. */
static double value_at(const Value *v, const int *i)
{
	int at = 0;

	for (int d = 0; d < v->rank; d++)
		at = at * v->n[d] + (v->n[d] == 1 ? 0 : i[d]);
	return v->x[at];
}

static void index_of(const Value *v, int flat, int *i)
{
	for (int d = v->rank - 1; d >= 0; d--) {
		i[d] = flat % v->n[d];
		flat /= v->n[d];
	}
}

static int64_t arg_offset(const Eval *e, const Op *o, const int *i)
{
	int64_t at = 0;

	for (int d = 0, t = 0; d < o->arg->rank; d++) {
		const Range *r = o->at[d];
		int64_t j = e->start[r->id] + (r->kind == RANGE_ONE ? 0 : i[t]);

		t += r->kind != RANGE_ONE;
		at = at * eval_extent(e, o->arg->axis[d]) + j;
	}
	return at;
}

static double eval_map(OpCode c, double x, double y, double z)
{
	switch (c) {
	case OP_neg:
		return -x;
	case OP_abs:
		return fabs(x);
	case OP_exp:
		return exp(x);
	case OP_exp2:
		return exp2(x);
	case OP_log:
		return log(x);
	case OP_log2:
		return log2(x);
	case OP_sqrt:
		return sqrt(x);
	case OP_rsqrt:
		return 1 / sqrt(x);
	case OP_tanh:
		return tanh(x);
	case OP_sigmoid:
		return 1 / (1 + exp(-x));
	case OP_recip:
		return 1 / x;
	case OP_not_:
		return x == 0;
	case OP_cast:
	case OP_get:
		return x;
	case OP_add:
		return x + y;
	case OP_sub:
		return x - y;
	case OP_mul:
		return x * y;
	case OP_div:
		return x / y;
	case OP_min:
		return fmin(x, y);
	case OP_max:
		return fmax(x, y);
	case OP_and_:
		return x != 0 && y != 0;
	case OP_or_:
		return x != 0 || y != 0;
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
		return x != 0 ? y : z;
	default:
		bug("eval: %s", op_info[c].name);
	}
}

static double eval_reduce(OpCode c, double x, double y)
{
	return c == OP_sum ? x + y : c == OP_rmax ? fmax(x, y) : fmin(x, y);
}

static void eval_op(Eval *e, const Op *o);

static void eval_loop(Eval *e, const Op *o)
{
	int64_t n = eval_extent(e, o->range->axis), steps = (n + o->range->n - 1) / o->range->n;

	for (int64_t s = 0; s < steps; s++) {
		e->start[o->range->id] = (o->reverse ? steps - 1 - s : s) * o->range->n;
		for (const Op *b = o->body->first; b; b = b->next)
			eval_op(e, b);
	}
}

static void eval_op(Eval *e, const Op *o)
{
	const Value *x = o->nsrc > 0 ? &e->value[o->src[0]->id] : NULL;
	const Value *y = o->nsrc > 1 ? &e->value[o->src[1]->id] : NULL;
	const Value *z = o->nsrc > 2 ? &e->value[o->src[2]->id] : NULL;
	Value v;
	int i[MAX_RANK + 1] = {0}, j[MAX_RANK + 1], count;

	if (o->code == OP_loop) {
		eval_loop(e, o);
		return;
	}
	if (o->code == OP_get)
		x = &e->carried[o->src[0]->id];
	if (o->code == OP_set || o->code == OP_update || o->code == OP_decay) {
		Value *s = &e->carried[o->src[0]->id];

		v = *s;
		count = value_count(s);
		v.x = ARENA_ARRAY(e->arena, double, count + 1);
		for (int f = 0; f < count; f++) {
			double u;

			index_of(s, f, i);
			u = value_at(y, i);
			v.x[f] = o->code == OP_set ? u : o->code == OP_update ? s->x[f] + u : s->x[f] * u;
		}
		*s = v;
		return;
	}
	if (o->code == OP_store) {
		count = value_count(x);
		for (int f = 0; f < count; f++) {
			index_of(x, f, i);
			e->data[o->arg->id][arg_offset(e, o, i)] = x->x[f];
		}
		return;
	}
	v = value_new(e, o);
	count = value_count(&v);
	for (int f = 0; f < count; f++) {
		double r = 0;

		index_of(&v, f, i);
		switch (op_info[o->code].class) {
		case UNARY:
		case BINARY:
		case COMPARE:
		case SELECT:
			r = eval_map(o->code, value_at(x, i), y ? value_at(y, i) : 0, z ? value_at(z, i) : 0);
			if (o->code == OP_cast && o->dtype == DT_I32)
				r = trunc(r);
			break;
		case VIEW:
			j[0] = i[1], j[1] = i[0];
			if (o->code == OP_expand)
				for (int d = 0, t = 0; d < o->rank; d++)
					if (d != o->axis_dim)
						j[t++] = i[d];
			r = value_at(x, j);
			break;
		case REDUCE:
			for (int d = 0, t = 0; d < x->rank; d++)
				j[d] = d == o->axis_dim ? 0 : i[t++];
			r = o->code == OP_sum ? 0 : o->code == OP_rmax ? -INFINITY : INFINITY;
			for (; j[o->axis_dim] < x->n[o->axis_dim]; j[o->axis_dim]++)
				r = eval_reduce(o->code, r, value_at(x, j));
			break;
		case SCAN:
			memcpy(j, i, sizeof j);
			for (j[0] = 0; j[0] <= i[0]; j[0]++)
				r += value_at(x, j);
			break;
		case DOT:
			for (int k = 0; k < x->n[1]; k++)
				r += x->x[i[0] * x->n[1] + k] * y->x[k * y->n[1] + i[1]];
			break;
		default:
			if (o->code == OP_const_ || o->code == OP_full)
				r = o->value;
			else if (o->code == OP_index)
				r = (double)(e->start[o->range->id] + i[0]);
			else if (o->code == OP_scalar)
				r = o->arg ? o->arg->value : (double)eval_extent(e, o->axis);
			else if (o->code == OP_load)
				r = e->data[o->arg->id][arg_offset(e, o, i)];
			else if (o->code == OP_var || o->code == OP_state || o->code == OP_get)
				r = x->x[f];
			else if (o->code == OP_slice) {
				memcpy(j, i, sizeof j);
				j[o->rank - 1] += o->lo;
				r = value_at(x, j);
			} else if (o->code == OP_reshape) {
				r = x->x[f];
			} else if (o->code == OP_concat) {
				int s = 0;

				memcpy(j, i, sizeof j);
				while (j[o->rank - 1] >= e->value[o->src[s]->id].n[o->rank - 1])
					j[o->rank - 1] -= e->value[o->src[s++]->id].n[o->rank - 1];
				r = value_at(&e->value[o->src[s]->id], j);
			} else if (o->code == OP_sympow2) {
				int p = 0, q = i[o->rank - 1], d = x->n[x->rank - 1];

				while (q >= d - p)
					q -= d - p++;
				memcpy(j, i, sizeof j);
				j[o->rank - 1] = p;
				r = value_at(x, j);
				j[o->rank - 1] = p + q;
				r *= value_at(x, j) * (q ? sqrt(2) : 1);
			} else
				bug("eval: %s", op_info[o->code].name);
		}
		v.x[f] = r;
	}
	e->value[o->id] = v;
	if (o->code == OP_var || o->code == OP_state)
		e->carried[o->id] = v;
}

/* Runs every program of the grid; outputs land in data. */
static void eval_kernel(const Kernel *k, const int64_t *size, double **data)
{
	Eval e = {k,
	          NULL,
	          size,
	          data,
	          calloc(MAX_RANGES, sizeof *e.start),
	          calloc((size_t)k->nops + 1, sizeof *e.value),
	          calloc((size_t)k->nops + 1, sizeof *e.carried)};
	int64_t programs = 1, n;

	for (int g = 0; g < k->grid.n; g++)
		programs *= (eval_extent(&e, k->grid.range[g]->axis) + k->grid.range[g]->n - 1) /
		            k->grid.range[g]->n;
	for (int64_t p = 0; p < programs; p++) {
		int64_t left = p;

		e.arena = arena_new();
		for (int g = k->grid.n - 1; g >= 0; g--) {
			const Range *r = k->grid.range[g];

			n = (eval_extent(&e, r->axis) + r->n - 1) / r->n;
			e.start[r->id] = left % n * r->n;
			left /= n;
		}
		for (const Op *o = k->body->first; o; o = o->next)
			eval_op(&e, o);
		arena_free(e.arena);
	}
	free(e.start);
	free(e.value);
	free(e.carried);
}
