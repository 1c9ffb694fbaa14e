/* check.c -- which rows to look at, and how far off they are. */
#include "check.h"
#include "random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENOUGH_ROWS = 64, MAX_ROWS = 512 };

/* Elements the references may read in all before rows are dropped: some seconds of Lua. */
static const double WORK_MOST = 1.5e8;

typedef struct Limits {
	double all, row;
} Limits;

static Limits limits_of(const Kernel *k)
{
	bool bf16 = false, f16 = false;
	int i;

	for (i = 0; i < k->nargs; i++) {
		bf16 |= k->args[i]->dtype == DT_BF16;
		f16 |= k->args[i]->dtype == DT_F16;
	}
	return f16 && !bf16 ? (Limits){5e-4, 1.5e-3} : (Limits){3e-3, 1e-2};
}

static double fetch(void *user, const Arg *arg, const int64_t *index)
{
	Plan *p = user;

	return arg->rank ? tensor_at(&p->tensor[arg->id], index) : (double)p->scalar[arg->id];
}

/* An output whose last axis has a run-time size is a vector: its rows are single numbers. */
static bool is_vector(const Arg *arg)
{
	return !arg->axis[arg->rank - 1]->size;
}

/* -- sampling ---------------------------------------------------------------------------------- */

typedef struct Sample {
	int n, axes, row; /* axes that index a row; the row axis among them, or -1 */
	int64_t at[MAX_ROWS][MAX_AXES];
} Sample;

static void add_row(Sample *s, const int64_t *at)
{
	int i;

	for (i = 0; i < s->n; i++)
		if (!memcmp(s->at[i], at, sizeof *at * MAX_AXES))
			return;
	if (s->n < MAX_ROWS)
		memcpy(s->at[s->n++], at, sizeof *at * MAX_AXES);
}

static void add_corner(Sample *s, const Tensor *t, bool last, int64_t row)
{
	int64_t at[MAX_AXES] = {0};
	int i;

	for (i = 0; i < s->axes; i++)
		at[i] = last ? t->size[i] - 1 : 0;
	if (s->row >= 0) {
		if (row < 0 || row >= t->size[s->row])
			return;
		at[s->row] = row;
	}
	add_row(s, at);
}

/* How an input's reach makes one reference row costly: its elements for one program. */
static double row_cost(const Plan *p)
{
	double sum = 1, n;
	int i, a, g;

	for (i = 0; i < p->ntensors; i++) {
		const Tensor *t = &p->tensor[i];
		if (!t->rank || t->arg->output)
			continue;
		n = 1;
		for (a = 0; a < t->rank; a++) {
			for (g = 0; g < p->k->grid.n; g++)
				if (p->k->grid.range[g]->axis == t->arg->axis[a])
					break;
			n *= g < p->k->grid.n ? 1 : (double)t->size[a];
		}
		sum += n;
	}
	return sum;
}

static void choose(Sample *s, const Plan *p, const Tensor *t, int rows)
{
	uint64_t key = random_key(p->tensor[0].key, t->arg->name), draw = 0;
	int64_t at[MAX_AXES] = {0}, last, total = 1;
	double most = WORK_MOST / row_cost(p);
	bool few = most < 10;
	int i, a;

	s->n = 0;
	s->axes = is_vector(t->arg) ? t->rank : t->rank - 1;
	s->row = s->axes - 1;
	if (s->row < 0) {
		add_corner(s, t, false, 0);
		return;
	}
	last = t->size[s->row] - 1;
	for (i = 0; i < s->axes; i++)
		total *= t->size[i];
	add_corner(s, t, false, 0);
	for (i = 0; i < p->k->nranges; i++) {
		const Range *r = p->k->ranges[i];
		if (r->axis != t->arg->axis[s->row] || r->n < 2 || r->kind == RANGE_WHOLE)
			continue;
		add_corner(s, t, false, r->n - 1);
		add_corner(s, t, false, r->n);
		if (!few) {
			add_corner(s, t, true, r->n - 1);
			add_corner(s, t, true, r->n);
		}
	}
	add_corner(s, t, true, last);
	if (few) {
		if (s->n < 4)
			add_corner(s, t, true, 0);
		return;
	}
	add_corner(s, t, true, 0);
	add_corner(s, t, false, last);
	if (rows > MAX_ROWS)
		rows = MAX_ROWS;
	if (rows > most)
		rows = (int)most;
	if (total <= rows) { /* all of them */
		for (; total-- > 0;) {
			add_row(s, at);
			for (a = s->axes - 1; a >= 0 && ++at[a] == t->size[a]; a--)
				at[a] = 0;
		}
		return;
	}
	for (i = 0; s->n < rows && i < 8 * rows; i++) {
		for (a = 0; a < s->axes; a++)
			at[a] = (int64_t)(random_bits(key, draw++) % (uint64_t)t->size[a]);
		add_row(s, at);
	}
}

/* -- comparing --------------------------------------------------------------------------------- */

static void compare(Exec *x, const Tensor *t, int rows, Limits lim, CheckOutput *o)
{
	Plan *p = x->plan;
	int n = is_vector(t->arg) ? 1 : (int)t->size[t->rank - 1], i, j;
	double *want = malloc(sizeof *want * (size_t)n), *have = malloc(sizeof *have * (size_t)n);
	double(*norm)[2] = malloc(sizeof *norm * MAX_ROWS), diff = 0, ref = 0, floor_, e;
	Sample *s = malloc(sizeof *s);

	if (!want || !have || !norm || !s)
		diag_env(x->cli->diag, "out of memory");
	choose(s, p, t, rows);
	for (i = 0; i < s->n; i++) {
		spec_reference(p->spec, x->cli->diag, p->k, p->size, t->arg, s->at[i], fetch, p, want, n);
		exec_row(x, t, s->at[i], n, have);
		norm[i][0] = norm[i][1] = 0;
		for (j = 0; j < n; j++) {
			/* infinities that agree are equal; any other non-number makes the row wrong */
			e = have[j] == want[j] ? 0 : have[j] - want[j];
			norm[i][0] += e * e;
			norm[i][1] += isfinite(want[j]) ? want[j] * want[j] : 0;
		}
		diff += norm[i][0];
		ref += norm[i][1];
	}
	o->rows = s->n;
	o->error = diff == 0 ? 0 : sqrt(diff / ref);
	floor_ = ref / (s->n ? s->n : 1) * (n == 1 ? 1 : 1e-12);
	o->worst = -1;
	for (i = 0; i < s->n; i++) {
		double base = norm[i][1] > floor_ ? norm[i][1] : floor_;
		e = norm[i][0] == 0 ? 0 : sqrt(norm[i][0] / base);
		if (!(e <= o->worst)) {
			o->worst = e;
			memcpy(o->worst_at, s->at[i], sizeof o->worst_at);
			if (isnan(e))
				break;
		}
	}
	o->ok = o->worst <= lim.row && (s->n < ENOUGH_ROWS || o->error <= lim.all) && !o->unwritten;
	free(want);
	free(have);
	free(norm);
	free(s);
}

static void say(CheckResult *r, const CheckOutput *o, const Tensor *t, Limits lim)
{
	int i, n, axes = is_vector(o->arg) ? t->rank : t->rank - 1;

	if (o->unwritten) {
		snprintf(r->verdict, sizeof r->verdict, "%s: %lld of %lld elements were never written",
		         o->arg->name, (long long)o->unwritten, (long long)t->elems);
	} else if (!(o->worst <= lim.row)) {
		n = snprintf(r->verdict, sizeof r->verdict, "%s[", o->arg->name);
		for (i = 0; i < axes; i++)
			n += snprintf(r->verdict + n, sizeof r->verdict - (size_t)n, "%s%lld", i ? "," : "",
			              (long long)o->worst_at[i]);
		snprintf(r->verdict + n, sizeof r->verdict - (size_t)n, "]: row error %.2e > %.1e",
		         o->worst, lim.row);
	} else {
		snprintf(r->verdict, sizeof r->verdict, "%s: error %.2e > %.1e over %d rows", o->arg->name,
		         o->error, lim.all, o->rows);
	}
}

void check_outputs(Exec *x, int rows, CheckResult *r)
{
	Plan *p = x->plan;
	Limits lim = limits_of(p->k);
	double t0 = clock_seconds();
	int i;

	memset(r, 0, sizeof *r);
	r->ok = true;
	snprintf(r->verdict, sizeof r->verdict, "ok");
	for (i = 0; i < p->ntensors; i++) {
		const Tensor *t = &p->tensor[i];
		CheckOutput *o = &r->output[r->noutputs];
		if (!t->rank || !t->arg->output)
			continue;
		r->noutputs++;
		o->arg = t->arg;
		o->unwritten = t->data ? tensor_unwritten(t) : 0;
		compare(x, t, rows, lim, o);
		if (!o->ok && r->ok)
			say(r, o, t, lim);
		r->ok &= o->ok;
		if (!(o->error <= r->error))
			r->error = o->error;
	}
	r->seconds = clock_seconds() - t0;
}
