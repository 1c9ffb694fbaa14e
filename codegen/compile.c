/* compile.c -- the pipeline, as a table of contents; then the text of the module. */
#include "compile.h"

#include <string.h>

#include "cost.h"
#include "dev.h"
#include "divide.h"
#include "facts.h"
#include "lower.h"
#include "prims.h"
#include "recipe.h"
#include "segment.h"
#include "simplify.h"
#include "tails.h"

/* One compile on its way through the passes. */
typedef struct Compile {
	Kernel *k;
	const GpuTarget *gpu;
	const CompileOptions *o;
	Facts *f;
	const Op *cut; /* the loop that may be cut, or NULL */
	bool segmented;
	int warps, takers; /* of a role that makes outputs, warpgroups that take turns */
	int ndevs;
	Dev *dev[MAX_KERNELS]; /* in order of launch */
	Module *m;
} Compile;

static int setting(const Kernel *k, const char *name, int otherwise)
{
	for (int i = 0; i < k->nsettings; i++)
		if (!strcmp(k->settings[i].name, name))
			return (int)k->settings[i].value;
	return otherwise;
}

static void pass_simplify(Compile *c)
{
	simplify_kernel(c->k);
}

/* Where an estimate of this many registers (some 15% high) still compiled without spills. Products
 * of warps keep their operands in registers as well. */
enum { GROUP_LIMIT = 260, WARP_LIMIT = 250, SQUARE_LIMIT = 240 };

static int alignment(const Compile *c)
{
	return c->o->align ? c->o->align : 16;
}

static Dev *dev_new(const Compile *c)
{
	Dev *d = ARENA_NEW(c->k->arena, Dev);

	d->k = c->k;
	d->gpu = c->gpu;
	d->arena = c->k->arena;
	d->name = c->k->name;
	d->warps = c->warps;
	d->takers = c->takers;
	d->min_blocks = 1;
	return d;
}

static bool widen(Compile *c, Facts *f, bool must)
{
	return lower_roles_widen(dev_new(c), f, setting(c->k, "stages", 2), alignment(c), must);
}

static bool must_widen(void *user, Facts *f)
{
	return widen(user, f, true);
}

static Room room_of(Compile *c)
{
	return (Room){c->gpu->wgmma ? GROUP_LIMIT : WARP_LIMIT,
	              c->gpu->smem_block,
	              setting(c->k, "stages", 2),
	              must_widen,
	              c,
	              c->takers > 1};
}

static int parts(Compile *c, int warps, int takers)
{
	Room room;

	c->warps = warps;
	c->takers = takers;
	room = room_of(c);
	return divide_parts(facts_new(c->k), warps, &room);
}

/* Two warpgroups take turns with the outputs, where roles can be had, and for no more parts. */
static void pass_divide(Compile *c)
{
	int warps = setting(c->k, "warps", 4), one = 0, two = 0;
	Room room;

	if (c->gpu->wgmma && warps == 8) {
		one = parts(c, 4, 1);
		two = parts(c, 4, 2);
	}
	c->warps = two && (!one || two <= one) ? 4 : warps;
	c->takers = c->warps < warps ? 2 : 1;
	room = room_of(c);
	divide_axis(facts_new(c->k), c->warps, &room);
}

static void pass_tails(Compile *c)
{
	c->f = facts_new(c->k);
	tails_mask(c->f);
}

static void pass_place(Compile *c)
{
	const Room room = room_of(c);

	c->f = facts_new(c->k);
	grow_check(c->f);
	facts_split(c->f, c->warps);
	divide_place(c->f, c->warps, &room);
	if (!c->gpu->wgmma)
		facts_squares(c->f, c->warps, SQUARE_LIMIT);
	if (c->takers == 1 && c->f->keepers == c->warps)
		widen(c, c->f, false);
	c->m->redundancy = cost_redundancy(c->f, c->warps);
}

static Dev *lower_part(Compile *c, LowerPart part, Segments *s)
{
	Dev *d = dev_new(c);

	d->name = part == PART_LOCAL ? arena_printf(d->arena, "%s_local", c->k->name) : c->k->name;
	if (part == PART_LOCAL)
		d->warps = c->f->keepers;
	lower_kernel(d, c->f, setting(c->k, "stages", 2), alignment(c), part, s);
	return d;
}

static void pass_lower(Compile *c)
{
	double products[2] = {0};
	Segments *s;

	c->m->nwork = 0;
	if (!c->segmented) {
		c->dev[0] = lower_part(c, PART_ALL, NULL);
		c->ndevs = 1;
	} else {
		s = segment_new(c->k, c->cut);
		c->dev[0] = lower_part(c, PART_LOCAL, s);
		c->dev[2] = lower_part(c, PART_SEGMENT, s);
		c->dev[1] = segment_scan(s, c->dev[2]);
		c->ndevs = 3;
		segment_work(s, c->dev[2], c->m);
	}
	for (int i = 0; i < c->ndevs; i++)
		for (int j = 0; j < 2; j++)
			products[j] += c->dev[i]->products[j];
	c->m->by_groups = products[1] ? products[1] / (products[0] + products[1]) : 0;
}

static void pass_sync(Compile *c)
{
	for (int i = 0; i < c->ndevs; i++)
		sync_insert(c->dev[i]);
}

static void pass_allocate(Compile *c)
{
	for (int i = 0; i < c->ndevs; i++)
		allocate_smem(c->dev[i]);
}

static KernelText finished_text(const Dev *d)
{
	KernelText t = d->text;

	t.name = d->name;
	t.threads = dev_threads(d);
	t.smem = d->smem;
	t.min_blocks = d->min_blocks;
	t.cluster = d->gpu->cluster ? setting(d->k, "cluster", 1) : 1;
	return t;
}

/* Segments when they are asked for; or when the sizes are known and one pass, which is lowered to
 * see its blocks, would leave much of the GPU idle. */
static void pass_schedule(Compile *c)
{
	const char *why, *want = c->o->schedule ? c->o->schedule : "onepass";
	const int64_t *size = c->o->axis_size;
	const Range *r;
	KernelText t;
	Loc at;

	c->cut = ir_segment_loop(c->k, &at, &why);
	c->segmented = !strcmp(want, "segmented") || (!strcmp(want, "auto") && c->o->segments > 1);
	if (c->segmented && !c->cut)
		diag_fail(c->k->diag, at, "segments: the loop cannot be cut: %s", why);
	if (!c->segmented && c->o->segments > 1)
		diag_fail(c->k->diag, (Loc){c->k->file, 0}, "segments=%d: schedule=%s has one",
		          c->o->segments, want);
	r = c->cut ? c->cut->range : NULL;
	if (!r || strcmp(want, "auto") || c->o->segments || !size || !size[r->axis->id])
		return;
	pass_lower(c);
	pass_allocate(c);
	t = finished_text(c->dev[0]);
	c->segmented =
	    segment_count(c->gpu, &t, module_blocks(&t, size, 1), size[r->axis->id], r->n) > 1;
}

/* Row order is run order. `device`: the pass leaves device IR to print. */
static const struct Pass {
	const char *name;
	void (*run)(Compile *);
	bool device;
	const char *doc;
} passes[] = {
    {"simplify", pass_simplify, false,
     "equal ops once, unused ops gone, carried vectors as columns"},
    {"divide", pass_divide, false, "an axis over programs where carried tiles do not fit"},
    {"tails", pass_tails, false,
     "elements that do not exist masked where a reduction would see them"},
    {"place", pass_place, false, "orientations, and how the warps divide the work"},
    {"schedule", pass_schedule, false, "one pass, or segments that fill the GPU"},
    {"lower", pass_lower, true, "tile ops to statements on cores"},
    {"sync", pass_sync, true, "block barriers"},
    {"allocate", pass_allocate, true, "shared memory offsets"},
};

enum { NPASSES = sizeof passes / sizeof *passes };

static void check_name(Kernel *k, const char *what, const char *name)
{
	Text all = {.arena = k->arena};

	for (int i = 0; i < NPASSES; i++) {
		if (!strcmp(passes[i].name, name))
			return;
		text_add(&all, "%s%s", i ? ", " : "", passes[i].name);
	}
	diag_fail(k->diag, (Loc){NULL, 0}, "%s %s: no such pass; one of trace, %s", what, name, all.s);
}

/* -- the text ------------------------------------------------------------------------------ */

static const char *sim_type(const Kernel *k, const Param *p)
{
	if (p->kind == PARAM_MAP)
		return "TensorMap";
	if (p->kind == PARAM_STRIDE)
		return "i64";
	if (p->kind == PARAM_SCALAR)
		return p->dtype == DT_F32 ? "float" : "int";
	if (p->kind == PARAM_WORK)
		return "float *";
	if (p->kind == PARAM_ARG)
		return k->args[p->arg]->dtype == DT_F32   ? "float *"
		       : k->args[p->arg]->dtype == DT_I32 ? "int *"
		                                          : "b16 *";
	return "int";
}

static void print_entries(const Module *m, Text *t)
{
	for (int i = 0; i < m->nkernels; i++) {
		const KernelText *x = &m->kernel[i];

		text_add(t, "\nstatic void %s_entry(void **a)\n{\n\t%s(", x->name, x->name);
		for (int p = 0; p < x->nparams; p++)
			text_add(t, "%s*(%s *)a[%d]", p ? ", " : "", sim_type(m->k, &x->param[p]), p);
		text_puts(t, ");\n}\n");
	}
	text_puts(t, "\nconst SimEntry sim_entries[] = {\n");
	for (int i = 0; i < m->nkernels; i++)
		text_add(t, "\t{ \"%s\", %s_entry, %d },\n", m->kernel[i].name, m->kernel[i].name,
		         m->kernel[i].min_blocks);
	text_puts(t, "\t{ 0, 0 },\n};\n");
}

/* Where each kernel's shared buffers lie, for what the simulator says of them. */
static void print_places(const Compile *c, Text *t)
{
	text_puts(t, "\nconst SimPlace sim_places[] = {\n");
	for (int i = 0; i < c->ndevs; i++)
		for (int b = 0; b < c->dev[i]->nbufs; b++) {
			const Buffer *x = c->dev[i]->buf[b];
			const char *ring = x->stages > 1 ? strstr(x->name, "_ring") : NULL;
			int n = (int)(ring ? ring - x->name : (long)strlen(x->name));

			text_add(t, "\t{ \"%s\", \"%.*s\", %d, %d, %d },\n", c->dev[i]->name, n, x->name,
			         x->offset, x->copies ? x->apart : x->bytes, x->copies ? x->copies : x->stages);
		}
	text_puts(t, "\t{ 0, 0, 0, 0, 0 },\n};\n");
}

static void emit(Compile *c)
{
	Module *m = c->m;
	Arena *a = c->k->arena;
	Text body = {.arena = a}, cuda = {.arena = a}, sim = {.arena = a};

	for (int i = 0; i < c->ndevs; i++) {
		m->kernel[m->nkernels++] = finished_text(c->dev[i]);
		if (i)
			text_puts(&body, "\n");
		dev_print(c->dev[i], &body);
	}
	recipe_print(m, &cuda);
	text_puts(&cuda, "\n");
	text_puts(&cuda, prims_text(a, body.s, false));
	text_puts(&cuda, "\nextern \"C\" {\n\n");
	text_puts(&cuda, body.s);
	text_puts(&cuda, "\n}\n");
	text_puts(&sim, prims_text(a, body.s, true));
	text_puts(&sim, "\n");
	text_puts(&sim, body.s);
	print_entries(m, &sim);
	print_places(c, &sim);
	m->text_cuda = cuda.s;
	m->text_sim = sim.s;
}

Module *compile_module(Kernel *k, const GpuTarget *g, const CompileOptions *o, Text *dump)
{
	Compile c = {.k = k, .gpu = g, .o = o};

	if (o->dump && strcmp(o->dump, "trace"))
		check_name(k, "-d", o->dump);
	if (o->stop && strcmp(o->stop, "trace"))
		check_name(k, "-s", o->stop);
	ir_verify(k);
	if (o->dump && !strcmp(o->dump, "trace"))
		ir_print(k, dump);
	if (o->stop && !strcmp(o->stop, "trace"))
		return NULL;
	c.m = ARENA_NEW(k->arena, Module);
	c.m->k = k;
	strcpy(c.m->arch, g->arch);
	c.m->schedule = "onepass";
	for (int i = 0; i < NPASSES; i++) {
		passes[i].run(&c);
		if (!passes[i].device)
			ir_verify(k);
		if (o->dump && !strcmp(o->dump, passes[i].name)) {
			for (int d = 0; d < c.ndevs && passes[i].device; d++)
				dev_print(c.dev[d], dump);
			if (!passes[i].device)
				ir_print(k, dump);
		}
		if (o->stop && !strcmp(o->stop, passes[i].name))
			return NULL;
	}
	emit(&c);
	return c.m;
}

/* -- sizes known at launch ------------------------------------------------------------------ */

static int64_t product(const Factor *f, int n, const int64_t *axis_size, int segs)
{
	int64_t r = 1;

	for (int i = 0; i < n; i++)
		switch (f[i].kind) {
		case FACTOR_CONST:
			r *= f[i].value;
			break;
		case FACTOR_AXIS:
			r *= (axis_size[f[i].axis] + f[i].value - 1) / f[i].value;
			break;
		case FACTOR_SEGS:
			r *= segs - f[i].value;
			break;
		}
	return r;
}

int64_t module_blocks(const KernelText *t, const int64_t *axis_size, int segs)
{
	int64_t n = module_programs(t, axis_size, segs);

	return t->most && n > t->most && n <= INT32_MAX ? t->most : n; /* more are refused */
}

int64_t module_programs(const KernelText *t, const int64_t *axis_size, int segs)
{
	return segs < t->from_segs ? 0 : product(t->grid, t->nfactors, axis_size, segs);
}

int64_t module_work_elems(const WorkBuffer *w, const int64_t *axis_size, int segs)
{
	return product(w->size, w->nfactors, axis_size, segs);
}

bool module_in_place(const Module *m, int segs, const Arg *out)
{
	if (segs > 1)
		return false;
	for (int i = 0; m->k->divided && i < out->rank; i++)
		if (out->axis[i] == m->k->divided->axis)
			return true;
	return !m->k->divided;
}

int module_segments(const Module *m, const GpuTarget *g, const int64_t *axis_size)
{
	const KernelText *whole = &m->kernel[m->nkernels - 1];

	if (!m->seg_chunk)
		return 1;
	return segment_count(g, whole, module_blocks(whole, axis_size, 1), axis_size[m->seg_axis],
	                     m->seg_chunk);
}
