/* counters.c -- what the simulator counted, for people and for programs. */
#include "counters.h"
#include "embed.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
#define ROW(id, total) #id,
    SIM_WORK(ROW)
#undef ROW
};

static uint64_t value(const SimCounters *c, int kind)
{
	return ((const uint64_t *)c)[kind];
}

static void add(SimCounters *to, const SimCounters *from)
{
	for (int i = 0; i < NWORKKINDS; i++)
		((uint64_t *)to)[i] += value(from, i);
}

static bool any(const SimCounters *c)
{
	for (int i = 0; i < NWORKKINDS; i++)
		if (value(c, i))
			return true;
	return false;
}

/* ---- Spec lines ---- */

/* A place in the spec and what the generated lines that belong to it did. */
typedef struct Place {
	const char *spec; /* "copy.lua:21", or "" */
	SimCounters work;
} Place;

static const char *line_of(const char *spec)
{
	const char *p = strrchr(spec, ':');

	return p ? p + 1 : "0";
}

static int by_place(const void *a, const void *b)
{
	const char *x = ((const Place *)a)->spec, *y = ((const Place *)b)->spec;
	size_t n = strcspn(x, ":");
	int order = strncmp(x, y, n + 1);

	return order ? order : atoi(line_of(x)) - atoi(line_of(y));
}

/* Kernel k's places in order; what lies before the first comment comes first. */
static Place *places(const Exec *x, int k, int *n)
{
	int lines = sim_lines(x->sim);
	const SimCounters *c = &x->lines[(size_t)k * (size_t)lines];
	Place *p = calloc((size_t)lines + 1, sizeof *p);

	*n = 0;
	for (int l = 0; p && l < lines; l++) {
		const char *spec = sim_spec_line(x->sim, l);
		int i = 0;

		if (!any(&c[l]))
			continue;
		while (i < *n && strcmp(p[i].spec, spec))
			i++;
		if (i == *n)
			p[(*n)++].spec = spec;
		add(&p[i].work, &c[l]);
	}
	if (p)
		qsort(p, (size_t)*n, sizeof *p, by_place);
	return p;
}

/* The author's line, without its indentation; length in *n, 0 when the file is not there. */
static const char *author_text(const Exec *x, const char *spec, int *n)
{
	const char *path = x->plan->k->file, *base = path ? strrchr(path, '/') : NULL, *text = NULL;
	size_t name = strcspn(spec, ":");
	int line = atoi(line_of(spec));

	*n = 0;
	base = base ? base + 1 : path;
	if (base && *spec && strlen(base) == name && !strncmp(base, spec, name))
		text = embed_find(path, NULL);
	while (text && line > 1 && (text = strchr(text, '\n'))) {
		text++;
		line--;
	}
	if (!text)
		return "";
	text += strspn(text, " \t");
	*n = (int)strcspn(text, "\r\n");
	return text;
}

/* ---- The table ---- */

/* A column: a counter, or two of them as a share in percent of bytes asked for in sectors. */
static const struct Column {
	const char *head;
	int kind;
} columns[] = {
    {"loaded B", WORK_global_load_bytes},
    {"stored B", WORK_global_store_bytes},
    {"copied B", WORK_async_bytes},
    {"sectors", WORK_global_sectors},
    {"used %", NWORKKINDS},
    {"waves", WORK_shared_wavefronts},
    {"conflicts", WORK_shared_conflicts},
    {"mma", WORK_mma},
    {"wgmma", WORK_wgmma},
    {"MFLOP", WORK_tensor_flops},
    {"exp", WORK_exp_ops},
    {"mufu", WORK_mufu_ops},
    {"shuffles", WORK_shuffles},
    {"barriers", WORK_barriers},
    {"mbarrier", WORK_mbarrier_ops},
};
enum { NCOLUMNS = sizeof columns / sizeof *columns, WIDTH = 10 };

static double used(const SimCounters *c)
{
	uint64_t bytes = c->global_load_bytes + c->global_store_bytes + c->async_bytes;

	return c->global_sectors ? 100.0 * (double)bytes / (32.0 * (double)c->global_sectors) : 0;
}

static bool shown(const SimCounters *total, const struct Column *k)
{
	return k->kind == NWORKKINDS ? total->global_sectors : value(total, k->kind);
}

static void print_work(FILE *f, const SimCounters *total, const SimCounters *c)
{
	for (int i = 0; i < NCOLUMNS; i++) {
		const struct Column *k = &columns[i];

		if (!shown(total, k))
			continue;
		if (k->kind == NWORKKINDS && c->global_sectors)
			fprintf(f, " %*.1f", WIDTH, used(c));
		else if (k->kind == NWORKKINDS || !value(c, k->kind))
			fprintf(f, " %*s", WIDTH, "");
		else if (k->kind == WORK_tensor_flops)
			fprintf(f, " %*.3f", WIDTH, 1e-6 * (double)c->tensor_flops);
		else
			fprintf(f, " %*llu", WIDTH, (unsigned long long)value(c, k->kind));
	}
}

void counters_print(const Exec *x, FILE *f)
{
	for (int k = 0; k < x->plan->m->nkernels; k++) {
		const KernelText *t = &x->plan->m->kernel[k];
		const SimCounters *total = &x->kernel[k];
		Place *p;
		int n, place = 8;

		if (!any(total))
			continue;
		p = places(x, k, &n);
		for (int i = 0; i < n; i++)
			place = (int)strlen(p[i].spec) > place ? (int)strlen(p[i].spec) : place;
		fprintf(f, "\n%s: %lld blocks of %d threads\n%-*s", t->name,
		        (long long)module_blocks(t, x->plan->size, x->plan->segs), t->threads, place, "");
		for (int i = 0; i < NCOLUMNS; i++)
			if (shown(total, &columns[i]))
				fprintf(f, " %*s", WIDTH, columns[i].head);
		fputc('\n', f);
		for (int i = 0; i < n; i++) {
			int length;
			const char *text = author_text(x, p[i].spec, &length);

			fprintf(f, "%-*s", place, *p[i].spec ? p[i].spec : "(head)");
			print_work(f, total, &p[i].work);
			fprintf(f, "%s%.*s\n", length ? "  " : "", length, text);
		}
		fprintf(f, "%-*s", place, "total");
		print_work(f, total, total);
		fputc('\n', f);
		free(p);
	}
}

/* ---- JSON ---- */

static void work_json(Json *j, const char *key, const SimCounters *c, bool zeros)
{
	json_open(j, key, '{');
	for (int i = 0; i < NWORKKINDS; i++)
		if (zeros || value(c, i))
			json_int(j, names[i], (long long)value(c, i));
	json_close(j);
}

void counters_json(const Exec *x, Json *j)
{
	work_json(j, "counters", &x->result.counters, true);
}

static void spec_json(const Exec *x, int k, Json *j)
{
	int n;
	Place *p = places(x, k, &n);

	json_open(j, "spec_lines", '[');
	for (int i = 0; i < n; i++) {
		char text[512];
		int length;
		const char *from = author_text(x, p[i].spec, &length);

		snprintf(text, sizeof text, "%.*s", length, from);
		json_open(j, NULL, '{');
		json_text(j, "spec", p[i].spec);
		json_text(j, "text", text);
		work_json(j, "counters", &p[i].work, false);
		json_close(j);
	}
	json_close(j);
	free(p);
}

static void generated_json(const Exec *x, int k, Json *j)
{
	int lines = sim_lines(x->sim);
	const SimCounters *c = &x->lines[(size_t)k * (size_t)lines];

	json_open(j, "generated_lines", '[');
	for (int l = 0; l < lines; l++) {
		if (!any(&c[l]))
			continue;
		json_open(j, NULL, '{');
		json_int(j, "line", l);
		json_text(j, "spec", sim_spec_line(x->sim, l));
		work_json(j, "counters", &c[l], false);
		json_close(j);
	}
	json_close(j);
}

void counters_json_lines(const Exec *x, Json *j)
{
	json_open(j, "kernels", '[');
	for (int k = 0; k < x->plan->m->nkernels; k++) {
		const KernelText *t = &x->plan->m->kernel[k];

		json_open(j, NULL, '{');
		json_text(j, "name", t->name);
		json_int(j, "blocks", (long long)module_blocks(t, x->plan->size, x->plan->segs));
		json_int(j, "threads", t->threads);
		work_json(j, "counters", &x->kernel[k], true);
		spec_json(x, k, j);
		generated_json(x, k, j);
		json_close(j);
	}
	json_close(j);
}
