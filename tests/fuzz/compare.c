/* compare.c -- every element of every output against the traced body done in fp64. An element may
 * be off by MARGIN times what the lanes of the evaluator spread, and by its own dtype's rounding;
 * elements that are not defined count for nothing.
 */
#include "compare.h"
#include "../unit/eval.h"

#include <stdio.h>

static const double MARGIN = 6, FLOOR = 1e-30, RELATIVE = 1e-6;

static void *room(size_t bytes)
{
	void *p = calloc(1, bytes);

	if (!p)
		abort();
	return p;
}

/* The argument's values, outermost axis first, dense. */
static double *values(const Tensor *t, int lanes)
{
	double *x = room(sizeof *x * (size_t)(t->elems * lanes + 1));
	int64_t at[MAX_AXES] = {0};

	for (int64_t i = 0; i < t->elems && !t->arg->output; i++) {
		x[i] = tensor_at(t, at);
		for (int a = t->rank - 1; a >= 0 && ++at[a] == t->size[a]; a--)
			at[a] = 0;
	}
	for (int64_t i = 0; t->arg->output && i < t->elems * lanes; i++)
		x[i] = NAN;
	return x;
}

typedef struct Tally {
	int64_t defined, wrong;
	double worst;         /* error over tolerance */
	double square, slack; /* sums, of values and of tolerances */
	char text[300];
} Tally;

static bool defined(const double *x)
{
	for (int l = 0; l < EVAL_LANES; l++)
		if (isnan(x[l]) || (isinf(x[l]) && x[l] != x[0]) || (isinf(x[0]) && x[l] != x[0]))
			return false;
	return true;
}

static void compare_one(Tally *y, const Tensor *t, const int64_t *at, const double *x)
{
	double have = tensor_at(t, at), spread = 0, tolerance, off;
	Dtype dt = t->arg->dtype;
	int n;

	if (!defined(x) || (dt == DT_F16 && fabs(x[0]) > 65000))
		return;
	y->defined++;
	for (int l = 1; l < EVAL_LANES && !isinf(x[0]); l++)
		spread = fmax(spread, fabs(x[l] - x[0]));
	tolerance = MARGIN * spread + (RELATIVE + eval_unit(dt)) * fabs(x[0]) + eval_least(dt) + FLOOR;
	if (isinf(x[0]))
		tolerance = FLOOR;
	else
		y->square += x[0] * x[0], y->slack += tolerance * tolerance;
	off = have == x[0] ? 0 : fabs(have - x[0]) / tolerance;
	if (off <= 1)
		return;
	y->wrong++;
	if (y->worst >= (isnan(off) ? INFINITY : off))
		return;
	y->worst = isnan(off) ? INFINITY : off;
	n = snprintf(y->text, sizeof y->text, "%s[", t->arg->name);
	for (int a = 0; a < t->rank; a++)
		n += snprintf(y->text + n, sizeof y->text - (size_t)n, "%s%lld", a ? "," : "",
		              (long long)at[a]);
	snprintf(y->text + n, sizeof y->text - (size_t)n, "] is %.6g, not %.6g within %.2g", have, x[0],
	         tolerance);
}

static Tally compare_tensor(const Tensor *t, const double *want)
{
	int64_t at[MAX_AXES] = {0};
	Tally y = {0};

	for (int64_t i = 0; i < t->elems; i++) {
		compare_one(&y, t, at, want + i * EVAL_LANES);
		for (int a = t->rank - 1; a >= 0 && ++at[a] == t->size[a]; a--)
			at[a] = 0;
	}
	return y;
}

void compare_outputs(Exec *x, Outcome *o)
{
	Plan *p = x->plan;
	Cli *c = x->cli;
	Kernel *k = spec_trace(p->spec, p->diag, p->arena, c->nset, c->set, c->with);
	double *data[MAX_ARGS] = {0}, least = INFINITY;
	int64_t all = 0;

	for (int i = 0; i < k->nargs; i++) {
		if (!k->args[i]->rank)
			k->args[i]->value = p->scalar[i];
		else if (p->tensor[i].rank)
			data[i] = values(&p->tensor[i], k->args[i]->output ? EVAL_LANES : 1);
	}
	eval_kernel(k, p->size, data, EVAL_LANES);
	for (int i = 0; i < k->nargs; i++) {
		const Tensor *t = &p->tensor[i];
		Tally y;

		if (!t->rank || !t->arg->output)
			continue;
		y = compare_tensor(t, data[i]);
		all += y.defined;
		if (y.square > 0 && sqrt(y.slack / y.square) < least)
			least = sqrt(y.slack / y.square);
		if (y.wrong && !fate_failed[o->fate]) {
			o->fate = FATE_WRONG;
			snprintf(o->text, sizeof o->text, "%s (%lld of %lld elements)", y.text,
			         (long long)y.wrong, (long long)t->elems);
		}
	}
	o->tolerance = least;
	if (!all && !fate_failed[o->fate]) {
		o->fate = FATE_VACUOUS;
		snprintf(o->text, sizeof o->text, "no element of any output is defined");
	}
	for (int i = 0; i < k->nargs; i++)
		free(data[i]);
}
