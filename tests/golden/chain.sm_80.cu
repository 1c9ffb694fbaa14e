// chain -- generated from chain.lua for sm_80; do not edit.
// y = x / rms(x) * w * silu(g) + b
// with C=64, D=64, dtype=bf16, stages=2, warps=4
// launch chain: blocks = B * ceil(N / 64), threads = 128, dynamic shared memory = 0 bytes
// strides (X_sA: of argument X along axis A) are in elements; matrices' last axes are contiguous.

typedef unsigned short b16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

// loads 16 bytes
static __device__ __forceinline__ void ld_global_v4(u32 *r, const void *p)
{
	const uint4 v = *(const uint4 *)p;
	r[0] = v.x, r[1] = v.y, r[2] = v.z, r[3] = v.w;
}

// the low half of a pair, as fp32
static __device__ __forceinline__ float bf16_lo(u32 x)
{
	return __uint_as_float(x << 16);
}

// the high half of a pair, as fp32
static __device__ __forceinline__ float bf16_hi(u32 x)
{
	return __uint_as_float(x & 0xffff0000u);
}

// the float with these bits
static __device__ __forceinline__ float bits_f32(u32 u)
{
	return __uint_as_float(u);
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

__global__ void __launch_bounds__(128, 1) chain(
	int N, int B, const b16 *x, i64 x_sB, i64 x_sN,
	const b16 *g2, i64 g_sB, i64 g_sN, const float *w, float eps,
	b16 *y, i64 y_sB, i64 y_sN)
{
	const int tid = (int)threadIdx.x;
	const int warp = tid / 32;
	const int lane = tid % 32;
	const int n0 = ((int)blockIdx.x % ((N + 63) / 64)) * 64;
	const int pid2 = (int)blockIdx.x / ((N + 63) / 64);
	const int bi = pid2;
	const b16 *const x_p = x + bi * x_sB;
	const b16 *const g_p = g2 + bi * g_sB;
	const float *const w_p = w;
	// chain.lua:14
	float x2[4][1][8];
	#pragma unroll
	for (int i = 0; i < 4; i++) {
		x2[i][0][0] = 0.0f;
		x2[i][0][1] = 0.0f;
		x2[i][0][2] = 0.0f;
		x2[i][0][3] = 0.0f;
		x2[i][0][4] = 0.0f;
		x2[i][0][5] = 0.0f;
		x2[i][0][6] = 0.0f;
		x2[i][0][7] = 0.0f;
		if (n0 + 4 * warp + lane / 8 + 16 * i < N) {
			u32 x_x[4];
			ld_global_v4(x_x, x_p + (i64)(n0 + 4 * warp + lane / 8 + 16 * i) * x_sN + 8 * (lane % 8));
			x2[i][0][0] = bf16_lo(x_x[0]);
			x2[i][0][1] = bf16_hi(x_x[0]);
			x2[i][0][2] = bf16_lo(x_x[1]);
			x2[i][0][3] = bf16_hi(x_x[1]);
			x2[i][0][4] = bf16_lo(x_x[2]);
			x2[i][0][5] = bf16_hi(x_x[2]);
			x2[i][0][6] = bf16_lo(x_x[3]);
			x2[i][0][7] = bf16_hi(x_x[3]);
		}
	}
	// chain.lua:16
	float g3[4][1][8];
	#pragma unroll
	for (int i = 0; i < 4; i++) {
		g3[i][0][0] = 0.0f;
		g3[i][0][1] = 0.0f;
		g3[i][0][2] = 0.0f;
		g3[i][0][3] = 0.0f;
		g3[i][0][4] = 0.0f;
		g3[i][0][5] = 0.0f;
		g3[i][0][6] = 0.0f;
		g3[i][0][7] = 0.0f;
		if (n0 + 4 * warp + lane / 8 + 16 * i < N) {
			u32 g_x[4];
			ld_global_v4(g_x, g_p + (i64)(n0 + 4 * warp + lane / 8 + 16 * i) * g_sN + 8 * (lane % 8));
			g3[i][0][0] = bf16_lo(g_x[0]);
			g3[i][0][1] = bf16_hi(g_x[0]);
			g3[i][0][2] = bf16_lo(g_x[1]);
			g3[i][0][3] = bf16_hi(g_x[1]);
			g3[i][0][4] = bf16_lo(g_x[2]);
			g3[i][0][5] = bf16_hi(g_x[2]);
			g3[i][0][6] = bf16_lo(g_x[3]);
			g3[i][0][7] = bf16_hi(g_x[3]);
		}
	}
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
			sum[i] = sum[i] + fmaf(1.0f, x2[i][0][h], 0.0f) * x2[i][0][h];
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
			st_global_v4(y_p + (i64)(n0 + 4 * warp + lane / 8 + 16 * i) * y_sN + 8 * (lane % 8), pack_bf16(divide(x2[i][0][0], r2[i]) * w2[0][0] * (g3[i][0][0] * sigmoid(g3[i][0][0])), divide(x2[i][0][1], r2[i]) * w2[0][1] * (g3[i][0][1] * sigmoid(g3[i][0][1]))), pack_bf16(divide(x2[i][0][2], r2[i]) * w2[0][2] * (g3[i][0][2] * sigmoid(g3[i][0][2])), divide(x2[i][0][3], r2[i]) * w2[0][3] * (g3[i][0][3] * sigmoid(g3[i][0][3]))), pack_bf16(divide(x2[i][0][4], r2[i]) * w2[0][4] * (g3[i][0][4] * sigmoid(g3[i][0][4])), divide(x2[i][0][5], r2[i]) * w2[0][5] * (g3[i][0][5] * sigmoid(g3[i][0][5]))), pack_bf16(divide(x2[i][0][6], r2[i]) * w2[0][6] * (g3[i][0][6] * sigmoid(g3[i][0][6])), divide(x2[i][0][7], r2[i]) * w2[0][7] * (g3[i][0][7] * sigmoid(g3[i][0][7]))));
		}
	}
}

}
