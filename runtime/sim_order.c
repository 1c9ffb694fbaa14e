/* sim_order.c -- what happened before what, and what was shown to the copy engines.
 *
 * Vector clocks: Thread.seen[u] says that all of actor u stamped with less is before the thread's
 * present. They are kept from the first primitive that orders some threads and not others. Actors
 * are the threads and, from M->nwarps * WARP on, engines: one per mbarrier (its copies' writes),
 * one per warpgroup (its products' reads), some for bulk stores (their reads).
 *
 * Proxies (PTX ISA, Async proxy): what a thread wrote is seen by products and bulk copies after it
 * executed a proxy fence, and only by those ordered behind the fence.
 */
#include "sim_wide.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define M (&sim_machine)

enum { MAX_CLOCKS = MAX_THREADS + NENGINES + 7 };

int sim_engine(int k)
{
	return M->nwarps * WARP + k;
}

/* A vector's length: a multiple of 8, the last ones unused. */
static int nclocks(void)
{
	return (M->nwarps * WARP + NENGINES + 7) / 8 * 8;
}

const char *sim_actor(int id)
{
	static char text[4][48];
	static int turn;
	char *s = text[turn++ % 4];
	int e = id - M->nwarps * WARP;

	if (e < 0)
		snprintf(s, sizeof *text, "thread %d", id);
	else if (e < ENGINE_WGMMA)
		snprintf(s, sizeof *text, "the copy engine");
	else if (e < ENGINE_STORE)
		snprintf(s, sizeof *text, "a product of warpgroup %d", e - ENGINE_WGMMA);
	else
		snprintf(s, sizeof *text, "a bulk store");
	return s;
}

const char *sim_order_needed(int id)
{
	int e = id - M->nwarps * WARP;

	return e < 0              ? "barrier"
	       : e < ENGINE_WGMMA ? "mbarrier_wait for it"
	       : e < ENGINE_STORE ? "wgmma_wait and barrier"
	                          : "tma_store_wait_read and barrier";
}

bool sim_ordered(const Access *a, const Thread *t)
{
	if (a->thread < M->nwarps * WARP) {
		if (a->clock < t->seen_block || a->thread == t->id)
			return true;
		if (a->thread / WARP == t->warp && a->clock < t->seen_warp)
			return true;
	}
	return t->seen && a->clock < t->seen[a->thread];
}

void sim_dense(void)
{
	if (M->dense)
		return;
	M->dense = true;
	for (int i = 0; i < M->nthreads; i++) {
		Thread *t = &M->thread[i];

		if (!t->seen)
			t->seen = calloc((size_t)nclocks(), sizeof *t->seen);
		if (!t->seen)
			abort();
		for (int l = 0; l < WARP; l++)
			t->seen[t->warp * WARP + l] = t->seen_warp;
	}
}

FOR_EACH_HOST static void join(u32 *to, const u32 *from)
{
	for (int u = 0, n = nclocks(); u < n; u += 8) {
		Bits8 a, b, later;

		memcpy(&a, to + u, sizeof a);
		memcpy(&b, from + u, sizeof b);
		later = (Bits8)(a < b);
		a = (a & ~later) | (b & later);
		memcpy(to + u, &a, sizeof a);
	}
}

u32 *sim_vector(void)
{
	u32 *v = calloc(MAX_CLOCKS, sizeof *v);

	if (!v)
		abort();
	return v;
}

void sim_vector_clear(u32 *v)
{
	memset(v, 0, (size_t)nclocks() * sizeof *v);
}

void sim_release(Thread *t, u32 *v)
{
	sim_dense();
	if (M->unchecked)
		return;
	join(v, t->seen);
	v[t->id] = t->clock = ++M->clock;
}

void sim_acquire(Thread *t, const u32 *v)
{
	sim_dense();
	if (!M->unchecked)
		join(t->seen, v);
}

void sim_meet(bool (*in)(const Thread *, int), int key, u32 *with)
{
	static u32 all[MAX_CLOCKS];
	static Thread *who[MAX_THREADS]; /* not on a fiber's stack */
	u32 now = ++M->clock;
	int n = 0;

	for (int i = 0; i < M->nthreads; i++)
		if (in(&M->thread[i], key))
			who[n++] = &M->thread[i];
	if (M->dense && !M->unchecked) {
		sim_vector_clear(all);
		if (with)
			join(all, with);
		for (int i = 0; i < n; i++)
			join(all, who[i]->seen);
		for (int i = 0; i < n; i++)
			all[who[i]->id] = now;
		for (int i = 0; i < n; i++)
			memcpy(who[i]->seen, all, (size_t)nclocks() * sizeof *all);
	}
	for (int i = 0; i < n; i++)
		who[i]->clock = now;
}

/* After block_sync: what one knew of an engine all know; seen_block says the rest. */
void sim_meet_engines(void)
{
	u32 all[NENGINES] = {0};
	int base = M->nwarps * WARP;

	if (!M->dense || M->unchecked)
		return;
	for (int i = 0; i < M->nthreads; i++)
		for (int e = 0; e < NENGINES; e++)
			if (all[e] < M->thread[i].seen[base + e])
				all[e] = M->thread[i].seen[base + e];
	for (int i = 0; i < M->nthreads; i++)
		memcpy(M->thread[i].seen + base, all, sizeof all);
}

/* ---- Proxies ---- */

void sim_do_proxy_fence(u64 at, int site)
{
	Thread *t = M->cur;

	t->at = at;
	M->calls++;
	if (site == M->drop_site)
		return;
	t->fence[t->nfence++ % NFENCES] = t->clock = ++M->clock;
}

/* The last fence of the writer that `t` knows of must lie behind the write. Fences beyond the last
 * NFENCES are forgotten; what they covered counts as covered. */
bool sim_fenced(const Access *a, const Thread *t)
{
	const Thread *writer;

	if (a->thread >= M->nthreads)
		return true;
	writer = &M->thread[a->thread];
	for (int i = writer->nfence - 1; i >= 0; i--) {
		Access fence = {writer->fence[i % NFENCES], a->thread, 0};

		if (i < writer->nfence - NFENCES)
			return true;
		if (sim_ordered(&fence, t))
			return a->clock < fence.clock;
	}
	return false;
}
