/* model.c -- an estimate of a kernel's time: the larger of its memory and tensor floors, slowed by
 * what too few warps cannot hide and by the last wave's idle SMs. It ranks; it does not predict.
 */
#include "model.h"
#include "../codegen/cost.h"

#include <math.h>
#include <string.h>

/* An SM keeps a little shared memory of each block for itself. */
static const int SMEM_RESERVED = 1024;
static const double LAUNCH_MS = 0.003;
/* Warps an SM needs before latency is mostly hidden: e^-1 of it is left at this many. */
static const double HIDING_WARPS = 5;

int model_occupancy(const GpuTarget *g, const KernelText *t, const CubinKernel *k)
{
	int n = g->threads_sm / t->threads, m;

	if (t->smem > g->smem_block)
		return 0;
	m = g->smem_sm / (t->smem + SMEM_RESERVED);
	n = m < n ? m : n;
	if (k && k->regs) {
		m = g->regs_sm / ((k->regs + 7) / 8 * 8 * t->threads);
		n = m < n ? m : n;
	}
	return n > 32 ? 32 : n;
}

static const CubinKernel *find(const Cubin *c, const char *name)
{
	int i;

	for (i = 0; c && i < c->nkernels; i++)
		if (!strcmp(c->kernel[i].name, name))
			return &c->kernel[i];
	return NULL;
}

double model_ms(const Plan *p, const Cubin *c)
{
	const GpuTarget *g = &p->gpu->target;
	double bytes = plan_bytes(p) + 2.0 * (double)p->work_bytes, worst = 1, sum, mem, math;
	int i;

	sum = LAUNCH_MS * p->m->nkernels;
	mem = bytes / (0.9 * g->dram_gbs) / 1e6;
	math = p->m->redundancy * kernel_flops(p->k, p->size, p->scalar) / g->tensor_tflops / 1e9;
	math *= p->m->by_groups + (1 - p->m->by_groups) / g->mma_sync_share;
	for (i = 0; i < p->m->nkernels; i++) {
		const KernelText *t = &p->m->kernel[i];
		double blocks = (double)module_programs(t, p->size, p->segs), slots, waves, warps, slow;
		int fit = model_occupancy(g, t, find(c, t->name));
		if (!fit)
			return INFINITY;
		if (blocks < 1)
			continue;
		slots = (double)g->sms * fit;
		waves = blocks / slots;
		warps = fmin(fit, ceil(blocks / g->sms)) * t->threads / 32;
		slow = ceil(waves) / waves / (waves < 1 ? ceil(waves) / waves : 1);
		slow *= blocks < g->sms ? g->sms / blocks : 1;
		slow /= 1 - exp(-warps / HIDING_WARPS);
		worst = slow > worst ? slow : worst;
	}
	return sum + fmax(mem, math * worst) + 0.1 * fmin(mem, math * worst);
}
