/* sim_block.c -- one block: its fibers, barriers, and what to say when nothing can go on.
 *
 * Invariant: a thread whose bit in `ready` is clear has `wait` set. A thread gives up the
 * processor only when it waits or ends (or, with a seed, at a collective), so the order of
 * threads between two rendezvous is a function of the seed.
 */
#define _GNU_SOURCE
#include "sim_state.h"

#include <stdlib.h>
#include <string.h>

Machine sim_machine;
#define M (&sim_machine)

static const char *const wait_names[] = {[WAIT_NONE] = "nothing",
                                         [WAIT_BLOCK] = "block_sync",
                                         [WAIT_NAMED] = "named_sync",
                                         [WAIT_WARP] = "warp_sync",
                                         [WAIT_MMA] = "mma",
                                         [WAIT_LDMATRIX] = "ldmatrix",
                                         [WAIT_SHUFFLE] = "shfl",
                                         [WAIT_STMATRIX] = "stmatrix",
                                         [WAIT_MBARRIER] = "mbarrier_wait",
                                         [WAIT_WGMMA] = "wgmma",
                                         [WAIT_WGMMA_FENCE] = "wgmma_fence",
                                         [WAIT_WGMMA_COMMIT] = "wgmma_commit",
                                         [WAIT_WGMMA_WAIT] = "wgmma_wait",
                                         [WAIT_REGS] = "setmaxnreg",
                                         [WAIT_EXITED] = "returned"};

const char *sim_wait_name(Wait w)
{
	return wait_names[w];
}

u32 sim_random(void)
{
	M->random ^= M->random << 13;
	M->random ^= M->random >> 7;
	M->random ^= M->random << 17;
	return (u32)(M->random >> 32);
}

/* ---- Switching ---- */

static Thread *next_ready(void)
{
	int w = M->cur ? M->cur->warp : M->warp_order[0], at = 0;
	u32 m = M->ready[w], later;

	if (m && !(M->random && sim_random() % 64 == 0)) {
		later = M->cur ? m & ~(2u * (1u << M->cur->lane) - 1) : m;
		return &M->thread[w * WARP + __builtin_ctz(later ? later : m)];
	}
	while (M->warp_order[at] != w)
		at++;
	for (int i = 1; i <= M->nwarps; i++) {
		w = M->warp_order[(at + i) % M->nwarps];
		if (M->ready[w])
			return &M->thread[w * WARP + __builtin_ctz(M->ready[w])];
	}
	return NULL;
}

static void go_to(Thread *t)
{
	void **save = M->cur ? &M->cur->sp : &M->main_sp;

	if (t == M->cur)
		return;
	if (M->cur) {
		M->cur->turn = *M->turn;
		if (!M->unchecked)
			sim_nan_poll(M->cur, (int)M->cur->at);
	}
	M->cur = t;
	if (t) {
		M->thread_index->x = (u32)t->id;
		*M->turn = t->turn;
		*M->log = (Log){t->log->ask, NULL};
		*M->notes = (Notes){t->note, NULL, t->noted};
	}
	sim_fiber_switch(save, t ? t->sp : M->main_sp);
}

/* When nobody is ready, what is in flight and waited for lands: as late as is legal. */
void sim_yield(void)
{
	Thread *t = NULL;

	while (!M->abandoned && !(t = next_ready()) && (sim_mbarrier_advance() || sim_regs_advance()))
		;
	go_to(t);
}

/* The fibers are left where they are. */
_Noreturn void sim_abandon(void)
{
	M->abandoned = true;
	sim_yield();
	abort();
}

static bool in_warp(const Thread *t, int warp)
{
	return t->warp == warp;
}

static bool in_named(const Thread *t, int id)
{
	return t->wait == WAIT_NAMED && t->barrier == id;
}

/* ---- Barriers ---- */

/* The lanes of a warp that leave barrier `key` together must have come to one call of it. */
static void same_call(bool (*in)(const Thread *, int), int key)
{
	for (int w = 0; w < M->nwarps; w++) {
		const Thread *first = NULL;

		for (int l = 0; l < WARP && w * WARP + l < M->nthreads; l++) {
			const Thread *t = &M->thread[w * WARP + l];
			SimFinding *f;

			if (!in(t, key))
				continue;
			first = first ? first : t;
			if (t->at != first->at && (f = sim_find(SIM_DIVERGENT, t->at)))
				sim_say(f,
				        "lanes of warp %d meet at different calls of %s: thread %d at line %d,"
				        " thread %d at line %d",
				        w, wait_names[t->wait], first->id, (int)(u32)first->at, t->id,
				        (int)(u32)t->at);
		}
	}
}

static bool in_block(const Thread *t, int key)
{
	(void)key;
	return t->wait == WAIT_BLOCK;
}

void sim_let_go(Thread *t)
{
	t->wait = WAIT_NONE;
	M->ready[t->warp] |= 1u << t->lane;
}

static void block_met(void)
{
	SimFinding *f;

	same_call(in_block, 0);
	if (M->alive < M->nthreads) {
		const Thread *gone = M->thread, *here = M->thread;

		while (gone->wait != WAIT_EXITED)
			gone++;
		while (here->wait != WAIT_BLOCK)
			here++;
		if ((f = sim_find(SIM_DIVERGENT, here->at)))
			sim_say(f, "thread %d has returned, thread %d waits at block_sync", gone->id, here->id);
	}
	M->clock++;
	for (int w = 0; w < M->nwarps; w++)
		sim_count_flush(w);
	for (int i = 0; i < M->nthreads; i++) {
		Thread *t = &M->thread[i];

		if (t->wait != WAIT_BLOCK)
			continue;
		t->clock = t->seen_block = M->clock;
		sim_let_go(t);
	}
	sim_meet_engines();
	M->arrived_block = 0;
	sim_count_work(M->cur->at, WORK_barriers, 1);
}

void sim_wait_here(Thread *t, Wait w)
{
	t->wait = w;
	M->ready[t->warp] &= ~(1u << t->lane);
}

void sim_do_block_sync(u64 at, int site)
{
	Thread *t = M->cur;

	t->at = at;
	M->calls++;
	if (site == M->drop_site)
		return;
	sim_wait_here(t, WAIT_BLOCK);
	if (++M->arrived_block == M->alive)
		block_met();
	sim_yield();
}

/* The current lane waits for its warp; true in the lane that comes last, which then acts for all
 * and calls sim_warp_go. Lanes that have come to different primitives can never go on. */
bool sim_warp_meet(u64 at, Wait w)
{
	Thread *t = M->cur, *lane = &M->thread[t->warp * WARP];
	int lanes = M->nthreads - t->warp * WARP;
	SimFinding *f;

	t->at = at;
	M->calls++;
	sim_wait_here(t, w);
	lanes = w != WAIT_WARP || lanes > WARP ? WARP : lanes;
	if (++M->arrived_warp[t->warp] < lanes) {
		sim_yield();
		return false;
	}
	M->arrived_warp[t->warp] = 0;
	sim_nan_poll(t, (int)at);
	for (int i = 0; i < lanes; i++) {
		if (lane[i].at == at)
			continue;
		if ((f = sim_find(SIM_DIVERGENT, at)))
			sim_say(f,
			        "lanes of warp %d meet at different calls: thread %d at %s, line %d, thread %d"
			        " at %s, line %d",
			        t->warp, t->id, wait_names[w], (int)(u32)at, lane[i].id,
			        wait_names[lane[i].wait], (int)(u32)lane[i].at);
		if (lane[i].wait != w)
			sim_abandon();
	}
	sim_count_flush(t->warp);
	return true;
}

void sim_warp_go(void)
{
	Thread *lane = &M->thread[M->cur->warp * WARP];

	for (int i = 0; i < WARP && M->cur->warp * WARP + i < M->nthreads; i++)
		sim_let_go(&lane[i]);
	if (M->random && sim_random() % 16 == 0)
		sim_yield();
}

void sim_do_warp_sync(u64 at, int site)
{
	Thread *t = M->cur;

	if (site == M->drop_site || !sim_warp_meet(at, WAIT_WARP))
		return;
	sim_meet(in_warp, t->warp, NULL);
	for (int i = t->warp * WARP; i < M->nthreads && i < (t->warp + 1) * WARP; i++)
		M->thread[i].seen_warp = M->clock;
	sim_warp_go();
}

/* Threads `how` barrier `id`, and it is right. */
static void named_check(u64 at, const char *how, int id, int threads)
{
	SimFinding *f;

	if (id >= 1 && id < NBARRIERS && threads % WARP == 0 && threads > 0)
		return;
	if ((f = sim_find(SIM_DIVERGENT, at)))
		sim_say(f, "%s(%d, %d): the barrier is 1..15, the count a multiple of 32", how, id,
		        threads);
	sim_abandon();
}

static void named_came(u64 at, const Thread *t, int id, int threads)
{
	SimFinding *f;

	M->named_at[id] = at;
	if (!M->arrived_named[id]) {
		M->named_first[id].thread = t->id;
		M->named_first[id].threads = threads;
	} else if (!M->unchecked && M->named_first[id].threads != threads &&
	           (f = sim_find(SIM_DIVERGENT, at))) {
		sim_say(f, "barrier %d: thread %d expects %d threads, thread %d expects %d", id, t->id,
		        threads, M->named_first[id].thread, M->named_first[id].threads);
	}
	if (++M->arrived_named[id] < threads)
		return;
	M->arrived_named[id] = 0;
	same_call(in_named, id);
	sim_meet(in_named, id, M->named_seen[id]);
	if (M->named_seen[id])
		sim_vector_clear(M->named_seen[id]);
	sim_count_work(at, WORK_barriers, 1);
	for (int i = 0; i < M->nthreads; i++)
		if (in_named(&M->thread[i], id))
			sim_let_go(&M->thread[i]);
	for (int w = 0; w < M->nwarps; w++)
		sim_count_flush(w);
}

void sim_do_named_sync(u64 at, int site, int id, int threads)
{
	Thread *t = M->cur;

	t->at = at;
	M->calls++;
	if (site == M->drop_site)
		return;
	named_check(at, "named_sync", id, threads);
	sim_dense();
	t->barrier = id;
	sim_wait_here(t, WAIT_NAMED);
	named_came(at, t, id, threads);
	sim_yield();
}

void sim_do_named_arrive(u64 at, int site, int id, int threads)
{
	Thread *t = M->cur;

	t->at = at;
	M->calls++;
	if (site == M->drop_site)
		return;
	named_check(at, "named_arrive", id, threads);
	if (!M->named_seen[id])
		M->named_seen[id] = sim_vector();
	sim_release(t, M->named_seen[id]);
	named_came(at, t, id, threads);
}

/* A barrier that some came to and that never let anybody go. */
static void named_end(void)
{
	SimFinding *f;

	for (int id = 1; id < NBARRIERS; id++)
		if (M->arrived_named[id] && (f = sim_find(SIM_DIVERGENT, M->named_at[id])))
			sim_say(f, "barrier %d: %d threads came, the last at line %d, and no more did", id,
			        M->arrived_named[id], (int)(u32)M->named_at[id]);
}

/* ---- Nothing can go on ---- */

static int range_end(int i)
{
	const Thread *t = &M->thread[i];

	while (i + 1 < M->nthreads && M->thread[i + 1].wait == t->wait &&
	       (t->wait == WAIT_EXITED || M->thread[i + 1].at == t->at))
		i++;
	return i;
}

/* Of those who wait, whose line is named first. */
static int blame(Wait w)
{
	return w == WAIT_REGS ? 3 : w == WAIT_MBARRIER ? 2 : w != WAIT_EXITED;
}

/* Divergent when the lanes of one warp are not together; otherwise a deadlock. */
static void report_stuck(void)
{
	SimKind kind = SIM_DEADLOCK;
	const Thread *first = NULL;
	SimFinding *f;

	for (int i = 0; i < M->nthreads; i++) {
		const Thread *t = &M->thread[i], *lead = &M->thread[t->warp * WARP];

		if (t->wait != lead->wait || (t->wait != WAIT_EXITED && t->at != lead->at))
			kind = SIM_DIVERGENT;
		if (!first || blame(t->wait) > blame(first->wait))
			first = t;
	}
	f = first ? sim_find(blame(first->wait) > 1 ? SIM_DEADLOCK : kind, first->at) : NULL;
	if (!f)
		return;
	sim_say(f, "block %lld cannot go on:", (long long)M->block);
	sim_mbarrier_stuck(f);
	sim_regs_stuck(f);
	for (int i = 0, e; i < M->nthreads; i = e + 1) {
		const Thread *t = &M->thread[i];

		e = range_end(i);
		sim_say(f, e > i ? "%s threads %d-%d" : "%s thread %d", i ? "," : "", i, e);
		if (t->wait == WAIT_EXITED)
			sim_say(f, " returned");
		else
			sim_say(f, " at %s, line %d", wait_names[t->wait], (int)(u32)t->at);
	}
}

/* ---- A block ---- */

static void fiber_start(void)
{
	Thread *t;

	M->entry(M->params);
	t = M->cur;
	sim_shared_exit(t);
	sim_tma_exit(t);
	sim_wgmma_exit(t);
	sim_wait_here(t, WAIT_EXITED);
	M->alive--;
	if (M->alive && M->arrived_block == M->alive)
		block_met();
	sim_yield();
	abort();
}

void sim_block_init(int nthreads)
{
	LaneLog *log;
	Note *note;
	u32 *addr;

	M->nthreads = nthreads;
	M->nwarps = (nthreads + WARP - 1) / WARP;
	M->thread = calloc((size_t)nthreads, sizeof *M->thread);
	note = calloc((size_t)M->nwarps * NOTES, sizeof *note);
	addr = calloc((size_t)nthreads * NOTES, sizeof *addr);
	if (!M->thread || !note || !addr ||
	    posix_memalign((void **)&log, LINE, (size_t)nthreads * sizeof *log))
		abort();
	for (int i = 0; i < nthreads; i++) {
		M->thread[i].log = &log[i];
		M->thread[i].note = &note[i / WARP * NOTES];
		M->thread[i].noted = &addr[i * NOTES];
		M->thread[i].stack = sim_stack_new(STACK);
		M->thread[i].id = i;
		M->thread[i].warp = i / WARP;
		M->thread[i].lane = i % WARP;
	}
}

static void begin(int64_t block)
{
	M->block = block;
	M->block_index->x = (u32)block;
	M->alive = M->nthreads;
	M->block_clock = ++M->clock;
	M->arrived_block = 0;
	M->abandoned = false;
	memset(M->arrived_named, 0, sizeof M->arrived_named);
	memset(M->arrived_group, 0, sizeof M->arrived_group);
	for (int i = 0; i < NBARRIERS; i++)
		if (M->named_seen[i])
			sim_vector_clear(M->named_seen[i]);
	for (int w = 0; w < M->nwarps; w++) {
		int lanes = M->nthreads - w * WARP;
		int other = M->random ? (int)(sim_random() % (u32)(w + 1)) : w;

		M->ready[w] = lanes >= WARP ? ~0u : (1u << lanes) - 1;
		M->arrived_warp[w] = 0;
		M->warp_order[w] = M->warp_order[other];
		M->warp_order[other] = w;
	}
	for (int i = 0; i < M->nthreads; i++) {
		Thread *t = &M->thread[i];

		/* What lanes keep at one place of their stacks shall not meet in one set of a cache. */
		t->base = (char *)t->stack - i * 5 % 64 * 64;
		t->sp =
		    sim_fiber_prepare(t->stack, (size_t)(t->base + STACK - (char *)t->stack), fiber_start);
		t->wait = WAIT_NONE;
		t->at = t->turn = 0;
		t->poll = t->nan_first = t->nan_last = 0;
		t->clock = t->seen_block = t->seen_warp = M->clock;
		t->group = 0;
		t->ncopy = 0;
		t->nfence = 0;
	}
	sim_shared_reset();
	sim_mbarrier_begin();
	sim_tma_begin();
	sim_wgmma_begin();
	sim_regs_begin();
}

void sim_block_run(int64_t block)
{
	begin(block);
	M->cur = NULL;
	sim_yield();
	if (M->alive && !M->abandoned)
		report_stuck();
	if (!M->alive) {
		named_end();
		sim_mbarrier_end();
	}
	sim_tma_end();
	for (int w = 0; w < M->nwarps; w++)
		sim_count_flush(w);
	sim_count_block();
}
