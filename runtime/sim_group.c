/* sim_group.c -- what a warpgroup does at once: where its 128 threads meet, and how many registers
 * they may use (PTX ISA, setmaxnreg: executed by all warps of a warpgroup, a multiple of 8 in
 * 24..256; a raise waits until the block's pool has them, a lowering gives to it).
 */
#include "sim_state.h"

#define M (&sim_machine)

/* The threads of a warpgroup that come to different primitives can never go on. */
bool sim_group_meet(u64 at, Wait w)
{
	Thread *t = M->cur, *first = &M->thread[t->id / GROUP * GROUP];
	SimFinding *f;

	t->at = at;
	M->calls++;
	sim_wait_here(t, w);
	if (++M->arrived_group[t->id / GROUP] < GROUP) {
		sim_yield();
		return false;
	}
	M->arrived_group[t->id / GROUP] = 0;
	for (int i = 0; i < GROUP; i++) {
		if (first[i].at == at)
			continue;
		if ((f = sim_find(SIM_DIVERGENT, at)))
			sim_say(f,
			        "threads of warpgroup %d meet at different calls: thread %d at %s (line %d),"
			        " thread %d at %s (line %d)",
			        t->id / GROUP, t->id, sim_wait_name(w), (int)(u32)at, first[i].id,
			        sim_wait_name(first[i].wait), (int)(u32)first[i].at);
		if (first[i].wait != w)
			sim_abandon();
	}
	for (int i = 0; i < GROUP / WARP; i++)
		sim_count_flush(t->id / GROUP * (GROUP / WARP) + i);
	return true;
}

void sim_group_go(void)
{
	Thread *first = &M->thread[M->cur->id / GROUP * GROUP];

	for (int i = 0; i < GROUP; i++)
		sim_let_go(&first[i]);
	if (M->random && sim_random() % 16 == 0)
		sim_yield();
}

/* ---- Registers ---- */

static struct {
	int has[MAX_GROUPS], wants[MAX_GROUPS]; /* wants 0: nothing */
	int pool;                               /* registers, in units of a warpgroup's thread */
} regs;

/* What a launch gets: its share of 64 K registers, in steps of 8 a thread. */
void sim_regs_begin(void)
{
	int each = 65536 / (M->nwarps * WARP) / (M->min_blocks > 1 ? M->min_blocks : 1) / 8 * 8;

	regs.pool = 0;
	for (int g = 0; g < MAX_GROUPS; g++) {
		regs.has[g] = each < 256 ? each : 256;
		regs.wants[g] = 0;
	}
}

static bool take(int g)
{
	int more = regs.wants[g] - regs.has[g];

	if (!regs.wants[g] || more > regs.pool)
		return false;
	regs.pool -= more;
	regs.has[g] = regs.wants[g];
	regs.wants[g] = 0;
	return true;
}

/* Lets go whoever can have what it waits for. */
bool sim_regs_advance(void)
{
	bool any = false;

	for (int g = 0; g < M->nthreads / GROUP; g++)
		if (take(g)) {
			for (int i = 0; i < GROUP; i++)
				sim_let_go(&M->thread[g * GROUP + i]);
			any = true;
		}
	return any;
}

void sim_regs_stuck(SimFinding *f)
{
	for (int g = 0; g < M->nthreads / GROUP; g++)
		if (regs.wants[g])
			sim_say(f, " warpgroup %d has %d registers a thread, wants %d, and %d are free;", g,
			        regs.has[g], regs.wants[g], regs.pool);
}

void sim_do_regs(u64 at, int n, int up)
{
	int g = M->cur->id / GROUP;
	SimFinding *f;

	if (!sim_group_meet(at, WAIT_REGS))
		return;
	if (n % 8 || n < 24 || n > 256) {
		if ((f = sim_find(SIM_MAP, at)))
			sim_say(f, "%d registers a thread: a budget is a multiple of 8 in 24..256", n);
	} else if (up > 0 ? n < regs.has[g] : n > regs.has[g]) {
		if ((f = sim_find(SIM_MAP, at)))
			sim_say(f, "warpgroup %d %s its registers from %d to %d", g,
			        up > 0 ? "raises" : "lowers", regs.has[g], n);
	} else if (up < 0) {
		regs.pool += regs.has[g] - n;
		regs.has[g] = n;
	} else {
		regs.wants[g] = n;
		if (!take(g)) {
			sim_yield();
			return;
		}
	}
	sim_group_go();
}
