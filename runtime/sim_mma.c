/* sim_mma.c -- the arithmetic of a warp's matrix product, mma.m16n8k16 (PTX ISA, fragments for
 * mma.m16n8k16).
 *
 * Products of two 16-bit numbers are exact in fp64; sums are kept in fp64, in the order of k, and
 * rounded once, a little better than the hardware, whose order and truncation are not documented.
 * Since products are exact, a fused multiply-add gives the same bits as two operations, and every
 * host the same as any other.
 */
#include "sim_state.h"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

/* On Linux the loader picks the version for the processor at hand. */
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__)
#define FOR_EACH_HOST __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FOR_EACH_HOST
#endif

typedef double Row __attribute__((vector_size(64)));

/* An f16's exponent and fraction, shifted to fp32's places, are 2^-112 of its value; infinities and
 * NaNs get fp32's exponent. */
static inline float widen_f16(u32 h)
{
	union {
		u32 u;
		float f;
	} x = {.u = (h & 0x7fff) << 13};

	x.f *= 0x1p112f;
	x.u |= (h & 0x8000) << 16 | ((h & 0x7c00) == 0x7c00 ? 0x7f800000 : 0);
	return x.f;
}

float sim_do_f16_widen(b16 x)
{
	return widen_f16(x);
}

/* The numbers of `n` registers of 32 lanes, lower halves then upper. */
static inline void unpack(float out[][2][WARP], const u32 reg[][WARP], int n, bool f16)
{
	for (int i = 0; i < n; i++) {
		u32 *lo = (u32 *)(void *)out[i][0], *hi = (u32 *)(void *)out[i][1];

		for (int l = 0; l < WARP && !f16; l++) {
			lo[l] = reg[i][l] << 16;
			hi[l] = reg[i][l] & 0xffff0000;
		}
		for (int l = 0; l < WARP && f16; l++) {
			out[i][0][l] = widen_f16(reg[i][l]);
			out[i][1][l] = widen_f16(reg[i][l] >> 16);
		}
	}
}

/* Lane 4g + t: register i of a holds [g + 8 (i % 2)][2t + 8 (i / 2)] and its right neighbour,
 * register i of b [2t + 8i][g] and the one below, acc[i] of d [g + 8 (i / 2)][2t + i % 2]. */
FOR_EACH_HOST void sim_multiply(const u32 (*reg)[WARP], float *const *acc, bool f16)
{
	float af[4][2][WARP], bf[2][2][WARP];
	double a[16][16];
	Row b[16], d[16];

	unpack(af, reg, 4, f16);
	unpack(bf, reg + 4, 2, f16);
	for (int i = 0; i < 4; i++)
		for (int h = 0; h < 2; h++)
			for (int g = 0; g < 8; g++)
				for (int t = 0; t < 4; t++)
					a[g + i % 2 * 8][2 * t + i / 2 * 8 + h] = af[i][h][4 * g + t];
	for (int i = 0; i < 2; i++)
		for (int h = 0; h < 2; h++)
			for (int t = 0; t < 4; t++)
				for (int g = 0; g < 8; g++)
					b[2 * t + i * 8 + h][g] = bf[i][h][4 * g + t];
	for (int g = 0; g < 8; g++)
		for (int t = 0; t < 4; t++)
			for (int i = 0; i < 4; i++)
				d[g + i / 2 * 8][2 * t + i % 2] = acc[4 * g + t][i];
	for (int i = 0; i < 16; i++) {
		Row sum = d[i];

		for (int k = 0; k < 16; k++)
			sum += a[i][k] * b[k];
		d[i] = sum;
	}
	for (int g = 0; g < 8; g++)
		for (int t = 0; t < 4; t++)
			for (int i = 0; i < 4; i++)
				acc[4 * g + t][i] = (float)d[g + i / 2 * 8][2 * t + i % 2];
}
