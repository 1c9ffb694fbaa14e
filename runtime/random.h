/* random.h -- input values as a pure function of (seed, tensor name, linear index).
 *
 * value = bias + scale * z, rounded to the dtype; z is the sum of twelve 16-bit uniforms, centred
 * and scaled by 2^-16 (Irwin-Hall: mean 0, variance 1, |z| < 6). Every step is exact in fp32 but
 * the last product and sum, which round once each, so the CPU and a GPU agree to the bit.
 */
#ifndef AZ_RANDOM_H
#define AZ_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "../codegen/ir.h"

uint64_t random_key(uint64_t seed, const char *name);
uint64_t random_bits(uint64_t key, uint64_t index);
float random_value(uint64_t key, uint64_t index, float scale, float bias);

/* Element access by dtype; storing rounds to nearest even (f32 is kept, i32 rounds). */
double dtype_load(Dtype dt, const void *base, int64_t index);
void dtype_store(Dtype dt, void *base, int64_t index, float value);
double dtype_round(Dtype dt, float value);

/* The same function as CUDA C, for filling large buffers: see random.c for its parameters. */
extern const char random_cuda[];

#endif
