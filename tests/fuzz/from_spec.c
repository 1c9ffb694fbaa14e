/* from_spec.c -- random settings for a spec, from its own declaration and a trace: sizes of the
 * grid's list entries stay small, others lie around the chunks, compile-time sizes are multiples
 * of 8, flags and tunables anything. Names of axes mean nothing here.
 */
#define _GNU_SOURCE
#include "from_spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../codegen/spec.h"
#include "../../runtime/embed.h"

enum { MAX_SPECS = 64 };

static struct Known {
	const char *name;
	const SpecInfo *info;
	const Kernel *k;
	bool cut; /* its loop may be cut in segments */
} known[MAX_SPECS];
static int nknown;

void specs_read(void)
{
	Arena *a = arena_new(); /* kept: the kernels live in it */
	static Diag d;

	if (DIAG_TRY(&d)) {
		fprintf(stderr, "fuzz: %s\n", d.text);
		exit(2);
	}
	for (const char *const *n = embed_list("specs/", ".lua"); *n && nknown < MAX_SPECS; n++) {
		const char *path = arena_printf(a, "specs/%s.lua", *n);
		Spec *s = spec_open(&d, path, path);
		Kernel *k = spec_trace(s, &d, a, 0, NULL, NULL);
		const char *why;
		Loc at;

		known[nknown++] = (struct Known){*n, spec_info(s), k, ir_segment_loop(k, &at, &why)};
	}
}

int specs_count(void)
{
	return nknown;
}

const char *any_gpu(Dice *d, bool engine)
{
	static const char *const gpu[] = {"a100", "a100", "a100", "a100", "h100", "a10", "rtx5090"},
	                         *const hopper[] = {"h100", "h100", "h200"};

	return engine ? DICE_PICK(d, hopper) : DICE_PICK(d, gpu);
}

int awkward_size(Dice *d, int c, int most)
{
	const int near[] = {
	    1, 2, c - 1, c, c + 1, 2 * c, 2 * c + 1, 3 * c + 5, 4 * c + 1 + dice_below(d, c)};
	int n = dice_percent(d, 70) ? DICE_PICK(d, near) : 1 + dice_below(d, most);

	return n < 1 ? 1 : n > most ? 1 + n % most : n;
}

static void put(Case *c, const char *name, const char *fmt, long n)
{
	size_t at = strlen(c->set);

	at += (size_t)snprintf(c->set + at, sizeof c->set - at, "%s%s=", at ? "," : "", name);
	snprintf(c->set + at, sizeof c->set - at, fmt, n);
}

/* A multiple of 8, mostly small; now and then one that is not. */
static int whole_size(Dice *d)
{
	static const int small[] = {8, 16, 16, 24, 32};

	if (dice_percent(d, 3))
		return 1 + dice_below(d, 300);
	return dice_percent(d, 70)   ? DICE_PICK(d, small)
	       : dice_percent(d, 80) ? 8 * (1 + dice_below(d, 16))
	                             : 8 * (1 + dice_below(d, 32));
}

static int tune_value(Dice *d, const SpecTune *t, bool engine)
{
	static const int warps[] = {1, 2, 4, 8}, stages[] = {1, 2, 3, 4},
	                 other[] = {1, 8, 16, 32, 48, 64, 96, 128};

	if (!strcmp(t->name, "cluster"))
		return 1 + dice_below(d, 8);
	if (engine && dice_percent(d, 70) && strcmp(t->name, "stages"))
		return !strcmp(t->name, "warps") ? 4 : 64;
	if (dice_percent(d, 80))
		return (int)t->value[dice_below(d, t->n)];
	return !strcmp(t->name, "warps")    ? DICE_PICK(d, warps)
	       : !strcmp(t->name, "stages") ? DICE_PICK(d, stages)
	                                    : DICE_PICK(d, other);
}

/* Whether programs each have one element of the axis. */
static bool listed(const Kernel *k, const char *name)
{
	for (int i = 0; i < k->grid.n; i++)
		if (k->grid.range[i]->kind == RANGE_ONE && !strcmp(k->grid.range[i]->axis->name, name))
			return true;
	return false;
}

static void optional_args(Dice *d, const Kernel *k, Case *c)
{
	for (int i = 0; i < k->nargs; i++)
		if (k->args[i]->optional && dice_percent(d, 50)) {
			size_t at = strlen(c->with);

			snprintf(c->with + at, sizeof c->with - at, "%s%s", at ? "," : "", k->args[i]->name);
		}
}

static void schedule(Dice *d, bool cut, Case *c)
{
	size_t at = strlen(c->set);

	switch (cut || dice_percent(d, 5) ? dice_below(d, 4) : 0) {
	case 0:
		snprintf(c->set + at, sizeof c->set - at, ",schedule=onepass");
		break;
	case 1:
		put(c, "segments", "%ld", 1 + dice_below(d, 9));
		break;
	case 2:
		snprintf(c->set + at, sizeof c->set - at, ",schedule=segmented");
		if (dice_percent(d, 70))
			put(c, "segments", "%ld", 1 + dice_below(d, 9));
		break;
	}
}

static void scalars(Dice *d, const Kernel *k, int longest, Case *c)
{
	for (int i = 0; i < k->nargs; i++)
		if (!k->args[i]->rank && k->args[i]->dtype == DT_I32 && dice_percent(d, 70))
			put(c, k->args[i]->name, "%ld", awkward_size(d, longest / 2 + 1, longest + 5));
}

void specs_case(Dice *d, int which, Case *c)
{
	const struct Known *s = &known[which];
	bool engine = dice_percent(d, 45);
	int chunk = 16, programs = 1, longest = 1, wide = 0;

	memset(c, 0, sizeof *c);
	snprintf(c->spec, sizeof c->spec, "%s", s->name);
	for (int i = 0; i < s->info->ntune; i++) {
		int v = tune_value(d, &s->info->tune[i], engine);

		if (strcmp(s->info->tune[i].name, "warps") && strcmp(s->info->tune[i].name, "stages") &&
		    strcmp(s->info->tune[i].name, "cluster") && (chunk == 16 || dice_percent(d, 50)))
			chunk = v;
		put(c, s->info->tune[i].name, "%ld", v);
	}
	for (int i = 0; i < s->info->nflags; i++)
		put(c, s->info->flags[i].name, "%ld",
		    (long)s->info->flags[i].value[dice_below(d, s->info->flags[i].n)]);
	for (int i = 0; i < s->info->ndims; i++)
		if (s->info->dims[i].has_default && !s->info->dims[i].derived) {
			int n = whole_size(d);

			wide = n > wide ? n : wide;
			put(c, s->info->dims[i].name, "%ld", n);
		}
	for (int i = 0; i < s->info->ndims; i++) {
		const SpecDim *x = &s->info->dims[i];
		int n;

		if (x->has_default || x->derived)
			continue;
		if (listed(s->k, x->name)) {
			n = programs < (wide > 32 || chunk > 64 ? 2 : 4) ? 1 + dice_below(d, 3) : 1;
			programs *= n;
		} else {
			n = awkward_size(d, chunk, wide > 128 ? 40 : wide > 64 || chunk > 64 ? 150 : 300);
			longest = n > longest ? n : longest;
		}
		put(c, x->name, "%ld", n);
	}
	if (dice_percent(d, 35))
		snprintf(c->set + strlen(c->set), sizeof c->set - strlen(c->set), ",dtype=f16");
	scalars(d, s->k, longest, c);
	optional_args(d, s->k, c);
	schedule(d, s->cut, c);
	snprintf(c->gpu, sizeof c->gpu, "%s", any_gpu(d, engine));
	c->bnhd = dice_percent(d, 40);
	c->align = dice_percent(d, 85) ? 0 : 2 << dice_below(d, 3);
	c->seed = (unsigned long)dice_below(d, 1000);
	c->orders = dice_percent(d, 30) ? 1 + (unsigned long)dice_below(d, 1000) : 0;
	c->build = dice_percent(d, 3);
}
