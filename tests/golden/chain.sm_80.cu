// chain -- generated from chain.lua for sm_80; do not edit.
// y = x / rms(x) * w * silu(g) + b
// with C=64, D=64, dtype=bf16, stages=2, warps=4
// launch chain: blocks = B * ceil(N / 64), threads = 128, dynamic shared memory = 0 bytes
// strides (X_sA: of argument X along axis A) are in elements; matrices' last axes are contiguous.

typedef unsigned short b16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

// x, which is the same in all lanes; known to be so, it and what follows from it take uniform registers
static __device__ __forceinline__ int warp_uniform(int x)
{
	return __shfl_sync(0xffffffffu, x, 0);
}

// loads 16 bytes
static __device__ __forceinline__ void ld_global_v4(u32 *r, const void *p)
{
	const uint4 v = *(const uint4 *)p;
	r[0] = v.x, r[1] = v.y, r[2] = v.z, r[3] = v.w;
}

// the float with these bits
static __device__ __forceinline__ float bits_f32(u32 u)
{
	return __uint_as_float(u);
}

// element i of pairs, as fp32
static __device__ __forceinline__ float bf16_at(const u32 *x, int i)
{
	return __uint_as_float(i % 2 ? x[i / 2] & 0xffff0000u : x[i / 2] << 16);
}

// x of lane (own ^ mask)
static __device__ __forceinline__ float shfl_xor_f32(float x, int mask)
{
	return __shfl_xor_sync(0xffffffffu, x, mask);
}

// square root, 1 ulp
static __device__ __forceinline__ float sqrt_fast(float x)
{
	float d;
	asm("sqrt.approx.ftz.f32 %0, %1;" : "=f"(d) : "f"(x));
	return d;
}

// stores 16 bytes
static __device__ __forceinline__ void st_global_v4(void *p, u32 x, u32 y, u32 z, u32 w)
{
	*(uint4 *)p = make_uint4(x, y, z, w);
}

// two fp32 to a pair of bf16, to nearest even
static __device__ __forceinline__ u32 pack_bf16(float lo, float hi)
{
	u32 d;
	asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(d) : "f"(hi), "f"(lo));
	return d;
}

// 1 / x, 1 ulp; 0 for |x| > 2^126
static __device__ __forceinline__ float recip_fast(float x)
{
	float d;
	asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(d) : "f"(x));
	return d;
}

// x / y as x * (1 / y)
static __device__ __forceinline__ float divide(float x, float y)
{
	return x * recip_fast(y);
}

// 2^x, 2 ulp
static __device__ __forceinline__ float exp2_fast(float x)
{
	float d;
	asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(d) : "f"(x));
	return d;
}

// 1 / (1 + e^-x)
static __device__ __forceinline__ float sigmoid(float x)
{
	return recip_fast(1 + exp2_fast(-1.44269504f * x));
}


extern "C" {

__global__ void __launch_bounds__(128, 4) chain(
	int N, int B, const float *w, const b16 *x, i64 x_sB,
	i64 x_sN, const b16 *g2, i64 g_sB, i64 g_sN, float eps,
	b16 *y, i64 y_sB, i64 y_sN)
{
	const int tid = (int)threadIdx.x;
	const int warp = warp_uniform(tid / 32);
	const int lane = tid % 32;
	const int n0 = (blockIdx.x % ((N + 63) / 64)) * 64;
	const u32 pid2 = blockIdx.x / ((N + 63) / 64);
	const int bi = pid2;
	const float *const w_p = w;
	const b16 *const x_p = x + bi * x_sB;
	const b16 *const g_p = g2 + bi * g_sB;
	// chain.lua:16
	float w2[1][8];
	{
		u32 w_x[8];
		ld_global_v4(w_x, w_p + 8 * (lane % 8));
		ld_global_v4(w_x + 4, w_p + 8 * (lane % 8) + 4);
		w2[0][0] = bits_f32(w_x[0]);
		w2[0][1] = bits_f32(w_x[1]);
		w2[0][2] = bits_f32(w_x[2]);
		w2[0][3] = bits_f32(w_x[3]);
		w2[0][4] = bits_f32(w_x[4]);
		w2[0][5] = bits_f32(w_x[5]);
		w2[0][6] = bits_f32(w_x[6]);
		w2[0][7] = bits_f32(w_x[7]);
	}
	// chain.lua:14
	u32 x2[4][1][4];
	#pragma unroll
	for (int i = 0; i < 4; i++) {
		x2[i][0][0] = 0;
		x2[i][0][1] = 0;
		x2[i][0][2] = 0;
		x2[i][0][3] = 0;
		if (n0 + 4 * warp + lane / 8 + 16 * i < N) {
			ld_global_v4(x2[i][0], x_p + (i64)(n0 + 4 * warp + lane / 8 + 16 * i) * x_sN + 8 * (lane % 8));
		}
	}
	// chain.lua:16
	u32 g3[4][1][4];
	#pragma unroll
	for (int i = 0; i < 4; i++) {
		g3[i][0][0] = 0;
		g3[i][0][1] = 0;
		g3[i][0][2] = 0;
		g3[i][0][3] = 0;
		if (n0 + 4 * warp + lane / 8 + 16 * i < N) {
			ld_global_v4(g3[i][0], g_p + (i64)(n0 + 4 * warp + lane / 8 + 16 * i) * g_sN + 8 * (lane % 8));
		}
	}
	// chain.lua:18
	b16 *const y_p = y + bi * y_sB;
	float sum[4];
	#pragma unroll
	for (int i = 0; i < 4; i++) {
		sum[i] = 0.0f;
	}
	#pragma unroll
	for (int i = 0; i < 4; i++) {
		#pragma unroll
		for (int h = 0; h < 8; h++) {
			sum[i] = sum[i] + fmaf(1.0f, bf16_at(x2[i][0], h), 0.0f) * bf16_at(x2[i][0], h);
		}
	}
	#pragma unroll
	for (int i = 0; i < 4; i++) {
		sum[i] = sum[i] + shfl_xor_f32(sum[i], 1);
		sum[i] = sum[i] + shfl_xor_f32(sum[i], 2);
		sum[i] = sum[i] + shfl_xor_f32(sum[i], 4);
	}
	float r2[4];
	#pragma unroll
	for (int i = 0; i < 4; i++) {
		r2[i] = sqrt_fast(sum[i] * 0.015625f + eps);
	}
	#pragma unroll
	for (int i = 0; i < 4; i++) {
		if (n0 + 4 * warp + lane / 8 + 16 * i < N) {
			st_global_v4(y_p + (i64)(n0 + 4 * warp + lane / 8 + 16 * i) * y_sN + 8 * (lane % 8), pack_bf16(divide(bf16_at(x2[i][0], 0), r2[i]) * w2[0][0] * (bf16_at(g3[i][0], 0) * sigmoid(bf16_at(g3[i][0], 0))), divide(bf16_at(x2[i][0], 1), r2[i]) * w2[0][1] * (bf16_at(g3[i][0], 1) * sigmoid(bf16_at(g3[i][0], 1)))), pack_bf16(divide(bf16_at(x2[i][0], 2), r2[i]) * w2[0][2] * (bf16_at(g3[i][0], 2) * sigmoid(bf16_at(g3[i][0], 2))), divide(bf16_at(x2[i][0], 3), r2[i]) * w2[0][3] * (bf16_at(g3[i][0], 3) * sigmoid(bf16_at(g3[i][0], 3)))), pack_bf16(divide(bf16_at(x2[i][0], 4), r2[i]) * w2[0][4] * (bf16_at(g3[i][0], 4) * sigmoid(bf16_at(g3[i][0], 4))), divide(bf16_at(x2[i][0], 5), r2[i]) * w2[0][5] * (bf16_at(g3[i][0], 5) * sigmoid(bf16_at(g3[i][0], 5)))), pack_bf16(divide(bf16_at(x2[i][0], 6), r2[i]) * w2[0][6] * (bf16_at(g3[i][0], 6) * sigmoid(bf16_at(g3[i][0], 6))), divide(bf16_at(x2[i][0], 7), r2[i]) * w2[0][7] * (bf16_at(g3[i][0], 7) * sigmoid(bf16_at(g3[i][0], 7)))));
		}
	}
}

}
