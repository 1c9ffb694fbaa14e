/* sim_warp.c -- what a whole warp does at once: ldmatrix, mma, shuffles. The lane that comes last
 * does it for all. Layouts are those of the PTX manual, sections on ldmatrix and mma.m16n8k16.
 */
#include "sim_state.h"

#include <string.h>

#define M (&sim_machine)

static Thread *lanes(void)
{
	return &M->thread[M->cur->warp * WARP];
}

/* ---- f16 ---- */

static float bits(u32 u)
{
	float f;

	memcpy(&f, &u, sizeof f);
	return f;
}

float sim_do_f16_widen(b16 x)
{
	u32 sign = (u32)(x & 0x8000) << 16, e = x >> 10 & 31, m = x & 1023;

	if (e == 31)
		return bits(sign | 0x7f800000 | m << 13);
	if (e)
		return bits(sign | (e + 112) << 23 | m << 13);
	return (sign ? -1.0f : 1.0f) * (float)m * 0x1p-24f;
}

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

/* ---- ldmatrix ---- */

static void load_matrix(u64 at, Thread *lane, int matrix, bool trans)
{
	b16 row[8][8];
	u64 addr[WARP];

	for (int r = 0; r < 8; r++) {
		Thread *from = &lane[8 * matrix + r];

		addr[r] = from->addr & ~15u;
		sim_shared_read(from, at, row[r], from->addr, 16);
	}
	sim_count_matrix(at, false, addr);
	for (int l = 0; l < WARP; l++) {
		int i = l / 4, j = l % 4 * 2;
		u32 lo = trans ? row[j][i] : row[i][j], hi = trans ? row[j + 1][i] : row[i][j + 1];

		lane[l].out[matrix] = hi << 16 | lo;
	}
}

void sim_do_ldmatrix(u64 at, u32 *r, u32 addr, int count, int trans)
{
	M->cur->out = r;
	M->cur->addr = addr;
	if (!sim_warp_meet(at, WAIT_LDMATRIX))
		return;
	for (int i = 0; i < count; i++)
		load_matrix(at, lanes(), i, trans);
	sim_warp_go();
}

/* ---- mma ---- */

static float half_of(u32 pair, int hi, bool f16)
{
	u32 h = hi ? pair >> 16 : pair & 0xffff;

	return f16 ? sim_do_f16_widen((b16)h) : bits(h << 16);
}

/* Products are exact in fp32; sums are kept in fp64 and rounded once, a little better than the
 * hardware, whose order and truncation are not documented. */
static void multiply(Thread *lane, bool f16)
{
	typedef double Row __attribute__((vector_size(64)));
	float a[16][16];
	Row b[16], d[16];

	for (int l = 0; l < WARP; l++) {
		const Thread *t = &lane[l];
		int g = l / 4, q = l % 4 * 2;

		for (int i = 0; i < 4; i++)
			for (int h = 0; h < 2; h++)
				a[g + i % 2 * 8][q + i / 2 * 8 + h] = half_of(t->reg[i], h, f16);
		for (int i = 0; i < 2; i++)
			for (int h = 0; h < 2; h++)
				b[q + i * 8 + h][g] = half_of(t->reg[4 + i], h, f16);
		for (int i = 0; i < 4; i++)
			d[g + i / 2 * 8][q + i % 2] = t->acc[i];
	}
	for (int i = 0; i < 16; i++)
		for (int k = 0; k < 16; k++)
			d[i] += a[i][k] * b[k];
	for (int l = 0; l < WARP; l++)
		for (int i = 0; i < 4; i++)
			lane[l].acc[i] = (float)d[l / 4 + i / 2 * 8][l % 4 * 2 + i % 2];
}

void sim_do_mma(u64 at, float *d, u32 a0, u32 a1, u32 a2, u32 a3, u32 b0, u32 b1, int f16)
{
	u32 reg[6] = {a0, a1, a2, a3, b0, b1};

	memcpy(M->cur->reg, reg, sizeof reg);
	M->cur->acc = d;
	if (!sim_warp_meet(at, WAIT_MMA))
		return;
	multiply(lanes(), f16);
	sim_count_work(at, f16 ? WORK_mma_f16 : WORK_mma_bf16, 1);
	sim_count_work(at, WORK_tensor_flops, 2 * 16 * 8 * 16);
	sim_warp_go();
}

/* ---- Shuffles ---- */

enum { SHFL_XOR, SHFL_IDX, SHFL_UP };

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
		for (int l = 0; l < WARP; l++)
			lane[l].result = lane[source_lane(mode, l, lane[l].arg)].reg[0];
		sim_count_work(at, WORK_shuffles, 1);
		sim_warp_go();
	}
	return t->result;
}
