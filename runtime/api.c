/* api.c -- libazulejo's functions, over plan.h and driver.h. Opening and loading are serialised by
 * one lock, since the files and drivers they touch are the process's; launching takes none.
 */
#define _GNU_SOURCE
#include "azulejo.h"
#include "choose.h"
#include "nvrtc.h"
#include "plan.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PUBLIC __attribute__((visibility("default")))

/* A kernel's parameters, encoded but for the pointers that a launch supplies. */
typedef struct Prepared {
	DeviceFunction f;
	Launch launch;
	int nparams, nptrs, nwork, nmaps;
	ParamValue value[MAX_PARAMS];
	struct {
		int param, arg;
		uintptr_t mask; /* bits that the pointer must not have */
	} ptr[MAX_PARAMS];
	struct {
		int param;
		size_t at;
	} work[MAX_PARAMS];
	struct {
		int param;
		const Param *text;
	} map[MAX_MAPS];
} Prepared;

struct AzKernel {
	Diag diag;
	Cli cli;
	Plan *plan;
	AzArg arg[MAX_ARGS];
	int nargs;
	bool apart[MAX_ARGS]; /* outputs that may not lie where an input does */
	const Cubin *cubin;   /* NULL until built */
	const char *settings; /* NULL until asked for */
	DeviceModule module;
	int nkernels;
	Prepared kernel[MAX_KERNELS];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local char last_error[1024];

PUBLIC const char *az_error(void)
{
	return last_error;
}

static AzStatus fail(AzStatus status, const char *fmt, const char *name)
{
	snprintf(last_error, sizeof last_error, fmt, name);
	return status;
}

static void describe(AzKernel *k)
{
	const Plan *p = k->plan;
	int i, a;

	for (i = 0; i < p->ntensors; i++) {
		const Arg *arg = p->k->args[i];
		AzArg *out = &k->arg[i];
		out->name = arg->name;
		out->dtype = (AzDtype)arg->dtype;
		out->output = arg->output;
		out->rank = arg->rank;
		out->present = !arg->optional || arg->present;
		for (a = 0; a < arg->rank; a++) {
			out->axis[a] = arg->axis[a]->name;
			out->size[a] = p->size[arg->axis[a]->id];
			out->stride[a] = p->tensor[i].stride[a];
		}
	}
}

PUBLIC AzKernel *az_open(const char *spec, const char *gpu, const char *settings, const char *bind)
{
	AzKernel *volatile k = calloc(1, sizeof *k);
	const char *device;
	volatile int ok = 0;
	const Gpu *g;

	if (!k) {
		fail(AZ_ENV, "%s", "out of memory");
		return NULL;
	}
	pthread_mutex_lock(&lock);
	cli_init(&k->cli, arena_new(), &k->diag);
	if (!DIAG_TRY(&k->diag)) {
		k->cli.spec = arena_strdup(k->cli.arena, spec);
		k->cli.gpu = gpu ? arena_strdup(k->cli.arena, gpu) : NULL;
		k->cli.with = bind ? arena_strdup(k->cli.arena, bind) : NULL;
		k->cli.no_smoke = true;
		if (settings)
			cli_add_sets(&k->cli, settings);
		g = choose_gpu(&k->cli, driver_found(NULL) != NULL, &device);
		k->plan = plan_open(&k->cli, g, true);
		describe(k);
		ok = 1;
	}
	pthread_mutex_unlock(&lock);
	if (ok)
		return k;
	fail(AZ_USER, "%s", k->diag.text);
	az_close(k);
	return NULL;
}

PUBLIC void az_close(AzKernel *k)
{
	if (!k)
		return;
	device_unload(k->module);
	if (k->plan)
		plan_close(k->plan);
	arena_free(k->cli.arena);
	free(k);
}

PUBLIC int az_args(const AzKernel *k)
{
	return k->plan->ntensors;
}

PUBLIC const AzArg *az_arg(const AzKernel *k, int i)
{
	return i >= 0 && i < k->plan->ntensors ? &k->arg[i] : NULL;
}

static int find_arg(const AzKernel *k, const char *name)
{
	int i;

	for (i = 0; i < k->plan->ntensors; i++)
		if (!strcmp(k->arg[i].name, name))
			return i;
	return -1;
}

PUBLIC AzStatus az_set_strides(AzKernel *k, const char *arg, const int64_t *stride)
{
	int i = find_arg(k, arg), a;
	Tensor *t;

	if (i < 0 || !k->arg[i].rank)
		return fail(AZ_USER, "%s: no such tensor argument", arg);
	if (k->plan->m)
		return fail(AZ_USER, "%s: strides are set before the kernel is compiled", arg);
	t = &k->plan->tensor[i];
	if (tensor_is_matrix(k->plan->k, t) && stride[t->rank - 1] != 1)
		return fail(AZ_USER, "%s: a matrix needs stride 1 along its last axis", arg);
	for (a = 0; a + 1 < t->rank; a++)
		if (t->arg->mem_of[a] == t->arg->mem_of[a + 1] &&
		    stride[a] != t->size[a + 1] * stride[a + 1])
			return fail(AZ_USER, "%s: grouped axes must share memory", arg);
	for (a = 0; a < t->rank; a++)
		k->arg[i].stride[a] = t->stride[a] = stride[a];
	return AZ_OK;
}

PUBLIC AzStatus az_set_alignment(AzKernel *k, int bytes)
{
	if (k->plan->m)
		return fail(AZ_USER, "%s", "alignment is set before the kernel is compiled");
	if (bytes != 16 && bytes != 8 && bytes != 4 && bytes != 2)
		return fail(AZ_USER, "%s", "alignment is 16, 8, 4 or 2 bytes");
	k->cli.align = bytes;
	return AZ_OK;
}

PUBLIC AzStatus az_set_scalar(AzKernel *k, const char *arg, double value)
{
	int i = find_arg(k, arg), n, j;

	if (i < 0 || k->arg[i].rank)
		return fail(AZ_USER, "%s: no such scalar argument", arg);
	k->plan->scalar[i] = (float)value;
	for (n = 0; n < k->nkernels; n++)
		for (j = 0; j < k->kernel[n].nparams; j++) {
			const Param *q = &k->plan->m->kernel[n].param[j];
			if (q->kind != PARAM_SCALAR || q->arg != i)
				continue;
			if (q->dtype == DT_I32)
				k->kernel[n].value[j].i32 = (int32_t)lrint(value);
			else
				k->kernel[n].value[j].f32 = (float)value;
		}
	return AZ_OK;
}

/* To text, once. The lock is held. */
static void compile(AzKernel *k)
{
	if (!k->plan->m)
		plan_compile(k->plan, &k->cli);
}

static void prepare(AzKernel *k, const KernelText *t, Prepared *r)
{
	const Plan *p = k->plan;
	uint64_t none[MAX_ARGS] = {0};
	Params params;
	int64_t blocks = module_blocks(t, p->size, p->segs);
	int i;

	if (blocks > INT32_MAX)
		diag_fail(&k->diag, (Loc){0}, "%s: %lld blocks are more than a launch takes", t->name,
		          (long long)blocks);
	r->f = device_function(&k->diag, k->module, t->name, t->smem);
	r->launch = (Launch){blocks, t->threads, t->smem, t->cluster};
	r->nparams = t->nparams;
	plan_params(p, t, none, 0, false, &params);
	memcpy(r->value, params.value, sizeof r->value);
	for (i = 0; i < t->nparams; i++) {
		const Param *q = &t->param[i];
		if (q->kind == PARAM_ARG) {
			r->ptr[r->nptrs].param = i;
			r->ptr[r->nptrs].mask = (uintptr_t)(tensor_is_matrix(p->k, &p->tensor[q->arg])
			                                        ? k->cli.align
			                                        : dtype_bytes(p->k->args[q->arg]->dtype)) -
			                        1;
			r->ptr[r->nptrs++].arg = q->arg;
		} else if (q->kind == PARAM_WORK) {
			r->work[r->nwork].param = i;
			r->work[r->nwork++].at = p->work_at[q->work];
		} else if (q->kind == PARAM_MAP) {
			r->map[r->nmaps].param = i;
			r->map[r->nmaps++].text = q;
		}
	}
}

static void build(AzKernel *k)
{
	const Module *m;

	compile(k);
	m = k->plan->m;
	if (!k->cubin)
		k->cubin = nvrtc_compile(&k->diag, k->cli.arena, m->text_cuda, m->k->name, m->arch,
		                         !driver_runs(m->arch), true);
}

static void load(AzKernel *k)
{
	const Module *m;
	int i;

	driver_use(&k->diag, true);
	build(k);
	m = k->plan->m;
	k->module = device_load(&k->diag, k->cubin);
	for (i = 0; i < m->nkernels; i++)
		prepare(k, &m->kernel[i], &k->kernel[i]);
	k->nargs = m->k->nargs;
	for (i = 0; i < k->nargs; i++)
		k->apart[i] = m->k->args[i]->output && k->arg[i].present &&
		              !module_in_place(m, k->plan->segs, m->k->args[i]);
	k->nkernels = m->nkernels;
}

/* Runs a step under the lock, turning a throw into a status. */
static AzStatus guarded(AzKernel *k, void (*step)(AzKernel *))
{
	AzStatus volatile status = AZ_OK;

	pthread_mutex_lock(&lock);
	if (DIAG_TRY(&k->diag)) {
		snprintf(last_error, sizeof last_error, "%s", k->diag.text);
		status = (AzStatus)k->diag.status;
	} else {
		step(k);
	}
	pthread_mutex_unlock(&lock);
	return status;
}

PUBLIC AzStatus az_build(AzKernel *k)
{
	return guarded(k, build);
}

PUBLIC AzStatus az_load(AzKernel *k)
{
	return k->nkernels ? AZ_OK : guarded(k, load);
}

PUBLIC size_t az_workspace(AzKernel *k)
{
	return guarded(k, compile) ? 0 : k->plan->work_bytes;
}

PUBLIC const char *az_cuda(AzKernel *k)
{
	return guarded(k, compile) ? NULL : k->plan->m->text_cuda;
}

static void describe_settings(AzKernel *k)
{
	const Plan *p = k->plan;

	compile(k);
	if (!k->settings)
		k->settings =
		    arena_printf(k->cli.arena, "%s,schedule=%s,segments=%d,tuned=%d",
		                 plan_settings_text(p, k->cli.arena), p->m->schedule, p->segs, p->tuned);
}

PUBLIC const char *az_settings(AzKernel *k)
{
	return guarded(k, describe_settings) ? NULL : k->settings;
}

PUBLIC int az_stage(const AzKernel *k, int i, AzStage *out)
{
	const Plan *p = k->plan;
	const KernelText *t;
	int j;

	if (!k->cubin)
		return 0;
	if (i < 0 || i >= p->m->nkernels)
		return p->m->nkernels;
	t = &p->m->kernel[i];
	out->name = t->name;
	out->blocks = module_blocks(t, p->size, p->segs);
	out->threads = t->threads;
	out->smem = t->smem;
	out->cluster = t->cluster;
	out->registers = out->spill_bytes = -1;
	for (j = 0; j < k->cubin->nkernels; j++)
		if (!strcmp(k->cubin->kernel[j].name, t->name)) {
			out->registers = k->cubin->kernel[j].regs;
			out->spill_bytes = k->cubin->kernel[j].spill_bytes;
		}
	return p->m->nkernels;
}

/* Tensor maps hold addresses, so each launch makes its own. */
static AzStatus encode(const AzKernel *k, const Prepared *r, void *const *pointer, TensorMap *map,
                       void **param)
{
	Diag d = {0};
	int i;

	if (DIAG_TRY(&d)) {
		snprintf(last_error, sizeof last_error, "%s", d.text);
		return (AzStatus)d.status;
	}
	for (i = 0; i < r->nmaps; i++) {
		const Param *q = r->map[i].text;
		plan_map(k->plan, &d, q, (uint64_t)(uintptr_t)pointer[q->arg], false, &map[i]);
		param[r->map[i].param] = &map[i];
	}
	return AZ_OK;
}

PUBLIC AzStatus az_launch(const AzKernel *k, void *const *pointer, void *workspace, void *stream)
{
	ParamValue value[MAX_PARAMS];
	void *param[MAX_PARAMS];
	TensorMap map[MAX_MAPS];
	AzStatus status;
	int n, i, bad;

	if (!k->nkernels)
		return fail(AZ_USER, "%s", "az_launch before az_load");
	for (n = 0; n < k->nargs; n++)
		for (i = 0; k->apart[n] && i < k->nargs; i++)
			if (i != n && k->arg[i].rank && k->arg[i].present && pointer[i] &&
			    pointer[i] == pointer[n])
				return fail(AZ_USER,
				            "%s: not in place under this schedule; give it a buffer of its own",
				            k->arg[n].name);
	for (n = 0; n < k->nkernels; n++) {
		const Prepared *r = &k->kernel[n];
		for (i = 0; i < r->nparams; i++) {
			value[i] = r->value[i];
			param[i] = &value[i];
		}
		for (i = 0; i < r->nptrs; i++) {
			const AzArg *a = &k->arg[r->ptr[i].arg];
			void *p = a->present ? pointer[r->ptr[i].arg] : NULL;
			if (a->present && (!p || (uintptr_t)p & r->ptr[i].mask))
				return fail(AZ_USER, "%s: pointer missing or not aligned", a->name);
			value[r->ptr[i].param].ptr = p;
		}
		for (i = 0; i < r->nwork; i++)
			value[r->work[i].param].ptr = (char *)workspace + r->work[i].at;
		if (!r->launch.blocks)
			continue;
		if (r->nmaps && (status = encode(k, r, pointer, map, param)) != AZ_OK)
			return status;
		bad = device_launch_raw(r->f, &r->launch, stream, param);
		if (bad)
			return fail(AZ_ENV, "cuLaunchKernel: %s", driver_error(bad));
	}
	return AZ_OK;
}
