/* sim_wide.h -- eight numbers at a time, in whatever vectors the host has. */
#ifndef AZ_SIM_WIDE_H
#define AZ_SIM_WIDE_H

#include "sim_state.h"

#include <string.h>

#pragma GCC diagnostic ignored "-Wpsabi" /* vectors stay within a file */

/* On Linux the loader picks the version for the processor at hand. */
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__)
#define FOR_EACH_HOST __attribute__((target_clones("avx512f", "avx2", "default")))
#define MANY_VECTORS __attribute__((target("avx512f"))) /* 32 */
#define HAS_MANY_VECTORS __builtin_cpu_supports("avx512f")
#else
#define FOR_EACH_HOST
#define MANY_VECTORS
#define HAS_MANY_VECTORS 0
#endif

#if defined(__GNUC__) && !defined(__clang__)
#define UNROLL _Pragma("GCC unroll 16")
#else
#define UNROLL
#endif

#define ALWAYS_INLINE static inline __attribute__((always_inline)) /* so that it is cloned too */

typedef double Row __attribute__((vector_size(64)));
typedef float Row32 __attribute__((vector_size(32)));
typedef u32 Bits8 __attribute__((vector_size(32)));
typedef b16 Half8 __attribute__((vector_size(16)));

/* x[i], y[i], x[i + 1], y[i + 1], ...: eight of them. */
#ifdef __clang__
#define ZIP(x, y, i) \
	__builtin_shufflevector(x, y, i, i + 8, i + 1, i + 9, i + 2, i + 10, i + 3, i + 11)
#else
#define ZIP(x, y, i) \
	__builtin_shuffle(x, y, (Half8){i, i + 8, i + 1, i + 9, i + 2, i + 10, i + 3, i + 11})
#endif

/* The lower half of each 32 bits as an f16. Its exponent and fraction, shifted to fp32's places,
 * are 2^-112 of its value; infinities and NaNs get fp32's exponent. */
ALWAYS_INLINE Row32 widen_f16(const Bits8 *halves)
{
	Bits8 h = *halves;
	Row32 f = (Row32)((h & 0x7fff) << 13) * 0x1p112f;

	return (Row32)((Bits8)f | (h & 0x8000) << 16 | ((Bits8)((h & 0x7c00) == 0x7c00) & 0x7f800000));
}

/* 8 numbers of 16 bits. */
ALWAYS_INLINE Row widen8(const void *halves, bool f16)
{
	Half8 h;
	Bits8 u;

	memcpy(&h, halves, sizeof h);
	u = __builtin_convertvector(h, Bits8);
	return __builtin_convertvector(f16 ? widen_f16(&u) : (Row32)(u << 16), Row);
}

/* Rows become columns: each round moves the bits of an index (row, column) up by one. */
ALWAYS_INLINE void transpose8(Half8 *x)
{
	for (int round = 0; round < 3; round++) {
		Half8 y[8];

		for (int i = 0; i < 4; i++) {
			y[2 * i] = ZIP(x[i], x[i + 4], 0);
			y[2 * i + 1] = ZIP(x[i], x[i + 4], 4);
		}
		memcpy(x, y, sizeof y);
	}
}

#endif
