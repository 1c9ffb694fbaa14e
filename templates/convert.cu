// Between fp32 and the 16-bit formats. A packed pair has element 0 in its low half.

//@ prim f32_bits
//@ doc the bits of a float
//@ cuda
static __device__ __forceinline__ u32 f32_bits(float x)
{
	return __float_as_uint(x);
}
//@ sim
static inline u32 f32_bits(float x)
{
	union { float f; u32 u; } v = { .f = x };
	return v.u;
}
//@ end

//@ prim bits_f32
//@ doc the float with these bits
//@ cuda
static __device__ __forceinline__ float bits_f32(u32 u)
{
	return __uint_as_float(u);
}
//@ sim
static inline float bits_f32(u32 u)
{
	union { float f; u32 u; } v = { .u = u };
	return v.f;
}
//@ end

//@ prim round_bf16
//@ doc fp32 to bf16, to nearest even
//@ cuda
static __device__ __forceinline__ b16 round_bf16(float x)
{
	b16 d;
	asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(d) : "f"(x));
	return d;
}
//@ sim
static inline b16 round_bf16(float x)
{
	const u32 u = f32_bits(x);
	if ((u & 0x7fffffffu) > 0x7f800000u)
		return 0x7fff;
	return (b16)((u + 0x7fffu + (u >> 16 & 1)) >> 16);
}
//@ end

//@ prim widen_bf16
//@ doc bf16 to fp32
//@ cuda
static __device__ __forceinline__ float widen_bf16(b16 x)
{
	return __uint_as_float((u32)x << 16);
}
//@ sim
static inline float widen_bf16(b16 x)
{
	return bits_f32((u32)x << 16);
}
//@ end

//@ prim pack_bf16
//@ doc two fp32 to a pair of bf16, to nearest even
//@ cuda
static __device__ __forceinline__ u32 pack_bf16(float lo, float hi)
{
	u32 d;
	asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(d) : "f"(hi), "f"(lo));
	return d;
}
//@ sim
static inline u32 pack_bf16(float lo, float hi)
{
	return (u32)round_bf16(hi) << 16 | round_bf16(lo);
}
//@ end

//@ prim bf16_lo
//@ doc the low half of a pair, as fp32
//@ cuda
static __device__ __forceinline__ float bf16_lo(u32 x)
{
	return __uint_as_float(x << 16);
}
//@ sim
static inline float bf16_lo(u32 x)
{
	return bits_f32(x << 16);
}
//@ end

//@ prim bf16_hi
//@ doc the high half of a pair, as fp32
//@ cuda
static __device__ __forceinline__ float bf16_hi(u32 x)
{
	return __uint_as_float(x & 0xffff0000u);
}
//@ sim
static inline float bf16_hi(u32 x)
{
	return bits_f32(x & 0xffff0000u);
}
//@ end

//@ prim bf16_at
//@ doc element i of pairs, as fp32
//@ cuda
static __device__ __forceinline__ float bf16_at(const u32 *x, int i)
{
	return __uint_as_float(i % 2 ? x[i / 2] & 0xffff0000u : x[i / 2] << 16);
}
//@ sim
static inline float bf16_at(const u32 *x, int i)
{
	return bits_f32(i % 2 ? x[i / 2] & 0xffff0000u : x[i / 2] << 16);
}
//@ end

//@ prim mul_bf16x2
//@ doc products of pairs, each rounded once (an fma with -0: mul.bf16x2 needs sm_90)
//@ cuda
static __device__ __forceinline__ u32 mul_bf16x2(u32 x, u32 y)
{
	u32 d;
	asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(d) : "r"(x), "r"(y), "r"(0x80008000u));
	return d;
}
//@ sim
static inline u32 mul_bf16x2(u32 x, u32 y)
{
	return pack_bf16(bf16_lo(x) * bf16_lo(y), bf16_hi(x) * bf16_hi(y));
}
//@ end

//@ prim round_f16
//@ doc fp32 to f16, to nearest even
//@ cuda
static __device__ __forceinline__ b16 round_f16(float x)
{
	b16 d;
	asm("cvt.rn.f16.f32 %0, %1;" : "=h"(d) : "f"(x));
	return d;
}
//@ sim
b16 (*sim_f16_round)(float);
#define round_f16(x) sim_f16_round(x)
//@ end

//@ prim widen_f16
//@ doc f16 to fp32
//@ cuda
static __device__ __forceinline__ float widen_f16(b16 x)
{
	float d;
	asm("cvt.f32.f16 %0, %1;" : "=f"(d) : "h"(x));
	return d;
}
//@ sim
float (*sim_f16_widen)(b16);
#define widen_f16(x) sim_f16_widen(x)
//@ end

//@ prim pack_f16
//@ doc two fp32 to a pair of f16, to nearest even
//@ cuda
static __device__ __forceinline__ u32 pack_f16(float lo, float hi)
{
	u32 d;
	asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(d) : "f"(hi), "f"(lo));
	return d;
}
//@ sim
static inline u32 pack_f16(float lo, float hi)
{
	return (u32)round_f16(hi) << 16 | round_f16(lo);
}
//@ end

//@ prim f16_lo
//@ doc the low half of a pair, as fp32
//@ cuda
static __device__ __forceinline__ float f16_lo(u32 x)
{
	return widen_f16((b16)x);
}
//@ sim
static inline float f16_lo(u32 x)
{
	return widen_f16((b16)x);
}
//@ end

//@ prim f16_hi
//@ doc the high half of a pair, as fp32
//@ cuda
static __device__ __forceinline__ float f16_hi(u32 x)
{
	return widen_f16((b16)(x >> 16));
}
//@ sim
static inline float f16_hi(u32 x)
{
	return widen_f16((b16)(x >> 16));
}
//@ end

//@ prim f16_at
//@ doc element i of pairs, as fp32
//@ cuda
static __device__ __forceinline__ float f16_at(const u32 *x, int i)
{
	return widen_f16((b16)(i % 2 ? x[i / 2] >> 16 : x[i / 2]));
}
//@ sim
static inline float f16_at(const u32 *x, int i)
{
	return widen_f16((b16)(i % 2 ? x[i / 2] >> 16 : x[i / 2]));
}
//@ end

//@ prim mul_f16x2
//@ doc products of pairs, each rounded once
//@ cuda
static __device__ __forceinline__ u32 mul_f16x2(u32 x, u32 y)
{
	u32 d;
	asm("mul.rn.f16x2 %0, %1, %2;" : "=r"(d) : "r"(x), "r"(y));
	return d;
}
//@ sim
static inline u32 mul_f16x2(u32 x, u32 y)
{
	return pack_f16(f16_lo(x) * f16_lo(y), f16_hi(x) * f16_hi(y));
}
//@ end
