/* plan.c -- from a command line to a kernel with sizes. */
#define _GNU_SOURCE
#include "plan.h"
#include "embed.h"
#include "random.h"
#include "tuned.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const Loc nowhere;

const char *plan_spec_path(Diag *d, Arena *a, const char *spec, const char **shown)
{
	const char *path, *const *n, *best = NULL;
	size_t i, len, best_len = 0;

	*shown = spec;
	if (strchr(spec, '/') || (strlen(spec) > 4 && !strcmp(spec + strlen(spec) - 4, ".lua"))) {
		if (!access(spec, R_OK) || embed_find(spec, NULL))
			return spec;
		diag_fail(d, nowhere, "%s: no such spec", spec);
	}
	path = arena_printf(a, "specs/%s.lua", spec);
	*shown = path;
	if (embed_find(path, NULL))
		return path;
	for (n = embed_list("specs/", ".lua"); *n; n++) {
		len = strlen(*n);
		for (i = 0; i < len && spec[i] == (*n)[i]; i++)
			;
		if (i > best_len)
			best = *n, best_len = i;
	}
	if (best)
		diag_fail(d, nowhere, "unknown spec '%s'; did you mean '%s'?", spec, best);
	diag_fail(d, nowhere, "unknown spec '%s'; see azulejo list", spec);
}

/* -- sizes ------------------------------------------------------------------------------------- */

static const char *set_value(int n, const SpecSet *set, const char *name)
{
	while (n-- > 0)
		if (!strcmp(set[n].name, name))
			return set[n].value;
	return NULL;
}

static void add_set(Cli *c, int *n, SpecSet *set, const char *name, const char *value)
{
	if (*n == CLI_MAX_SET)
		diag_fail(c->diag, nowhere, "more than %d settings", CLI_MAX_SET);
	set[*n].name = name;
	set[(*n)++].value = value;
}

static const Arg *find_arg(Cli *c, const Kernel *k, const char *name, bool output)
{
	Text known = {c->arena, NULL, 0, 0};
	int i;

	for (i = 0; i < k->nargs; i++)
		if (!strcmp(k->args[i]->name, name) && (output || !k->args[i]->output))
			return k->args[i];
	for (i = 0; i < k->nargs; i++)
		if (output || !k->args[i]->output)
			text_add(&known, "%s%s", known.len ? ", " : "", k->args[i]->name);
	diag_fail(c->diag, nowhere, "%s: %s has no such argument; it has: %s", name, k->name,
	          known.s ? known.s : "none");
}

/* Whether a size may be set: it is not computed from others. */
static bool settable(const SpecInfo *info, const char *name)
{
	int i;

	for (i = 0; i < info->ndims; i++)
		if (!strcmp(info->dims[i].name, name))
			return !info->dims[i].derived;
	return false;
}

/* One stored axis of a file gives one declared axis when the others that share it are known. */
static bool size_from_file(Cli *c, const SpecInfo *info, const Arg *arg, const int *mem_of, int mem,
                           int64_t extent, int *n, SpecSet *set)
{
	const Axis *unknown = NULL;
	const char *v;
	int i, count = 0;

	for (i = 0; i < arg->rank; i++) {
		if (mem_of[i] != mem)
			continue;
		v = set_value(*n, set, arg->axis[i]->name);
		if (!v) {
			unknown = arg->axis[i];
			count++;
		} else if (atoll(v) > 0) {
			extent /= atoll(v);
		}
	}
	if (count != 1 || extent < 1 || !settable(info, unknown->name))
		return false;
	add_set(c, n, set, unknown->name, arena_printf(c->arena, "%lld", (long long)extent));
	return true;
}

/* Sizes that the --in files imply, until nothing new follows. */
static void sizes_from_files(Cli *c, const SpecInfo *info, const Kernel *k, int *n, SpecSet *set)
{
	int mem_of[MAX_AXES], f, i, rank;
	bool some = true;
	const Arg *arg;
	Npy head;

	while (some)
		for (some = false, f = 0; f < c->nin; f++) {
			arg = find_arg(c, k, c->in[f].name, false);
			npy_head(c->diag, c->in[f].path, &head);
			rank = tensor_mem_axes(k, arg, c->layout, mem_of);
			if (head.rank != rank)
				diag_fail(c->diag, nowhere, "%s has %d axes, but %s here has %d", c->in[f].path,
				          head.rank, arg->name, rank);
			for (i = 0; i < rank; i++)
				some |= size_from_file(c, info, arg, mem_of, i, head.shape[i], n, set);
		}
}

static void sizes_from_smoke(Cli *c, const SpecInfo *info, const Kernel *k, int *n, SpecSet *set)
{
	char *all, *save, *p, *eq;
	int i;

	if (!info->smoke[0] || c->no_smoke)
		return;
	all = arena_strdup(c->arena, info->smoke[0]);
	for (p = strtok_r(all, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
		if (!(eq = strchr(p, '=')))
			continue;
		*eq = 0;
		for (i = 0; i < k->naxes; i++)
			if (!k->axes[i]->size && !strcmp(k->axes[i]->name, p) && !set_value(*n, set, p))
				add_set(c, n, set, p, eq + 1);
	}
}

static void bind_sizes(Plan *p, int n, const SpecSet *set, bool need)
{
	const char *v;
	char *end;
	int i;

	for (i = 0; i < p->k->naxes; i++) {
		const Axis *x = p->k->axes[i];
		p->size[x->id] = x->size;
		if (x->size)
			continue;
		v = set_value(n, set, x->name);
		if (!v && need)
			diag_fail(p->diag, nowhere, "the size of %s is not given; --set %s=...", x->name,
			          x->name);
		if (!v)
			continue;
		p->size[x->id] = strtoll(v, &end, 10);
		if (*end || end == v || p->size[x->id] < 1 || p->size[x->id] > INT32_MAX)
			diag_fail(p->diag, nowhere, "--set %s: expected a size of at least 1, got '%s'",
			          x->name, v);
	}
}

/* -- opening ----------------------------------------------------------------------------------- */

static void add_bound(Cli *c, const Kernel *k, Text *list, int n, const CliFile *f)
{
	int i;

	for (i = 0; i < n; i++)
		if (find_arg(c, k, f[i].name, true)->optional)
			text_add(list, "%s%s", list->len ? "," : "", f[i].name);
}

/* Optional arguments to bind: --with, and those that --in or --out name. */
static const char *bind_list(Cli *c, const Kernel *k)
{
	Text t = {c->arena, NULL, 0, 0};

	if (c->with)
		text_puts(&t, c->with);
	add_bound(c, k, &t, c->nin, c->in);
	add_bound(c, k, &t, c->nouts, c->outs);
	return t.s;
}

static void bind_tensors(Plan *p, Cli *c, int n, SpecSet *set)
{
	const char *v;
	int i;

	p->ntensors = p->k->nargs;
	for (i = 0; i < p->k->nargs; i++) {
		const Arg *arg = p->k->args[i];
		Tensor *t = &p->tensor[i];
		if (!arg->rank) {
			v = set_value(n, set, arg->name);
			p->scalar[i] = (float)(v ? atof(v) : arg->value);
			t->arg = arg;
			continue;
		}
		t->arg = arg;
		if (!arg->present && arg->optional)
			continue;
		tensor_shape(p->diag, t, p->k, arg, p->size, c->layout);
		t->key = random_key(c->seed, arg->name);
		t->scale = arg->init_scale != 0 || arg->init_bias != 0 ? (float)arg->init_scale : 1;
		t->bias = (float)arg->init_bias;
	}
}

static Kernel *trace(Plan *p, int n, const SpecSet *set, const char *bind)
{
	return spec_trace(p->spec, p->diag, p->arena, n, set, bind);
}

Plan *plan_open(Cli *c, const Gpu *gpu, bool need_sizes)
{
	Plan *p = ARENA_NEW(c->arena, Plan);
	SpecSet set[CLI_MAX_SET];
	const char *shown, *path = plan_spec_path(c->diag, c->arena, c->spec, &shown);
	const char *bind;
	int n = c->nset;

	p->arena = c->arena;
	p->diag = c->diag;
	p->gpu = gpu;
	memcpy(set, c->set, sizeof *set * (size_t)n);
	p->spec = spec_open(c->diag, path, shown);
	p->k = trace(p, n, set, c->with);
	bind = bind_list(c, p->k);
	sizes_from_files(c, spec_info(p->spec), p->k, &n, set);
	sizes_from_smoke(c, spec_info(p->spec), p->k, &n, set);
	bind_sizes(p, n, set, need_sizes);
	p->tuned = tuned_lookup(c, gpu, p, &n, set);
	if (n != c->nset || bind != c->with) {
		p->k = trace(p, n, set, bind);
		bind_sizes(p, n, set, need_sizes);
	}
	if (need_sizes)
		bind_tensors(p, c, n, set);
	return p;
}

void plan_close(Plan *p)
{
	int i;

	for (i = 0; i < p->ntensors; i++) {
		free(p->tensor[i].data);
		p->tensor[i].data = NULL;
	}
	spec_close(p->spec);
}

/* Outputs whose rows are no multiple of 16 bytes are stored by accesses that fit the row's length,
 * or that the kernel itself finds to be aligned (lower_image.c): their strides need no more. */
static int row_align(const Tensor *t)
{
	const Axis *last = t->arg->axis[t->rank - 1];
	int64_t bytes = last->size * dtype_bytes(t->arg->dtype);
	int n = 16;

	while (t->arg->output && bytes % n)
		n /= 2;
	return n;
}

/* The alignment that every matrix's strides keep, at most what the caller promises. Vectors take
 * any stride and do not count. */
static int common_align(const Plan *p, int most)
{
	int i, a, align = 16;

	while (align > most && align > 2)
		align /= 2;
	for (i = 0; i < p->ntensors; i++) {
		const Tensor *t = &p->tensor[i];
		if (!tensor_is_matrix(p->k, t))
			continue;
		for (a = 0; a < t->rank - 1; a++) {
			/* the bulk copy engine wants strides in (0, 2^40) bytes (runtime/tensormap.c) */
			if (t->size[a] > 1 && (t->stride[a] <= 0 || t->stride[a] >= (int64_t)1 << 38))
				align = align > 8 ? 8 : align;
			while (align > 2 && t->size[a] > 1 &&
			       t->stride[a] * dtype_bytes(t->arg->dtype) %
			           (align < row_align(t) ? align : row_align(t)))
				align /= 2;
		}
	}
	return align;
}

void plan_compile(Plan *p, Cli *c)
{
	CompileOptions o = {c->dump, c->stop,     c->schedule, common_align(p, c->align),
	                    false,   c->segments, p->size};
	Text dump = {p->arena, NULL, 0, 0};
	int i;

	p->m = compile_module(p->k, &p->gpu->target, &o, &dump);
	if (dump.s)
		fputs(dump.s, stdout);
	if (!p->m || !p->ntensors)
		return;
	p->segs = module_segments(p->m, &p->gpu->target, p->size);
	if (c->segments && p->m->seg_chunk)
		p->segs = c->segments;
	p->work_bytes = 0;
	for (i = 0; i < p->m->nwork; i++) {
		int64_t n = module_work_elems(&p->m->work[i], p->size, p->segs);
		p->work_at[i] = p->work_bytes;
		p->work_bytes += ((size_t)n * (size_t)p->m->work[i].elem_bytes + 255) / 256 * 256;
	}
}

/* A dimension of one element has no stride worth the name, and a caller may say any. */
void plan_map(const Plan *p, Diag *d, const Param *q, uint64_t base, bool sim, TensorMap *out)
{
	const Tensor *t = &p->tensor[q->arg];
	TensorMapSpec s = {.dtype = q->dtype, .rank = q->map->rank, .base = base};
	int i;

	s.swizzle = q->map->swizzle;
	for (i = 0; i < s.rank; i++) {
		int axis = q->map->axis[i];
		s.size[i] = t->size[axis];
		s.stride_bytes[i] = t->size[axis] > 1 ? t->stride[axis] * dtype_bytes(q->dtype) : 16;
		s.box[i] = q->map->box[i];
	}
	tensormap_encode(d, &s, sim, out);
}

void plan_params(const Plan *p, const KernelText *t, const uint64_t *base, uint64_t work, bool sim,
                 Params *out)
{
	int i;

	out->nmaps = 0;
	for (i = 0; i < t->nparams; i++) {
		const Param *q = &t->param[i];
		ParamValue *v = &out->value[i];

		out->at[i] = v;
		switch (q->kind) {
		case PARAM_ARG:
			v->device = base[q->arg];
			break;
		case PARAM_STRIDE:
			v->i64 = p->tensor[q->arg].stride[q->axis];
			break;
		case PARAM_SIZE:
			v->i32 = (int32_t)p->size[q->axis];
			break;
		case PARAM_SCALAR:
			if (q->dtype == DT_I32)
				v->i32 = (int32_t)lrintf(p->scalar[q->arg]);
			else
				v->f32 = p->scalar[q->arg];
			break;
		case PARAM_WORK:
			v->device = work + p->work_at[q->work];
			break;
		case PARAM_SEGS:
			v->i32 = p->segs;
			break;
		case PARAM_MAP:
			if (out->nmaps == MAX_MAPS)
				bug("more than %d tensor maps", MAX_MAPS);
			out->at[i] = &out->map[out->nmaps];
			if (base[q->arg])
				plan_map(p, p->diag, q, base[q->arg], sim, &out->map[out->nmaps]);
			out->nmaps++;
			break;
		}
	}
}

const char *plan_shape_text(const Plan *p, Arena *a)
{
	Text t = {a, NULL, 0, 0};
	int i;

	for (i = 0; i < p->k->naxes; i++)
		text_add(&t, "%s%s=%lld", i ? "," : "", p->k->axes[i]->name,
		         (long long)p->size[p->k->axes[i]->id]);
	return t.s ? t.s : "";
}

const char *plan_settings_text(const Plan *p, Arena *a)
{
	Text t = {a, NULL, 0, 0};
	int i, j;

	for (i = 0; i < p->k->nsettings; i++) {
		const Setting *s = &p->k->settings[i];
		for (j = 0; j < p->k->naxes && strcmp(p->k->axes[j]->name, s->name); j++)
			;
		if (j < p->k->naxes)
			continue;
		if (s->text)
			text_add(&t, "%s%s=%s", t.len ? "," : "", s->name, s->text);
		else
			text_add(&t, "%s%s=%g", t.len ? "," : "", s->name, s->value);
	}
	return t.s ? t.s : "";
}

double plan_bytes(const Plan *p)
{
	double sum = 0;
	int i;

	for (i = 0; i < p->ntensors; i++)
		sum += (double)p->tensor[i].bytes;
	return sum;
}
