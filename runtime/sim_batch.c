/* sim_batch.c -- ldmatrix and mma: a lane's request is noted, and the lane that comes last does
 * what all have asked for, in order. In a run of such calls (sim_runs.c) lanes meet once, at its
 * end; else at every call. Layouts are those of the PTX ISA, ldmatrix and fragments for
 * mma.m16n8k16.
 */
#include "sim_state.h"

#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

#define M (&sim_machine)

/* One call by all lanes of a warp. An mma: registers a0-a3, b0, b1, and where the pairs of rows
 * 0-7 and 8-15 lie. An ldmatrix: addresses, and where its matrices go. */
typedef struct Request {
	u64 at;
	Wait kind;
	int count;
	bool flag; /* f16; transposed */
	union {
		struct {
			u32 reg[6][WARP];
			float *acc[2][WARP];
		} mma;
		struct {
			u32 addr[WARP];
			u32 *out[4][WARP];
		} load;
	};
} Request;

typedef struct Queue {
	Request *request;
	int n, cap, asked[WARP]; /* by lane: how many of them it has made */
	int apart;               /* a lane whose request is another than the first lane's, + 1 */
	u64 elsewhere;           /* its call */
} Queue;

static Queue queues[MAX_WARPS];

void sim_batch_begin(void)
{
	for (int w = 0; w < M->nwarps; w++) {
		queues[w].n = queues[w].apart = 0;
		memset(queues[w].asked, 0, sizeof queues[w].asked);
	}
	*M->batch = 0;
}

/* ---- Doing it ---- */

static void load_matrix(const Request *q, Thread *lane, int matrix)
{
	union {
		b16 half[8][8];
		u32 pair[8][4];
	} row;
	u32 *const *out = q->load.out[matrix];
	u64 addr[8];

	for (int r = 0; r < 8; r++) {
		u32 a = q->load.addr[8 * matrix + r];

		addr[r] = a & ~15u;
		if (!M->unchecked)
			sim_shared_read(&lane[8 * matrix + r], q->at, row.half[r], a, 16);
		else
			memcpy(row.half[r], M->smem + sim_plain_offset(a & ~15u, 16), 16);
	}
	if (!M->unchecked)
		sim_count_matrix(q->at, false, addr);
	for (int i = 0; i < 8; i++)
		for (int j = 0; j < 4; j++)
			*out[4 * i + j] =
			    q->flag ? (u32)row.half[2 * j + 1][i] << 16 | row.half[2 * j][i] : row.pair[i][j];
}

static void perform(const Request *q, Thread *lane)
{
	if (q->kind == WAIT_LDMATRIX) {
		for (int i = 0; i < q->count; i++)
			load_matrix(q, lane, i);
		return;
	}
	sim_multiply(q->mma.reg, q->mma.acc, q->flag);
	if (M->unchecked)
		return;
	sim_count_work(q->at, q->flag ? WORK_mma_f16 : WORK_mma_bf16, 1);
	sim_count_work(q->at, WORK_tensor_flops, 2 * 16 * 8 * 16);
}

/* Do all lanes ask for the same? */
static bool agree(const Queue *w, u64 at)
{
	int odd = w->apart - 1;
	SimFinding *f;

	for (int l = 0; l < WARP && odd < 0; l++)
		if (w->asked[l] != w->n)
			odd = l;
	if (odd < 0)
		return true;
	if ((f = sim_find(SIM_DIVERGENT, at))) {
		sim_say(f, "lanes of warp %d meet at different calls: thread %d ", M->cur->warp,
		        M->cur->warp * WARP + odd);
		if (w->apart)
			sim_say(f, "at line %d, others at line %d", (int)(u32)w->elsewhere, (int)(u32)at);
		else
			sim_say(f, "makes %d of %d calls", w->asked[odd], w->n);
	}
	return false;
}

static void finish(u64 at, Wait kind)
{
	Thread *t = M->cur;
	Queue *w = &queues[t->warp];

	if (!sim_warp_meet(at, kind))
		return;
	if (!agree(w, at))
		sim_abandon();
	for (int i = 0; i < w->n; i++)
		perform(&w->request[i], t - t->lane);
	w->n = 0;
	memset(w->asked, 0, sizeof w->asked);
	sim_warp_go();
}

void sim_do_batch_end(u64 at, int load)
{
	*M->batch = 0;
	finish(at, load ? WAIT_LDMATRIX : WAIT_MMA);
}

/* ---- Asking ---- */

/* The first lane's request makes the entry. */
static void open_request(Queue *w, u64 at, Wait kind, int count, int flag)
{
	Request *q;

	if (w->n == w->cap) {
		w->cap = 2 * w->cap + 16;
		w->request = realloc(w->request, (size_t)w->cap * sizeof *w->request);
		if (!w->request)
			abort();
	}
	q = &w->request[w->n++];
	q->at = at;
	q->kind = kind;
	q->count = count;
	q->flag = flag;
}

static inline __attribute__((always_inline)) Request *ask(u64 at, Wait kind, int count, int flag)
{
	const Thread *t = M->cur;
	Queue *w = &queues[t->warp];
	int i = w->asked[t->lane]++;

	M->calls++;
	if (i == w->n)
		open_request(w, at, kind, count, flag);
	if (w->request[i].at != at && !w->apart) {
		w->apart = t->lane + 1;
		w->elsewhere = at;
	}
	return &w->request[i];
}

void sim_do_mma(u64 at, float *d0, float *d1, u32 a0, u32 a1, u32 a2, u32 a3, u32 b0, u32 b1,
                int f16)
{
	Request *q = ask(at, WAIT_MMA, 1, f16);
	int l = M->cur->lane;

	q->mma.reg[0][l] = a0;
	q->mma.reg[1][l] = a1;
	q->mma.reg[2][l] = a2;
	q->mma.reg[3][l] = a3;
	q->mma.reg[4][l] = b0;
	q->mma.reg[5][l] = b1;
	q->mma.acc[0][l] = d0;
	q->mma.acc[1][l] = d1;
	if (!*M->batch)
		finish(at, WAIT_MMA);
}

void sim_do_ldmatrix(u64 at, u32 *r0, u32 *r1, u32 *r2, u32 *r3, u32 addr, int count, int trans)
{
	Request *q = ask(at, WAIT_LDMATRIX, count, trans);
	int l = M->cur->lane;

	q->load.addr[l] = addr;
	q->load.out[0][l] = r0;
	q->load.out[1][l] = r1;
	q->load.out[2][l] = r2;
	q->load.out[3][l] = r3;
	if (!*M->batch)
		finish(at, WAIT_LDMATRIX);
}
