/* cmd_tune.c -- tune: every point of the spec's tune table, pruned by what the GPU's description
 * and ptxas rule out, verified, timed, and the winner kept in generated/tuned/GPU.yaml. With no
 * such GPU at hand the model ranks, and the record says so.
 */
#define _GNU_SOURCE
#include "child.h"
#include "choose.h"
#include "json.h"
#include "model.h"
#include "tuned.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_POINTS = 512, FINALISTS = 4, MAX_COMPILERS = 16 };

typedef enum Fate { UNTRIED, FAILED, NO_ROOM, SPILLS, WRONG, CRASHED, RANKED } Fate;

static const char *const fates[] = {
    "not tried", "does not compile", "does not fit an SM", "spills", "wrong", "crashed or hung",
    "ok",
};

typedef struct Point {
	char config[256];
	int order; /* in the spec's table: what decides between equals */
	Fate fate;
	double ms, ci;
	char why[256];
} Point;

typedef struct Tune {
	Cli *cli;
	const Gpu *gpu;
	const SpecInfo *info;
	bool device; /* a GPU to time on */
	bool spills; /* no point does without */
	int n;
	Point point[MAX_POINTS];
} Tune;

/* -- the space --------------------------------------------------------------------------------- */

static const char *fixed_value(const Cli *c, const char *name)
{
	int i;

	for (i = 0; i < c->nset; i++)
		if (!strcmp(c->set[i].name, name))
			return c->set[i].value;
	return NULL;
}

/* What the GPU makes no use of is not tried. */
static int values(const Tune *t, const SpecTune *u)
{
	if (fixed_value(t->cli, u->name))
		return 1;
	return !strcmp(u->name, "cluster") && !t->gpu->target.cluster ? 1 : u->n;
}

/* Mixed radix over the tune table; a value given by --set stays. */
static void enumerate(Tune *t)
{
	int digit[MAX_DIMS] = {0}, i;

	for (;;) {
		Point *p = &t->point[t->n];
		size_t len = 0;
		if (t->n == MAX_POINTS)
			return;
		p->order = t->n++;
		for (i = 0; i < t->info->ntune; i++) {
			const SpecTune *u = &t->info->tune[i];
			const char *v = fixed_value(t->cli, u->name);
			len += (size_t)snprintf(p->config + len, sizeof p->config - len, "%s%s=%.*s",
			                        len ? "," : "", u->name, v ? 20 : 0, v ? v : "");
			if (!v)
				len += (size_t)snprintf(p->config + len, sizeof p->config - len, "%g",
				                        u->value[digit[i]]);
			if (len >= sizeof p->config)
				bug("tune: configuration too long");
		}
		for (i = t->info->ntune - 1; i >= 0; i--) {
			if (++digit[i] < values(t, &t->info->tune[i]))
				break;
			digit[i] = 0;
		}
		if (i < 0)
			return;
	}
}

static void with_point(const Tune *t, const Point *p, Cli *c, Diag *d, Arena *a)
{
	char *all, *save, *s, *eq;

	*c = *t->cli;
	c->arena = a;
	c->diag = d;
	memset(d, 0, sizeof *d);
	all = arena_strdup(a, p->config);
	for (s = strtok_r(all, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
		eq = strchr(s, '=');
		*eq = 0;
		if (!fixed_value(t->cli, s) && c->nset < CLI_MAX_SET)
			c->set[c->nset++] = (SpecSet){s, eq + 1};
	}
}

/* -- one point --------------------------------------------------------------------------------- */

static bool fits(const Tune *t, const Plan *p, const Cubin *b, Point *o)
{
	int i, j;

	for (i = 0; i < p->m->nkernels; i++) {
		const CubinKernel *k = NULL;
		for (j = 0; j < b->nkernels; j++)
			if (!strcmp(b->kernel[j].name, p->m->kernel[i].name))
				k = &b->kernel[j];
		if (!model_occupancy(&p->gpu->target, &p->m->kernel[i], k)) {
			o->fate = NO_ROOM;
			return false;
		}
		if (k && k->spill_bytes && !t->spills) {
			o->fate = SPILLS;
			return false;
		}
	}
	return true;
}

static const char *sets_text(const Cli *c, Arena *a)
{
	Text t = {a, NULL, 0, 0};
	int i;

	for (i = 0; i < c->nset; i++)
		text_add(&t, "%s%s=%s", i ? "," : "", c->set[i].name, c->set[i].value);
	text_add(&t, "%sschedule=%s", c->nset ? "," : "", c->schedule);
	if (c->segments)
		text_add(&t, ",segments=%d", c->segments);
	return t.s;
}

/* A bench of this point in a child process, checked on a few rows first. */
static void measure(Tune *t, Cli *c, Point *o, double seconds, bool verify)
{
	const char *argv[] = {"bench",
	                      c->spec,
	                      "--json",
	                      "--gpu",
	                      t->gpu->name,
	                      "--set",
	                      sets_text(c, c->arena),
	                      "--layout",
	                      c->layout == BHND ? "bhnd" : "bnhd",
	                      "--budget",
	                      arena_printf(c->arena, "%g", seconds),
	                      "--rows",
	                      "8",
	                      verify ? "--check" : NULL,
	                      NULL,
	                      NULL,
	                      NULL};
	const char *out, *err, *ms, *lo, *hi;
	int n = verify ? 14 : 13, status;

	if (c->with) {
		argv[n++] = "--with";
		argv[n++] = c->with;
	}
	status = child_run(c->arena, argv, 60 + 10 * seconds, &out, &err);
	ms = strstr(out, "\"ms\": ");
	lo = strstr(out, "\"ms_low\": ");
	hi = strstr(out, "\"ms_high\": ");
	if (status == ST_OK && ms && lo && hi) {
		o->fate = RANKED;
		o->ms = atof(ms + 6);
		o->ci = (atof(hi + 11) - atof(lo + 10)) / 2;
	} else {
		o->fate = status == ST_CHECK ? WRONG : CRASHED;
		snprintf(o->why, sizeof o->why, "%.255s", err);
	}
}

/* The model does not tell times a few percent apart. */
static double coarse(double ms)
{
	return exp(round(log(ms) * 30) / 30);
}

static Cubin *compile(Plan *p, Cli *c)
{
	plan_compile(p, c);
	return nvrtc_compile(c->diag, c->arena, p->m->text_cuda, p->k->name, p->m->arch, false,
	                     !c->no_cache);
}

/* Leaves the point's cubin in the cache, or nothing. */
static void compile_point(const Tune *t, const Point *o)
{
	Diag d;
	Cli c;

	with_point(t, o, &c, &d, arena_new());
	if (!DIAG_TRY(&d))
		compile(plan_open(&c, t->gpu, true), &c);
}

/* Compiles the points side by side, in processes that share the cache alone, as far as half of the
 * budget reaches; trying them one after another then finds them there. */
static void compile_ahead(const Tune *t, double until)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int i = 0, busy = 0, most = cores > MAX_COMPILERS ? MAX_COMPILERS : (int)cores;

	if (most < 2 || t->cli->no_cache)
		return;
	fflush(NULL);
	while (busy || (i < t->n && clock_seconds() < until)) {
		if (i < t->n && busy < most && clock_seconds() < until) {
			pid_t pid = fork();

			if (!pid) {
				dup2(open("/dev/null", O_WRONLY), 2);
				compile_point(t, &t->point[i]);
				_exit(0);
			}
			busy += pid > 0;
			i = pid > 0 ? i + 1 : t->n;
		} else if (wait(NULL) > 0) {
			busy--;
		} else {
			break;
		}
	}
}

/* Fills the point's fate; its own errors end here. */
static void try_point(Tune *t, Point *o, double seconds, bool verify)
{
	Arena *a = arena_new();
	Plan *volatile p = NULL;
	Diag d;
	Cli c;

	with_point(t, o, &c, &d, a);
	if (DIAG_TRY(&d)) {
		o->fate = FAILED;
		snprintf(o->why, sizeof o->why, "%.255s", d.text);
	} else {
		Cubin *b;
		p = plan_open(&c, t->gpu, true);
		b = compile(p, &c);
		if (fits(t, p, b, o)) {
			if (t->device) {
				measure(t, &c, o, seconds, verify);
			} else {
				o->ms = coarse(model_ms(p, b));
				o->fate = isfinite(o->ms) ? RANKED : NO_ROOM;
			}
		}
	}
	if (p)
		plan_close(p);
	arena_free(a);
}

static int by_time(const void *a, const void *b)
{
	const Point *x = a, *y = b;

	if ((x->fate == RANKED) != (y->fate == RANKED))
		return (y->fate == RANKED) - (x->fate == RANKED);
	if (x->fate == RANKED && x->ms != y->ms)
		return x->ms > y->ms ? 1 : -1;
	return x->order - y->order;
}

/* -- all of them ------------------------------------------------------------------------------- */

/* Tries what has this fate; returns how many have a rank then. */
static int try_all(Tune *t, Fate fate, double until)
{
	int ranked = 0;

	for (int i = 0; i < t->n; i++) {
		Point *o = &t->point[i];

		if (o->fate != fate)
			continue;
		if (clock_seconds() > until && ranked)
			break;
		try_point(t, o, 0.1, true);
		ranked += o->fate == RANKED;
		fprintf(stderr, "azulejo: tune %d/%d %s: ", i + 1, t->n, o->config);
		if (o->fate == RANKED)
			fprintf(stderr, "%.4f ms%s%s\n", o->ms, t->device ? "" : " by the model",
			        t->spills ? ", although it spills" : "");
		else
			fprintf(stderr, "%s%s%s\n", fates[o->fate], o->why[0] ? ": " : "", o->why);
	}
	return ranked;
}

static int explore(Tune *t)
{
	double t0 = clock_seconds(), budget = t->cli->budget ? t->cli->budget : 60;
	int i, ranked;

	compile_ahead(t, t0 + 0.5 * budget);
	ranked = try_all(t, UNTRIED, t0 + 0.7 * budget);
	if (!ranked) {
		t->spills = true;
		ranked = try_all(t, SPILLS, t0 + 0.7 * budget);
	}
	qsort(t->point, (size_t)t->n, sizeof *t->point, by_time);
	if (t->device) {
		for (i = 0; i < FINALISTS && i < ranked; i++)
			try_point(t, &t->point[i], 0.05 * budget > 1 ? 1 : 0.05 * budget, false);
		qsort(t->point, (size_t)t->n, sizeof *t->point, by_time);
	}
	return ranked;
}

static void print_result(Tune *t, const TunedRecord *r)
{
	Json j;
	int i;

	if (!t->cli->json) {
		printf("%s on %s, %s: %s  %.4f ms%s\n", r->spec, t->gpu->name, r->shape, r->config,
		       r->us / 1e3, r->model ? " by the model" : "");
		return;
	}
	json_begin(&j, stdout);
	json_text(&j, "spec", r->spec);
	json_text(&j, "gpu", t->gpu->name);
	json_text(&j, "fixed", r->fixed);
	json_text(&j, "shape", r->shape);
	json_text(&j, "config", r->config);
	json_number(&j, "us", r->us);
	json_bool(&j, "model", r->model);
	json_open(&j, "points", '[');
	for (i = 0; i < t->n; i++) {
		const Point *o = &t->point[i];
		json_open(&j, NULL, '{');
		json_text(&j, "config", o->config);
		json_text(&j, "fate", fates[o->fate]);
		if (o->fate == RANKED)
			json_number(&j, "ms", o->ms);
		else if (o->why[0])
			json_text(&j, "why", o->why);
		json_close(&j);
	}
	json_close(&j);
	json_end(&j);
}

int cmd_tune(Cli *c)
{
	Tune *t = ARENA_NEW(c->arena, Tune);
	const DeviceInfo *info = driver_found(NULL);
	const Gpu *here =
	    info ? gpu_match(c->diag, c->arena, info->name, info->major, info->minor) : NULL;
	const char *device, *nvrtc;
	TunedRecord r;
	Plan *p;
	int i, ranked;

	t->cli = c;
	t->gpu = choose_gpu(c, info != NULL, &device);
	t->device = here && !strcmp(here->name, t->gpu->name);
	p = plan_open(c, t->gpu, true);
	t->info = spec_info(p->spec);
	enumerate(t);
	ranked = explore(t);
	if (!ranked)
		diag_fail(c->diag, (Loc){0}, "%s: no point of the tune table works on %s: %s: %s%s%s",
		          p->k->name, t->gpu->name, t->point[0].config, fates[t->point[0].fate],
		          t->point[0].why[0] ? ": " : "", t->point[0].why);
	nvrtc = nvrtc_found(NULL);
	nvrtc = strrchr(nvrtc, '(');
	memset(&r, 0, sizeof r);
	r.spec = p->k->name;
	r.fixed = tuned_fixed(p, c->arena);
	r.shape = tuned_shape(p, c->arena);
	r.config = t->point[0].config;
	r.us = t->point[0].ms * 1e3;
	r.ci = t->point[0].ci * 1e3;
	r.model = !t->device;
	for (i = 0; i < t->n; i++)
		r.tried += t->point[i].fate != UNTRIED;
	r.of = t->n;
	r.env = t->device ? arena_printf(c->arena, "%s, driver %d.%d, nvrtc %s", info->name,
	                                 info->driver / 1000, info->driver / 10 % 100, nvrtc)
	                  : arena_printf(c->arena, "model, nvrtc %s", nvrtc);
	tuned_store(c, t->gpu, &r);
	print_result(t, &r);
	plan_close(p);
	return ST_OK;
}
