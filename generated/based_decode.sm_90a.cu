// based_decode -- generated from based_decode.lua for sm_90a; do not edit.
// One step of causal linear attention under the 2nd-order Taylor map, from raw q, k, v
// with D=16, F=153, V=64, dtype=bf16, half_state=0, normalize=1, stages=4, warps=4
// launch based_decode: blocks = B * H, threads = 128, dynamic shared memory = 3200 bytes
// strides (X_sA: of argument X along axis A) are in elements; matrices' last axes are contiguous.

typedef unsigned short b16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

// where the block's dynamic shared memory begins; a multiple of 1024
static __device__ __forceinline__ u32 smem_base(void)
{
	extern __shared__ __align__(1024) unsigned char smem_bytes[];
	return (u32)__cvta_generic_to_shared(smem_bytes);
}

// x, which is the same in all lanes; known to be so, it and what follows from it take uniform registers
static __device__ __forceinline__ int warp_uniform(int x)
{
	return __shfl_sync(0xffffffffu, x, 0);
}

// bf16 to fp32
static __device__ __forceinline__ float widen_bf16(b16 x)
{
	return __uint_as_float((u32)x << 16);
}

// loads 2 bytes
static __device__ __forceinline__ b16 ld_global_b16(const void *p)
{
	return *(const b16 *)p;
}

// loads 8 bytes
static __device__ __forceinline__ void ld_global_v2(u32 *r, const void *p)
{
	const uint2 v = *(const uint2 *)p;
	r[0] = v.x, r[1] = v.y;
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

// loads 4 bytes
static __device__ __forceinline__ float ld_global_f32(const void *p)
{
	return *(const float *)p;
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

// ends a basic block: ptxas moves no wait for products up across it, and no load down; never: false, if unknown to it
static __device__ __forceinline__ void scheduler_fence(int never)
{
	if (never)
		__nanosleep(0);
}

// x of the lane named
static __device__ __forceinline__ float shfl_idx_f32(float x, int lane)
{
	return __shfl_sync(0xffffffffu, x, lane);
}

// stores 4 bytes
static __device__ __forceinline__ void st_shared_f32(u32 a, float v)
{
	asm volatile("st.shared.f32 [%0], %1;" :: "r"(a), "f"(v));
}

// stores 4 bytes
static __device__ __forceinline__ void st_global_f32(void *p, float v)
{
	*(float *)p = v;
}

// x of lane (own ^ mask)
static __device__ __forceinline__ float shfl_xor_f32(float x, int mask)
{
	return __shfl_xor_sync(0xffffffffu, x, mask);
}

// every thread of the block arrives before any leaves; orders their memory
static __device__ __forceinline__ void block_sync(void)
{
	__syncthreads();
}

// loads 4 bytes
static __device__ __forceinline__ float ld_shared_f32(u32 a)
{
	float v;
	asm volatile("ld.shared.f32 %0, [%1];" : "=f"(v) : "r"(a));
	return v;
}

// stores 16 bytes
static __device__ __forceinline__ void st_global_v4(void *p, u32 x, u32 y, u32 z, u32 w)
{
	*(uint4 *)p = make_uint4(x, y, z, w);
}

// the bits of a float
static __device__ __forceinline__ u32 f32_bits(float x)
{
	return __float_as_uint(x);
}

// stores 2 bytes
static __device__ __forceinline__ void st_global_b16(void *p, b16 v)
{
	*(b16 *)p = v;
}

// fp32 to bf16, to nearest even
static __device__ __forceinline__ b16 round_bf16(float x)
{
	b16 d;
	asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(d) : "f"(x));
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


extern "C" {

// i + 256 j for each pair i <= j of 16
static __device__ const unsigned short pairs_16[136] = {
	0, 256, 512, 768, 1024, 1280, 1536, 1792, 2048, 2304, 2560, 2816,
	3072, 3328, 3584, 3840, 257, 513, 769, 1025, 1281, 1537, 1793, 2049,
	2305, 2561, 2817, 3073, 3329, 3585, 3841, 514, 770, 1026, 1282, 1538,
	1794, 2050, 2306, 2562, 2818, 3074, 3330, 3586, 3842, 771, 1027, 1283,
	1539, 1795, 2051, 2307, 2563, 2819, 3075, 3331, 3587, 3843, 1028, 1284,
	1540, 1796, 2052, 2308, 2564, 2820, 3076, 3332, 3588, 3844, 1285, 1541,
	1797, 2053, 2309, 2565, 2821, 3077, 3333, 3589, 3845, 1542, 1798, 2054,
	2310, 2566, 2822, 3078, 3334, 3590, 3846, 1799, 2055, 2311, 2567, 2823,
	3079, 3335, 3591, 3847, 2056, 2312, 2568, 2824, 3080, 3336, 3592, 3848,
	2313, 2569, 2825, 3081, 3337, 3593, 3849, 2570, 2826, 3082, 3338, 3594,
	3850, 2827, 3083, 3339, 3595, 3851, 3084, 3340, 3596, 3852, 3341, 3597,
	3853, 3598, 3854, 3855
};

__global__ void __launch_bounds__(128, 4) based_decode(
	int H, int B, const b16 *q, i64 q_sB, i64 q_sH,
	const b16 *k, i64 k_sB, i64 k_sH, const b16 *v, i64 v_sB,
	i64 v_sH, const float *z0, i64 z0_sB, i64 z0_sH, const float *s0,
	i64 s0_sB, i64 s0_sH, i64 s0_sF, float *z1, i64 z1_sB,
	i64 z1_sH, float *s1, i64 s1_sB, i64 s1_sH, i64 s1_sF,
	b16 *o, i64 o_sB, i64 o_sH)
{
	const u32 smem = smem_base();
	const int tid = (int)threadIdx.x;
	const int warp = warp_uniform(tid / 32);
	const int lane = tid % 32;
	const u32 sum_x = smem;
	const u32 k2_v = smem + 128;
	const u32 q2_v = smem + 1152;
	const u32 y_x = smem + 2176;
	const int hi = blockIdx.x % H;
	const u32 pid2 = blockIdx.x / H;
	const int bi = pid2;
	const b16 *const q_p = q + bi * q_sB + hi * q_sH;
	const b16 *const k_p = k + bi * k_sB + hi * k_sH;
	const b16 *const v_p = v + bi * v_sB + hi * v_sH;
	const float *const z0_p = z0 + bi * z0_sB + hi * z0_sH;
	const float *const s0_p = s0 + bi * s0_sB + hi * s0_sH;
	// based_decode.lua:21
	const float q_lane = widen_bf16(ld_global_b16(q_p + lane % 16));
	// based_decode.lua:21
	const float k_lane = widen_bf16(ld_global_b16(k_p + lane % 16));
	// based_decode.lua:22
	float v2[1][4];
	{
		u32 v_x[2];
		ld_global_v2(v_x, v_p + 4 * (lane % 16));
		v2[0][0] = bf16_lo(v_x[0]);
		v2[0][1] = bf16_hi(v_x[0]);
		v2[0][2] = bf16_lo(v_x[1]);
		v2[0][3] = bf16_hi(v_x[1]);
	}
	// based_decode.lua:22
	float z02[2];
	#pragma unroll
	for (int i = 0; i < 2; i++) {
		z02[i] = i < 1 || 32 * warp + lane + 128 * i < 153 ? ld_global_f32(z0_p + 32 * warp + lane + 128 * i) : 0.0f;
	}
	// based_decode.lua:22
	float s02[20][1][4];
	#pragma unroll
	for (int i = 0; i < 20; i++) {
		s02[i][0][0] = 0.0f;
		s02[i][0][1] = 0.0f;
		s02[i][0][2] = 0.0f;
		s02[i][0][3] = 0.0f;
		if (i < 19 || 2 * warp + lane / 16 + 8 * i < 153) {
			u32 s0_x[4];
			ld_global_v4(s0_x, s0_p + (i64)(2 * warp + lane / 16 + 8 * i) * s0_sF + 4 * (lane % 16));
			s02[i][0][0] = bits_f32(s0_x[0]);
			s02[i][0][1] = bits_f32(s0_x[1]);
			s02[i][0][2] = bits_f32(s0_x[2]);
			s02[i][0][3] = bits_f32(s0_x[3]);
		}
	}
	scheduler_fence(B < 0);
	// based_decode.lua:21
	float q2[2];
	#pragma unroll
	for (int i = 0; i < 2; i++) {
		const int col = 32 * warp + lane + 128 * i;
		const float q3 = shfl_idx_f32(q_lane, col - 1);
		const float piece = q3 * 0.5f;
		const int ij = pairs_16[col - 17 < 0 ? 0 : col - 17 < 136 ? col - 17 : 135];
		const float q4 = shfl_idx_f32(q_lane, ij % 256);
		const float q5 = shfl_idx_f32(q_lane, ij / 256);
		const float piece2 = (ij % 256 != ij / 256 ? 1.41421356f : 1.0f) * q4 * q5 * 0.176776695f;
		q2[i] = col < 153 ? (col < 1 ? 1.0f : col < 17 ? piece : piece2) : 0.0f;
	}
	#pragma unroll
	for (int i = 0; i < 2; i++) {
		st_shared_f32(q2_v + 4 * (32 * warp + lane + 128 * i), q2[i]);
	}
	// based_decode.lua:21
	float k2[2];
	#pragma unroll
	for (int i = 0; i < 2; i++) {
		const int col2 = 32 * warp + lane + 128 * i;
		const float k3 = shfl_idx_f32(k_lane, col2 - 1);
		const float piece3 = k3 * 0.5f;
		const int ij2 = pairs_16[col2 - 17 < 0 ? 0 : col2 - 17 < 136 ? col2 - 17 : 135];
		const float k4 = shfl_idx_f32(k_lane, ij2 % 256);
		const float k5 = shfl_idx_f32(k_lane, ij2 / 256);
		const float piece4 = (ij2 % 256 != ij2 / 256 ? 1.41421356f : 1.0f) * k4 * k5 * 0.176776695f;
		k2[i] = col2 < 153 ? (col2 < 1 ? 1.0f : col2 < 17 ? piece3 : piece4) : 0.0f;
	}
	#pragma unroll
	for (int i = 0; i < 2; i++) {
		st_shared_f32(k2_v + 4 * (32 * warp + lane + 128 * i), k2[i]);
	}
	// based_decode.lua:25
	float *const z1_p = z1 + bi * z1_sB + hi * z1_sH;
	float z[2];
	#pragma unroll
	for (int i = 0; i < 2; i++) {
		z[i] = z02[i] + k2[i];
	}
	#pragma unroll
	for (int i = 0; i < 2; i++) {
		if (i < 1 || 32 * warp + lane + 128 * i < 153) {
			st_global_f32(z1_p + 32 * warp + lane + 128 * i, z[i]);
		}
	}
	// based_decode.lua:25
	float *const s1_p = s1 + bi * s1_sB + hi * s1_sH;
	// based_decode.lua:24
	float sum = 0.0f;
	#pragma unroll
	for (int i = 0; i < 2; i++) {
		sum = sum + (i < 1 || 32 * warp + lane + 128 * i < 153 ? q2[i] * z[i] : 0.0f);
	}
	sum = sum + shfl_xor_f32(sum, 1);
	sum = sum + shfl_xor_f32(sum, 2);
	sum = sum + shfl_xor_f32(sum, 4);
	sum = sum + shfl_xor_f32(sum, 8);
	sum = sum + shfl_xor_f32(sum, 16);
	if (lane == 0) {
		st_shared_f32(sum_x + 16 * warp, sum);
	}
	float y[1][4];
	#pragma unroll
	for (int j = 0; j < 4; j++) {
		y[0][j] = 0.0f;
	}
	block_sync();
	#pragma unroll
	for (int step = 0; step < 20; step++) {
		// based_decode.lua:25
		float k2_at[1];
		k2_at[0] = ld_shared_f32(k2_v + 4 * (2 * warp + lane / 16) + 32 * step);
		float S[1][1][4];
		#pragma unroll
		for (int h = 0; h < 4; h++) {
			S[0][0][h] = s02[step][0][h] + k2_at[0] * v2[0][h];
		}
		if (step < 19 || 2 * warp + lane / 16 + 8 * step < 153) {
			st_global_v4(s1_p + (i64)(2 * warp + lane / 16 + 8 * step) * s1_sF + 4 * (lane % 16), f32_bits(S[0][0][0]), f32_bits(S[0][0][1]), f32_bits(S[0][0][2]), f32_bits(S[0][0][3]));
		}
		// based_decode.lua:23
		float q2_at[1];
		q2_at[0] = ld_shared_f32(q2_v + 4 * (2 * warp + lane / 16) + 32 * step);
		#pragma unroll
		for (int h = 0; h < 4; h++) {
			y[0][h] = y[0][h] + (step < 19 || 2 * warp + lane / 16 + 8 * step < 153 ? q2_at[0] * S[0][0][h] : 0.0f);
		}
	}
	#pragma unroll
	for (int j = 0; j < 4; j++) {
		y[0][j] = y[0][j] + shfl_xor_f32(y[0][j], 16);
	}
	if (lane / 16 == 0) {
		#pragma unroll
		for (int j = 0; j < 4; j++) {
			st_shared_f32(y_x + 256 * warp + 4 * (4 * (lane % 16) + j), y[0][j]);
		}
	}
	// based_decode.lua:25
	b16 *const o_p = o + bi * o_sB + hi * o_sH;
	float y2[1];
	y2[0] = 0.0f;
	block_sync();
	if (32 * warp + lane < 64) {
		#pragma unroll
		for (int x = 0; x < 4; x++) {
			y2[0] = y2[0] + ld_shared_f32(y_x + 256 * x + 4 * (32 * warp + lane));
		}
	}
	sum = 0.0f;
	#pragma unroll
	for (int x = 0; x < 4; x++) {
		sum = sum + ld_shared_f32(sum_x + 16 * x);
	}
	if (32 * warp + lane < 64) {
		st_global_b16(o_p + 32 * warp + lane, round_bf16(divide(y2[0], sum)));
	}
}

}
