/* sim_mbarrier.c -- barriers in shared memory (PTX ISA, mbarrier): a phase is over when no arrival
 * and no byte is outstanding. An arrival releases what its thread knows, a wait acquires what those
 * of its phase did; bytes that copies bring are written by an engine of the barrier's own.
 *
 * Copies land when everybody waits and somebody for them (sim_mbarrier_advance), which is as late
 * as is legal, or at their issue (`early`).
 */
#include "sim_state.h"

#include <string.h>

#define M (&sim_machine)

enum { OBJECT = 8, MAX_TX = (1 << 20) - 1 };

typedef struct Barrier {
	u32 addr;
	int count, pending; /* arrivals: of a phase, and those still to come */
	int64_t tx;         /* bytes still to come */
	u32 phase;
	int64_t expected, brought; /* bytes, in this phase */
	int64_t promised, issued;  /* bytes, in all phases: expected, and of copies begun */
	Access init, fence;        /* fence.clock 0: none yet */
	u32 copied, waited;        /* 1 + the last phase that brought bytes, that somebody waited for */
	int copy_line, expect_line, arrive_line;
	u32 *open, *done; /* vectors: of this phase's arrivals, of the last one's */
} Barrier;

static Barrier bars[MAX_MBARRIERS];
static int nbars;
static u32 low, high; /* all lie in low .. high */

void sim_mbarrier_begin(void)
{
	nbars = 0;
	low = ~0u;
	high = 0;
}

static Barrier *find(u32 addr)
{
	for (int i = 0; i < nbars; i++)
		if (bars[i].addr == addr)
			return &bars[i];
	return NULL;
}

/* A barrier that the current thread may use. */
static Barrier *need(u64 at, u32 addr, const char *what)
{
	Barrier *b = find(addr);
	SimFinding *f;

	if (!b) {
		if ((f = sim_find(SIM_MBARRIER, at)))
			sim_say(f, "thread %d %s shared byte %lld, where no mbarrier was initialised",
			        M->cur->id, what, (long long)addr - SMEM_BASE);
	} else if (!sim_ordered(&b->init, M->cur)) {
		if ((f = sim_find(SIM_MBARRIER, at)))
			sim_say(f,
			        "thread %d %s the mbarrier at shared byte %u, which thread %d initialised"
			        " (line %d), and no barrier lies between",
			        M->cur->id, what, addr - SMEM_BASE, b->init.thread, b->init.line);
	}
	return b;
}

void sim_mbarrier_guard(u64 at, u32 addr, int bytes)
{
	SimFinding *f;

	if (addr >= high || addr + (u32)bytes <= low)
		return;
	for (int i = 0; i < nbars; i++)
		if (addr < bars[i].addr + OBJECT && bars[i].addr < addr + (u32)bytes &&
		    (f = sim_find(SIM_MBARRIER, at)))
			sim_say(f,
			        "thread %d overwrites the mbarrier at shared byte %u (initialised at line %d)",
			        M->cur->id, bars[i].addr - SMEM_BASE, bars[i].init.line);
}

/* ---- Initialisation ---- */

static Access stamp(u64 at)
{
	u32 line = (u32)at;

	return (Access){M->cur->clock, (uint16_t)M->cur->id, line < 0xffff ? (uint16_t)line : 0xffff};
}

void sim_do_mbarrier_init(u64 at, int site, u32 bar, int count)
{
	Thread *t = M->cur;
	u64 zero = 0;
	Barrier *b;
	SimFinding *f;

	t->at = at;
	M->calls++;
	sim_count_work(at, WORK_mbarrier_ops, 1);
	if (site == M->drop_site)
		return;
	sim_dense();
	if (count < 1 || count > MAX_TX) {
		if ((f = sim_find(SIM_MBARRIER, at)))
			sim_say(f, "an mbarrier of %d arrivals: 1..%d", count, MAX_TX);
		count = 1;
	}
	if (find(bar)) {
		if ((f = sim_find(SIM_MBARRIER, at)))
			sim_say(f, "thread %d initialises the mbarrier at shared byte %u again (line %d did)",
			        t->id, bar - SMEM_BASE, find(bar)->init.line);
		return;
	}
	if (!sim_shared_write(t, at, bar, &zero, OBJECT))
		return;
	if (nbars == MAX_MBARRIERS) {
		if ((f = sim_find(SIM_MBARRIER, at)))
			sim_say(f, "more than %d mbarriers in a block", MAX_MBARRIERS);
		sim_abandon();
	}
	b = &bars[nbars++];
	*b = (Barrier){.addr = bar / OBJECT * OBJECT,
	               .count = count,
	               .pending = count,
	               .init = stamp(at),
	               .open = b->open ? b->open : sim_vector(),
	               .done = b->done ? b->done : sim_vector()};
	sim_vector_clear(b->open);
	sim_vector_clear(b->done);
	low = b->addr < low ? b->addr : low;
	high = b->addr + OBJECT > high ? b->addr + OBJECT : high;
}

void sim_do_mbarrier_init_fence(u64 at, int site)
{
	M->cur->at = at;
	M->calls++;
	if (site == M->drop_site)
		return;
	M->cur->clock = ++M->clock;
	for (int i = 0; i < nbars; i++)
		if (bars[i].init.thread == M->cur->id && !bars[i].fence.clock)
			bars[i].fence = stamp(at);
}

/* ---- Phases ---- */

static bool over(const Barrier *b, int parity)
{
	return (int)(b->phase & 1) != parity;
}

static bool waits(const Thread *t, const Barrier *b)
{
	return t->wait == WAIT_MBARRIER && t->addr == b->addr;
}

/* A wait knows a phase by its parity alone, so somebody waits for each before the next is over. */
static void check_waited(const Barrier *b)
{
	SimFinding *f;

	if (b->waited < b->phase && (f = sim_find(SIM_MBARRIER, (u64)b->arrive_line)))
		sim_say(f,
		        "phases %u and %u of the mbarrier at shared byte %u (line %d) are over, and nobody"
		        " has waited for the first",
		        b->phase - 1, b->phase, b->addr - SMEM_BASE, b->init.line);
}

static void complete(Barrier *b)
{
	u32 *v = b->done;

	check_waited(b);

	b->done = b->open;
	b->open = v;
	b->done[sim_engine((int)(b - bars))] = ++M->clock;
	sim_vector_clear(b->open);
	b->phase++;
	b->pending = b->count;
	b->expected = b->brought = 0;
	for (int i = 0; i < M->nthreads; i++) {
		Thread *t = &M->thread[i];

		if (waits(t, b) && over(b, t->arg)) {
			b->waited = b->phase;
			sim_acquire(t, b->done);
			sim_let_go(t);
		}
	}
}

void sim_do_mbarrier_arrive(u64 at, int site, u32 bar, int bytes)
{
	Thread *t = M->cur;
	Barrier *b;
	SimFinding *f;

	t->at = at;
	M->calls++;
	sim_count_work(at, WORK_mbarrier_ops, 1);
	if (site == M->drop_site || !(b = need(at, bar, "arrives at")))
		return;
	if (bytes < 0 || b->tx + bytes > MAX_TX) {
		if ((f = sim_find(SIM_MBARRIER, at)))
			sim_say(f, "thread %d expects %d bytes of an mbarrier, which counts to %d", t->id,
			        bytes, MAX_TX);
		bytes = 0;
	}
	if (!b->pending) {
		if ((f = sim_find(SIM_MBARRIER, at)))
			sim_say(f,
			        "thread %d arrives at the mbarrier at shared byte %u, whose phase %u has had"
			        " its %d arrivals",
			        t->id, bar - SMEM_BASE, b->phase, b->count);
		return;
	}
	if (bytes)
		b->expect_line = (int)(u32)at;
	b->tx += bytes;
	b->expected += bytes;
	b->promised += bytes;
	b->pending--;
	b->arrive_line = (int)(u32)at;
	sim_release(t, b->open);
	if (!b->pending && !b->tx)
		complete(b);
}

void sim_do_mbarrier_wait(u64 at, int site, u32 bar, int phase)
{
	Thread *t = M->cur;
	Barrier *b;
	SimFinding *f;

	t->at = at;
	M->calls++;
	sim_count_work(at, WORK_mbarrier_ops, 1);
	if (site == M->drop_site || !(b = need(at, bar, "waits for")))
		return;
	if ((phase & ~1) && (f = sim_find(SIM_MBARRIER, at)))
		sim_say(f, "thread %d waits for parity %d: 0 or 1", t->id, phase);
	if (over(b, phase & 1)) {
		b->waited = b->phase;
		sim_acquire(t, b->done);
		if (M->random && sim_random() % 16 == 0)
			sim_yield();
		return;
	}
	t->addr = b->addr;
	t->arg = phase & 1;
	sim_wait_here(t, WAIT_MBARRIER);
	sim_yield();
}

/* ---- Copies ---- */

int sim_mbarrier_for_copy(u64 at, u32 bar, int bytes)
{
	Barrier *b = need(at, bar, "copies with");
	SimFinding *f;

	if (!b)
		return -1;
	if ((!b->fence.clock || !sim_ordered(&b->fence, M->cur)) && (f = sim_find(SIM_FENCE, at)))
		sim_say(f,
		        "thread %d copies with the mbarrier at shared byte %u, whose initialisation (line"
		        " %d) no mbarrier_init_fence has shown to the copy engine",
		        M->cur->id, bar - SMEM_BASE, b->init.line);
	b->issued += bytes;
	return (int)(b - bars);
}

void sim_mbarrier_bytes(int i, int bytes, int line)
{
	bars[i].copied = bars[i].phase + 1;
	bars[i].copy_line = line;
	bars[i].tx -= bytes;
	bars[i].brought += bytes;
	if (!bars[i].pending && !bars[i].tx)
		complete(&bars[i]);
}

static bool waited_for(const Barrier *b)
{
	for (int i = 0; i < M->nthreads; i++)
		if (waits(&M->thread[i], b))
			return true;
	return false;
}

bool sim_mbarrier_advance(void)
{
	int first = M->random && nbars ? (int)(sim_random() % (u32)nbars) : 0;

	for (int i = 0; i < nbars; i++) {
		int k = (first + i) % nbars;

		if (waited_for(&bars[k]) && sim_tma_land(k))
			return true;
	}
	return false;
}

/* ---- Checks ---- */

/* All arrived, all landed, and the bytes do not agree. */
static void check_bytes(const Barrier *b)
{
	SimFinding *f;

	if (b->pending || !b->tx || !(f = sim_find(SIM_MBARRIER, (u64)(u32)b->expect_line)))
		return;
	sim_say(f,
	        "the mbarrier at shared byte %u (line %d): phase %u expects %lld bytes and copies bring"
	        " %lld, so it never ends",
	        b->addr - SMEM_BASE, b->init.line, b->phase, (long long)b->expected,
	        (long long)b->brought);
}

void sim_mbarrier_stuck(SimFinding *f)
{
	for (int i = 0; i < nbars; i++) {
		const Barrier *b = &bars[i];

		if (!waited_for(b))
			continue;
		sim_say(f, " the mbarrier at shared byte %u (line %d), phase %u: %d of %d arrivals",
		        b->addr - SMEM_BASE, b->init.line, b->phase, b->count - b->pending, b->count);
		if (b->expected || b->brought)
			sim_say(f, ", %lld of %lld bytes", (long long)b->brought, (long long)b->expected);
		sim_say(f, ";");
		check_bytes(b);
	}
}

void sim_mbarrier_end(void)
{
	SimFinding *f;

	for (int i = 0; i < nbars; i++) {
		const Barrier *b = &bars[i];

		if (b->copied > b->waited && (f = sim_find(SIM_PENDING, (u64)b->copy_line)))
			sim_say(f, "nobody waits for the copy of line %d before block %lld ends", b->copy_line,
			        (long long)M->block);
		if (b->promised != b->issued &&
		    (f = sim_find(SIM_MBARRIER, (u64)(b->expect_line ? b->expect_line : b->init.line))))
			sim_say(f,
			        "the mbarrier at shared byte %u (line %d): in block %lld its phases expected"
			        " %lld bytes and copies brought %lld",
			        b->addr - SMEM_BASE, b->init.line, (long long)M->block, (long long)b->promised,
			        (long long)b->issued);
		if (b->pending && b->pending < b->count && (f = sim_find(SIM_MBARRIER, (u64)b->init.line)))
			sim_say(f,
			        "the mbarrier at shared byte %u: at the end of block %lld phase %u has had %d"
			        " of %d arrivals",
			        b->addr - SMEM_BASE, (long long)M->block, b->phase, b->count - b->pending,
			        b->count);
	}
}
