/* sim_mma.c -- the arithmetic of a warp's matrix product, mma.m16n8k16 (PTX ISA, fragments for
 * mma.m16n8k16).
 *
 * Products of two 16-bit numbers are exact in fp64; sums are kept in fp64, in the order of k, and
 * rounded once, a little better than the hardware, whose order and truncation are not documented.
 * Since products are exact, a fused multiply-add gives the same bits as two operations, and every
 * host the same as any other.
 */
#include "sim_state.h"

#include <string.h>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3", "fp-contract=fast")
#endif
#pragma GCC diagnostic ignored "-Wpsabi" /* vectors stay within this file */

/* On Linux the loader picks the version for the processor at hand. */
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__)
#define FOR_EACH_HOST __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FOR_EACH_HOST
#endif

#define ALWAYS_INLINE static inline __attribute__((always_inline)) /* so that it is cloned too */

typedef double Row __attribute__((vector_size(64)));
typedef float Row32 __attribute__((vector_size(32)));
typedef u32 Bits __attribute__((vector_size(64))); /* 16 lanes */
typedef float Numbers __attribute__((vector_size(64)));
#ifndef __clang__
typedef int Order __attribute__((vector_size(64)));
#endif

/* An f16's exponent and fraction, shifted to fp32's places, are 2^-112 of its value; infinities and
 * NaNs get fp32's exponent. */
ALWAYS_INLINE Numbers widen_f16(const Bits *halves)
{
	Bits h = *halves;
	Numbers f = (Numbers)((h & 0x7fff) << 13) * 0x1p112f;

	return (Numbers)((Bits)f | (h & 0x8000) << 16 | ((Bits)((h & 0x7c00) == 0x7c00) & 0x7f800000));
}

float sim_do_f16_widen(b16 x)
{
	Bits h = {x};

	return widen_f16(&h)[0];
}

/* A register of 16 lanes: the lower halves of its pairs, or the upper. */
ALWAYS_INLINE Numbers halves(const u32 *reg, int upper, bool f16)
{
	Bits r;

	memcpy(&r, reg, sizeof r);
	if (f16 && upper)
		r >>= 16;
	if (f16)
		return widen_f16(&r);
	return (Numbers)(upper ? r & 0xffff0000 : r << 16);
}

ALWAYS_INLINE Row widen_row(const float *x)
{
	Row32 r;

	memcpy(&r, x, sizeof r);
	return __builtin_convertvector(r, Row);
}

/* [8 lanes][4] to four rows of 8: row t has every lane 4g + t. */
ALWAYS_INLINE void transpose(Row *row, const Numbers *halves)
{
	Numbers lo = halves[0], hi = halves[1];

#ifdef __clang__
	for (int t = 0; t < 4; t++)
		for (int g = 0; g < 8; g++)
			row[2 * t][g] = g < 4 ? lo[4 * g + t] : hi[4 * g + t - 16];
#else
	const Order first = {0, 4, 8, 12, 16, 20, 24, 28, 0, 0, 0, 0, 0, 0, 0, 0};

	for (int t = 0; t < 4; t++) {
		Numbers x = __builtin_shuffle(lo, hi, first + t);

		row[2 * t] = widen_row((const float *)&x);
	}
#endif
}

/* Lane 4g + t: register i of a holds [g + 8 (i % 2)][2t + 8 (i / 2)] and its right neighbour,
 * register i of b [2t + 8i][g] and the one below, acc[i] of d [g + 8i][2t] and its neighbour. */
FOR_EACH_HOST void sim_multiply(const u32 (*reg)[WARP], float *const (*acc)[WARP], bool f16)
{
	double a[4][2][WARP];
	float d[16][8];
	Row b[16];

	for (int i = 0; i < 4; i++)
		for (int h = 0; h < 2; h++)
			for (int l = 0; l < WARP; l += 16) {
				Numbers x = halves(&reg[i][l], h, f16);

				for (int k = 0; k < 16; k += 8) {
					Row wide = widen_row((const float *)&x + k);

					memcpy(&a[i][h][l + k], &wide, sizeof wide);
				}
			}
	for (int i = 0; i < 2; i++)
		for (int h = 0; h < 2; h++) {
			Numbers x[2] = {halves(&reg[4 + i][0], h, f16), halves(&reg[4 + i][16], h, f16)};

			transpose(&b[8 * i + h], x);
		}
	for (int l = 0; l < WARP; l++) {
		memcpy(&d[l / 4][l % 4 * 2], acc[0][l], 8);
		memcpy(&d[l / 4 + 8][l % 4 * 2], acc[1][l], 8);
	}
	for (int r = 0; r < 16; r++) {
		Row sum = widen_row(d[r]);
		Row32 out;

		for (int k = 0; k < 16; k++)
			sum += a[r / 8 + k / 8 * 2][k % 2][r % 8 * 4 + k % 8 / 2] * b[k];
		out = __builtin_convertvector(sum, Row32);
		memcpy(d[r], &out, sizeof out);
	}
	for (int l = 0; l < WARP; l++) {
		memcpy(acc[0][l], &d[l / 4][l % 4 * 2], 8);
		memcpy(acc[1][l], &d[l / 4 + 8][l % 4 * 2], 8);
	}
}
