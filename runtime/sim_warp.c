/* sim_warp.c -- what a whole warp does at once: stmatrix, shuffles (ldmatrix and mma: sim_batch.c).
 * The lane that comes last does it for all. Layouts are those of the PTX ISA.
 */
#include "sim_state.h"

#include <string.h>

#define M (&sim_machine)

static Thread *lanes(void)
{
	return &M->thread[M->cur->warp * WARP];
}

/* ---- f16 ---- */

b16 sim_do_f16_round(float x)
{
	u32 u, sign, m, shift, half;

	memcpy(&u, &x, sizeof u);
	sign = u >> 16 & 0x8000;
	u &= 0x7fffffff;
	if (u > 0x7f800000)
		return 0x7fff;
	if (u >= 0x477ff000) /* 65520 and above */
		return (b16)(sign | 0x7c00);
	if (u >= 0x38800000) { /* a normal f16 */
		u -= 112u << 23;
		return (b16)(sign | (u + 0xfff + (u >> 13 & 1)) >> 13);
	}
	if (u < 0x33000000) /* below half of the least */
		return (b16)sign;
	m = (u & 0x7fffff) | 0x800000;
	shift = 126 - (u >> 23);
	half = 1u << (shift - 1);
	return (b16)(sign | (m + half - 1 + (m >> shift & 1)) >> shift);
}

/* ---- stmatrix ---- */

static void store_matrix(u64 at, Thread *lane, int matrix, bool trans)
{
	u64 addr[WARP];

	for (int r = 0; r < 8; r++) {
		Thread *to = &lane[8 * matrix + r];
		b16 row[8];

		for (int c = 0; c < 8; c++) {
			int i = trans ? c : r, j = trans ? r : c;
			u32 pair = lane[4 * i + j / 2].reg[matrix];

			row[c] = (b16)(j % 2 ? pair >> 16 : pair);
		}
		addr[r] = to->addr & ~15u;
		if (M->unchecked)
			memcpy(M->smem + sim_plain_offset((u32)addr[r], 16), row, 16);
		else
			sim_shared_write(to, at, to->addr, row, 16);
	}
	if (!M->unchecked)
		sim_count_matrix(at, true, addr);
}

void sim_do_stmatrix(u64 at, u32 addr, u32 r0, u32 r1, u32 r2, u32 r3, int count, int trans)
{
	u32 reg[4] = {r0, r1, r2, r3};

	memcpy(M->cur->reg, reg, sizeof reg);
	M->cur->addr = addr;
	if (!sim_warp_meet(at, WAIT_STMATRIX))
		return;
	for (int i = 0; i < count; i++)
		store_matrix(at, lanes(), i, trans);
	sim_warp_go();
}

/* ---- Shuffles and votes ---- */

enum { SHFL_XOR, SHFL_IDX, SHFL_UP, VOTE_ANY };

static int source_lane(int mode, int lane, int arg)
{
	if (mode == SHFL_XOR)
		return (lane ^ arg) & 31;
	if (mode == SHFL_IDX)
		return arg & 31;
	return lane >= arg ? lane - arg : lane;
}

u32 sim_do_shfl(u64 at, u32 x, int mode, int arg)
{
	Thread *t = M->cur, *lane = lanes();

	t->reg[0] = x;
	t->arg = arg;
	if (sim_warp_meet(at, WAIT_SHUFFLE)) {
		u32 any = 0;

		for (int l = 0; l < WARP; l++)
			any |= lane[l].reg[0];
		for (int l = 0; l < WARP; l++)
			lane[l].result =
			    mode == VOTE_ANY ? any : lane[source_lane(mode, l, lane[l].arg)].reg[0];
		if (mode != VOTE_ANY)
			sim_count_work(at, WORK_shuffles, 1);
		sim_warp_go();
	}
	return t->result;
}
