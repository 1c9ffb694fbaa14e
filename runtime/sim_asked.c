/* sim_asked.c -- products of a warpgroup without checks: no thread waits at one. What its first
 * thread asks for, for all of them, is written down, and done, in order, when they meet in the next
 * wgmma_wait: a right text leaves accumulators and operands alone until there. Registers lie at the
 * same place of every thread's frame.
 */
#include "sim_wgmma.h"

#include <stdlib.h>
#include <string.h>

#define M (&sim_machine)

typedef struct Asked {
	Product p;
	u64 at;
	bool in_registers;
	float *d[2]; /* the first thread's */
	u32 *a[LEFT_REGS];
} Asked;

static struct {
	Asked *call;
	int n, cap;
} queues[MAX_GROUPS];

void sim_asked_forget(int group)
{
	queues[group].n = 0;
}

void sim_plain_wgmma(u64 at, int n, int f16, float *d0, float *d1, u32 *const *a, u64 da, u64 db,
                     int accumulate, int ta, int tb)
{
	int g = M->cur->id / GROUP, k = queues[g].n++;
	Asked *q;

	M->cur->at = at;
	if (k == queues[g].cap) {
		queues[g].cap = 2 * k + 16;
		queues[g].call = realloc(queues[g].call, (size_t)queues[g].cap * sizeof *q);
		if (!queues[g].call)
			abort();
	}
	q = &queues[g].call[k];
	*q = (Asked){{n, f16, accumulate != 0, ta, tb, da, db}, at, a != NULL, {d0, d1}, {0}};
	if (a)
		memcpy(q->a, a, sizeof q->a);
}

static void compute(const Thread *t, const Asked *q, float (*value)[WGMMA_N])
{
	u32 a[GROUP][LEFT_REGS];

	for (int i = 0; q->in_registers && i < GROUP; i++)
		for (int r = 0; r < LEFT_REGS; r++)
			memcpy(&a[i][r], (char *)q->a[r] + (t[i].base - t->base), sizeof(u32));
	product_compute(&q->p, q->in_registers ? a : NULL, value);
	sim_wgmma_count(q->at, &q->p, q->in_registers);
}

static bool same_sums(const Asked *a, const Asked *b)
{
	return a->p.n == b->p.n && !memcmp(a->d, b->d, sizeof a->d);
}

/* Products into the same registers one after another: these are written once. */
static void perform(int g)
{
	static _Alignas(LINE) float value[WGMMA_M][WGMMA_N];
	const Thread *t = &M->thread[g * GROUP];

	for (int k = 0; k < queues[g].n; k++) {
		const Asked *q = &queues[g].call[k];
		float *d[GROUP][2];

		for (int i = 0; i < GROUP; i++)
			for (int h = 0; h < 2; h++)
				d[i][h] = (float *)((char *)q->d[h] + (t[i].base - t->base));
		if (!k || !same_sums(q - 1, q))
			sums_take(d, q->p.n, value);
		compute(t, q, value);
		if (k + 1 == queues[g].n || !same_sums(q, q + 1))
			sums_give(d, q->p.n, value);
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
