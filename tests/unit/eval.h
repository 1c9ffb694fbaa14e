/* eval.h -- tile IR done in fp64 on the CPU, with no compiler in between: what a traced body
 * means. Tiles have their live extents, so an element out of range does not exist. One program of
 * the grid at a time.
 *
 * Every element has `lanes` values: lane 0 is exact, casts to 16 bits round nothing; in the others
 * each step is off by at random somewhat more than the step may be off in a kernel. How far the
 * lanes spread is how far a right kernel may be from lane 0, however its roundings add up. A
 * comparison that rounding may turn is true in some lanes and false in others. NaN in any lane: not
 * defined (0 / 0; beyond f16), nothing to compare.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../codegen/ir.h"
#include "../../runtime/random.h"
#include "eval_map.h"

typedef struct Value {
	int rank, n[MAX_RANK];
	double *x; /* lanes of an element side by side */
} Value;

typedef struct Eval {
	const Kernel *k;
	Arena *arena;           /* of values; freed between programs */
	const int64_t *size;    /* by Axis.id */
	double **data;          /* by Arg.id, outermost axis first; outputs with their lanes */
	int64_t *start;         /* by Range.id: first element of the range now */
	Value *value, *carried; /* by Op.id */
	int lanes;
	uint64_t random;
	Dtype narrow; /* of the 16-bit arguments */
} Eval;

enum { EVAL_LANES = 12 };

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
	v.x = ARENA_ARRAY(e->arena, double, (value_count(&v) + 1) * e->lanes);
	return v;
}

/* The lanes of v at index i of a value of its rank or of rank 0; dimensions of 1 repeat. */
static const double *value_at(const Eval *e, const Value *v, const int *i)
{
	int at = 0;

	for (int d = 0; d < v->rank; d++)
		at = at * v->n[d] + (v->n[d] == 1 ? 0 : i[d]);
	return v->x + at * e->lanes;
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

/* -- how far off a step may be ------------------------------------------------------------- */

/* Half a unit in the last place of 1, and of the smallest normal number. */
static double eval_unit(Dtype dt)
{
	return dt == DT_BF16 ? 0x1p-8 : dt == DT_F16 ? 0x1p-11 : 0;
}

static double eval_least(Dtype dt)
{
	return dt == DT_F16 ? 0x1p-25 : 0;
}

/* Each lane but the exact one, up or down by at most `by`. */
static void eval_blur(Eval *e, double *r, double by)
{
	if (!(by > 0) || isinf(by))
		return;
	for (int l = 1; l < e->lanes; l++) {
		e->random = e->random * 6364136223846793005u + 1442695040888963407u;
		r[l] += by * ((double)(e->random >> 11) * 0x1p-52 - 1);
	}
}

static double eval_spread(const Eval *e, const double *r)
{
	double most = 0;

	for (int l = 1; l < e->lanes; l++)
		most = fmax(most, fabs(r[l] - r[0]));
	return most;
}

static void eval_undefine(const Eval *e, double *r)
{
	for (int l = 0; l < e->lanes; l++)
		r[l] = NAN;
}

/* A number that has the dtype takes back, in half of the lanes, the little that it was off by. */
static void eval_round(Eval *e, Dtype dt, double *r)
{
	if (dt == DT_F16 && fabs(r[0]) > 65000 && !isinf(r[0]))
		eval_undefine(e, r);
	else if (dtype_round(dt, (float)r[0]) != r[0])
		for (int l = 1; l < e->lanes; l++)
			r[l] += 1.5 * eval_chance(r[0], l) *
			        (eval_unit(dt) * r[0] + copysign(eval_least(dt), r[0]));
	else
		for (int l = 1; l < e->lanes; l += 2)
			if (dtype_round(dt, (float)r[l]) == r[0])
				r[l] = r[0];
}

static void eval_truncate(Eval *e, double *r)
{
	double off = 4 * eval_spread(e, r), x = r[0];

	for (int l = 0; l < e->lanes; l++)
		r[l] = trunc(l == 0 ? x : l % 2 ? x + off : x - off);
}

/* -- elementwise --------------------------------------------------------------------------- */

static void eval_compare(Eval *e, OpCode c, const double *x, const double *y, double *r)
{
	double d = x[0] - y[0], most = 0;

	for (int l = 1; l < e->lanes; l++)
		most = fmax(most, fabs(x[l] - y[l] - d));
	for (int l = 0; l < e->lanes; l++)
		r[l] = isnan(x[l]) || isnan(y[l]) ? NAN : eval_map(c, x[l], y[l], 0);
	if (most > 0 && fabs(d) <= 4 * most)
		for (int l = 1; l < e->lanes; l++)
			r[l] = l % 2;
}

/* Of two that may be equal, either may be taken. */
static void eval_choose(Eval *e, const double *x, const double *y, double *r)
{
	double d = x[0] - y[0], most = 0;

	for (int l = 1; l < e->lanes; l++)
		most = fmax(most, fabs(x[l] - y[l] - d));
	if (most > 0 && fabs(d) <= 4 * most)
		for (int l = 1; l < e->lanes; l++)
			r[l] = l % 2 ? x[l] : y[l];
}

static void eval_elementwise(Eval *e, const Op *o, const double *x, const double *y,
                             const double *z, double *r)
{
	double by;

	if (op_info[o->code].class == COMPARE) {
		eval_compare(e, o->code, x, y, r);
		return;
	}
	for (int l = 0; l < e->lanes; l++)
		r[l] = eval_map(o->code, x[l], y ? y[l] : 0, z ? z[l] : 0);
	if (o->code == OP_min || o->code == OP_max)
		eval_choose(e, x, y, r);
	if (o->code == OP_cast && o->dtype == DT_I32)
		eval_truncate(e, r);
	else if (o->code == OP_cast || o->dtype == DT_F16 || o->dtype == DT_BF16)
		eval_round(e, o->dtype, r);
	if (o->dtype == DT_I32 || o->dtype == DT_MASK)
		return;
	by = eval_error(o->code, x[0], y ? y[0] : 0, r[0]);
	eval_blur(e, r, by);
}

/* -- the other classes --------------------------------------------------------------------- */

static void eval_reduce(Eval *e, const Op *o, const Value *x, int *j, double *r)
{
	double sum = 0, least = o->code == OP_sum ? 0 : o->code == OP_rmax ? -INFINITY : INFINITY;
	OpCode c = o->code == OP_sum ? OP_add : o->code == OP_rmax ? OP_max : OP_min;

	for (int l = 0; l < e->lanes; l++)
		r[l] = least;
	for (j[o->axis_dim] = 0; j[o->axis_dim] < x->n[o->axis_dim]; j[o->axis_dim]++) {
		const double *s = value_at(e, x, j);

		sum += fabs(s[0]);
		for (int l = 0; l < e->lanes; l++)
			r[l] = eval_map(c, r[l], s[l], 0);
	}
	if (o->code == OP_sum && o->dtype != DT_I32)
		eval_blur(e, r, EVAL_FP32 * sum);
}

static void eval_scan(Eval *e, const Op *o, const Value *x, int *j, int last, double *r)
{
	double sum = 0;

	memset(r, 0, sizeof *r * (size_t)e->lanes);
	for (j[0] = 0; j[0] <= last; j[0]++) {
		const double *s = value_at(e, x, j);

		sum += fabs(s[0]);
		for (int l = 0; l < e->lanes; l++)
			r[l] += s[l];
	}
	if (o->dtype != DT_I32)
		eval_blur(e, r, EVAL_FP32 * sum);
}

static void eval_dot(Eval *e, const Value *x, const Value *y, const int *i, double *r)
{
	double sum = 0;

	memset(r, 0, sizeof *r * (size_t)e->lanes);
	for (int k = 0; k < x->n[1]; k++) {
		const double *s = x->x + (i[0] * x->n[1] + k) * e->lanes;
		const double *t = y->x + (k * y->n[1] + i[1]) * e->lanes;

		sum += fabs(s[0] * t[0]);
		for (int l = 0; l < e->lanes; l++)
			r[l] += s[l] * t[l];
	}
	eval_blur(e, r, EVAL_FP32 * sum);
}

/* Columns made of others'. Kernels may form them in 16 bits. */
static void eval_grow(Eval *e, const Op *o, const Value *x, int *j, double *r)
{
	int last = o->rank - 1, s = 0, p = 0, q = j[last], d = x->n[x->rank - 1];
	const double *t;

	if (o->code == OP_concat) {
		while (j[last] >= e->value[o->src[s]->id].n[last])
			j[last] -= e->value[o->src[s++]->id].n[last];
		memcpy(r, value_at(e, &e->value[o->src[s]->id], j), sizeof *r * (size_t)e->lanes);
	} else {
		while (q >= d - p)
			q -= d - p++;
		j[last] = p;
		memcpy(r, value_at(e, x, j), sizeof *r * (size_t)e->lanes);
		j[last] = p + q;
		t = value_at(e, x, j);
		for (int l = 0; l < e->lanes; l++)
			r[l] *= t[l] * (q ? sqrt(2) : 1);
	}
	eval_round(e, e->narrow, r);
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

static void eval_change(Eval *e, const Op *o, const Value *y)
{
	Value *s = &e->carried[o->src[0]->id], v = *s;
	int i[MAX_RANK + 1] = {0}, count = value_count(s);

	v.x = ARENA_ARRAY(e->arena, double, (count + 1) * e->lanes);
	for (int f = 0; f < count; f++) {
		const double *u, *x = s->x + f * e->lanes;
		double *r = v.x + f * e->lanes;

		index_of(s, f, i);
		u = value_at(e, y, i);
		for (int l = 0; l < e->lanes; l++)
			r[l] = o->code == OP_set ? u[l] : o->code == OP_update ? x[l] + u[l] : x[l] * u[l];
		if (o->code != OP_set)
			eval_blur(e, r, eval_error(o->code == OP_update ? OP_add : OP_mul, x[0], u[0], r[0]));
	}
	*s = v;
}

static void eval_store(Eval *e, const Op *o, const Value *x)
{
	int i[MAX_RANK + 1] = {0}, count = value_count(x);

	for (int f = 0; f < count; f++) {
		index_of(x, f, i);
		memcpy(e->data[o->arg->id] + arg_offset(e, o, i) * e->lanes, x->x + f * e->lanes,
		       sizeof *x->x * (size_t)e->lanes);
	}
}

static double eval_leaf(const Eval *e, const Op *o, const int *i)
{
	switch (o->code) {
	case OP_const_:
	case OP_full:
		return o->value;
	case OP_index:
		return (double)(e->start[o->range->id] + i[0]);
	case OP_scalar:
		return o->arg ? o->arg->value : (double)eval_extent(e, o->axis);
	case OP_load:
		return e->data[o->arg->id][arg_offset(e, o, i)];
	default:
		bug("eval: %s", op_info[o->code].name);
	}
}

static void eval_element(Eval *e, const Op *o, const Value *const *x, int *i, double *r)
{
	int j[MAX_RANK + 1] = {0}, last = o->rank - 1;

	memcpy(j, i, sizeof *j * MAX_RANK);
	switch (op_info[o->code].class) {
	case UNARY:
	case BINARY:
	case COMPARE:
	case SELECT:
		eval_elementwise(e, o, value_at(e, x[0], i), x[1] ? value_at(e, x[1], i) : NULL,
		                 x[2] ? value_at(e, x[2], i) : NULL, r);
		return;
	case VIEW:
		j[0] = i[1], j[1] = i[0];
		for (int d = 0, t = 0; o->code == OP_expand && d < o->rank; d++)
			if (d != o->axis_dim)
				j[t++] = i[d];
		break;
	case REDUCE:
		for (int d = 0, t = 0; d < x[0]->rank; d++)
			j[d] = d == o->axis_dim ? 0 : i[t++];
		eval_reduce(e, o, x[0], j, r);
		return;
	case SCAN:
		eval_scan(e, o, x[0], j, i[0], r);
		return;
	case DOT:
		eval_dot(e, x[0], x[1], i, r);
		return;
	case LEAF:
		r[0] = eval_leaf(e, o, i);
		for (int l = 1; l < e->lanes; l++)
			r[l] = r[0];
		return;
	case GROW:
		if (o->code == OP_slice) {
			j[last] += o->lo;
			break;
		}
		eval_grow(e, o, x[0], j, r);
		return;
	default:
		bug("eval: %s", op_info[o->code].name);
	}
	memcpy(r, value_at(e, x[0], j), sizeof *r * (size_t)e->lanes);
}

static void eval_op(Eval *e, const Op *o)
{
	const Value *x[3] = {NULL, NULL, NULL};
	int i[MAX_RANK + 1] = {0}, count;
	Value v;

	for (int s = 0; s < o->nsrc && s < 3; s++)
		x[s] = &e->value[o->src[s]->id];
	switch (o->code) {
	case OP_loop:
		eval_loop(e, o);
		return;
	case OP_set:
	case OP_update:
	case OP_decay:
		eval_change(e, o, x[1]);
		return;
	case OP_store: /* a cast to the argument's dtype: whoever compares knows of its rounding */
		if (o->src[0]->code == OP_cast && o->src[0]->dtype == o->arg->dtype &&
		    o->arg->dtype != DT_I32)
			x[0] = &e->value[o->src[0]->src[0]->id];
		eval_store(e, o, x[0]);
		return;
	case OP_get:
	case OP_var:
	case OP_state: /* values are never changed in place */
		e->value[o->id] = o->code == OP_get ? e->carried[o->src[0]->id] : *x[0];
		e->carried[o->code == OP_get ? o->src[0]->id : o->id] = e->value[o->id];
		return;
	case OP_reshape:
		v = value_new(e, o);
		memcpy(v.x, x[0]->x, sizeof *v.x * (size_t)(value_count(&v) * e->lanes));
		e->value[o->id] = v;
		return;
	default:
		v = value_new(e, o);
	}
	count = value_count(&v);
	for (int f = 0; f < count; f++) {
		double *r = v.x + f * e->lanes;

		index_of(&v, f, i);
		eval_element(e, o, x, i, r);
		if (fabs(r[0]) > 3e38 && !isinf(r[0])) /* beyond fp32 */
			eval_undefine(e, r);
	}
	e->value[o->id] = v;
}

/* Runs every program of the grid; outputs land in data, which has `lanes` numbers for each element
 * of an output and one for an element of an input. */
static void eval_kernel(const Kernel *k, const int64_t *size, double **data, int lanes)
{
	Eval e = {.k = k,
	          .size = size,
	          .data = data,
	          .start = calloc(MAX_RANGES, sizeof *e.start),
	          .value = calloc((size_t)k->nops + 1, sizeof *e.value),
	          .carried = calloc((size_t)k->nops + 1, sizeof *e.carried),
	          .lanes = lanes,
	          .narrow = DT_F16};
	int64_t programs = 1, n;

	for (int i = 0; i < k->nargs; i++)
		if (k->args[i]->dtype == DT_BF16)
			e.narrow = DT_BF16;
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
