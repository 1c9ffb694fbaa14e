// taylor_feature_map -- generated from taylor_feature_map.lua for sm_90a; do not edit.
// The 2nd-order Taylor feature map, written out
// with C=128, D=16, F=153, dtype=bf16, packed=1, stages=2, warps=4
// launch taylor_feature_map: blocks = B * H * ceil(N / 128), threads = 128, dynamic shared memory = 39296 bytes
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

// stores 4 bytes
static __device__ __forceinline__ void st_shared_b32(u32 a, u32 v)
{
	asm volatile("st.shared.u32 [%0], %1;" :: "r"(a), "r"(v));
}

// two fp32 to a pair of bf16, to nearest even
static __device__ __forceinline__ u32 pack_bf16(float lo, float hi)
{
	u32 d;
	asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(d) : "f"(hi), "f"(lo));
	return d;
}

// every thread of the block arrives before any leaves; orders their memory
static __device__ __forceinline__ void block_sync(void)
{
	__syncthreads();
}

// stores 2 bytes
static __device__ __forceinline__ void st_global_b16(void *p, b16 v)
{
	*(b16 *)p = v;
}

// loads 2 bytes
static __device__ __forceinline__ b16 ld_shared_b16(u32 a)
{
	b16 v;
	asm volatile("ld.shared.u16 %0, [%1];" : "=h"(v) : "r"(a));
	return v;
}

// loads 16 bytes
static __device__ __forceinline__ void ld_shared_v4(u32 *r, u32 a)
{
	asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];"
	             : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(a));
}

// stores 16 bytes
static __device__ __forceinline__ void st_global_v4(void *p, u32 x, u32 y, u32 z, u32 w)
{
	*(uint4 *)p = make_uint4(x, y, z, w);
}


extern "C" {

__global__ void __launch_bounds__(128, 5) taylor_feature_map(
	int N, int H, int B, b16 *y, i64 y_sB,
	i64 y_sH, i64 y_sN, i64 x_sN, const b16 *x, i64 x_sB,
	i64 x_sH)
{
	const u32 smem = smem_base();
	const int tid = (int)threadIdx.x;
	const int warp = warp_uniform(tid / 32);
	const int lane = tid % 32;
	const u32 y_image = smem;
	const int n0 = (blockIdx.x % ((N + 127) / 128)) * 128;
	const int n0_live = N - n0 < 128 ? N - n0 : 128;
	const u32 pid2 = blockIdx.x / ((N + 127) / 128);
	const int hi = pid2 % H;
	const u32 pid3 = pid2 / H;
	const int bi = pid3;
	const b16 *const x_p = x + bi * x_sB + hi * x_sH;
	// taylor_feature_map.lua:17
	b16 *const y_p = y + bi * y_sB + hi * y_sH;
	{
		const int y_rows = n0_live;
		b16 *const y_to = y_p + (i64)n0 * y_sN;
		char *const y_run = (char *)y_to;
		const u32 y_shift = (u32)(u64)y_run & 12;
		if (warp / 2 == 0) {
			const u32 y_at = y_image + 612 * (32 * (warp % 2) + lane) + y_shift;
			const int row = 2 * (32 * (warp % 2) + lane);
			float X_e[2][16];
			const int row_at = n0 + row < N ? n0 + row : N - 1;
			u32 x_x[4];
			ld_global_v4(x_x, x_p + (i64)row_at * x_sN);
			X_e[0][0] = bf16_lo(x_x[0]);
			X_e[0][1] = bf16_hi(x_x[0]);
			X_e[0][2] = bf16_lo(x_x[1]);
			X_e[0][3] = bf16_hi(x_x[1]);
			X_e[0][4] = bf16_lo(x_x[2]);
			X_e[0][5] = bf16_hi(x_x[2]);
			X_e[0][6] = bf16_lo(x_x[3]);
			X_e[0][7] = bf16_hi(x_x[3]);
			u32 x_x2[4];
			ld_global_v4(x_x2, x_p + (i64)row_at * x_sN + 8);
			X_e[0][8] = bf16_lo(x_x2[0]);
			X_e[0][9] = bf16_hi(x_x2[0]);
			X_e[0][10] = bf16_lo(x_x2[1]);
			X_e[0][11] = bf16_hi(x_x2[1]);
			X_e[0][12] = bf16_lo(x_x2[2]);
			X_e[0][13] = bf16_hi(x_x2[2]);
			X_e[0][14] = bf16_lo(x_x2[3]);
			X_e[0][15] = bf16_hi(x_x2[3]);
			float X_k[2][16];
			st_shared_b32(y_at, pack_bf16(1.0f, X_e[0][0] * 0.5f));
			st_shared_b32(y_at + 4, pack_bf16(X_e[0][1] * 0.5f, X_e[0][2] * 0.5f));
			st_shared_b32(y_at + 8, pack_bf16(X_e[0][3] * 0.5f, X_e[0][4] * 0.5f));
			st_shared_b32(y_at + 12, pack_bf16(X_e[0][5] * 0.5f, X_e[0][6] * 0.5f));
			st_shared_b32(y_at + 16, pack_bf16(X_e[0][7] * 0.5f, X_e[0][8] * 0.5f));
			st_shared_b32(y_at + 20, pack_bf16(X_e[0][9] * 0.5f, X_e[0][10] * 0.5f));
			st_shared_b32(y_at + 24, pack_bf16(X_e[0][11] * 0.5f, X_e[0][12] * 0.5f));
			st_shared_b32(y_at + 28, pack_bf16(X_e[0][13] * 0.5f, X_e[0][14] * 0.5f));
			st_shared_b32(y_at + 32, pack_bf16(X_e[0][15] * 0.5f, X_e[0][0] * 0.176776695f * X_e[0][0]));
			X_k[0][0] = X_e[0][0] * 0.25f;
			st_shared_b32(y_at + 36, pack_bf16(X_k[0][0] * X_e[0][1], X_k[0][0] * X_e[0][2]));
			st_shared_b32(y_at + 40, pack_bf16(X_k[0][0] * X_e[0][3], X_k[0][0] * X_e[0][4]));
			st_shared_b32(y_at + 44, pack_bf16(X_k[0][0] * X_e[0][5], X_k[0][0] * X_e[0][6]));
			st_shared_b32(y_at + 48, pack_bf16(X_k[0][0] * X_e[0][7], X_k[0][0] * X_e[0][8]));
			st_shared_b32(y_at + 52, pack_bf16(X_k[0][0] * X_e[0][9], X_k[0][0] * X_e[0][10]));
			st_shared_b32(y_at + 56, pack_bf16(X_k[0][0] * X_e[0][11], X_k[0][0] * X_e[0][12]));
			st_shared_b32(y_at + 60, pack_bf16(X_k[0][0] * X_e[0][13], X_k[0][0] * X_e[0][14]));
			st_shared_b32(y_at + 64, pack_bf16(X_k[0][0] * X_e[0][15], X_e[0][1] * 0.176776695f * X_e[0][1]));
			X_k[0][1] = X_e[0][1] * 0.25f;
			st_shared_b32(y_at + 68, pack_bf16(X_k[0][1] * X_e[0][2], X_k[0][1] * X_e[0][3]));
			st_shared_b32(y_at + 72, pack_bf16(X_k[0][1] * X_e[0][4], X_k[0][1] * X_e[0][5]));
			st_shared_b32(y_at + 76, pack_bf16(X_k[0][1] * X_e[0][6], X_k[0][1] * X_e[0][7]));
			st_shared_b32(y_at + 80, pack_bf16(X_k[0][1] * X_e[0][8], X_k[0][1] * X_e[0][9]));
			st_shared_b32(y_at + 84, pack_bf16(X_k[0][1] * X_e[0][10], X_k[0][1] * X_e[0][11]));
			st_shared_b32(y_at + 88, pack_bf16(X_k[0][1] * X_e[0][12], X_k[0][1] * X_e[0][13]));
			st_shared_b32(y_at + 92, pack_bf16(X_k[0][1] * X_e[0][14], X_k[0][1] * X_e[0][15]));
			X_k[0][2] = X_e[0][2] * 0.25f;
			st_shared_b32(y_at + 96, pack_bf16(X_e[0][2] * 0.176776695f * X_e[0][2], X_k[0][2] * X_e[0][3]));
			st_shared_b32(y_at + 100, pack_bf16(X_k[0][2] * X_e[0][4], X_k[0][2] * X_e[0][5]));
			st_shared_b32(y_at + 104, pack_bf16(X_k[0][2] * X_e[0][6], X_k[0][2] * X_e[0][7]));
			st_shared_b32(y_at + 108, pack_bf16(X_k[0][2] * X_e[0][8], X_k[0][2] * X_e[0][9]));
			st_shared_b32(y_at + 112, pack_bf16(X_k[0][2] * X_e[0][10], X_k[0][2] * X_e[0][11]));
			st_shared_b32(y_at + 116, pack_bf16(X_k[0][2] * X_e[0][12], X_k[0][2] * X_e[0][13]));
			st_shared_b32(y_at + 120, pack_bf16(X_k[0][2] * X_e[0][14], X_k[0][2] * X_e[0][15]));
			X_k[0][3] = X_e[0][3] * 0.25f;
			st_shared_b32(y_at + 124, pack_bf16(X_e[0][3] * 0.176776695f * X_e[0][3], X_k[0][3] * X_e[0][4]));
			st_shared_b32(y_at + 128, pack_bf16(X_k[0][3] * X_e[0][5], X_k[0][3] * X_e[0][6]));
			st_shared_b32(y_at + 132, pack_bf16(X_k[0][3] * X_e[0][7], X_k[0][3] * X_e[0][8]));
			st_shared_b32(y_at + 136, pack_bf16(X_k[0][3] * X_e[0][9], X_k[0][3] * X_e[0][10]));
			st_shared_b32(y_at + 140, pack_bf16(X_k[0][3] * X_e[0][11], X_k[0][3] * X_e[0][12]));
			st_shared_b32(y_at + 144, pack_bf16(X_k[0][3] * X_e[0][13], X_k[0][3] * X_e[0][14]));
			st_shared_b32(y_at + 148, pack_bf16(X_k[0][3] * X_e[0][15], X_e[0][4] * 0.176776695f * X_e[0][4]));
			X_k[0][4] = X_e[0][4] * 0.25f;
			st_shared_b32(y_at + 152, pack_bf16(X_k[0][4] * X_e[0][5], X_k[0][4] * X_e[0][6]));
			st_shared_b32(y_at + 156, pack_bf16(X_k[0][4] * X_e[0][7], X_k[0][4] * X_e[0][8]));
			st_shared_b32(y_at + 160, pack_bf16(X_k[0][4] * X_e[0][9], X_k[0][4] * X_e[0][10]));
			st_shared_b32(y_at + 164, pack_bf16(X_k[0][4] * X_e[0][11], X_k[0][4] * X_e[0][12]));
			st_shared_b32(y_at + 168, pack_bf16(X_k[0][4] * X_e[0][13], X_k[0][4] * X_e[0][14]));
			st_shared_b32(y_at + 172, pack_bf16(X_k[0][4] * X_e[0][15], X_e[0][5] * 0.176776695f * X_e[0][5]));
			X_k[0][5] = X_e[0][5] * 0.25f;
			st_shared_b32(y_at + 176, pack_bf16(X_k[0][5] * X_e[0][6], X_k[0][5] * X_e[0][7]));
			st_shared_b32(y_at + 180, pack_bf16(X_k[0][5] * X_e[0][8], X_k[0][5] * X_e[0][9]));
			st_shared_b32(y_at + 184, pack_bf16(X_k[0][5] * X_e[0][10], X_k[0][5] * X_e[0][11]));
			st_shared_b32(y_at + 188, pack_bf16(X_k[0][5] * X_e[0][12], X_k[0][5] * X_e[0][13]));
			st_shared_b32(y_at + 192, pack_bf16(X_k[0][5] * X_e[0][14], X_k[0][5] * X_e[0][15]));
			X_k[0][6] = X_e[0][6] * 0.25f;
			st_shared_b32(y_at + 196, pack_bf16(X_e[0][6] * 0.176776695f * X_e[0][6], X_k[0][6] * X_e[0][7]));
			st_shared_b32(y_at + 200, pack_bf16(X_k[0][6] * X_e[0][8], X_k[0][6] * X_e[0][9]));
			st_shared_b32(y_at + 204, pack_bf16(X_k[0][6] * X_e[0][10], X_k[0][6] * X_e[0][11]));
			st_shared_b32(y_at + 208, pack_bf16(X_k[0][6] * X_e[0][12], X_k[0][6] * X_e[0][13]));
			st_shared_b32(y_at + 212, pack_bf16(X_k[0][6] * X_e[0][14], X_k[0][6] * X_e[0][15]));
			X_k[0][7] = X_e[0][7] * 0.25f;
			st_shared_b32(y_at + 216, pack_bf16(X_e[0][7] * 0.176776695f * X_e[0][7], X_k[0][7] * X_e[0][8]));
			st_shared_b32(y_at + 220, pack_bf16(X_k[0][7] * X_e[0][9], X_k[0][7] * X_e[0][10]));
			st_shared_b32(y_at + 224, pack_bf16(X_k[0][7] * X_e[0][11], X_k[0][7] * X_e[0][12]));
			st_shared_b32(y_at + 228, pack_bf16(X_k[0][7] * X_e[0][13], X_k[0][7] * X_e[0][14]));
			st_shared_b32(y_at + 232, pack_bf16(X_k[0][7] * X_e[0][15], X_e[0][8] * 0.176776695f * X_e[0][8]));
			X_k[0][8] = X_e[0][8] * 0.25f;
			st_shared_b32(y_at + 236, pack_bf16(X_k[0][8] * X_e[0][9], X_k[0][8] * X_e[0][10]));
			st_shared_b32(y_at + 240, pack_bf16(X_k[0][8] * X_e[0][11], X_k[0][8] * X_e[0][12]));
			st_shared_b32(y_at + 244, pack_bf16(X_k[0][8] * X_e[0][13], X_k[0][8] * X_e[0][14]));
			st_shared_b32(y_at + 248, pack_bf16(X_k[0][8] * X_e[0][15], X_e[0][9] * 0.176776695f * X_e[0][9]));
			X_k[0][9] = X_e[0][9] * 0.25f;
			st_shared_b32(y_at + 252, pack_bf16(X_k[0][9] * X_e[0][10], X_k[0][9] * X_e[0][11]));
			st_shared_b32(y_at + 256, pack_bf16(X_k[0][9] * X_e[0][12], X_k[0][9] * X_e[0][13]));
			st_shared_b32(y_at + 260, pack_bf16(X_k[0][9] * X_e[0][14], X_k[0][9] * X_e[0][15]));
			X_k[0][10] = X_e[0][10] * 0.25f;
			st_shared_b32(y_at + 264, pack_bf16(X_e[0][10] * 0.176776695f * X_e[0][10], X_k[0][10] * X_e[0][11]));
			st_shared_b32(y_at + 268, pack_bf16(X_k[0][10] * X_e[0][12], X_k[0][10] * X_e[0][13]));
			st_shared_b32(y_at + 272, pack_bf16(X_k[0][10] * X_e[0][14], X_k[0][10] * X_e[0][15]));
			X_k[0][11] = X_e[0][11] * 0.25f;
			st_shared_b32(y_at + 276, pack_bf16(X_e[0][11] * 0.176776695f * X_e[0][11], X_k[0][11] * X_e[0][12]));
			st_shared_b32(y_at + 280, pack_bf16(X_k[0][11] * X_e[0][13], X_k[0][11] * X_e[0][14]));
			st_shared_b32(y_at + 284, pack_bf16(X_k[0][11] * X_e[0][15], X_e[0][12] * 0.176776695f * X_e[0][12]));
			X_k[0][12] = X_e[0][12] * 0.25f;
			st_shared_b32(y_at + 288, pack_bf16(X_k[0][12] * X_e[0][13], X_k[0][12] * X_e[0][14]));
			st_shared_b32(y_at + 292, pack_bf16(X_k[0][12] * X_e[0][15], X_e[0][13] * 0.176776695f * X_e[0][13]));
			X_k[0][13] = X_e[0][13] * 0.25f;
			st_shared_b32(y_at + 296, pack_bf16(X_k[0][13] * X_e[0][14], X_k[0][13] * X_e[0][15]));
			X_k[0][14] = X_e[0][14] * 0.25f;
			st_shared_b32(y_at + 300, pack_bf16(X_e[0][14] * 0.176776695f * X_e[0][14], X_k[0][14] * X_e[0][15]));
		} else {
			const u32 y_at2 = y_image + 612 * (32 * (warp % 2) + lane) + y_shift;
			const int row3 = 2 * (32 * (warp % 2) + lane);
			const int row4 = 2 * (32 * (warp % 2) + lane) + 1;
			float X_e2[2][16];
			const int row_at2 = n0 + row3 < N ? n0 + row3 : N - 1;
			u32 x_x3[4];
			ld_global_v4(x_x3, x_p + (i64)row_at2 * x_sN + 8);
			X_e2[0][8] = bf16_lo(x_x3[0]);
			X_e2[0][9] = bf16_hi(x_x3[0]);
			X_e2[0][10] = bf16_lo(x_x3[1]);
			X_e2[0][11] = bf16_hi(x_x3[1]);
			X_e2[0][12] = bf16_lo(x_x3[2]);
			X_e2[0][13] = bf16_hi(x_x3[2]);
			X_e2[0][14] = bf16_lo(x_x3[3]);
			X_e2[0][15] = bf16_hi(x_x3[3]);
			const int row_at3 = n0 + row4 < N ? n0 + row4 : N - 1;
			u32 x_x4[4];
			ld_global_v4(x_x4, x_p + (i64)row_at3 * x_sN);
			X_e2[1][0] = bf16_lo(x_x4[0]);
			X_e2[1][1] = bf16_hi(x_x4[0]);
			X_e2[1][2] = bf16_lo(x_x4[1]);
			X_e2[1][3] = bf16_hi(x_x4[1]);
			X_e2[1][4] = bf16_lo(x_x4[2]);
			X_e2[1][5] = bf16_hi(x_x4[2]);
			X_e2[1][6] = bf16_lo(x_x4[3]);
			X_e2[1][7] = bf16_hi(x_x4[3]);
			u32 x_x5[4];
			ld_global_v4(x_x5, x_p + (i64)row_at3 * x_sN + 8);
			X_e2[1][8] = bf16_lo(x_x5[0]);
			X_e2[1][9] = bf16_hi(x_x5[0]);
			X_e2[1][10] = bf16_lo(x_x5[1]);
			X_e2[1][11] = bf16_hi(x_x5[1]);
			X_e2[1][12] = bf16_lo(x_x5[2]);
			X_e2[1][13] = bf16_hi(x_x5[2]);
			X_e2[1][14] = bf16_lo(x_x5[3]);
			X_e2[1][15] = bf16_hi(x_x5[3]);
			float X_k2[2][16];
			st_shared_b32(y_at2 + 304, pack_bf16(X_e2[0][15] * 0.176776695f * X_e2[0][15], 1.0f));
			st_shared_b32(y_at2 + 308, pack_bf16(X_e2[1][0] * 0.5f, X_e2[1][1] * 0.5f));
			st_shared_b32(y_at2 + 312, pack_bf16(X_e2[1][2] * 0.5f, X_e2[1][3] * 0.5f));
			st_shared_b32(y_at2 + 316, pack_bf16(X_e2[1][4] * 0.5f, X_e2[1][5] * 0.5f));
			st_shared_b32(y_at2 + 320, pack_bf16(X_e2[1][6] * 0.5f, X_e2[1][7] * 0.5f));
			st_shared_b32(y_at2 + 324, pack_bf16(X_e2[1][8] * 0.5f, X_e2[1][9] * 0.5f));
			st_shared_b32(y_at2 + 328, pack_bf16(X_e2[1][10] * 0.5f, X_e2[1][11] * 0.5f));
			st_shared_b32(y_at2 + 332, pack_bf16(X_e2[1][12] * 0.5f, X_e2[1][13] * 0.5f));
			st_shared_b32(y_at2 + 336, pack_bf16(X_e2[1][14] * 0.5f, X_e2[1][15] * 0.5f));
			X_k2[1][0] = X_e2[1][0] * 0.25f;
			st_shared_b32(y_at2 + 340, pack_bf16(X_e2[1][0] * 0.176776695f * X_e2[1][0], X_k2[1][0] * X_e2[1][1]));
			st_shared_b32(y_at2 + 344, pack_bf16(X_k2[1][0] * X_e2[1][2], X_k2[1][0] * X_e2[1][3]));
			st_shared_b32(y_at2 + 348, pack_bf16(X_k2[1][0] * X_e2[1][4], X_k2[1][0] * X_e2[1][5]));
			st_shared_b32(y_at2 + 352, pack_bf16(X_k2[1][0] * X_e2[1][6], X_k2[1][0] * X_e2[1][7]));
			st_shared_b32(y_at2 + 356, pack_bf16(X_k2[1][0] * X_e2[1][8], X_k2[1][0] * X_e2[1][9]));
			st_shared_b32(y_at2 + 360, pack_bf16(X_k2[1][0] * X_e2[1][10], X_k2[1][0] * X_e2[1][11]));
			st_shared_b32(y_at2 + 364, pack_bf16(X_k2[1][0] * X_e2[1][12], X_k2[1][0] * X_e2[1][13]));
			st_shared_b32(y_at2 + 368, pack_bf16(X_k2[1][0] * X_e2[1][14], X_k2[1][0] * X_e2[1][15]));
			X_k2[1][1] = X_e2[1][1] * 0.25f;
			st_shared_b32(y_at2 + 372, pack_bf16(X_e2[1][1] * 0.176776695f * X_e2[1][1], X_k2[1][1] * X_e2[1][2]));
			st_shared_b32(y_at2 + 376, pack_bf16(X_k2[1][1] * X_e2[1][3], X_k2[1][1] * X_e2[1][4]));
			st_shared_b32(y_at2 + 380, pack_bf16(X_k2[1][1] * X_e2[1][5], X_k2[1][1] * X_e2[1][6]));
			st_shared_b32(y_at2 + 384, pack_bf16(X_k2[1][1] * X_e2[1][7], X_k2[1][1] * X_e2[1][8]));
			st_shared_b32(y_at2 + 388, pack_bf16(X_k2[1][1] * X_e2[1][9], X_k2[1][1] * X_e2[1][10]));
			st_shared_b32(y_at2 + 392, pack_bf16(X_k2[1][1] * X_e2[1][11], X_k2[1][1] * X_e2[1][12]));
			st_shared_b32(y_at2 + 396, pack_bf16(X_k2[1][1] * X_e2[1][13], X_k2[1][1] * X_e2[1][14]));
			st_shared_b32(y_at2 + 400, pack_bf16(X_k2[1][1] * X_e2[1][15], X_e2[1][2] * 0.176776695f * X_e2[1][2]));
			X_k2[1][2] = X_e2[1][2] * 0.25f;
			st_shared_b32(y_at2 + 404, pack_bf16(X_k2[1][2] * X_e2[1][3], X_k2[1][2] * X_e2[1][4]));
			st_shared_b32(y_at2 + 408, pack_bf16(X_k2[1][2] * X_e2[1][5], X_k2[1][2] * X_e2[1][6]));
			st_shared_b32(y_at2 + 412, pack_bf16(X_k2[1][2] * X_e2[1][7], X_k2[1][2] * X_e2[1][8]));
			st_shared_b32(y_at2 + 416, pack_bf16(X_k2[1][2] * X_e2[1][9], X_k2[1][2] * X_e2[1][10]));
			st_shared_b32(y_at2 + 420, pack_bf16(X_k2[1][2] * X_e2[1][11], X_k2[1][2] * X_e2[1][12]));
			st_shared_b32(y_at2 + 424, pack_bf16(X_k2[1][2] * X_e2[1][13], X_k2[1][2] * X_e2[1][14]));
			st_shared_b32(y_at2 + 428, pack_bf16(X_k2[1][2] * X_e2[1][15], X_e2[1][3] * 0.176776695f * X_e2[1][3]));
			X_k2[1][3] = X_e2[1][3] * 0.25f;
			st_shared_b32(y_at2 + 432, pack_bf16(X_k2[1][3] * X_e2[1][4], X_k2[1][3] * X_e2[1][5]));
			st_shared_b32(y_at2 + 436, pack_bf16(X_k2[1][3] * X_e2[1][6], X_k2[1][3] * X_e2[1][7]));
			st_shared_b32(y_at2 + 440, pack_bf16(X_k2[1][3] * X_e2[1][8], X_k2[1][3] * X_e2[1][9]));
			st_shared_b32(y_at2 + 444, pack_bf16(X_k2[1][3] * X_e2[1][10], X_k2[1][3] * X_e2[1][11]));
			st_shared_b32(y_at2 + 448, pack_bf16(X_k2[1][3] * X_e2[1][12], X_k2[1][3] * X_e2[1][13]));
			st_shared_b32(y_at2 + 452, pack_bf16(X_k2[1][3] * X_e2[1][14], X_k2[1][3] * X_e2[1][15]));
			X_k2[1][4] = X_e2[1][4] * 0.25f;
			st_shared_b32(y_at2 + 456, pack_bf16(X_e2[1][4] * 0.176776695f * X_e2[1][4], X_k2[1][4] * X_e2[1][5]));
			st_shared_b32(y_at2 + 460, pack_bf16(X_k2[1][4] * X_e2[1][6], X_k2[1][4] * X_e2[1][7]));
			st_shared_b32(y_at2 + 464, pack_bf16(X_k2[1][4] * X_e2[1][8], X_k2[1][4] * X_e2[1][9]));
			st_shared_b32(y_at2 + 468, pack_bf16(X_k2[1][4] * X_e2[1][10], X_k2[1][4] * X_e2[1][11]));
			st_shared_b32(y_at2 + 472, pack_bf16(X_k2[1][4] * X_e2[1][12], X_k2[1][4] * X_e2[1][13]));
			st_shared_b32(y_at2 + 476, pack_bf16(X_k2[1][4] * X_e2[1][14], X_k2[1][4] * X_e2[1][15]));
			X_k2[1][5] = X_e2[1][5] * 0.25f;
			st_shared_b32(y_at2 + 480, pack_bf16(X_e2[1][5] * 0.176776695f * X_e2[1][5], X_k2[1][5] * X_e2[1][6]));
			st_shared_b32(y_at2 + 484, pack_bf16(X_k2[1][5] * X_e2[1][7], X_k2[1][5] * X_e2[1][8]));
			st_shared_b32(y_at2 + 488, pack_bf16(X_k2[1][5] * X_e2[1][9], X_k2[1][5] * X_e2[1][10]));
			st_shared_b32(y_at2 + 492, pack_bf16(X_k2[1][5] * X_e2[1][11], X_k2[1][5] * X_e2[1][12]));
			st_shared_b32(y_at2 + 496, pack_bf16(X_k2[1][5] * X_e2[1][13], X_k2[1][5] * X_e2[1][14]));
			st_shared_b32(y_at2 + 500, pack_bf16(X_k2[1][5] * X_e2[1][15], X_e2[1][6] * 0.176776695f * X_e2[1][6]));
			X_k2[1][6] = X_e2[1][6] * 0.25f;
			st_shared_b32(y_at2 + 504, pack_bf16(X_k2[1][6] * X_e2[1][7], X_k2[1][6] * X_e2[1][8]));
			st_shared_b32(y_at2 + 508, pack_bf16(X_k2[1][6] * X_e2[1][9], X_k2[1][6] * X_e2[1][10]));
			st_shared_b32(y_at2 + 512, pack_bf16(X_k2[1][6] * X_e2[1][11], X_k2[1][6] * X_e2[1][12]));
			st_shared_b32(y_at2 + 516, pack_bf16(X_k2[1][6] * X_e2[1][13], X_k2[1][6] * X_e2[1][14]));
			st_shared_b32(y_at2 + 520, pack_bf16(X_k2[1][6] * X_e2[1][15], X_e2[1][7] * 0.176776695f * X_e2[1][7]));
			X_k2[1][7] = X_e2[1][7] * 0.25f;
			st_shared_b32(y_at2 + 524, pack_bf16(X_k2[1][7] * X_e2[1][8], X_k2[1][7] * X_e2[1][9]));
			st_shared_b32(y_at2 + 528, pack_bf16(X_k2[1][7] * X_e2[1][10], X_k2[1][7] * X_e2[1][11]));
			st_shared_b32(y_at2 + 532, pack_bf16(X_k2[1][7] * X_e2[1][12], X_k2[1][7] * X_e2[1][13]));
			st_shared_b32(y_at2 + 536, pack_bf16(X_k2[1][7] * X_e2[1][14], X_k2[1][7] * X_e2[1][15]));
			X_k2[1][8] = X_e2[1][8] * 0.25f;
			st_shared_b32(y_at2 + 540, pack_bf16(X_e2[1][8] * 0.176776695f * X_e2[1][8], X_k2[1][8] * X_e2[1][9]));
			st_shared_b32(y_at2 + 544, pack_bf16(X_k2[1][8] * X_e2[1][10], X_k2[1][8] * X_e2[1][11]));
			st_shared_b32(y_at2 + 548, pack_bf16(X_k2[1][8] * X_e2[1][12], X_k2[1][8] * X_e2[1][13]));
			st_shared_b32(y_at2 + 552, pack_bf16(X_k2[1][8] * X_e2[1][14], X_k2[1][8] * X_e2[1][15]));
			X_k2[1][9] = X_e2[1][9] * 0.25f;
			st_shared_b32(y_at2 + 556, pack_bf16(X_e2[1][9] * 0.176776695f * X_e2[1][9], X_k2[1][9] * X_e2[1][10]));
			st_shared_b32(y_at2 + 560, pack_bf16(X_k2[1][9] * X_e2[1][11], X_k2[1][9] * X_e2[1][12]));
			st_shared_b32(y_at2 + 564, pack_bf16(X_k2[1][9] * X_e2[1][13], X_k2[1][9] * X_e2[1][14]));
			st_shared_b32(y_at2 + 568, pack_bf16(X_k2[1][9] * X_e2[1][15], X_e2[1][10] * 0.176776695f * X_e2[1][10]));
			X_k2[1][10] = X_e2[1][10] * 0.25f;
			st_shared_b32(y_at2 + 572, pack_bf16(X_k2[1][10] * X_e2[1][11], X_k2[1][10] * X_e2[1][12]));
			st_shared_b32(y_at2 + 576, pack_bf16(X_k2[1][10] * X_e2[1][13], X_k2[1][10] * X_e2[1][14]));
			st_shared_b32(y_at2 + 580, pack_bf16(X_k2[1][10] * X_e2[1][15], X_e2[1][11] * 0.176776695f * X_e2[1][11]));
			X_k2[1][11] = X_e2[1][11] * 0.25f;
			st_shared_b32(y_at2 + 584, pack_bf16(X_k2[1][11] * X_e2[1][12], X_k2[1][11] * X_e2[1][13]));
			st_shared_b32(y_at2 + 588, pack_bf16(X_k2[1][11] * X_e2[1][14], X_k2[1][11] * X_e2[1][15]));
			X_k2[1][12] = X_e2[1][12] * 0.25f;
			st_shared_b32(y_at2 + 592, pack_bf16(X_e2[1][12] * 0.176776695f * X_e2[1][12], X_k2[1][12] * X_e2[1][13]));
			st_shared_b32(y_at2 + 596, pack_bf16(X_k2[1][12] * X_e2[1][14], X_k2[1][12] * X_e2[1][15]));
			X_k2[1][13] = X_e2[1][13] * 0.25f;
			st_shared_b32(y_at2 + 600, pack_bf16(X_e2[1][13] * 0.176776695f * X_e2[1][13], X_k2[1][13] * X_e2[1][14]));
			st_shared_b32(y_at2 + 604, pack_bf16(X_k2[1][13] * X_e2[1][15], X_e2[1][14] * 0.176776695f * X_e2[1][14]));
			X_k2[1][14] = X_e2[1][14] * 0.25f;
			st_shared_b32(y_at2 + 608, pack_bf16(X_k2[1][14] * X_e2[1][15], X_e2[1][15] * 0.176776695f * X_e2[1][15]));
		}
		block_sync();
		if (y_sN == 153 && ((u32)(u64)y_run & 3) == 0) {
			const int run_bytes = y_rows * 306;
			const int head = (int)(16 - y_shift) % 16 < run_bytes ? (int)(16 - y_shift) % 16 : run_bytes;
			const int tail = head + (run_bytes - head) / 16 * 16;
			if (2 * tid < head) {
				st_global_b16(y_run + 2 * tid, ld_shared_b16(y_image + y_shift + 2 * tid));
			}
			#pragma unroll
			for (int j = 0; j < 20; j++) {
				if (head + 16 * (tid + 128 * j) < tail) {
					u32 q[4];
					ld_shared_v4(q, y_image + y_shift + head + 16 * (tid + 128 * j));
					st_global_v4(y_run + (head + 16 * (tid + 128 * j)), q[0], q[1], q[2], q[3]);
				}
			}
			if (tail + 2 * tid < run_bytes) {
				st_global_b16(y_run + (tail + 2 * tid), ld_shared_b16(y_image + y_shift + tail + 2 * tid));
			}
		} else {
			for (int r = warp; r < y_rows; r += 4) {
				for (int c = lane; c < 153; c += 32) {
					st_global_b16(y_to + (i64)r * y_sN + c, ld_shared_b16(y_image + y_shift + 306 * r + 2 * c));
				}
			}
		}
	}
}

}
