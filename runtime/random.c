/* random.c -- counter-based random inputs, and 16-bit rounding, in integer steps that the CUDA
 * text below repeats literally.
 */
#include "random.h"

#include <math.h>
#include <string.h>

static uint64_t mix64(uint64_t x) /* the finaliser of SplitMix64 */
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

uint64_t random_key(uint64_t seed, const char *name)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3u;
	return mix64(h ^ mix64(seed + 0x9e3779b97f4a7c15u));
}

uint64_t random_bits(uint64_t key, uint64_t index)
{
	return mix64(key + index * 0x9e3779b97f4a7c15u);
}

float random_value(uint64_t key, uint64_t index, float scale, float bias)
{
	uint32_t sum = 0;
	uint64_t x;
	float z;
	int i;

	for (i = 0; i < 3; i++) {
		x = random_bits(key, index * 3 + (uint64_t)i);
		sum += (uint32_t)(x & 0xffff) + (uint32_t)(x >> 16 & 0xffff) +
		       (uint32_t)(x >> 32 & 0xffff) + (uint32_t)(x >> 48);
	}
	z = (float)((int32_t)sum - 393210) * (1.0f / 65536);
	z = scale * z;
	return bias + z;
}

static uint32_t bits(float f)
{
	uint32_t u;

	memcpy(&u, &f, 4);
	return u;
}

static float unbits(uint32_t u)
{
	float f;

	memcpy(&f, &u, 4);
	return f;
}

static uint16_t to_bf16(float f)
{
	uint32_t u = bits(f);

	if ((u & 0x7fffffff) > 0x7f800000)
		return (uint16_t)(u >> 16 | 0x40);
	return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

static uint16_t to_f16(float f)
{
	uint32_t u = bits(f), sign = u >> 16 & 0x8000, a = u & 0x7fffffff, m, s;

	if (a > 0x7f800000)
		return (uint16_t)(sign | 0x7e00);
	if (a >= 0x477ff000) /* 65520 and up round to infinity */
		return (uint16_t)(sign | 0x7c00);
	if (a >= 0x38800000) /* normal: rebias, round the low 13 bits */
		return (uint16_t)(sign | ((a - 0x38000000 + 0xfff + (a >> 13 & 1)) >> 13));
	if (a < 0x33000000) /* below half of the least subnormal */
		return (uint16_t)sign;
	s = 126 - (a >> 23);
	m = (a & 0x7fffff) | 0x800000;
	return (uint16_t)(sign | ((m + (1u << (s - 1)) - 1 + (m >> s & 1)) >> s));
}

static float from_f16(uint16_t h)
{
	uint32_t sign = (uint32_t)(h & 0x8000) << 16, e = h >> 10 & 31, m = h & 0x3ff;

	if (e == 31)
		return unbits(sign | 0x7f800000 | m << 13);
	if (e)
		return unbits(sign | (e + 112) << 23 | m << 13);
	return unbits(sign | bits((float)m * (1.0f / 16777216)));
}

double dtype_load(Dtype dt, const void *base, int64_t i)
{
	switch (dt) {
	case DT_F32:
		return ((const float *)base)[i];
	case DT_BF16:
		return unbits((uint32_t)((const uint16_t *)base)[i] << 16);
	case DT_F16:
		return from_f16(((const uint16_t *)base)[i]);
	case DT_I32:
		return ((const int32_t *)base)[i];
	default:
		bug("dtype_load: dtype %d", dt);
	}
}

void dtype_store(Dtype dt, void *base, int64_t i, float v)
{
	switch (dt) {
	case DT_F32:
		((float *)base)[i] = v;
		break;
	case DT_BF16:
		((uint16_t *)base)[i] = to_bf16(v);
		break;
	case DT_F16:
		((uint16_t *)base)[i] = to_f16(v);
		break;
	case DT_I32:
		((int32_t *)base)[i] = (int32_t)lrintf(v);
		break;
	default:
		bug("dtype_store: dtype %d", dt);
	}
}

double dtype_round(Dtype dt, float v)
{
	float room;

	dtype_store(dt, &room, 0, v);
	return dtype_load(dt, &room, 0);
}

/* fill(out, key, scale, bias, dtype, n, rank, size[], stride[]): sizes and strides are in declared
 * order, six of each, unused ones 1 and 0. One thread makes elements i, i + threads, ... */
const char random_cuda[] =
    "typedef unsigned long long u64; typedef unsigned u32; typedef unsigned short u16;\n"
    "struct Axes { long long size[6], stride[6]; };\n"
    "static __device__ u64 mix64(u64 x)\n"
    "{\n"
    "\tx = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;\n"
    "\tx = (x ^ x >> 27) * 0x94d049bb133111ebull;\n"
    "\treturn x ^ x >> 31;\n"
    "}\n"
    "static __device__ u16 to_bf16(u32 u)\n"
    "{\n"
    "\treturn (u16)((u + 0x7fff + (u >> 16 & 1)) >> 16);\n"
    "}\n"
    "static __device__ u16 to_f16(u32 u)\n"
    "{\n"
    "\tu32 sign = u >> 16 & 0x8000, a = u & 0x7fffffff, m, s;\n"
    "\tif (a >= 0x477ff000) return (u16)(sign | 0x7c00);\n"
    "\tif (a >= 0x38800000)\n"
    "\t\treturn (u16)(sign | ((a - 0x38000000 + 0xfff + (a >> 13 & 1)) >> 13));\n"
    "\tif (a < 0x33000000) return (u16)sign;\n"
    "\ts = 126 - (a >> 23);\n"
    "\tm = (a & 0x7fffff) | 0x800000;\n"
    "\treturn (u16)(sign | ((m + (1u << (s - 1)) - 1 + (m >> s & 1)) >> s));\n"
    "}\n"
    "extern \"C\" __global__ void fill(void *out, u64 key, float scale, float bias, int dtype,\n"
    "                                long long n, const __grid_constant__ Axes ax)\n"
    "{\n"
    "\tlong long i = blockIdx.x * 256ll + threadIdx.x, step = gridDim.x * 256ll, rest, at;\n"
    "\tfor (; i < n; i += step) {\n"
    "\t\tu32 sum = 0;\n"
    "\t\tfor (int j = 0; j < 3; j++) {\n"
    "\t\t\tu64 x = mix64(key + ((u64)i * 3 + j) * 0x9e3779b97f4a7c15ull);\n"
    "\t\t\tsum += (u32)(x & 0xffff) + (u32)(x >> 16 & 0xffff) +\n"
    "\t\t\t       (u32)(x >> 32 & 0xffff) + (u32)(x >> 48);\n"
    "\t\t}\n"
    "\t\tfloat v = __fmul_rn((float)((int)sum - 393210), 1.0f / 65536);\n"
    "\t\tv = __fadd_rn(bias, __fmul_rn(scale, v));\n"
    "\t\trest = i;\n"
    "\t\tat = 0;\n"
    "\t\tfor (int a = 5; a >= 0; a--) {\n"
    "\t\t\tat += rest % ax.size[a] * ax.stride[a];\n"
    "\t\t\trest /= ax.size[a];\n"
    "\t\t}\n"
    "\t\tif (dtype == 0) ((float *)out)[at] = v;\n"
    "\t\telse if (dtype == 1) ((u16 *)out)[at] = to_bf16(__float_as_uint(v));\n"
    "\t\telse if (dtype == 2) ((u16 *)out)[at] = to_f16(__float_as_uint(v));\n"
    "\t\telse ((int *)out)[at] = __float2int_rn(v);\n"
    "\t}\n"
    "}\n";
