/* tensormap.c -- the driver's rules, its encoder through libcuda at run time, and the simulator's.
 */
#define _GNU_SOURCE
#include "tensormap.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "driver.h"

const uint64_t tensormap_magic = 0x70616d20726f736e; /* "nsor map" */

_Static_assert(sizeof(SimTensorMap) <= sizeof(TensorMap), "a map is 128 bytes");

/* By Dtype: bytes, and CUtensorMapDataType of cuda.h. */
static const struct {
	int bytes, driver;
} elements[NDTYPE] = {
    [DT_F32] = {4, 7},
    [DT_BF16] = {2, 9},
    [DT_F16] = {2, 6},
    [DT_I32] = {4, 3},
};

/* ---- Rules ---- */

static char why[160];

#define WRONG(...) (snprintf(why, sizeof why, __VA_ARGS__), why)

static const char *wrong_dimension(const TensorMapSpec *s, int i)
{
	if (s->size[i] < 1 || s->size[i] > (int64_t)1 << 32)
		return WRONG("dimension %d has %lld elements: 1 .. 2^32", i, (long long)s->size[i]);
	if (s->box[i] < 1 || s->box[i] > TENSORMAP_BOX)
		return WRONG("the box has %d elements in dimension %d: 1 .. 256", s->box[i], i);
	if (i && (s->stride_bytes[i] < 0 || s->stride_bytes[i] >= (int64_t)1 << 40))
		return WRONG("dimension %d has a stride of %lld bytes: less than 2^40", i,
		             (long long)s->stride_bytes[i]);
	if (i && s->stride_bytes[i] % 16)
		return WRONG("dimension %d has a stride of %lld bytes, no multiple of 16", i,
		             (long long)s->stride_bytes[i]);
	return NULL;
}

/* The driver takes rows shorter than the swizzle's span as well, but how they lie then is nowhere
 * said; here a swizzled row is its span. */
const char *tensormap_wrong(const TensorMapSpec *s)
{
	int element = s->dtype < NDTYPE ? elements[s->dtype].bytes : 0, row = s->box[0] * element;
	const char *e;

	if (!element)
		return WRONG("no tensor map has elements of this type");
	if (s->rank < 1 || s->rank > TENSORMAP_RANK)
		return WRONG("%d dimensions: 1 .. 5", s->rank);
	if (s->base % 16)
		return WRONG("the tensor's address is no multiple of 16");
	for (int i = 0; i < s->rank; i++)
		if ((e = wrong_dimension(s, i)))
			return e;
	if (row % 16)
		return WRONG("a row of the box has %d bytes, no multiple of 16", row);
	if (s->swizzle != 0 && s->swizzle != 32 && s->swizzle != 64 && s->swizzle != 128)
		return WRONG("a swizzle of %d bytes: 0, 32, 64 or 128", s->swizzle);
	if (s->swizzle && row != s->swizzle)
		return WRONG("a row of the box has %d bytes, the swizzle %d", row, s->swizzle);
	return NULL;
}

int tensormap_box_bytes(const TensorMapSpec *s)
{
	int n = elements[s->dtype].bytes;

	for (int i = 0; i < s->rank; i++)
		n *= s->box[i];
	return n;
}

/* ---- Encoders ---- */

static void encode_sim(const TensorMapSpec *s, TensorMap *out)
{
	SimTensorMap m = {.magic = tensormap_magic,
	                  .base = s->base,
	                  .rank = (uint8_t)s->rank,
	                  .element = (uint8_t)elements[s->dtype].bytes,
	                  .swizzle = (uint8_t)s->swizzle};

	for (int i = 0; i < s->rank; i++) {
		m.last[i] = (uint32_t)(s->size[i] - 1);
		m.box[i] = (uint16_t)s->box[i];
		m.stride[i] = i ? (uint64_t)s->stride_bytes[i] : m.element;
	}
	memset(out, 0, sizeof *out);
	memcpy(out, &m, sizeof m);
}

/* cuTensorMapEncodeTiled; enums are passed as int. */
typedef int Encode(TensorMap *, int type, uint32_t rank, void *base, const uint64_t *size,
                   const uint64_t *stride, const uint32_t *box, const uint32_t *step,
                   int interleave, int swizzle, int promotion, int fill);

static Encode *encoder(Diag *d)
{
	static Encode *encode;
	void *lib;

	if (encode)
		return encode;
	lib = dlopen("libcuda.so.1", RTLD_NOW);
	if (!lib)
		diag_env(d, "tensor maps: no CUDA driver (libcuda.so.1 not found)");
	*(void **)&encode = dlsym(lib, "cuTensorMapEncodeTiled");
	if (!encode)
		diag_env(d, "tensor maps: the CUDA driver is too old: no cuTensorMapEncodeTiled");
	return encode;
}

static void encode_driver(Diag *d, const TensorMapSpec *s, TensorMap *out)
{
	/* Misses fetch 128 bytes: 256 were measured 1 to 5% slower on an H200 where rows are short. */
	enum { NO_INTERLEAVE = 0, PROMOTE_128 = 2, FILL_ZERO = 0 };
	uint64_t size[TENSORMAP_RANK], stride[TENSORMAP_RANK] = {0};
	uint32_t box[TENSORMAP_RANK], step[TENSORMAP_RANK];
	int swizzle = s->swizzle == 128 ? 3 : s->swizzle == 64 ? 2 : s->swizzle == 32, rc;
	void *base;

	for (int i = 0; i < s->rank; i++) {
		size[i] = (uint64_t)s->size[i];
		box[i] = (uint32_t)s->box[i];
		step[i] = 1;
		if (i)
			stride[i - 1] = (uint64_t)s->stride_bytes[i];
	}
	memcpy(&base, &s->base, sizeof base);
	rc = encoder(d)(out, elements[s->dtype].driver, (uint32_t)s->rank, base, size, stride, box,
	                step, NO_INTERLEAVE, swizzle, PROMOTE_128, FILL_ZERO);
	if (rc)
		diag_env(d, "cuTensorMapEncodeTiled: %s", driver_error(rc));
}

void tensormap_encode(Diag *d, const TensorMapSpec *s, bool sim, TensorMap *out)
{
	const char *e = tensormap_wrong(s);

	if (e)
		diag_fail(d, (Loc){0}, "tensor map: %s", e);
	if (sim)
		encode_sim(s, out);
	else
		encode_driver(d, s, out);
}
