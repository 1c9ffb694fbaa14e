/* gpu.c -- GPU descriptions. A new GPU is a new file; a new field is a row of the table here. */
#include "gpu.h"
#include "embed.h"
#include "yamlfile.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

typedef struct Field {
	const char *name;
	enum { INT, REAL } kind;
	size_t at;
	double min, max;
} Field;

#define AT(f) offsetof(GpuTarget, f)
static const Field fields[] = {
    {"sms", INT, AT(sms), 1, 4096},
    {"smem_block", INT, AT(smem_block), 1 << 14, 1 << 24},
    {"smem_sm", INT, AT(smem_sm), 1 << 14, 1 << 24},
    {"regs_sm", INT, AT(regs_sm), 1 << 10, 1 << 24},
    {"regs_thread", INT, AT(regs_thread), 16, 1024},
    {"threads_sm", INT, AT(threads_sm), 256, 1 << 16},
    {"dram_gbs", REAL, AT(dram_gbs), 1, 1e6},
    {"l2_mb", REAL, AT(l2_mb), 0.1, 1e5},
    {"clock_ghz", REAL, AT(clock_ghz), 0.1, 100},
    {"tensor_tflops", REAL, AT(tensor_tflops), 0.1, 1e6},
    {"mma_sync_share", REAL, AT(mma_sync_share), 0.001, 1},
};

static const struct Feature {
	const char *name;
	size_t at;
} features[] = {
    {"mma_sync", AT(mma_sync)}, {"cp_async", AT(cp_async)}, {"wgmma", AT(wgmma)},
    {"tma", AT(tma)},           {"mbarrier", AT(mbarrier)}, {"setmaxnreg", AT(setmaxnreg)},
    {"stmatrix", AT(stmatrix)}, {"cluster", AT(cluster)},
};

#define COUNT(t) (sizeof(t) / sizeof *(t))

static void read_features(Diag *d, GpuTarget *g, const Yaml *list)
{
	const Yaml *y;
	size_t i;

	for (y = list->first; y; y = y->next) {
		for (i = 0; i < COUNT(features); i++)
			if (y->value && !strcmp(y->value, features[i].name))
				break;
		if (i == COUNT(features))
			diag_fail(d, y->loc,
			          "unknown feature '%s'; known: mma_sync, cp_async, wgmma, tma, "
			          "mbarrier, setmaxnreg, stmatrix, cluster",
			          y->value ? y->value : "?");
		*(bool *)((char *)g + features[i].at) = true;
	}
}

static void read_field(Diag *d, GpuTarget *g, const Yaml *y)
{
	const Field *f;
	double v;

	for (f = fields; f < fields + COUNT(fields); f++)
		if (!strcmp(f->name, y->key))
			break;
	if (f == fields + COUNT(fields))
		diag_fail(d, y->loc, "unknown key '%s'", y->key);
	v = yaml_number(d, y);
	if (v < f->min || v > f->max || (f->kind == INT && v != (double)(int)v))
		diag_fail(d, y->loc, "%s: %s is not between %g and %g%s", y->key, y->value, f->min, f->max,
		          f->kind == INT ? ", in whole numbers" : "");
	if (f->kind == INT)
		*(int *)((char *)g + f->at) = (int)v;
	else
		*(double *)((char *)g + f->at) = v;
}

static const Gpu *read_gpu(Diag *d, Arena *a, const char *name, const char *text)
{
	const char *shown = arena_printf(a, "specs/gpus/%s.yaml", name);
	const Yaml *root = yaml_read(d, a, text, shown), *y, *m;
	Gpu *g = ARENA_NEW(a, Gpu);
	const Field *f;

	g->name = arena_strdup(a, name);
	for (y = root->first; y; y = y->next) {
		if (!y->key)
			diag_fail(d, y->loc, "expected 'key: value'");
		if (!strcmp(y->key, "name") && y->value) {
			g->title = y->value;
		} else if (!strcmp(y->key, "match")) {
			for (m = y->first; m && g->nmatch < (int)COUNT(g->match); m = m->next)
				if (m->value)
					g->match[g->nmatch++] = m->value;
		} else if (!strcmp(y->key, "arch")) {
			if (!y->value || strncmp(y->value, "sm_", 3) || strlen(y->value) > 8)
				diag_fail(d, y->loc, "arch: expected sm_NN, e.g. sm_80 or sm_90a");
			strcpy(g->target.arch, y->value);
		} else if (!strcmp(y->key, "features")) {
			read_features(d, &g->target, y);
		} else {
			read_field(d, &g->target, y);
		}
	}
	for (f = fields; f < fields + COUNT(fields); f++)
		if (!yaml_get(root, f->name))
			diag_fail(d, (Loc){shown, 0}, "missing key '%s'", f->name);
	if (!g->title || !g->target.arch[0])
		diag_fail(d, (Loc){shown, 0}, "missing key '%s'", g->title ? "arch" : "name");
	return g;
}

const Gpu *gpu_find(Diag *d, Arena *a, const char *name)
{
	char path[128];
	const char *text = NULL, *const * n;
	Text known = {a, NULL, 0, 0};

	if (strlen(name) < 64 && !strchr(name, '/')) {
		snprintf(path, sizeof path, "specs/gpus/%s.yaml", name);
		text = embed_find(path, NULL);
	}
	if (text)
		return read_gpu(d, a, name, text);
	for (n = embed_list("specs/gpus/", ".yaml"); *n; n++)
		text_add(&known, "%s%s", known.len ? ", " : "", *n);
	diag_fail(d, (Loc){0}, "unknown GPU '%s'; known: %s", name, known.s ? known.s : "none");
}

int gpu_all(Diag *d, Arena *a, const Gpu **out, int max)
{
	const char *const *n = embed_list("specs/gpus/", ".yaml");
	int i;

	for (i = 0; n[i] && i < max; i++)
		out[i] = gpu_find(d, a, n[i]);
	return i;
}

bool gpu_is(const Gpu *g, int major, int minor)
{
	char arch[16];
	size_t n = (size_t)snprintf(arch, sizeof arch, "sm_%d%d", major, minor);

	return !strncmp(g->target.arch, arch, n) &&
	       !(g->target.arch[n] >= '0' && g->target.arch[n] <= '9');
}

const Gpu *gpu_match(Diag *d, Arena *a, const char *device, int major, int minor)
{
	const Gpu *all[64], *best = NULL;
	int i, j, n = gpu_all(d, a, all, 64);
	size_t len = 0;

	for (i = 0; i < n; i++)
		for (j = 0; j < all[i]->nmatch && gpu_is(all[i], major, minor); j++)
			if (strstr(device, all[i]->match[j]) && strlen(all[i]->match[j]) > len) {
				len = strlen(all[i]->match[j]);
				best = all[i];
			}
	return best;
}
