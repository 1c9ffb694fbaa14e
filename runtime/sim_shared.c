/* sim_shared.c -- shared memory: bounds, alignment, order, and copies in flight.
 *
 * Bytes begin as NaN and return to NaN while a copy into them is in flight. A copy lands when its
 * thread waits for its group, which is as late as is legal (or, with `early`, at once, which is
 * legal too); others may read it only after a barrier behind that wait.
 */
#include "sim_state.h"

#include <stdlib.h>
#include <string.h>

#define M (&sim_machine)

enum { POISON = 0xff };

void sim_shared_reset(void)
{
	memset(M->smem, POISON, M->smem_bytes);
}

u32 sim_do_smem_base(void)
{
	return SMEM_BASE;
}

/* ---- Checks ---- */

/* The first and the last byte lie in some buffer. */
static void check_in_place(u64 at, u32 addr, int bytes, const char *what)
{
	u32 from = addr - SMEM_BASE, last = from + (u32)bytes - 1;
	SimFinding *f;

	if (M->in_place[from / 8] && M->in_place[last / 8])
		return;
	addr += M->in_place[from / 8] ? last - from : 0;
	if ((f = sim_find_shared(SIM_BOUNDS, at, M->cur->id, what, addr)))
		sim_say(f, ", which is behind its end and in no other buffer");
}

/* Gives the place of addr; NULL where there is none. Moves a misaligned address down. */
static unsigned char *place(u64 at, u32 *addr, int bytes, const char *what)
{
	SimFinding *f;

	if (*addr % (u32)bytes) {
		if ((f = sim_find_shared(SIM_ALIGN, at, M->cur->id, what, *addr)))
			sim_say(f, " and on, %d bytes at once, but the address is no multiple of %d", bytes,
			        bytes);
		*addr -= *addr % (u32)bytes;
	}
	if (*addr - SMEM_BASE >= M->smem_bytes || M->smem_bytes - (*addr - SMEM_BASE) < (u32)bytes) {
		if ((f = sim_find_shared(SIM_BOUNDS, at, M->cur->id, what, *addr)))
			sim_say(f, ", shared offset %lld of %u", (long long)*addr - SMEM_BASE, M->smem_bytes);
		return NULL;
	}
	check_in_place(at, *addr, bytes, what);
	return M->smem + (*addr - SMEM_BASE);
}

static bool live(const Access *a)
{
	return a->clock >= M->block_clock;
}

static Access stamp(const Thread *t, u64 at)
{
	u32 line = (u32)at;

	return (Access){t->clock, (uint16_t)t->id, line < 0xffff ? (uint16_t)line : 0xffff};
}

static void race(const Thread *t, u64 at, u32 addr, const char *now, const Access *a,
                 const char *then)
{
	SimFinding *f = sim_find_shared(SIM_RACE, at, t->id, now, addr);

	if (f)
		sim_say(f, ", which %s %s at line %d, and no %s lies between", sim_actor(a->thread), then,
		        a->line, sim_order_needed(a->thread));
}

/* May t read it? */
static void check_granule(const Thread *t, u64 at, const Granule *g, u32 addr, const char *how)
{
	SimFinding *f;

	if (live(&g->flight)) {
		if ((f = sim_find_shared(SIM_PENDING, at, t->id, how, addr)))
			sim_say(f,
			        " while the copy that thread %d began at line %d is in flight; its wait is"
			        " missing or comes later",
			        g->flight.thread, g->flight.line);
	} else if (!live(&g->write)) {
		if ((f = sim_find_shared(SIM_UNINIT, at, t->id, how, addr)))
			sim_say(f, ", which nothing has written");
	} else if (!sim_ordered(&g->write, t)) {
		race(t, at, addr, how, &g->write, "wrote");
	}
}

static void mark_read(Granule *g, Access now)
{
	if (now.thread >= M->nwarps * WARP) { /* an engine: takes its own place, or the oldest */
		Access *to = g->read;

		for (int i = 0; i < 3; i++)
			if (g->read[i].thread == now.thread ||
			    (to->thread != now.thread && g->read[i].clock < to->clock))
				to = &g->read[i];
		*to = now;
		return;
	}
	if (g->read[0].thread != now.thread) {
		if (g->read[0].thread / WARP == now.thread / WARP)
			g->read[1] = g->read[0];
		else
			g->read[2] = g->read[0];
	}
	g->read[0] = now;
}

static void read_granule(Thread *t, u64 at, Granule *g, u32 addr, const char *how)
{
	check_granule(t, at, g, addr, how);
	mark_read(g, stamp(t, at));
}

/* A write begins: nothing may be in flight there, and what was done there lies before. */
static void claim_granule(const Thread *t, u64 at, Granule *g, u32 addr, const char *how)
{
	if (live(&g->flight))
		race(t, at, addr, how, &g->flight, "is copying into");
	else if (live(&g->write) && !sim_ordered(&g->write, t))
		race(t, at, addr, how, &g->write, "wrote");
	for (int i = 0; i < 3; i++)
		if (live(&g->read[i]) && !sim_ordered(&g->read[i], t)) {
			race(t, at, addr, how, &g->read[i], "read");
			break;
		}
}

static bool same(const Granule *a, const Granule *b)
{
	u64 x[sizeof *a / 8], y[sizeof *b / 8], apart = 0;

	memcpy(x, a, sizeof x);
	memcpy(y, b, sizeof y);
	for (size_t i = 0; i < sizeof x / sizeof *x; i++)
		apart |= x[i] ^ y[i];
	return !apart;
}

/* Neighbours mostly have one history: what holds for the first then holds for all. */
static void read_granules(Thread *t, u64 at, Granule *g, u32 addr, int n)
{
	Granule before = *g;

	if (n > 1 && !memcmp(g, g + 1, (size_t)(n - 1) * sizeof *g)) {
		read_granule(t, at, g, addr, "reads");
		for (int i = 1; i < n; i++)
			g[i] = g[0];
		return;
	}
	read_granule(t, at, g, addr, "reads");
	for (int i = 1; i < n; i++)
		if (same(&g[i], &before))
			g[i] = g[0];
		else
			read_granule(t, at, &g[i], addr + 2 * (u32)i, "reads");
}

static void claim_granules(const Thread *t, u64 at, Granule *g, u32 addr, int n, const char *how)
{
	claim_granule(t, at, g, addr, how);
	if (n > 1 && !memcmp(g, g + 1, (size_t)(n - 1) * sizeof *g))
		return;
	for (int i = 1; i < n; i++)
		if (!same(&g[i], g))
			claim_granule(t, at, &g[i], addr + 2 * (u32)i, how);
}

bool sim_shared_read(Thread *t, u64 at, void *out, u32 addr, int bytes)
{
	unsigned char *p = place(at, &addr, bytes, "reads");
	Granule *g;

	if (!p) {
		memset(out, POISON, (size_t)bytes);
		return false;
	}
	g = &M->granule[(addr - SMEM_BASE) / 2];
	read_granules(t, at, g, addr, bytes / 2);
	memcpy(out, p, (size_t)bytes);
	return true;
}

/* ---- Loads and stores ---- */

void sim_do_shared_load(u64 at, void *out, u32 addr, int bytes)
{
	Thread *t = M->cur;

	t->at = at;
	M->calls++;
	if (sim_shared_read(t, at, out, addr, bytes))
		sim_count(t, at, SHARED_LOAD, bytes, addr);
}

bool sim_shared_write(Thread *t, u64 at, u32 addr, const void *v, int bytes)
{
	unsigned char *p = place(at, &addr, bytes, "writes");
	Granule *g;

	if (!p)
		return false;
	sim_mbarrier_guard(at, addr, bytes);
	sim_origin_forget(addr, bytes);
	g = &M->granule[(addr - SMEM_BASE) / 2];
	claim_granules(t, at, g, addr, bytes / 2, "overwrites");
	for (int i = 0; i < bytes / 2; i++)
		g[i].write = stamp(t, at);
	memcpy(p, v, (size_t)bytes);
	return true;
}

void sim_do_shared_store(u64 at, u32 addr, const void *v, int bytes)
{
	Thread *t = M->cur;

	t->at = at;
	M->calls++;
	if (sim_shared_write(t, at, addr, v, bytes))
		sim_count(t, at, SHARED_STORE, bytes, addr);
}

/* ---- Asynchronous copies ---- */

static void land_data(const Copy *c)
{
	unsigned char *p = M->smem + (c->dst - SMEM_BASE);

	memset(p, 0, (size_t)c->size);
	if (c->src)
		memcpy(p, c->src, (size_t)c->bytes);
	else if (c->bytes)
		memset(p, POISON, (size_t)c->bytes);
}

void sim_do_cp_async(u64 at, u32 dst, const void *src, int size, int bytes)
{
	Thread *t = M->cur;
	unsigned char *p;
	Granule *g;
	SimFinding *f;
	Copy *c;

	t->at = at;
	M->calls++;
	if (bytes < 0 || bytes > size) {
		if ((f = sim_find(SIM_BOUNDS, at)))
			sim_say(f, "thread %d of block %lld copies %d of %d bytes", t->id, (long long)M->block,
			        bytes, size);
		bytes = bytes < 0 ? 0 : size;
	}
	if (bytes && !sim_global_check(at, src, bytes, size, false))
		src = NULL;
	if (!(p = place(at, &dst, size, "copies")))
		return;
	sim_mbarrier_guard(at, dst, size);
	sim_origin_forget(dst, size);
	if (t->ncopy == t->capcopy) {
		t->capcopy = t->capcopy * 2 + 32;
		t->copy = realloc(t->copy, (size_t)t->capcopy * sizeof *t->copy);
		if (!t->copy)
			abort();
	}
	c = &t->copy[t->ncopy++];
	*c = (Copy){dst, t->group, bytes ? src : NULL, size, bytes, (int)(u32)at};
	g = &M->granule[(dst - SMEM_BASE) / 2];
	claim_granules(t, at, g, dst, size / 2, "copies over");
	for (int i = 0; i < size / 2; i++)
		g[i].flight = stamp(t, at);
	if (M->early)
		land_data(c);
	else
		memset(p, POISON, (size_t)size);
	sim_count_work(at, WORK_cp_async_bytes, (u64)bytes);
	sim_count(t, at, ASYNC_STORE, size, dst);
	if (bytes && src)
		sim_count_copy(t, at, bytes, size, (u64)(uintptr_t)src, dst);
}

void sim_do_cp_async_commit(u64 at, int site)
{
	M->cur->at = at;
	M->calls++;
	if (site != M->drop_site)
		M->cur->group++;
}

/* Groups close in order; all but the last n have landed. */
void sim_do_cp_async_wait(u64 at, int site, int n)
{
	Thread *t = M->cur;
	int kept = 0;

	t->at = at;
	M->calls++;
	if (site == M->drop_site)
		return;
	for (int i = 0; i < t->ncopy; i++) {
		const Copy *c = &t->copy[i];
		Granule *g = &M->granule[(c->dst - SMEM_BASE) / 2];

		if (c->group >= t->group || t->group - c->group <= (u32)n) {
			t->copy[kept++] = *c;
			continue;
		}
		if (!M->early)
			land_data(c);
		for (int k = 0; k < c->size / 2; k++) {
			g[k].flight.clock = 0;
			g[k].write = stamp(t, (u64)c->line);
		}
	}
	t->ncopy = kept;
}

/* t returns: what it copied must have landed. */
void sim_shared_exit(const Thread *t)
{
	SimFinding *f;

	if (t->ncopy && (f = sim_find(SIM_PENDING, (u64)t->copy[0].line)))
		sim_say(f, "thread %d returns while its copy of line %d is in flight", t->id,
		        t->copy[0].line);
}

/* ---- Engines ---- */

unsigned char *sim_shared_place(u64 at, u32 addr, int bytes, const char *what)
{
	SimFinding *f;

	if (addr - SMEM_BASE < M->smem_bytes && M->smem_bytes - (addr - SMEM_BASE) >= (u32)bytes) {
		check_in_place(at, addr, bytes, what);
		return M->smem + (addr - SMEM_BASE);
	}
	if ((f = sim_find_shared(SIM_BOUNDS, at, M->cur->id, what, addr)))
		sim_say(f, " and on, %d bytes at once, shared offset %lld of %u", bytes,
		        (long long)addr - SMEM_BASE, M->smem_bytes);
	return NULL;
}

void sim_shared_engine_read(const Thread *t, u64 at, u32 addr, int bytes, Access reader)
{
	Granule *g = &M->granule[(addr - SMEM_BASE) / 2];
	SimFinding *f;

	for (int i = 0; i < bytes / 2 && !M->unchecked; i++) {
		const Access *w = &g[i].write;

		check_granule(t, at, &g[i], addr + 2 * (u32)i, "reads");
		if (live(w) && !live(&g[i].flight) && !sim_fenced(w, t) &&
		    (f = sim_find_shared(SIM_FENCE, at, reader.thread, "reads", addr + 2 * (u32)i)))
			sim_say(f,
			        ", which %s wrote at line %d and then executed no proxy_fence before the"
			        " barrier",
			        sim_actor(w->thread), w->line);
		mark_read(&g[i], reader);
	}
}

void sim_shared_engine_write(const Thread *t, u64 at, u32 addr, int bytes)
{
	Granule *g = &M->granule[(addr - SMEM_BASE) / 2];

	sim_mbarrier_guard(at, addr, bytes);
	for (int i = 0; i < bytes / 2 && !M->unchecked; i++) {
		claim_granule(t, at, &g[i], addr + 2 * (u32)i, "copies over");
		g[i].flight = stamp(t, at);
	}
	if (!M->early)
		memset(M->smem + (addr - SMEM_BASE), POISON, (size_t)bytes);
}

void sim_shared_land(u32 addr, const void *data, int bytes, Access writer)
{
	Granule *g = &M->granule[(addr - SMEM_BASE) / 2];

	memcpy(M->smem + (addr - SMEM_BASE), data, (size_t)bytes);
	for (int i = 0; i < bytes / 2 && !M->unchecked; i++) {
		g[i].flight.clock = 0;
		g[i].write = writer;
	}
}
