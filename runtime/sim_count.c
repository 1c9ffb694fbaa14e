/* sim_count.c -- what a warp's accesses cost, by line: shared wavefronts, global sectors, bytes.
 *
 * Lanes run one after another until they meet, so an access of the warp as hardware sees it is put
 * together afterwards: what the lanes did at one call in the same turn of all loops around it
 * (sim_turns.c). Exact where the warp comes together again after each branch and each turn, which
 * is how compilers place convergence. Of what the compiler itself makes of a text only this is
 * followed: shared accesses of 4 bytes by one call in turns one after another, side by side and
 * aligned as a whole, become one access (ptxas does so in unrolled loops). Where turns are not
 * known (`while`), the n-th accesses of each lane since the lanes last met belong together.
 */
#include "sim_state.h"

#include <stdlib.h>
#include <string.h>

#define M (&sim_machine)

enum { SLOTS = 256 };

/* One access of the warp, as far as its lanes have come; settled when all have. */
typedef struct Turn {
	u64 at, turn;
	Traffic kind;
	int bytes;
	u32 mask;
	int link; /* the one before in the same slot of `found`, + 1 */
	u64 addr[WARP];
} Turn;

enum { UNIT_SHIFT = 48 }; /* above any address; see sim_count_copy */

typedef struct Trace {
	Turn *turn;
	int n, cap, open; /* open: not settled */
	int next[WARP];   /* where a lane that goes the same way as the others comes next */
	int found[SLOTS];
	Turn held; /* settled but for a neighbour that may join it; held.bytes: 0, none */
} Trace;

static Trace traces[MAX_WARPS];

/* ---- Work of other sorts ---- */

static const WorkKind total_of[] = {
#define ROW(id, total) WORK_##total,
    SIM_WORK(ROW)
#undef ROW
};

void sim_count_work(u64 at, WorkKind kind, u64 amount)
{
	u32 line = (u32)at < (u32)M->nlines ? (u32)at : 0;
	u64 *work = (u64 *)&M->line[line];

	for (; kind != WORK_none; kind = total_of[kind])
		work[kind] += amount;
}

void sim_count_block(void)
{
	for (int i = 0; i < M->nlines; i++) {
		if (M->exp_ops[i])
			sim_count_work((u64)i, WORK_exp_ops, M->exp_ops[i]);
		if (M->mufu_ops[i])
			sim_count_work((u64)i, WORK_mufu_ops, M->mufu_ops[i]);
		M->exp_ops[i] = M->mufu_ops[i] = 0;
	}
}

/* ---- Cost ---- */

enum { MOST_WORDS = 64 };

static int crowded(const u64 *word, int n)
{
	int most = 0;

	for (int bank = 0; bank < 32; bank++) {
		u64 seen[32];
		int k = 0;

		for (int i = 0; i < n; i++) {
			int j = 0;

			if (word[i] % 32 != (u64)bank)
				continue;
			while (j < k && seen[j] != word[i])
				j++;
			if (j == k)
				seen[k++] = word[i];
		}
		most = k > most ? k : most;
	}
	return most;
}

/* Passes over 32 banks of 4 bytes, each giving one word at a time, to up to 32 words. */
static int passes(const u64 *word, int n)
{
	u64 first[32];
	u32 used = 0;

	for (int i = 0; i < n; i++) {
		int bank = word[i] % 32;

		if (!(used >> bank & 1))
			first[bank] = word[i];
		else if (first[bank] != word[i])
			return crowded(word, n);
		used |= 1u << bank;
	}
	return used != 0;
}

/* Eight lanes of 16 bytes, all in other banks: the usual case. */
static bool apart(u32 mask, const u64 *addr)
{
	u32 used = 0;

	for (int l = 0; l < 8; l++)
		if (mask >> l & 1) {
			u32 unit = 1u << (addr[l] / 16 % 8);

			if (used & unit || addr[l] % 16)
				return false;
			used |= unit;
		}
	return true;
}

/* Does every lane read what lane l ^ by reads? */
static bool paired(u32 mask, const u64 *addr, int by)
{
	for (int l = 0; l < WARP; l++)
		if (mask >> l & 1 && mask >> (l ^ by) & 1 && addr[l] != addr[l ^ by])
			return false;
	return true;
}

/* 8-byte accesses go by half warps, 16-byte ones by quarters; loads by twice as many lanes where
 * neighbours read the same (l and l ^ 1, or l and l ^ 2, in the whole warp): a wavefront returns
 * 128 bytes, and pairs share theirs. `least`: without any conflict. */
static int wavefronts(u32 mask, const u64 *addr, int bytes, bool load, int *least)
{
	int lanes = bytes <= 4 ? WARP : 128 / bytes, waves = 0;

	if (load && bytes > 4 && (paired(mask, addr, 1) || paired(mask, addr, 2)))
		lanes *= 2;
	*least = 0;
	for (int first = 0; first < WARP; first += lanes) {
		u64 word[MOST_WORDS];
		int n = 0;

		if (lanes == 8 && apart(mask >> first & 0xff, addr + first)) {
			waves += (mask >> first & 0xff) != 0;
			*least += (mask >> first & 0xff) != 0;
			continue;
		}

		for (int l = first; l < first + lanes; l++)
			for (int b = 0; mask >> l & 1 && b < bytes; b += 4)
				word[n++] = (addr[l] + (u64)b) / 4;
		waves += passes(word, n);
		*least += n > 0;
	}
	return waves;
}

/* Lanes that read the same ask for it once. */
static int distinct(u32 mask, const u64 *addr)
{
	u64 most = 0;
	int n = 0;

	for (int l = 0; l < WARP; l++) {
		int i = l;

		if (!(mask >> l & 1))
			continue;
		if (addr[l] <= most)
			while (i > 0 && !(mask >> (i - 1) & 1 && addr[i - 1] == addr[l]))
				i--;
		n += addr[l] > most || !i;
		most = addr[l] > most ? addr[l] : most;
	}
	return n;
}

static int sectors(u32 mask, const u64 *addr, int bytes)
{
	u64 seen[2 * WARP];
	int n = 0;

	for (int l = 0; l < WARP; l++) {
		if (!(mask >> l & 1))
			continue;
		for (u64 s = addr[l] / 32; s <= (addr[l] + (u64)bytes - 1) / 32; s++) {
			int i = n;

			while (i > 0 && seen[i - 1] != s)
				i--;
			if (!i)
				seen[n++] = s;
		}
	}
	return n;
}

void sim_count_matrix(u64 at, bool store, const u64 *row)
{
	int least, waves = wavefronts(0xff, row, 16, false, &least);

	sim_count_work(at, store ? WORK_matrix_store_waves : WORK_matrix_load_waves, (u64)waves);
	sim_count_work(at, WORK_matrix_conflicts, (u64)(waves - least));
}

static void count(const Turn *t)
{
	static const struct {
		WorkKind cost, conflicts, bytes;
	} kinds[] = {
	    [SHARED_LOAD] = {WORK_shared_load_waves, WORK_shared_load_conflicts, WORK_none},
	    [SHARED_STORE] = {WORK_shared_store_waves, WORK_shared_store_conflicts, WORK_none},
	    [ASYNC_STORE] = {WORK_async_waves, WORK_async_conflicts, WORK_none},
	    [GLOBAL_LOAD] = {WORK_global_load_sectors, WORK_none, WORK_global_load_bytes},
	    [GLOBAL_STORE] = {WORK_global_store_sectors, WORK_none, WORK_global_store_bytes},
	    [ASYNC_LOAD] = {WORK_async_sectors, WORK_none, WORK_none},
	};
	int least, waves;

	if (kinds[t->kind].conflicts == WORK_none) {
		sim_count_work(t->at, kinds[t->kind].cost, (u64)sectors(t->mask, t->addr, t->bytes));
		if (kinds[t->kind].bytes != WORK_none)
			sim_count_work(t->at, kinds[t->kind].bytes,
			               (u64)(distinct(t->mask, t->addr) * t->bytes));
		return;
	}
	waves = wavefronts(t->mask, t->addr, t->bytes, t->kind == SHARED_LOAD, &least);
	sim_count_work(t->at, kinds[t->kind].cost, (u64)waves);
	sim_count_work(t->at, kinds[t->kind].conflicts, (u64)(waves - least));
}

/* ---- Neighbours ---- */

/* The lanes' accesses of `bytes` in all, at a multiple of it, from `from` bytes on. */
static void count_part(const Turn *whole, int from, int bytes)
{
	Turn t = *whole;

	for (int l = 0; l < WARP; l++)
		t.addr[l] += (u64)from;
	t.bytes = bytes;
	count(&t);
}

static bool aligned(const Turn *t, int from, int to)
{
	for (int l = 0; l < WARP; l++)
		if (t->mask >> l & 1 && (t->addr[l] + (u64)from) % (u64)to)
			return false;
	return true;
}

/* Counts what is held, in the largest accesses that its alignment allows. */
static void let_go(Trace *w)
{
	for (int from = 0, bytes; from < w->held.bytes; from += bytes) {
		for (bytes = 16; bytes > 4; bytes /= 2)
			if (from + bytes <= w->held.bytes && aligned(&w->held, from, bytes))
				break;
		count_part(&w->held, from, bytes);
	}
	w->held.bytes = 0;
}

static bool joins(const Turn *held, const Turn *t)
{
	if (!held->bytes || held->bytes == 16 || held->at != t->at || held->mask != t->mask)
		return false;
	for (int l = 0; l < WARP; l++)
		if (t->mask >> l & 1 && t->addr[l] != held->addr[l] + (u64)held->bytes)
			return false;
	return true;
}

static void settle(Trace *w, const Turn *t)
{
	bool shared = t->kind == SHARED_LOAD || t->kind == SHARED_STORE;

	if (shared && t->bytes == 4 && joins(&w->held, t)) {
		w->held.bytes += 4;
		return;
	}
	if (shared)
		let_go(w);
	if (shared && t->bytes == 4)
		w->held = *t;
	else
		count(t);
}

/* ---- Putting together ---- */

static bool fits(const Turn *e, u64 at, Traffic kind, u64 turn, int lane)
{
	return e->at == at && e->turn == turn && e->kind == kind && !(e->mask >> lane & 1);
}

static int *slot(Trace *w, u64 at, u64 turn)
{
	return &w->found[(turn ^ at >> 32) * 0x9e3779b97f4a7c15u >> 56];
}

static void forget(Trace *w)
{
	if (!w->n)
		return;
	w->n = w->open = 0;
	memset(w->next, 0, sizeof w->next);
	memset(w->found, 0, sizeof w->found);
}

static Turn *append(Trace *w, u64 at, Traffic kind, u64 turn, int bytes)
{
	Turn *e;
	int *s = slot(w, at, turn);

	if (!w->open)
		forget(w);
	if (w->n == w->cap) {
		w->cap = w->cap * 2 + 64;
		w->turn = realloc(w->turn, (size_t)w->cap * sizeof *w->turn);
		if (!w->turn)
			abort();
	}
	w->open++;
	e = &w->turn[w->n++];
	e->at = at;
	e->turn = turn;
	e->kind = kind;
	e->bytes = bytes;
	e->mask = 0;
	e->link = *s;
	*s = w->n;
	return e;
}

/* The oldest that fits: of turns that look the same, a lane's n-th goes with the others' n-th. */
static Turn *search(Trace *w, u64 at, Traffic kind, u64 turn, int lane)
{
	Turn *oldest = NULL;

	for (int i = *slot(w, at, turn); i; i = w->turn[i - 1].link)
		if (fits(&w->turn[i - 1], at, kind, turn, lane))
			oldest = &w->turn[i - 1];
	return oldest;
}

void sim_count(Thread *t, u64 at, Traffic kind, int bytes, u64 addr)
{
	Trace *w = &traces[t->warp];
	u64 turn = *M->turn;
	int next = w->next[t->lane];
	Turn *e = next < w->n ? &w->turn[next] : NULL;

	if (!e || !fits(e, at, kind, turn, t->lane))
		e = search(w, at, kind, turn, t->lane);
	if (!e)
		e = append(w, at, kind, turn, bytes);
	w->next[t->lane] = (int)(e - w->turn) + 1;
	e->mask |= 1u << t->lane;
	e->addr[t->lane] = addr;
	if (e->mask == ~0u) {
		settle(w, e);
		w->open--;
	}
}

/* Copies of 16 bytes (cp.async.cg) pass the L1 cache by: a sector is asked for anew for each 32
 * bytes of shared memory that parts of it go to. Narrower ones go through it. */
void sim_count_copy(Thread *t, u64 at, int bytes, int size, u64 src, u32 dst)
{
	u64 unit = size == 16 ? dst / 32 : 0;

	sim_count(t, at, ASYNC_LOAD, bytes, src | unit << UNIT_SHIFT);
}

void sim_count_flush(int warp)
{
	Trace *w = &traces[warp];

	for (int i = 0; i < w->n && w->open; i++)
		if (w->turn[i].mask != ~0u)
			settle(w, &w->turn[i]);
	let_go(w);
	forget(w);
}
