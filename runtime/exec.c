/* exec.c -- a plan on a device. Small inputs and outputs up to OUTPUT_MOST bytes have a host copy;
 * larger ones live on the GPU alone, inputs filled there by the same counter-based function, and
 * are read element by element from the function, or row by row from the device.
 */
#include "exec.h"
#include "../codegen/cost.h"
#include "cache.h"
#include "random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const size_t INPUT_MOST = (size_t)4 << 20, OUTPUT_MOST = (size_t)256 << 20;

static const char *in_file(const Cli *c, const char *name)
{
	int i;

	for (i = 0; i < c->nin; i++)
		if (!strcmp(c->in[i].name, name))
			return c->in[i].path;
	return NULL;
}

static bool to_file(const Cli *c, const char *name)
{
	int i;

	for (i = 0; i < c->nouts; i++)
		if (!strcmp(c->outs[i].name, name))
			return true;
	return false;
}

/* -- loading ----------------------------------------------------------------------------------- */

static void warn_spills(const Cubin *c)
{
	int i;

	for (i = 0; i < c->nkernels; i++)
		if (c->kernel[i].spill_bytes)
			fprintf(stderr, "azulejo: warning: %s spills %d bytes\n", c->kernel[i].name,
			        c->kernel[i].spill_bytes);
}

void exec_load(Exec *x, Plan *p, Cli *c, bool gpu)
{
	const Module *m = p->m;
	int i;

	memset(x, 0, sizeof *x);
	x->plan = p;
	x->cli = c;
	x->gpu = gpu;
	if (!gpu) {
		x->sim =
		    sim_load_for(c->diag, m->text_sim, c->no_cache ? NULL : cache_dir(),
		                 kernel_flops(p->k, p->size, p->scalar) + 16 * plan_bytes(p), c->unchecked);
		x->lines =
		    arena_alloc(c->arena, MAX_KERNELS * (size_t)sim_lines(x->sim) * sizeof *x->lines);
		return;
	}
	driver_use(c->diag, false);
	x->cubin = nvrtc_compile(c->diag, p->arena, m->text_cuda, p->k->name, m->arch,
	                         !driver_runs(m->arch), !c->no_cache);
	warn_spills(x->cubin);
	x->module = device_load(c->diag, x->cubin);
	for (i = 0; i < m->nkernels; i++)
		x->function[i] = device_function(c->diag, x->module, m->kernel[i].name, m->kernel[i].smem);
}

/* -- memory ------------------------------------------------------------------------------------ */

void exec_fill_device(Exec *x, Tensor *t, DevicePtr to)
{
	static DeviceModule module;
	static DeviceFunction fill;
	struct {
		int64_t size[MAX_AXES], stride[MAX_AXES];
	} axes;
	int dtype = (int)t->arg->dtype, i, lead = MAX_AXES - t->rank;
	int64_t n = t->elems, blocks = (n + 255) / 256;
	void *params[] = {&to, &t->key, &t->scale, &t->bias, &dtype, &n, &axes};
	Diag *d = x->cli->diag;

	if (!module) {
		const DeviceInfo *info = driver_found(NULL);
		char arch[32];
		snprintf(arch, sizeof arch, "sm_%d%d", info->major, info->minor);
		module = device_load(
		    d, nvrtc_compile(d, x->plan->arena, random_cuda, "fill", arch, false, true));
		fill = device_function(d, module, "fill", 0);
	}
	for (i = 0; i < MAX_AXES; i++) {
		axes.size[i] = i < lead ? 1 : t->size[i - lead];
		axes.stride[i] = i < lead ? 0 : t->stride[i - lead];
	}
	device_launch(d, fill, &(Launch){blocks < 1 << 20 ? blocks : 1 << 20, 256, 0, 1}, NULL, params);
}

static void fill_tensor(Exec *x, Tensor *t)
{
	const char *path = in_file(x->cli, t->arg->name);
	size_t most = t->arg->output ? OUTPUT_MOST : INPUT_MOST;
	bool on_host = !x->gpu || t->bytes <= most || path || to_file(x->cli, t->arg->name);
	Diag *d = x->cli->diag;

	if (path)
		tensor_load(d, t, path);
	else if (on_host)
		tensor_alloc(d, t);
	if (!path && on_host && !t->arg->output)
		tensor_fill_random(t);
	if (!x->gpu) {
		x->base[t->arg->id] = (uint64_t)(uintptr_t)t->data;
		return;
	}
	x->base[t->arg->id] = device_alloc(d, t->bytes);
	if (t->arg->output)
		return;
	if (on_host)
		device_upload(d, x->base[t->arg->id], t->data, t->bytes);
	else
		exec_fill_device(x, t, x->base[t->arg->id]);
}

static SimElem elem_of(const Tensor *t)
{
	static const SimElem elem[] = {[DT_F32] = SIM_F32, [DT_F16] = SIM_F16, [DT_BF16] = SIM_BF16};

	return (size_t)t->arg->dtype < sizeof elem / sizeof *elem ? elem[t->arg->dtype] : SIM_BYTES;
}

static bool has_nan(const Tensor *t)
{
	int64_t n = (int64_t)t->bytes / dtype_bytes(t->arg->dtype), i;

	for (i = 0; i < n; i++)
		if (elem_of(t) != SIM_BYTES && isnan(dtype_load(t->arg->dtype, t->data, i)))
			return true;
	return false;
}

void exec_fill(Exec *x)
{
	Plan *p = x->plan;
	Diag *d = x->cli->diag;
	int i;

	for (i = 0; i < p->ntensors; i++)
		if (p->tensor[i].rank)
			fill_tensor(x, &p->tensor[i]);
	if (x->gpu) {
		x->work = p->work_bytes ? device_alloc(d, p->work_bytes) : 0;
		device_wait(d);
		return;
	}
	for (i = 0; i < p->ntensors; i++)
		if (p->tensor[i].rank && !p->tensor[i].arg->output)
			x->nan_given |= has_nan(&p->tensor[i]);
	x->work_host = aligned_alloc(256, p->work_bytes + 256);
	if (!x->work_host)
		diag_env(d, "no memory for %zu bytes of workspace", p->work_bytes);
	x->work = (uint64_t)(uintptr_t)x->work_host;
}

/* -- running ----------------------------------------------------------------------------------- */

void exec_launch(Exec *x, const uint64_t *base, DeviceStream stream)
{
	Params params;
	const Plan *p = x->plan;
	int i;

	for (i = 0; i < p->m->nkernels; i++) {
		const KernelText *t = &p->m->kernel[i];
		int64_t blocks = module_blocks(t, p->size, p->segs);
		if (!blocks)
			continue;
		plan_params(p, t, base, x->work, false, &params);
		device_launch(x->cli->diag, x->function[i],
		              &(Launch){blocks, t->threads, t->smem, t->cluster}, stream, params.at);
	}
}

static void add_counters(SimCounters *sum, const SimCounters *c)
{
	uint64_t *to = (uint64_t *)sum;
	const uint64_t *from = (const uint64_t *)c;
	size_t i;

	for (i = 0; i < sizeof *sum / sizeof *to; i++)
		to[i] += from[i];
}

/* Keeps the list as sim_run does: most important first, one of a kind and line. */
static void add_finding(SimResult *sum, const SimFinding *f)
{
	int i, at = 0;

	for (i = 0; i < sum->nfindings; i++) {
		SimFinding *g = &sum->finding[i];
		if (g->kind == f->kind && g->line == f->line && !strcmp(g->spec, f->spec)) {
			g->count += f->count;
			return;
		}
		at += g->kind <= f->kind;
	}
	if (at == SIM_MAX_FINDINGS)
		return;
	if (sum->nfindings < SIM_MAX_FINDINGS)
		sum->nfindings++;
	for (i = sum->nfindings - 1; i > at; i--)
		sum->finding[i] = sum->finding[i - 1];
	sum->finding[at] = *f;
}

/* Findings of all runs, counters of the first. */
static void add_result(Exec *x, int kernel, const SimResult *r, bool first)
{
	SimResult *sum = &x->result;
	int i;

	for (i = 0; i < r->nfindings; i++)
		add_finding(sum, &r->finding[i]);
	if (!first)
		return;
	add_counters(&sum->counters, &r->counters);
	add_counters(&x->kernel[kernel], &r->counters);
	sum->seconds += r->seconds;
	sum->core_seconds += r->core_seconds;
}

/* Which bytes of an output or workspace the kernels before have written. */
static unsigned char *written_of(Exec *x, int i, size_t bytes)
{
	if (!x->written[i])
		x->written[i] = arena_alloc(x->cli->arena, bytes / 2 + 1);
	return x->written[i];
}

static void forget_written(Exec *x)
{
	const Plan *p = x->plan;
	int i;

	for (i = 0; i < p->ntensors; i++)
		if (x->written[i])
			memset(x->written[i], 0, p->tensor[i].bytes / 2 + 1);
	for (i = 0; i < p->m->nwork; i++)
		if (x->written[MAX_ARGS + i])
			memset(x->written[MAX_ARGS + i], 0,
			       (size_t)module_work_elems(&p->m->work[i], p->size, p->segs) *
			               (size_t)p->m->work[i].elem_bytes / 2 +
			           1);
}

static void run_sim(Exec *x, uint64_t seed, bool early)
{
	Plan *p = x->plan;
	SimBuffer buf[MAX_ARGS + MAX_WORK];
	SimMore more[MAX_ARGS + MAX_WORK];
	SimOptions o = {.seed = seed,
	                .early = early,
	                .drop_site = x->cli->drop - 1,
	                .more = more,
	                .unchecked = x->cli->unchecked};
	Params params;
	SimResult r;
	int i, k, n;

	if (p->work_bytes)
		memset(x->work_host, 0xff, p->work_bytes);
	forget_written(x);
	for (k = 0; k < p->m->nkernels; k++) {
		const KernelText *t = &p->m->kernel[k];
		int64_t blocks = module_blocks(t, p->size, p->segs);
		if (!blocks)
			continue;
		n = 0;
		for (i = 0; i < p->ntensors; i++) {
			const Tensor *y = &p->tensor[i];
			if (!y->rank)
				continue;
			more[n] = (SimMore){y->arg->output && !x->nan_given ? elem_of(y) : SIM_BYTES,
			                    y->arg->output ? written_of(x, i, y->bytes) : NULL,
			                    dtype_bytes(y->arg->dtype)};
			buf[n++] =
			    (SimBuffer){y->arg->name, y->data, y->bytes, y->arg->output, !y->arg->output};
		}
		for (i = 0; i < p->m->nwork; i++) {
			const WorkBuffer *w = &p->m->work[i];
			size_t bytes = (size_t)module_work_elems(w, p->size, p->segs) * (size_t)w->elem_bytes;
			more[n] = (SimMore){SIM_BYTES, written_of(x, MAX_ARGS + i, bytes), w->elem_bytes};
			buf[n++] =
			    (SimBuffer){w->name, (char *)x->work_host + p->work_at[i], bytes, true, false};
		}
		plan_params(p, t, x->base, x->work, true, &params);
		memset(&r, 0, sizeof r);
		o.lines = seed ? NULL : &x->lines[(size_t)k * (size_t)sim_lines(x->sim)];
		sim_run(x->sim, x->cli->diag, t->name, blocks, t->threads, t->smem, params.at, n, buf, &o,
		        &r);
		add_result(x, k, &r, !seed);
	}
}

void exec_run(Exec *x, uint64_t sim_seed, bool early)
{
	Plan *p = x->plan;
	Diag *d = x->cli->diag;
	int i;

	for (i = 0; i < p->ntensors; i++) {
		Tensor *t = &p->tensor[i];
		if (!t->rank || !t->arg->output)
			continue;
		if (x->gpu)
			device_poison(d, x->base[i], t->bytes);
		else
			tensor_poison(t);
	}
	if (!x->gpu) {
		run_sim(x, sim_seed, early);
		return;
	}
	if (x->work)
		device_poison(d, x->work, p->work_bytes);
	exec_launch(x, x->base, NULL);
	device_wait(d);
	for (i = 0; i < p->ntensors; i++)
		if (p->tensor[i].rank && p->tensor[i].arg->output && p->tensor[i].data)
			device_download(d, p->tensor[i].data, x->base[i], p->tensor[i].bytes);
}

void exec_row(Exec *x, const Tensor *t, const int64_t *index, int n, double *out)
{
	int64_t at[MAX_AXES], linear = 0;
	int last = t->rank - 1, i, j, bytes = dtype_bytes(t->arg->dtype);
	union {
		float f[64];
		char c[256];
	} room;

	memcpy(at, index, sizeof *at * (size_t)t->rank);
	if (t->data) {
		for (i = 0; i < n; i++, at[last]++)
			out[i] = tensor_at(t, at);
		return;
	}
	for (i = 0; i < t->rank; i++)
		linear += at[i] * t->stride[i];
	for (i = 0; i < n; i += j) {
		int most = t->stride[last] == 1 ? 64 : 1;
		int take = n - i < most ? n - i : most;
		device_download(x->cli->diag, room.c,
		                x->base[t->arg->id] +
		                    (uint64_t)(linear + i * t->stride[last]) * (uint64_t)bytes,
		                (size_t)(take * bytes));
		for (j = 0; j < take; j++)
			out[i + j] = dtype_load(t->arg->dtype, room.c, j);
	}
}

void exec_close(Exec *x)
{
	int i;

	if (x->gpu) {
		for (i = 0; i < x->plan->ntensors; i++)
			device_free(x->base[i]);
		device_free(x->work);
		device_unload(x->module);
	}
	if (x->sim)
		sim_free(x->sim);
	free(x->work_host);
}
