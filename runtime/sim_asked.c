/* sim_asked.c -- products of a warpgroup without checks: no thread waits at one. What its 128
 * threads ask for is written down, and done, in order, when they meet in the next wgmma_wait: a
 * right text leaves accumulators and operands alone until there.
 */
#include "sim_wgmma.h"

#include <stdlib.h>
#include <string.h>

#define M (&sim_machine)

typedef struct Asked {
	Product p;
	u64 at;
	bool in_registers;
	float *d[GROUP][2];
	u32 *a[GROUP][LEFT_REGS];
} Asked;

static struct {
	Asked *call;
	int n, cap;
	int made[GROUP]; /* by thread */
} queues[MAX_GROUPS];

void sim_asked_forget(int group)
{
	queues[group].n = 0;
	memset(queues[group].made, 0, sizeof queues[group].made);
}

/* The current thread's next call. */
static Asked *ask(int g, int i)
{
	int k = queues[g].made[i]++;

	if (k == queues[g].cap) {
		queues[g].cap = 2 * k + 16;
		queues[g].call = realloc(queues[g].call, (size_t)queues[g].cap * sizeof *queues[g].call);
		if (!queues[g].call)
			abort();
	}
	return &queues[g].call[k];
}

void sim_plain_wgmma(u64 at, int n, int f16, float *d0, float *d1, u32 *const *a, u64 da, u64 db,
                     int accumulate, int ta, int tb)
{
	int g = M->cur->id / GROUP, i = M->cur->id % GROUP;
	Asked *q = ask(g, i);

	M->cur->at = at;
	if (queues[g].made[i] > queues[g].n) {
		queues[g].n++;
		q->p = (Product){n, f16, accumulate != 0, ta, tb, da, db};
		q->at = at;
		q->in_registers = a != NULL;
	}
	q->d[i][0] = d0;
	q->d[i][1] = d1;
	if (a)
		memcpy(q->a[i], a, sizeof q->a[i]);
}

static void compute(Asked *q, float (*value)[WGMMA_N])
{
	u32 a[GROUP][LEFT_REGS];

	for (int i = 0; q->in_registers && i < GROUP; i++)
		for (int r = 0; r < LEFT_REGS; r++)
			a[i][r] = *q->a[i][r];
	product_compute(&q->p, q->in_registers ? a : NULL, value);
	sim_wgmma_count(q->at, &q->p, q->in_registers);
}

/* Products into the same registers one after another: these are written once. */
static void perform(int g)
{
	static _Alignas(LINE) float value[WGMMA_M][WGMMA_N];

	for (int k = 0; k < queues[g].n; k++) {
		Asked *q = &queues[g].call[k], *next = k + 1 < queues[g].n ? q + 1 : NULL;
		Asked *last = k ? q - 1 : NULL;

		if (!last || last->p.n != q->p.n || memcmp(last->d, q->d, sizeof q->d))
			sums_take(q->d, q->p.n, value);
		compute(q, value);
		if (!next || next->p.n != q->p.n || memcmp(next->d, q->d, sizeof q->d))
			sums_give(q->d, q->p.n, value);
	}
}

void sim_plain_wgmma_wait(u64 at, int site, int n)
{
	int g = M->cur->id / GROUP;

	(void)site;
	(void)n;
	if (!sim_group_meet(at, WAIT_WGMMA_WAIT))
		return;
	perform(g);
	sim_asked_forget(g);
	sim_group_go();
}

void sim_plain_wgmma_fence(u64 at, int site)
{
	(void)at;
	(void)site;
}

void sim_plain_wgmma_commit(u64 at, int site)
{
	(void)at;
	(void)site;
}

void sim_plain_wgmma_hold(u64 at, const void *reg)
{
	(void)at;
	(void)reg;
}
