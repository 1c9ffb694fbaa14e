/* tuned.c -- tuning records, one YAML file per GPU, sorted by spec, fixed settings and shape. */
#define _GNU_SOURCE
#include "tuned.h"
#include "cache.h"
#include "embed.h"
#include "yamlfile.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_RECORDS = 2048 };

static const char *field(const Yaml *y, const char *key)
{
	const Yaml *c = yaml_get(y, key);

	return c && c->value ? c->value : "";
}

/* Fills records from the file; 0 when there is none. Throws when it is broken. */
static int read_records(Diag *d, Arena *a, const Gpu *gpu, TunedRecord *out)
{
	const char *shown = arena_printf(a, "generated/tuned/%s.yaml", gpu->name);
	const char *text = embed_find(shown, NULL);
	const Yaml *y;
	int n = 0;

	if (!text || !(y = yaml_get(yaml_read(d, a, text, shown), "records")))
		return 0;
	for (y = y->first; y && n < MAX_RECORDS; y = y->next) {
		TunedRecord *r = &out[n++];
		r->spec = field(y, "spec");
		r->fixed = field(y, "fixed");
		r->shape = field(y, "shape");
		r->config = field(y, "config");
		r->env = field(y, "env");
		r->us = atof(field(y, "us"));
		r->ci = atof(field(y, "ci"));
		r->tried = atoi(field(y, "tried"));
		r->of = atoi(field(y, "of"));
		r->model = !strcmp(field(y, "model"), "true");
	}
	return n;
}

static bool is_tune(const Plan *p, const char *name)
{
	const SpecInfo *info = spec_info(p->spec);
	int i;

	for (i = 0; i < info->ntune; i++)
		if (!strcmp(info->tune[i].name, name))
			return true;
	return false;
}

const char *tuned_fixed(const Plan *p, Arena *a)
{
	Text t = {a, NULL, 0, 0};
	int i;

	for (i = 0; i < p->k->nsettings; i++) {
		const Setting *s = &p->k->settings[i];
		if (is_tune(p, s->name))
			continue;
		if (s->text)
			text_add(&t, "%s%s=%s", t.len ? "," : "", s->name, s->text);
		else
			text_add(&t, "%s%s=%g", t.len ? "," : "", s->name, s->value);
	}
	return t.s ? t.s : "";
}

const char *tuned_shape(const Plan *p, Arena *a)
{
	Text t = {a, NULL, 0, 0};
	int i;

	for (i = 0; i < p->k->naxes; i++)
		if (!p->k->axes[i]->size)
			text_add(&t, "%s%s=%lld", t.len ? "," : "", p->k->axes[i]->name,
			         (long long)p->size[p->k->axes[i]->id]);
	return t.s ? t.s : "";
}

/* -- looking up -------------------------------------------------------------------------------- */

/* Far in any axis is far: the sum over axes of |log ratio|. */
static double distance(const Plan *p, Arena *a, const char *shape)
{
	char *all = arena_strdup(a, shape), *save, *s, *eq;
	double sum = 0, v;
	int i;

	for (s = strtok_r(all, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
		if (!(eq = strchr(s, '=')))
			continue;
		*eq = 0;
		v = atof(eq + 1);
		for (i = 0; i < p->k->naxes; i++)
			if (!strcmp(p->k->axes[i]->name, s) && v > 0 && p->size[p->k->axes[i]->id] > 0)
				sum += fabs(log(v / (double)p->size[p->k->axes[i]->id]));
	}
	return sum;
}

static bool offered(const SpecInfo *info, const char *name, double value)
{
	int i, j;

	for (i = 0; i < info->ntune; i++)
		for (j = 0; j < info->tune[i].n; j++)
			if (!strcmp(info->tune[i].name, name) && info->tune[i].value[j] == value)
				return true;
	return false;
}

/* A value that the spec no longer offers is left to its default. */
static bool apply(Cli *c, const Plan *p, const char *config, int *n, SpecSet *set)
{
	char *all = arena_strdup(c->arena, config), *save, *s, *eq;
	bool some = false;
	int i;

	for (s = strtok_r(all, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
		if (!(eq = strchr(s, '=')))
			continue;
		*eq = 0;
		for (i = 0; i < *n && strcmp(set[i].name, s); i++)
			;
		if (i < *n || *n == CLI_MAX_SET || !offered(spec_info(p->spec), s, atof(eq + 1)))
			continue;
		set[(*n)++] = (SpecSet){s, eq + 1};
		some = true;
	}
	return some;
}

/* The nearest record of one GPU's file, or NULL. A broken file is a warning. */
static const TunedRecord *nearest(Cli *c, const Gpu *gpu, const Plan *p)
{
	TunedRecord *all = ARENA_ARRAY(c->arena, TunedRecord, MAX_RECORDS), *best = NULL;
	const char *fixed = tuned_fixed(p, c->arena);
	volatile int count = 0;
	double near = 0, far;
	Diag quiet;
	int i;

	memset(&quiet, 0, sizeof quiet);
	if (!DIAG_TRY(&quiet))
		count = read_records(&quiet, c->arena, gpu, all);
	else
		fprintf(stderr, "azulejo: warning: %s; ignored\n", quiet.text);
	for (i = 0; i < count; i++) {
		if (strcmp(all[i].spec, p->k->name) || strcmp(all[i].fixed, fixed))
			continue;
		far = distance(p, c->arena, all[i].shape);
		if (!best || far < near)
			best = &all[i], near = far;
	}
	return best;
}

/* The GPU's own measured record, else a measured one of a sister of the same architecture, else
 * the model's. */
bool tuned_lookup(Cli *c, const Gpu *gpu, const Plan *p, int *n, SpecSet *set)
{
	const TunedRecord *r = nearest(c, gpu, p), *sister;
	const Gpu *all[64];
	int i, count = r && !r->model ? 0 : gpu_all(c->diag, c->arena, all, 64);

	for (i = 0; i < count; i++) {
		if (strcmp(all[i]->target.arch, gpu->target.arch) || !strcmp(all[i]->name, gpu->name))
			continue;
		sister = nearest(c, all[i], p);
		if (sister && !sister->model) {
			r = sister;
			break;
		}
	}
	return r && apply(c, p, r->config, n, set);
}

/* -- storing ----------------------------------------------------------------------------------- */

static int by_record(const void *a, const void *b)
{
	const TunedRecord *x = a, *y = b;
	int c = strcmp(x->spec, y->spec);

	c = c ? c : strcmp(x->fixed, y->fixed);
	return c ? c : strcmp(x->shape, y->shape);
}

void tuned_store(Cli *c, const Gpu *gpu, const TunedRecord *r)
{
	TunedRecord *all = ARENA_ARRAY(c->arena, TunedRecord, MAX_RECORDS + 1);
	Text t = {c->arena, NULL, 0, 0};
	const char *root = embed_root(), *path;
	int i, n = read_records(c->diag, c->arena, gpu, all);

	for (i = 0; i < n && by_record(&all[i], r); i++)
		;
	all[i] = *r;
	n += i == n;
	qsort(all, (size_t)n, sizeof *all, by_record);
	text_add(&t, "# What the tuner chose for %s. Remade by: azulejo tune SPEC --gpu %s\n",
	         gpu->title, gpu->name);
	text_add(&t, "gpu: %s\nrecords:\n", gpu->name);
	for (i = 0; i < n; i++) {
		text_add(&t, "- spec: %s\n  fixed: \"%s\"\n  shape: \"%s\"\n", all[i].spec, all[i].fixed,
		         all[i].shape);
		text_add(&t, "  config: \"%s\"\n", all[i].config);
		text_add(&t, "  us: %.4g\n", all[i].us);
		if (!all[i].model)
			text_add(&t, "  ci: %.2g\n", all[i].ci);
		text_add(&t, "  tried: %d\n  of: %d\n  model: %s\n  env: \"%s\"\n", all[i].tried, all[i].of,
		         all[i].model ? "true" : "false", all[i].env);
	}
	path = root ? arena_printf(c->arena, "%s/generated/tuned/%s.yaml", root, gpu->name)
	            : arena_printf(c->arena, "%s.yaml", gpu->name);
	if (root)
		cache_make_folder(arena_printf(c->arena, "%s/generated/tuned", root));
	if (!cache_write_atomic(path, t.s, t.len))
		diag_env(c->diag, "%s: %s", path, strerror(errno));
	fprintf(stderr, "azulejo: wrote %s\n", path);
}
