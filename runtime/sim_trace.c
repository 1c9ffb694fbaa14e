/* sim_trace.c -- the services, each behind one that notes what it was asked for.
 *
 * An event is a hash of the service and its arguments: values that are stored or multiplied, places
 * in shared memory, places of registers (by their distance from the thread's stack) and of global
 * memory (by buffer). What is loaded follows from what was stored. Every thread of every block has
 * a list of its own, since who runs first may differ.
 */
#define _GNU_SOURCE
#include "sim_trace.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sim_load.h"
#include "sim_state.h"

#define M (&sim_machine)

/* Pages that nobody touches cost nothing. */
enum { KERNELS = 4, BLOCKS = 512, EVENTS = 1 << 15, LISTS = KERNELS * BLOCKS * MAX_THREADS };

typedef struct List {
	u32 n, matched;
} List;

struct SimTrace {
	List list[LISTS];
	bool different;
	u32 event[LISTS][EVENTS];
};

static SimTrace *trace;
static bool comparing;

SimTrace *sim_trace_new(void)
{
	SimTrace *t = mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE,
	                   MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return t == MAP_FAILED ? NULL : t;
}

void sim_trace_free(SimTrace *t)
{
	if (t)
		munmap(t, sizeof *t);
}

void sim_trace_record(SimTrace *t)
{
	trace = t;
	comparing = false;
}

void sim_trace_compare(SimTrace *t)
{
	bool unusable = t->different && !comparing;

	for (int i = 0; i < LISTS; i++)
		t->list[i].matched = 0;
	trace = t;
	comparing = true;
	t->different = unusable;
}

bool sim_trace_end(SimTrace *t)
{
	bool same = !t->different;

	for (int i = 0; comparing && i < LISTS; i++)
		same &= t->list[i].matched == t->list[i].n;
	trace = NULL;
	return same;
}

/* ---- Events ---- */

static int kernel_now; /* this worker's, of the text */

/* `more`: an event that only makes a thread wait, or that closes a group early. */
static void note(u32 hash, bool more)
{
	u64 at = ((u64)kernel_now * BLOCKS + (u64)M->block) * MAX_THREADS + (u64)M->cur->id;
	List *l;

	hash |= 1;
	if (kernel_now >= KERNELS || M->block >= BLOCKS) {
		trace->different = true;
		return;
	}
	l = &trace->list[at];
	if (!comparing) {
		if (l->n < EVENTS)
			trace->event[at][l->n++] = hash;
		else
			trace->different = true;
	} else if (l->matched < l->n && trace->event[at][l->matched] == hash) {
		l->matched++;
	} else if (!more) {
		trace->different = true;
	}
}

static u32 mix(u32 h, const void *p, size_t n)
{
	const unsigned char *s = p;

	for (size_t i = 0; i < n; i++)
		h = (h ^ s[i]) * 0x01000193u;
	return (h ^ h >> 15) * 0x85ebca6bu;
}

static u32 number(u32 h, u64 x)
{
	return mix(h, &x, sizeof x);
}

/* A place in global memory, or of a register. */
static u32 place(u32 h, const void *p)
{
	const char *s = p;

	for (int i = 0; s && i < M->nbuffer; i++) {
		const char *b = (const char *)M->buffer[i].data;

		if (s >= b - 4096 && s < b + M->buffer[i].user.bytes + 4096)
			return number(number(h, (u64)i), (u64)(s - b));
	}
	return number(h, s ? (u64)(s - (const char *)M->cur->stack) : 0);
}

/* ---- Services ---- */

/* Name, parameters, arguments, what changes the hash h, whether more of them make no difference.
 * Those without effect on others (here, smem_base, rounding) are not watched. */
/* clang-format off */
#define WATCHED(X) \
	X(block_sync, (u64 at, int site), (at, site), h, 0) \
	X(warp_sync, (u64 at, int site), (at, site), h, 1) \
	X(named_sync, (u64 at, int site, int id, int n), (at, site, id, n), \
	  number(number(h, id), n), 0) \
	X(named_arrive, (u64 at, int site, int id, int n), (at, site, id, n), \
	  number(number(h, id), n), 0) \
	X(shared_load, (u64 at, void *out, u32 addr, int n), (at, out, addr, n), \
	  number(number(h, addr), n), 0) \
	X(shared_store, (u64 at, u32 addr, const void *v, int n), (at, addr, v, n), \
	  mix(number(h, addr), v, n), 0) \
	X(global_load, (u64 at, void *out, const void *p, int n), (at, out, p, n), \
	  number(place(h, p), n), 0) \
	X(global_store, (u64 at, void *p, const void *v, int n), (at, p, v, n), \
	  mix(place(h, p), v, n), 0) \
	X(cp_async, (u64 at, u32 dst, const void *src, int size, int n), (at, dst, src, size, n), \
	  number(number(number(n ? place(h, src) : h, dst), size), n), 0) \
	X(cp_async_commit, (u64 at, int site), (at, site), h, 1) \
	X(cp_async_wait, (u64 at, int site, int n), (at, site, n), number(h, n), 1) \
	X(stmatrix, (u64 at, u32 addr, u32 r0, u32 r1, u32 r2, u32 r3, int n, int t), \
	  (at, addr, r0, r1, r2, r3, n, t), \
	  number(number(number(number(number(number(h, addr), r0), r1), r2), r3), n), 0) \
	X(mbarrier_init, (u64 at, int site, u32 bar, int n), (at, site, bar, n), \
	  number(number(h, bar), n), 0) \
	X(mbarrier_init_fence, (u64 at, int site), (at, site), h, 1) \
	X(mbarrier_arrive, (u64 at, int site, u32 bar, int n), (at, site, bar, n), \
	  number(number(h, bar), n), 0) \
	X(mbarrier_wait, (u64 at, int site, u32 bar, int phase), (at, site, bar, phase), \
	  number(number(h, bar), phase), 0) \
	X(tma_load, (u64 at, u32 dst, const void *map, u32 bar, int rank, const int *c), \
	  (at, dst, map, bar, rank, c), \
	  mix(number(number(place(h, map), dst), bar), c, 4 * (size_t)rank), 0) \
	X(tma_store, (u64 at, const void *map, u32 src, int rank, const int *c), \
	  (at, map, src, rank, c), mix(number(place(h, map), src), c, 4 * (size_t)rank), 0) \
	X(tma_store_commit, (u64 at, int site), (at, site), h, 1) \
	X(tma_store_wait, (u64 at, int site, int n, int read), (at, site, n, read), \
	  number(number(h, n), read), 1) \
	X(bulk_load, (u64 at, u32 dst, const void *src, int n, u32 bar), (at, dst, src, n, bar), \
	  number(number(number(place(h, src), dst), n), bar), 0) \
	X(proxy_fence, (u64 at, int site), (at, site), h, 1) \
	X(regs, (u64 at, int n, int up), (at, n, up), number(number(h, n), up), 0) \
	X(wgmma_fence, (u64 at, int site), (at, site), h, 1) \
	X(wgmma_commit, (u64 at, int site), (at, site), h, 1) \
	X(wgmma_wait, (u64 at, int site, int n), (at, site, n), number(h, n), 1) \
	X(wgmma_hold, (u64 at, const void *reg), (at, reg), place(h, reg), 1) \
	X(wgmma, (u64 at, int n, int f16, float *d0, float *d1, u32 *const *a, u64 da, u64 db, \
	          int add, int ta, int tb), (at, n, f16, d0, d1, a, da, db, add, ta, tb), \
	  number(number(number(registers(number(place(place(h, d0), d1), n), a), da), db), add), 0)
/* clang-format on */

static u32 registers(u32 h, u32 *const *a)
{
	for (int i = 0; a && i < 4; i++)
		h = number(place(h, a[i]), *a[i]);
	return h;
}

enum {
	WATCH_none,
#define ROW(name, parameters, arguments, hash, more) WATCH_##name,
	WATCHED(ROW)
#undef ROW
	    WATCH_shfl,
	WATCH_ldmatrix,
	WATCH_mma
};

#define ROW(name, parameters, arguments, hash, more) \
	static void watch_##name parameters \
	{ \
		u32 h = WATCH_##name * 0x9e3779b1u; \
\
		note(hash, more); \
		sim_do_##name arguments; \
	}
WATCHED(ROW)
#undef ROW

static u32 watch_shfl(u64 at, u32 x, int mode, int arg)
{
	note(number(number(number(WATCH_shfl * 0x9e3779b1u, x), (u64)mode), (u64)arg), false);
	return sim_do_shfl(at, x, mode, arg);
}

/* What the lane has asked of its warp: sim_batch.c. */
static void watch_batch(u64 at, int load)
{
	for (const Ask *q = M->cur->log->ask; q < M->log->next; q++)
		if (load)
			note(number(number(place(WATCH_ldmatrix * 0x9e3779b1u, q->load.out[0]), q->load.addr),
			            (u64)q->load.count),
			     false);
		else
			note(mix(place(place(WATCH_mma * 0x9e3779b1u, q->mma.acc[0]), q->mma.acc[1]),
			         q->mma.reg, sizeof q->mma.reg),
			     false);
	sim_do_batch(at, load);
}

static const struct {
	const char *name;
	SimFn *fn;
} watched[] = {
#define ROW(name, parameters, arguments, hash, more) {"sim_" #name, (SimFn *)watch_##name},
    WATCHED(ROW)
#undef ROW
        {"sim_shfl", (SimFn *)watch_shfl},
    {"sim_batch", (SimFn *)watch_batch}};

void sim_trace_bind(void *lib)
{
	const SimEntry *e = dlsym(lib, "sim_entries");

	if (!trace || !e)
		return;
	for (kernel_now = 0; e[kernel_now].name && e[kernel_now].run != M->entry; kernel_now++)
		;
	for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
		void *var = dlsym(lib, watched[i].name);

		if (var)
			memcpy(var, &watched[i].fn, sizeof watched[i].fn);
	}
}
