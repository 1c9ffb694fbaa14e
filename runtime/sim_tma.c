/* sim_tma.c -- bulk copies (PTX ISA, cp.async.bulk and cp.async.bulk.tensor): boxes of a tensor map
 * between global and shared memory, and plain runs of bytes.
 *
 * A load is checked at its issue, its bytes poisoned, and it lands with its mbarrier's others when
 * a wait needs it (sim_mbarrier.c); it brings the whole box's bytes, also those outside of the
 * tensor. A store is checked at its issue and moves its data when its thread waits for its group,
 * or ends. With `early` both happen at the issue.
 */
#include "sim_state.h"

#include <stdlib.h>
#include <string.h>

#include "tensormap.h"

#define M (&sim_machine)

enum { CHUNK = 16, BOX_ALIGN = 128 };

/* A copy in flight. A plain run of bytes is a box of one row of a map of rank 1. */
typedef struct Bulk {
	SimTensorMap map;
	int c[TENSORMAP_RANK];
	u32 smem;
	u64 at;
	u32 box;            /* number of a load of a box, from 1; 0: a plain run */
	int mbarrier;       /* loads */
	int thread, storer; /* stores: by whom, and which engine reads for it */
	u32 group, stamp;
} Bulk;

static Bulk *flight, *store;
static int nflight, capflight, nstore, capstore;
static u32 group[MAX_THREADS];
static int storer[MAX_THREADS], nstorers;

void sim_tma_begin(void)
{
	nflight = nstore = nstorers = 0;
	sim_origin_begin();
	memset(group, 0, sizeof group);
	for (int i = 0; i < M->nthreads; i++)
		storer[i] = -1;
}

static Bulk *push(Bulk **list, int *n, int *cap)
{
	if (*n == *cap) {
		*cap = *cap * 2 + 32;
		*list = realloc(*list, (size_t)*cap * sizeof **list);
		if (!*list)
			abort();
	}
	return &(*list)[(*n)++];
}

/* ---- Boxes ---- */

static int row_bytes(const SimTensorMap *m)
{
	return m->box[0] * m->element;
}

static int rows(const SimTensorMap *m)
{
	int n = 1;

	for (int i = 1; i < m->rank; i++)
		n *= m->box[i];
	return n;
}

/* A row of the box: the part of it within the tensor, [from, to) in bytes of the row; where it lies
 * in global memory. */
static unsigned char *row_place(const Bulk *b, int row, int *from, int *to)
{
	const SimTensorMap *m = &b->map;
	int64_t off = (int64_t)b->c[0] * m->element, size = ((int64_t)m->last[0] + 1) * m->element;
	int n = row_bytes(m);

	*from = off < 0 ? (int)(-off < n ? -off : n) : 0;
	*to = off + n > size ? (int)(size > off ? size - off : 0) : n;
	for (int i = 1; i < m->rank; i++) {
		int64_t c = b->c[i] + row % m->box[i];

		row /= m->box[i];
		if (c < 0 || c > m->last[i])
			*to = 0;
		off += c * (int64_t)m->stride[i];
	}
	*to = *to < *from ? *from : *to;
	return (unsigned char *)(uintptr_t)(m->base + (u64)off);
}

/* Every row's part is a legal access of the current thread; counted. */
static void check_global(const Bulk *b, bool is_store)
{
	for (int r = 0, n = rows(&b->map); r < n && !M->unchecked; r++) {
		int from, to;
		unsigned char *p = row_place(b, r, &from, &to);

		if (!is_store)
			sim_count_work(b->at, WORK_tma_fill_bytes, (u64)(row_bytes(&b->map) - (to - from)));
		if (from == to || !sim_global_check(b->at, p + from, to - from, 2, is_store))
			continue;
		sim_count_work(b->at, is_store ? WORK_tma_store_bytes : WORK_tma_load_bytes,
		               (u64)(to - from));
		sim_count_work(b->at, is_store ? WORK_tma_store_sectors : WORK_tma_load_sectors,
		               ((u64)(uintptr_t)p + (u64)to - 1) / 32 -
		                   ((u64)(uintptr_t)p + (u64)from) / 32 + 1);
	}
}

/* Is the part readable (writable) at all? A stray access was reported at the issue. */
static bool reachable(const unsigned char *p, int bytes, bool is_store)
{
	for (int i = 0; i < M->nbuffer; i++) {
		const Buffer *b = &M->buffer[i];

		if (p >= b->data && p + bytes <= b->data + b->user.bytes)
			return !is_store || b->user.writable;
	}
	return false;
}

/* ---- Moving data ---- */

static void land(const Bulk *b)
{
	Access writer = {M->clock, (uint16_t)sim_engine(b->mbarrier), (uint16_t)b->at};
	int n = row_bytes(&b->map);
	unsigned char *row = calloc(1, (size_t)n);

	if (!row)
		abort();
	for (int r = 0; r < rows(&b->map); r++) {
		int from, to;
		unsigned char *p = row_place(b, r, &from, &to);

		memset(row, 0, (size_t)n);
		if (from < to && reachable(p + from, to - from, false))
			memcpy(row + from, p + from, (size_t)(to - from));
		for (int i = 0; i < n; i += CHUNK) {
			u32 a = sim_swizzle(b->smem + (u32)(r * n + i), b->map.swizzle);

			if (!M->unchecked)
				sim_origin_set(a, (Origin){b->box, (u32)r, (u32)(i / CHUNK)});
			sim_shared_land(a, row + i, CHUNK, writer);
		}
	}
	free(row);
	sim_mbarrier_bytes(b->mbarrier, n * rows(&b->map), (int)(u32)b->at);
}

bool sim_tma_land(int mbarrier)
{
	int kept = 0, n = nflight;
	bool any = false;

	for (int i = 0; i < n; i++)
		if (flight[i].mbarrier == mbarrier) {
			land(&flight[i]);
			any = true;
		} else {
			flight[kept++] = flight[i];
		}
	nflight = kept;
	return any;
}

static void move_out(const Bulk *b)
{
	int n = row_bytes(&b->map);

	for (int r = 0; r < rows(&b->map); r++) {
		int from, to;
		unsigned char *p = row_place(b, r, &from, &to);

		if (from == to || !reachable(p + from, to - from, true))
			continue;
		for (int i = from; i < to; i += 2) {
			u32 a = sim_swizzle(b->smem + (u32)(r * n + i), b->map.swizzle);

			memcpy(p + i, M->smem + (a - SMEM_BASE), 2);
		}
	}
}

/* ---- Issue ---- */

/* Fills *b; false after a finding that leaves nothing to do. A box whose innermost coordinate is no
 * multiple of 16 bytes, or a store from a negative coordinate on (CUDA programming guide, bulk
 * copies of tensors), is an illegal instruction on an H200. */
static bool decode(Bulk *b, u64 at, const void *map, int rank, const int *c, u32 smem,
                   const char *what)
{
	SimFinding *f;
	bool known = false;

	M->cur->at = at;
	M->calls++;
	sim_dense();
	memset(b, 0, sizeof *b);
	memcpy(&b->map, map, sizeof b->map);
	b->at = at;
	b->smem = smem;
	if (b->map.magic != tensormap_magic || b->map.rank != rank) {
		if ((f = sim_find(SIM_MAP, at)))
			sim_say(f, "thread %d %s with what is no tensor map of rank %d", M->cur->id, what,
			        rank);
		return false;
	}
	memcpy(b->c, c, (size_t)rank * sizeof *c);
	for (int i = 0; i < M->nbuffer && !known; i++) {
		const unsigned char *from = M->buffer[i].user.data;
		u64 off = b->map.base - (u64)(uintptr_t)from;

		if ((known = from && off < M->buffer[i].user.bytes))
			b->map.base = (u64)(uintptr_t)M->buffer[i].data + off;
	}
	if (smem % BOX_ALIGN && (f = sim_find(SIM_ALIGN, at)))
		sim_say(f, "thread %d %s a box at shared offset %lld, which is no multiple of %d",
		        M->cur->id, what, (long long)smem - SMEM_BASE, BOX_ALIGN);
	if (c[0] * b->map.element % CHUNK && (f = sim_find(SIM_ALIGN, at)))
		sim_say(f,
		        "thread %d %s a box from coordinate %d of the innermost dimension on, of %d bytes"
		        " each: no multiple of %d bytes",
		        M->cur->id, what, c[0], b->map.element, CHUNK);
	b->smem -= smem % CHUNK;
	return sim_shared_place(at, b->smem, row_bytes(&b->map) * rows(&b->map), what) != NULL;
}

static void issue_load(Bulk b)
{
	int bytes = row_bytes(&b.map) * rows(&b.map);

	check_global(&b, false);
	sim_shared_engine_write(M->cur, b.at, b.smem, bytes);
	if (M->early)
		land(&b);
	else
		*push(&flight, &nflight, &capflight) = b;
}

void sim_do_tma_prefetch(u64 at, const void *map)
{
	SimTensorMap m;
	SimFinding *f;

	M->cur->at = at;
	M->calls++;
	memcpy(&m, map, sizeof m);
	if (m.magic != tensormap_magic && (f = sim_find(SIM_MAP, at)))
		sim_say(f, "thread %d prefetches what is no tensor map", M->cur->id);
}

void sim_do_tma_load(u64 at, u32 dst, const void *map, u32 bar, int rank, const int *c)
{
	Bulk b;

	if (!decode(&b, at, map, rank, c, dst, "loads"))
		return;
	b.box = sim_origin_box(b.map.base, b.c[0], b.map.box[0], row_bytes(&b.map) / CHUNK,
	                       (u32)rows(&b.map), (int)(u32)at);
	b.mbarrier = sim_mbarrier_for_copy(at, bar, row_bytes(&b.map) * rows(&b.map));
	if (b.mbarrier >= 0)
		issue_load(b);
}

void sim_do_bulk_load(u64 at, u32 dst, const void *src, int bytes, u32 bar)
{
	Bulk b = {.at = at, .smem = dst, .map = {.rank = 1, .element = 1}};
	SimFinding *f;

	M->cur->at = at;
	M->calls++;
	sim_dense();
	if ((dst % CHUNK || bytes % CHUNK || bytes <= 0 || (uintptr_t)src % CHUNK)) {
		if ((f = sim_find(SIM_ALIGN, at)))
			sim_say(f,
			        "thread %d copies %d bytes from %p to shared offset %lld: all must be multiples"
			        " of %d",
			        M->cur->id, bytes, src, (long long)dst - SMEM_BASE, CHUNK);
		return;
	}
	b.map.base = (u64)(uintptr_t)src;
	b.mbarrier = sim_mbarrier_for_copy(at, bar, bytes);
	if (b.mbarrier < 0 || !sim_shared_place(at, dst, bytes, "copies"))
		return;
	for (int off = 0; off < bytes; off += CHUNK << 10) {
		Bulk part = b;
		int n = bytes - off < CHUNK << 10 ? bytes - off : CHUNK << 10;

		part.smem += (u32)off;
		part.map.base += (u64)off;
		part.map.box[0] = (uint16_t)n;
		part.map.last[0] = (u32)n - 1;
		issue_load(part);
	}
}

/* ---- Stores ---- */

static int storer_of(int thread)
{
	if (storer[thread] < 0)
		storer[thread] = nstorers < MAX_STORERS ? nstorers++ : MAX_STORERS - 1;
	return storer[thread];
}

/* What lies outside of the tensor is not read. */
static void read_source(const Bulk *b, const Thread *t, Access reader)
{
	int n = row_bytes(&b->map);

	for (int r = 0; r < rows(&b->map); r++) {
		int from, to;

		row_place(b, r, &from, &to);
		for (int i = from, next; i < to; i = next) {
			u32 a = sim_swizzle(b->smem + (u32)(r * n + i), b->map.swizzle);

			next = i / CHUNK * CHUNK + CHUNK;
			next = next < to ? next : to;
			sim_shared_engine_read(t, b->at, a, next - i, reader);
		}
	}
}

void sim_do_tma_store(u64 at, const void *map, u32 src, int rank, const int *c)
{
	Thread *t = M->cur;
	SimFinding *f;
	Access reader;
	Bulk b;

	if (!decode(&b, at, map, rank, c, src, "stores"))
		return;
	for (int i = 0; i < rank; i++)
		if (c[i] < 0 && (f = sim_find(SIM_BOUNDS, at)))
			sim_say(f,
			        "thread %d stores a box from coordinate %d of dimension %d on: only a load may"
			        " begin before the tensor",
			        t->id, c[i], i);
	b.thread = t->id;
	b.storer = storer_of(t->id);
	b.group = group[t->id];
	b.stamp = ++M->clock;
	reader = (Access){b.stamp, (uint16_t)sim_engine(ENGINE_STORE + b.storer), (uint16_t)at};
	read_source(&b, t, reader);
	check_global(&b, true);
	if (M->early)
		move_out(&b);
	*push(&store, &nstore, &capstore) = b;
}

void sim_do_tma_store_commit(u64 at, int site)
{
	M->cur->at = at;
	M->calls++;
	if (site != M->drop_site)
		group[M->cur->id]++;
}

/* Waiting for the reads moves the data as well: whether it is written then or later nobody but this
 * thread, after a full wait, may know. */
void sim_do_tma_store_wait(u64 at, int site, int n, int read)
{
	Thread *t = M->cur;
	int kept = 0;
	u32 seen;

	(void)read;
	t->at = at;
	M->calls++;
	if (site == M->drop_site)
		return;
	sim_dense();
	seen = ++M->clock;
	for (int i = 0; i < nstore; i++) {
		const Bulk *b = &store[i];

		if (b->thread != t->id) {
			store[kept++] = *b;
		} else if (b->group >= group[t->id] || group[t->id] - b->group <= (u32)n) {
			seen = b->stamp < seen ? b->stamp : seen;
			store[kept++] = *b;
		} else if (!M->early) {
			move_out(b);
		}
	}
	nstore = kept;
	if (storer[t->id] >= 0)
		t->seen[sim_engine(ENGINE_STORE + storer[t->id])] = seen;
}

/* ---- Ends ---- */

void sim_tma_exit(const Thread *t)
{
	SimFinding *f;

	for (int i = 0; i < nstore; i++)
		if (store[i].thread == t->id && (f = sim_find(SIM_PENDING, store[i].at)))
			sim_say(f,
			        "thread %d returns while its store of line %d may still read shared memory: %s",
			        t->id, (int)(u32)store[i].at,
			        store[i].group < group[t->id] ? "tma_store_wait_read is missing"
			                                      : "it was not committed");
}

void sim_tma_end(void)
{
	SimFinding *f;

	for (int i = 0; i < nflight; i++)
		if (!M->alive && (f = sim_find(SIM_PENDING, flight[i].at)))
			sim_say(f, "nobody waits for the copy of line %d before block %lld ends",
			        (int)(u32)flight[i].at, (long long)M->block);
	for (int i = 0; i < nstore && !M->early; i++)
		move_out(&store[i]);
}
