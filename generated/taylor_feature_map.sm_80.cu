// taylor_feature_map -- generated from taylor_feature_map.lua for sm_80; do not edit.
// The 2nd-order Taylor feature map, written out
// with C=16, D=16, F=153, dtype=bf16, packed=1, stages=2, warps=4
// launch taylor_feature_map: blocks = B * H * ceil(N / 16), threads = 128, dynamic shared memory = 0 bytes
// strides (X_sA: of argument X along axis A) are in elements; matrices' last axes are contiguous.

typedef unsigned short b16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

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

__global__ void __launch_bounds__(128, 1) taylor_feature_map(
	int N, int H, int B, const b16 *x, i64 x_sB,
	i64 x_sH, i64 x_sN, b16 *y, i64 y_sB, i64 y_sH,
	i64 y_sN)
{
	const int tid = (int)threadIdx.x;
	const int warp = tid / 32;
	const int lane = tid % 32;
	const int n0 = ((int)blockIdx.x % ((N + 15) / 16)) * 16;
	const int pid2 = (int)blockIdx.x / ((N + 15) / 16);
	const int hi = pid2 % H;
	const int pid3 = pid2 / H;
	const int bi = pid3;
	const b16 *const x_p = x + bi * x_sB + hi * x_sH;
	// taylor_feature_map.lua:17
	b16 *const y_p = y + bi * y_sB + hi * y_sH;
	float concat[4][5][1];
	#pragma unroll
	for (int i = 0; i < 4; i++) {
		#pragma unroll
		for (int j = 0; j < 5; j++) {
			const int row_at = warp + 4 * i;
			const int col = lane + 32 * j;
			concat[i][j][0] = col < 153 ? (col < 1 ? 1.0f : col < 17 ? (n0 + row_at < N ? widen_bf16(ld_global_b16(x_p + (i64)(n0 + row_at) * x_sN + (col - 1))) : 0) * 0.5f : (pairs_16[col - 17] % 257 ? 1.41421356f : 1.0f) * (n0 + row_at < N ? widen_bf16(ld_global_b16(x_p + (i64)(n0 + row_at) * x_sN + pairs_16[col - 17] % 256)) : 0) * (n0 + row_at < N ? widen_bf16(ld_global_b16(x_p + (i64)(n0 + row_at) * x_sN + pairs_16[col - 17] / 256)) : 0) * 0.176776695f) : 0.0f;
		}
	}
	#pragma unroll
	for (int i = 0; i < 4; i++) {
		#pragma unroll
		for (int j = 0; j < 5; j++) {
			if (n0 + warp + 4 * i < N && lane + 32 * j < 153) {
				st_global_b16(y_p + (i64)(n0 + warp + 4 * i) * y_sN + lane + 32 * j, round_bf16(concat[i][j][0]));
			}
		}
	}
}

}
