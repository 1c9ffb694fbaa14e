// index -- generated from index.lua for sm_80; do not edit.
// y = x + shift where 2 i < W, else i - N + column; p = positions
// with C=64, D=24, dtype=bf16, stages=2, warps=4
// launch index: blocks = B * ceil(N / 64), threads = 128, dynamic shared memory = 128 bytes
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

// loads 16 bytes
static __device__ __forceinline__ void ld_global_v4(u32 *r, const void *p)
{
	const uint4 v = *(const uint4 *)p;
	r[0] = v.x, r[1] = v.y, r[2] = v.z, r[3] = v.w;
}

// x of lane (own - delta); the first delta lanes keep their own
static __device__ __forceinline__ float shfl_up_f32(float x, int delta)
{
	return __shfl_up_sync(0xffffffffu, x, delta);
}

// stores 4 bytes
static __device__ __forceinline__ void st_shared_f32(u32 a, float v)
{
	asm volatile("st.shared.f32 [%0], %1;" :: "r"(a), "f"(v));
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

// element i of pairs, as fp32
static __device__ __forceinline__ float bf16_at(const u32 *x, int i)
{
	return __uint_as_float(i % 2 ? x[i / 2] & 0xffff0000u : x[i / 2] << 16);
}

// stores 4 bytes
static __device__ __forceinline__ void st_global_i32(void *p, int v)
{
	*(int *)p = v;
}


extern "C" {

__global__ void __launch_bounds__(128, 9) index(
	int N, int B, const b16 *x, i64 x_sB, i64 x_sN,
	float *y, i64 y_sB, i64 y_sN, int W, float shift,
	int *p, i64 p_sB, i64 p_sN)
{
	const u32 smem = smem_base();
	const int tid = (int)threadIdx.x;
	const int warp = warp_uniform(tid / 32);
	const int lane = tid % 32;
	const int g = lane / 4;
	const int t = lane % 4;
	const u32 c2_v = smem;
	const int n0 = (blockIdx.x % ((N + 63) / 64)) * 64;
	const u32 pid2 = blockIdx.x / ((N + 63) / 64);
	const int bi = pid2;
	const b16 *const x_p = x + bi * x_sB;
	// index.lua:16
	u32 x2[2][1][4];
	#pragma unroll
	for (int i = 0; i < 2; i++) {
		x2[i][0][0] = 0;
		x2[i][0][1] = 0;
		x2[i][0][2] = 0;
		x2[i][0][3] = 0;
		if (n0 + 8 * warp + g + 32 * i < N && 8 * t < 24) {
			ld_global_v4(x2[i][0], x_p + (i64)(n0 + 8 * warp + g + 32 * i) * x_sN + 8 * t);
		}
	}
	// index.lua:16
	float *const y_p = y + bi * y_sB;
	float c2[1];
	c2[0] = 1.0f;
	float c2_run = c2[0];
	#pragma unroll
	for (int d = 1; d < 32; d *= 2) {
		const float up = shfl_up_f32(c2_run, d);
		c2_run = lane >= d ? c2_run + up : c2_run;
	}
	c2[0] = c2_run;
	if (warp == 0) {
		st_shared_f32(c2_v + 4 * lane, c2[0]);
	}
	float c2_at[1][8];
	block_sync();
	#pragma unroll
	for (int j = 0; j < 8; j++) {
		c2_at[0][j] = ld_shared_f32(c2_v + 4 * (8 * t + j));
	}
	#pragma unroll
	for (int i = 0; i < 2; i++) {
		if (n0 + 8 * warp + g + 32 * i < N && 8 * t < 24) {
			st_global_v4(y_p + (i64)(n0 + 8 * warp + g + 32 * i) * y_sN + 8 * t, f32_bits((n0 + 8 * warp + g + 32 * i) * 2 < W ? bf16_at(x2[i][0], 0) + shift : n0 + 8 * warp + g + 32 * i - N + c2_at[0][0]), f32_bits((n0 + 8 * warp + g + 32 * i) * 2 < W ? bf16_at(x2[i][0], 1) + shift : n0 + 8 * warp + g + 32 * i - N + c2_at[0][1]), f32_bits((n0 + 8 * warp + g + 32 * i) * 2 < W ? bf16_at(x2[i][0], 2) + shift : n0 + 8 * warp + g + 32 * i - N + c2_at[0][2]), f32_bits((n0 + 8 * warp + g + 32 * i) * 2 < W ? bf16_at(x2[i][0], 3) + shift : n0 + 8 * warp + g + 32 * i - N + c2_at[0][3]));
			st_global_v4(y_p + (i64)(n0 + 8 * warp + g + 32 * i) * y_sN + 8 * t + 4, f32_bits((n0 + 8 * warp + g + 32 * i) * 2 < W ? bf16_at(x2[i][0], 4) + shift : n0 + 8 * warp + g + 32 * i - N + c2_at[0][4]), f32_bits((n0 + 8 * warp + g + 32 * i) * 2 < W ? bf16_at(x2[i][0], 5) + shift : n0 + 8 * warp + g + 32 * i - N + c2_at[0][5]), f32_bits((n0 + 8 * warp + g + 32 * i) * 2 < W ? bf16_at(x2[i][0], 6) + shift : n0 + 8 * warp + g + 32 * i - N + c2_at[0][6]), f32_bits((n0 + 8 * warp + g + 32 * i) * 2 < W ? bf16_at(x2[i][0], 7) + shift : n0 + 8 * warp + g + 32 * i - N + c2_at[0][7]));
		}
	}
	// index.lua:17
	int *const p_p = p + bi * p_sB;
	if (32 * warp + lane < 64 && n0 + 32 * warp + lane < N) {
		st_global_i32(p_p + (i64)(n0 + 32 * warp + lane) * p_sN, (n0 + 32 * warp + lane - 2 > 0 ? n0 + 32 * warp + lane - 2 : 0) * 10);
	}
}

}
