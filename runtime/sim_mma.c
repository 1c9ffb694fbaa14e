/* sim_mma.c -- the arithmetic of a warp's matrix product, mma.m16n8k16 (PTX ISA, fragments for
 * mma.m16n8k16).
 *
 * Products of two 16-bit numbers are exact in fp64; sums are kept in fp64, in the order of k, and
 * rounded once, a little better than the hardware, whose order and truncation are not documented.
 * Since products are exact, a fused multiply-add gives the same bits as two operations, and every
 * host the same as any other.
 */
#include "sim_wide.h"

#include <string.h>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3", "fp-contract=fast")
#endif
typedef u64 Pairs __attribute__((vector_size(32))); /* of fp32: Row32 */

float sim_do_f16_widen(b16 x)
{
	Bits8 h = {x};

	return widen_f16(&h)[0];
}

/* The lower halves of pairs of 16-bit numbers, or the upper ones. */
ALWAYS_INLINE Row widen(const Bits8 *pairs, int upper, bool f16)
{
	Bits8 r = f16 ? (upper ? *pairs >> 16 : *pairs) : upper ? *pairs & 0xffff0000 : *pairs << 16;

	return __builtin_convertvector(f16 ? widen_f16(&r) : (Row32)r, Row);
}

ALWAYS_INLINE u64 load8(const float *p)
{
	u64 x;

	memcpy(&x, p, sizeof x);
	return x;
}

enum { TOGETHER = 4 }; /* rows, so that no sum waits for its last product */

/* Lane 4g + t: register i of a holds [g + 8 (i % 2)][2t + 8 (i / 2)] and its right neighbour,
 * register i of b [2t + 8i][g] and the one below, acc[i] of d [g + 8i][2t] and its neighbour. */
ALWAYS_INLINE void product(const LaneLog *lane, int entry, bool f16)
{
	double a[2][WARP][4]; /* [half][lane][register] */
	Row b[16];

#define Q(l) lane[l].ask[entry].mma
	for (int l = 0; l < WARP; l += 2) {
		Bits8 r = {Q(l).reg[0],     Q(l).reg[1],     Q(l).reg[2],     Q(l).reg[3],
		           Q(l + 1).reg[0], Q(l + 1).reg[1], Q(l + 1).reg[2], Q(l + 1).reg[3]};

		for (int h = 0; h < 2; h++) {
			Row wide = widen(&r, h, f16);

			memcpy(a[h][l], &wide, sizeof wide);
		}
	}
	for (int t = 0; t < 4; t++)
		for (int i = 0; i < 2; i++) {
			Bits8 r = {Q(t).reg[4 + i],      Q(t + 4).reg[4 + i],  Q(t + 8).reg[4 + i],
			           Q(t + 12).reg[4 + i], Q(t + 16).reg[4 + i], Q(t + 20).reg[4 + i],
			           Q(t + 24).reg[4 + i], Q(t + 28).reg[4 + i]};

			b[2 * t + 8 * i] = widen(&r, 0, f16);
			b[2 * t + 8 * i + 1] = widen(&r, 1, f16);
		}
	for (int g = 0; g < 8; g += TOGETHER / 2) {
		Row sum[TOGETHER];

		for (int j = 0; j < TOGETHER; j++) {
			int l = 4 * (g + j / 2), i = j % 2;
			Pairs d = {load8(Q(l).acc[i]), load8(Q(l + 1).acc[i]), load8(Q(l + 2).acc[i]),
			           load8(Q(l + 3).acc[i])};

			sum[j] = __builtin_convertvector((Row32)d, Row);
		}
		UNROLL
		for (int k = 0; k < 16; k++)
			for (int j = 0; j < TOGETHER; j++)
				sum[j] += a[k % 2][4 * (g + j / 2) + k % 8 / 2][j % 2 + k / 8 * 2] * b[k];
		for (int j = 0; j < TOGETHER; j++) {
			Pairs d = (Pairs) __builtin_convertvector(sum[j], Row32);

			for (int t = 0; t < 4; t++) {
				u64 x = d[t];

				memcpy(Q(4 * (g + j / 2) + t).acc[j % 2], &x, sizeof x);
			}
		}
	}
#undef Q
}

FOR_EACH_HOST void sim_multiply(const LaneLog *lane, int i, bool f16)
{
	if (f16)
		product(lane, i, true);
	else
		product(lane, i, false);
}

/* ---- Of cores ---- */

FOR_EACH_HOST void sim_cores_left(const Core *const *a, bool f16, double (*wide)[16])
{
	for (int i = 0; i < 4; i++)
		for (int g = 0; g < 8; g++) {
			Row x = widen8(a[i]->half[g], f16);

			memcpy(&wide[g + i % 2 * 8][i / 2 * 8], &x, sizeof x);
		}
}

FOR_EACH_HOST void sim_cores_multiply(double (*a)[16], const Core *const *b, bool f16,
                                      float (*const *sum)[8])
{
	Row right[16];

	for (int i = 0; i < 2; i++) {
		Half8 x[8];

		memcpy(x, b[i]->half, sizeof x);
		transpose8(x);
		for (int k = 0; k < 8; k++)
			right[8 * i + k] = widen8(&x[k], f16);
	}
	for (int i = 0; i < 16; i += TOGETHER) {
		Row32 d[TOGETHER];
		Row wide[TOGETHER];

		memcpy(d, sum[i / 8][i % 8], sizeof d);
		for (int j = 0; j < TOGETHER; j++)
			wide[j] = __builtin_convertvector(d[j], Row);
		UNROLL
		for (int k = 0; k < 16; k++)
			for (int j = 0; j < TOGETHER; j++)
				wide[j] += a[i + j][k] * right[k];
		for (int j = 0; j < TOGETHER; j++)
			d[j] = __builtin_convertvector(wide[j], Row32);
		memcpy(sum[i / 8][i % 8], d, sizeof d);
	}
}
