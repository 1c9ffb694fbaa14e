/* sim_count.c -- what a warp's accesses cost: shared wavefronts, global sectors.
 *
 * Lanes run one after another until they meet, so an access of the warp as hardware sees it is
 * put together afterwards: the n-th access of each lane at one call site, since the lanes last
 * met, are one. Exact where every lane comes by the site; a lane that skips a turn of a loop
 * shifts its later ones.
 */
#include "sim_state.h"

#include <stdlib.h>
#include <string.h>

#define M (&sim_machine)

typedef struct Turn {
	u32 mask;
	u64 addr[WARP];
} Turn;

typedef struct Site {
	Traffic kind;
	int bytes, nturn, cap;
	Turn *turn;
	u32 seen[WARP];
} Site;

typedef struct WarpSites {
	Site *site; /* by call site * 4 + kind: one call may load and store */
	u32 nsite;
	u32 *open, nopen, capopen;
} WarpSites;

static WarpSites warps[MAX_WARPS];

static void *grow(void *p, size_t old, size_t new, size_t each)
{
	char *q = realloc(p, new *each);

	if (!q)
		abort();
	memset(q + old * each, 0, (new - old) * each);
	return q;
}

void sim_count(Thread *t, u64 at, Traffic kind, int bytes, u64 addr)
{
	WarpSites *w = &warps[t->warp];
	u32 key = (u32)(at >> 32) * 4 + kind, n;
	Site *s;

	if (key >= w->nsite) {
		w->site = grow(w->site, w->nsite, key + 256, sizeof *w->site);
		w->nsite = key + 256;
	}
	s = &w->site[key];
	if (!s->nturn) {
		if (w->nopen == w->capopen) {
			w->open = grow(w->open, w->capopen, w->capopen + 64, sizeof *w->open);
			w->capopen += 64;
		}
		w->open[w->nopen++] = key;
		s->kind = kind;
		s->bytes = bytes;
	}
	n = s->seen[t->lane]++;
	if ((int)n >= s->nturn) {
		if (s->nturn == s->cap) {
			s->turn = grow(s->turn, (size_t)s->cap, (size_t)s->cap * 2 + 4, sizeof *s->turn);
			s->cap = s->cap * 2 + 4;
		}
		s->turn[s->nturn++].mask = 0;
	}
	s->turn[n].mask |= 1u << t->lane;
	s->turn[n].addr[t->lane] = addr;
}

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

/* ---- Cost ---- */

/* 32 banks of 4 bytes; a wavefront serves each bank one word. 8-byte accesses go by half warps,
 * 16-byte ones by quarters. `least`: wavefronts without any conflict. */
int sim_wavefronts(u32 mask, const u64 *addr, int bytes, int *least)
{
	int lanes = bytes <= 4 ? 32 : 128 / bytes, waves = 0;

	*least = 0;
	for (int first = 0; first < WARP; first += lanes) {
		u64 word[32][32];
		int n[32] = {0}, most = 0;

		for (int l = first; l < first + lanes; l++) {
			if (!(mask >> l & 1))
				continue;
			for (u64 a = addr[l] / 4; a <= (addr[l] + (u64)bytes - 1) / 4; a++) {
				int b = a % 32, i = 0;

				while (i < n[b] && word[b][i] != a)
					i++;
				if (i == n[b])
					word[b][n[b]++] = a;
				most = most < n[b] ? n[b] : most;
			}
		}
		waves += most;
		*least += most > 0;
	}
	return waves;
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

void sim_count_flush(int warp)
{
	WarpSites *w = &warps[warp];
	SimCounters *c = &M->report->counters;

	for (u32 i = 0; i < w->nopen; i++) {
		Site *s = &w->site[w->open[i]];

		for (int k = 0; k < s->nturn; k++) {
			const Turn *turn = &s->turn[k];
			int least;

			if (s->kind == SHARED_LOAD || s->kind == SHARED_STORE) {
				int waves = sim_wavefronts(turn->mask, turn->addr, s->bytes, &least);

				c->shared_wavefronts += (u64)waves;
				c->shared_conflicts += (u64)(waves - least);
			} else {
				c->global_sectors += (u64)sectors(turn->mask, turn->addr, s->bytes);
			}
		}
		s->nturn = 0;
		memset(s->seen, 0, sizeof s->seen);
	}
	w->nopen = 0;
}
