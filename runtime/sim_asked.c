/* sim_asked.c -- products of a warpgroup without checks: no thread waits at one. What the 128
 * threads ask for in their k-th call since the last wgmma_wait is done when the last of them asks;
 * by then the others may have gone on, up to the wait, and a right text leaves operands alone until
 * there.
 */
#include "sim_wgmma.h"

#include <stdlib.h>
#include <string.h>

#define M (&sim_machine)

typedef struct Asked {
	int came;
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

/* The current thread's next call; NULL: others have yet to make it. */
static const Asked *ask(u64 at, float *d0, float *d1, u32 *const *a)
{
	int g = M->cur->id / GROUP, i = M->cur->id % GROUP, k = queues[g].made[i]++;
	Asked *q;

	M->cur->at = at;
	M->calls++;
	if (k == queues[g].cap) {
		queues[g].cap = 2 * k + 16;
		queues[g].call = realloc(queues[g].call, (size_t)queues[g].cap * sizeof *q);
		if (!queues[g].call)
			abort();
	}
	q = &queues[g].call[k];
	if (k == queues[g].n) {
		queues[g].n++;
		q->came = 0;
	}
	q->d[i][0] = d0;
	q->d[i][1] = d1;
	if (a)
		memcpy(q->a[i], a, sizeof q->a[i]);
	return ++q->came == GROUP ? q : NULL;
}

void sim_plain_wgmma(u64 at, int n, int f16, float *d0, float *d1, u32 *const *a, u64 da, u64 db,
                     int accumulate, int ta, int tb)
{
	Product p = {n, f16, accumulate != 0, ta, tb, da, db};
	const Asked *q = ask(at, d0, d1, a);
	Thread *t = &M->thread[M->cur->id / GROUP * GROUP];

	for (int i = 0; q && i < GROUP; i++) {
		memcpy(t[i].wgmma_d, q->d[i], sizeof q->d[i]);
		if (a)
			memcpy(t[i].wgmma_a, q->a[i], sizeof q->a[i]);
	}
	if (q)
		sim_wgmma_issue(at, &p, a != NULL);
}

void sim_plain_wgmma_fence(u64 at, int site)
{
	(void)at;
	(void)site;
}

void sim_plain_wgmma_commit(u64 at, int site)
{
	(void)site;
	if (ask(at, NULL, NULL, NULL))
		sim_wgmma_committed();
}

void sim_plain_wgmma_hold(u64 at, const void *reg)
{
	(void)at;
	(void)reg;
}
