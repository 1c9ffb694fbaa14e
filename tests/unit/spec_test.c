/* spec_test.c -- every spec's body, traced and done in fp64 (eval.h), agrees with its reference:
 * at each of its smoke settings, at several chunks, with and without optional arguments. A name
 * per line, "ok" or "FAIL"; run in the top folder. Arguments: spec files; none: all of specs/ and
 * the manual's example.
 */
#define _GNU_SOURCE
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../codegen/spec.h"
#include "eval.h"

static Arena *arena;
static int failed;

typedef struct Run {
	Kernel *k;
	int64_t size[MAX_DIMS];
	double *data[MAX_ARGS];
} Run;

static double noise(uint64_t *state)
{
	double sum = -6;

	for (int i = 0; i < 12; i++) {
		*state = *state * 6364136223846793005u + 1442695040888963407u;
		sum += (double)(*state >> 11) / 9007199254740992.0;
	}
	return sum;
}

static int64_t extent(const Run *r, const Axis *x)
{
	return x->size ? x->size : r->size[x->id];
}

static double fetch(void *user, const Arg *a, const int64_t *index)
{
	Run *r = user;
	int64_t at = 0;

	if (a->rank == 0)
		return a->value;
	for (int i = 0; i < a->rank; i++)
		at = at * extent(r, a->axis[i]) + index[i];
	return r->data[a->id][at];
}

/* "B=1,N=70" and "C=16" to pairs. */
static int split(char *text, SpecSet *set, int n)
{
	for (char *t = strtok(text, ","); t; t = strtok(NULL, ",")) {
		char *eq = strchr(t, '=');

		*eq = 0;
		set[n++] = (SpecSet){t, eq + 1};
	}
	return n;
}

/* The largest difference over the largest value, over a sample of rows of an output. */
static double output_error(Spec *s, Diag *d, Run *r, const Arg *o)
{
	int64_t rows = 1, at[MAX_AXES];
	int vector = o->axis[o->rank - 1]->size == 0, n;
	double worst = 0, top = 1e-30, *out;

	for (int i = 0; i < o->rank - !vector; i++)
		rows *= extent(r, o->axis[i]);
	n = vector ? 1 : (int)extent(r, o->axis[o->rank - 1]);
	out = ARENA_ARRAY(arena, double, n);
	for (int64_t row = 0; row < rows;
	     row += row + 1 < rows && row + 1 + rows / 40 >= rows ? rows - 1 - row : 1 + rows / 40) {
		int64_t left = row;

		for (int i = o->rank - 1 - !vector; i >= 0; i--) {
			at[i] = left % extent(r, o->axis[i]);
			left /= extent(r, o->axis[i]);
		}
		spec_reference(s, d, r->k, r->size, o, at, fetch, r, out, n);
		for (int i = 0; i < n; i++) {
			double got = r->data[o->id][row * n + i];

			worst = fabs(got - out[i]) > worst || isnan(got) ? fabs(got - out[i]) : worst;
			top = fmax(top, fabs(out[i]));
		}
	}
	return worst / top;
}

static void try_one(Diag *d, Spec **s, const char *path, const char *smoke, int chunk,
                    const char *bind)
{
	char *text = arena_strdup(arena, smoke ? smoke : "B=1");
	const char *name = arena_printf(arena, "spec_%s %s C=%d %s", path, smoke, chunk, bind);
	SpecSet set[MAX_DIMS * 2];
	Run r = {0};
	uint64_t seed = 1;
	int n = split(text, set, 0);

	*s = spec_open(d, path, path);
	if (chunk)
		set[n++] = (SpecSet){"C", arena_printf(arena, "%d", chunk)};
	r.k = spec_trace(*s, d, arena, n, set, bind);
	for (int i = 0; i < r.k->naxes; i++)
		for (int j = 0; j < spec_info(*s)->ndims; j++)
			if (!strcmp(r.k->axes[i]->name, spec_info(*s)->dims[j].name))
				r.size[i] = spec_info(*s)->dims[j].value;
	for (int i = 0; i < r.k->nargs; i++) {
		const Arg *a = r.k->args[i];
		int64_t count = 1;

		for (int j = 0; j < a->rank; j++)
			count *= extent(&r, a->axis[j]);
		if (count < 1)
			diag_fail(d, (Loc){0}, "no size for an axis of %s in \"%s\"", a->name, smoke);
		r.data[i] = ARENA_ARRAY(arena, double, count);
		for (int64_t j = 0; j < count; j++) {
			double x = a->init_bias + a->init_scale * noise(&seed);

			r.data[i][j] = a->output ? NAN : a->dtype == DT_I32 ? trunc(x) : x;
		}
	}
	eval_kernel(r.k, r.size, r.data, 1);
	for (int i = 0; i < r.k->nargs; i++) {
		const Arg *a = r.k->args[i];
		double e;

		if (!a->output || !a->present)
			continue;
		e = output_error(*s, d, &r, a);
		printf("%s %s %s error %.1e\n", e < 1e-9 ? "ok" : "FAIL", name, a->name, e);
		failed |= !(e < 1e-9);
	}
}

static void one(const char *path, const char *smoke, int chunk, const char *bind)
{
	Diag d;
	Spec *s = NULL;

	if (DIAG_TRY(&d)) {
		printf("FAIL spec_%s %s C=%d %s: %s\n", path, smoke, chunk, bind, d.text);
		failed = 1;
		return;
	}
	try_one(&d, &s, path, smoke, chunk, bind);
	spec_close(s);
}

/* Every optional argument is one more way to trace. */
static void try_spec(Diag *d, const char *path)
{
	Spec *s = spec_open(d, path, path);
	const SpecInfo *info = spec_info(s);
	Kernel *k = spec_trace(s, d, arena, 0, NULL, NULL);
	const char *bind = "";
	int chunked = 0;

	for (int i = 0; i < info->ntune; i++)
		chunked |= !strcmp(info->tune[i].name, "C");
	for (int i = 0; i < k->nargs; i++)
		if (k->args[i]->optional)
			bind = arena_printf(arena, "%s%s%s", bind, *bind ? "," : "", k->args[i]->name);
	for (int i = 0; info->smoke[i]; i++)
		for (int c = 0; c < (chunked ? 3 : 1); c++) {
			static const int chunk[] = {64, 16, 1};

			one(path, info->smoke[i], chunked ? chunk[c] : 0, bind);
			if (*bind && !c)
				one(path, info->smoke[i], chunked ? chunk[c] : 0, "");
		}
	if (!info->smoke[0])
		diag_fail(d, (Loc){path, 0}, "no smoke settings");
	spec_close(s);
}

static void spec(const char *path)
{
	Diag d;

	if (DIAG_TRY(&d)) {
		printf("FAIL spec_%s: %s\n", path, d.text);
		failed = 1;
		return;
	}
	try_spec(&d, path);
}

/* The manual's own example, its first block of Lua, is a spec like any other. */
static void manual(void)
{
	char path[] = "/tmp/azulejo-manual-XXXXXX", *text = arena_alloc(arena, 1 << 18), *from, *to;
	FILE *f = fopen("dsl/manual.md", "rb"), *out;
	int fd = mkstemp(path);

	if (!f || fd < 0 || !(out = fdopen(fd, "wb")))
		exit(77);
	text[fread(text, 1, (1 << 18) - 1, f)] = 0;
	fclose(f);
	from = strstr(text, "```lua\n");
	to = from ? strstr(from, "\n```\n") : NULL;
	if (to)
		fwrite(from + 7, 1, (size_t)(to - from - 6), out);
	fclose(out);
	spec(path);
	unlink(path);
}

int main(int argc, char **argv)
{
	static const char *const where[] = {"specs/*.lua", "tests/golden/*.lua"};

	arena = arena_new();
	for (int i = 1; i < argc; i++)
		spec(argv[i]);
	for (int w = 0; argc == 1 && w < 2; w++) {
		glob_t g;

		if (!glob(where[w], 0, NULL, &g))
			for (size_t i = 0; i < g.gl_pathc; i++)
				spec(g.gl_pathv[i]);
		globfree(&g);
	}
	if (argc == 1)
		manual();
	arena_free(arena);
	return failed;
}
