/* sim_batch.c -- ldmatrix and mma, with checks: what a lane asks for is written down by the text
 * itself (templates/types.cu), and the lane that comes last does what all have asked for, in order.
 * In a run of such calls (sim_runs.c) lanes meet once, at its end or when their logs are full; else
 * at every call. Layouts are those of the PTX ISA, ldmatrix and fragments for mma.m16n8k16.
 */
#include "sim_state.h"

#include <string.h>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

#define M (&sim_machine)

static const u64 F16 = 1ull << 63;

/* ---- Doing it ---- */

typedef union Matrix {
	b16 half[8][8];
	u32 pair[8][4];
	u32 reg[WARP]; /* by lane */
} Matrix;

/* Row r's address is lane r's. */
static void read_matrix(Thread *lane, int entry, Matrix *m)
{
	const Ask *first = &lane->log->ask[entry];
	u64 addr[8];

	for (int r = 0; r < 8; r++) {
		u32 a = lane[r].log->ask[entry].load.addr;

		addr[r] = a & ~15u;
		sim_shared_read(&lane[r], first->at, m->half[r], a, 16);
	}
	sim_count_matrix(first->at, false, addr);
}

/* Rows become columns. */
static void transpose(Matrix *m)
{
	Matrix t;

	for (int i = 0; i < 8; i++)
		for (int j = 0; j < 4; j++)
			t.pair[i][j] = (u32)m->half[2 * j + 1][i] << 16 | m->half[2 * j][i];
	*m = t;
}

static void load_matrices(Thread *lane, int entry)
{
	const Ask *first = &lane->log->ask[entry];
	int n = first->load.count;
	Matrix m[4];

	for (int i = 0; i < n; i++) {
		read_matrix(&lane[8 * i], entry, &m[i]);
		if (first->load.trans)
			transpose(&m[i]);
	}
	for (int l = 0; l < WARP; l++) {
		u32 *const *out = lane->log[l].ask[entry].load.out;

		for (int i = 0; i < n; i++)
			*out[i] = m[i].reg[l];
	}
}

static void perform(Thread *lane, int entry, Wait kind)
{
	const Ask *first = &lane->log->ask[entry];
	bool f16 = first->at & F16;
	u64 at = first->at & ~F16;

	if (kind == WAIT_LDMATRIX) {
		load_matrices(lane, entry);
		return;
	}
	sim_multiply(lane->log, entry, f16);
	sim_count_work(at, f16 ? WORK_mma_f16 : WORK_mma_bf16, 1);
	sim_count_work(at, WORK_tensor_flops, 2 * 16 * 8 * 16);
}

/* Do all lanes ask for the same? */
static bool agree(const Thread *lane, u64 at)
{
	int odd = -1, n = lane->asked, differs = -1;
	SimFinding *f;

	for (int l = 1; l < WARP; l++)
		n = lane[l].asked > n ? lane[l].asked : n;
	for (int l = 0; l < WARP && odd < 0; l++)
		if (lane[l].asked != n)
			odd = l;
	for (int l = 1; l < WARP && differs < 0; l++)
		for (int i = 0; i < n && odd < 0 && differs < 0; i++)
			if (lane[l].log->ask[i].at != lane->log->ask[i].at) {
				differs = i;
				odd = l;
			}
	if (odd < 0)
		return true;
	if ((f = sim_find(SIM_DIVERGENT, at))) {
		sim_say(f, "lanes of warp %d meet at different calls: thread %d ", lane->warp,
		        lane[odd].id);
		if (differs >= 0)
			sim_say(f, "at line %d, others at line %d", (int)(u32)lane[odd].log->ask[differs].at,
			        (int)(u32)lane->log->ask[differs].at);
		else
			sim_say(f, "makes %d of %d calls", lane[odd].asked, n);
	}
	return false;
}

void sim_do_batch(u64 at, int load)
{
	Thread *t = M->cur;
	Thread *lane = t - t->lane;
	bool in_run = M->log->end != NULL;
	Wait kind = load ? WAIT_LDMATRIX : WAIT_MMA;

	t->asked = (int)(M->log->next - t->log->ask);
	M->calls += (u64)t->asked;
	if (sim_warp_meet(at, kind)) {
		if (!agree(lane, at))
			sim_abandon();
		for (int i = 0; i < lane->asked; i++)
			perform(lane, i, kind);
		sim_warp_go();
	}
	*M->log = (Log){t->log->ask, in_run ? t->log->ask + LOG : NULL};
}
