// ragged -- generated from ragged.lua for sm_80; do not edit.
// y = w exp(x) + 2 x, w a number a row
// with C=64, D=45, M=44, dtype=bf16, stages=2, warps=4, wide=0
// launch ragged: blocks = B * ceil(N / 64), threads = 128, dynamic shared memory = 11776 bytes
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

// stores 2 bytes
static __device__ __forceinline__ void st_shared_b16(u32 a, b16 v)
{
	asm volatile("st.shared.u16 [%0], %1;" :: "r"(a), "h"(v));
}

// loads 2 bytes
static __device__ __forceinline__ b16 ld_global_b16(const void *p)
{
	return *(const b16 *)p;
}

// loads 16 bytes
static __device__ __forceinline__ void ld_global_v4(u32 *r, const void *p)
{
	const uint4 v = *(const uint4 *)p;
	r[0] = v.x, r[1] = v.y, r[2] = v.z, r[3] = v.w;
}

// stores 16 bytes
static __device__ __forceinline__ void st_shared_v4(u32 a, u32 x, u32 y, u32 z, u32 w)
{
	asm volatile("st.shared.v4.u32 [%0], {%1, %2, %3, %4};"
	             :: "r"(a), "r"(x), "r"(y), "r"(z), "r"(w));
}

// every thread of the block arrives before any leaves; orders their memory
static __device__ __forceinline__ void block_sync(void)
{
	__syncthreads();
}

// loads 4 bytes
static __device__ __forceinline__ float ld_global_f32(const void *p)
{
	return *(const float *)p;
}

// loads 4 bytes
static __device__ __forceinline__ u32 ld_shared_b32(u32 a)
{
	u32 v;
	asm volatile("ld.shared.u32 %0, [%1];" : "=r"(v) : "r"(a));
	return v;
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

// 2^x, 2 ulp
static __device__ __forceinline__ float exp2_fast(float x)
{
	float d;
	asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(d) : "f"(x));
	return d;
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

__global__ void __launch_bounds__(128, 8) ragged(
	int N, int B, b16 *y, i64 y_sB, i64 y_sN,
	const b16 *x, i64 x_sB, i64 x_sN, i64 w_sN, const float *w,
	i64 w_sB)
{
	const u32 smem = smem_base();
	const int tid = (int)threadIdx.x;
	const int warp = warp_uniform(tid / 32);
	const int lane = tid % 32;
	const u32 y_image = smem;
	const u32 x_image = smem + 5888;
	const int n0 = (blockIdx.x % ((N + 63) / 64)) * 64;
	const int n0_live = N - n0 < 64 ? N - n0 : 64;
	const u32 pid2 = blockIdx.x / ((N + 63) / 64);
	const int bi = pid2;
	const b16 *const x_p = x + bi * x_sB;
	const float *const w_p = w + bi * w_sB;
	// ragged.lua:16
	b16 *const y_p = y + bi * y_sB;
	{
		const int y_rows = n0_live;
		b16 *const y_to = y_p + (i64)n0 * y_sN;
		char *const y_run = (char *)y_to;
		const u32 y_shift = (u32)(u64)y_run & 12;
		const b16 *const x_to = x_p + (i64)n0 * x_sN;
		const char *const x_run = (const char *)x_to;
		const u32 x_shift = (u32)(u64)x_run & 12;
		if (x_sN == 45 && ((u32)(u64)x_run & 3) == 0) {
			const int run_bytes = y_rows * 90;
			const int head = (int)(16 - x_shift) % 16 < run_bytes ? (int)(16 - x_shift) % 16 : run_bytes;
			const int tail = head + (run_bytes - head) / 16 * 16;
			if (2 * tid < head) {
				st_shared_b16(x_image + x_shift + 2 * tid, ld_global_b16(x_run + 2 * tid));
			}
			#pragma unroll
			for (int j = 0; j < 3; j++) {
				if (head + 16 * (tid + 128 * j) < tail) {
					u32 q[4];
					ld_global_v4(q, x_run + (head + 16 * (tid + 128 * j)));
					st_shared_v4(x_image + x_shift + head + 16 * (tid + 128 * j), q[0], q[1], q[2], q[3]);
				}
			}
			for (int x = tail + 2 * tid; x < 5760; x += 256) {
				st_shared_b16(x_image + x_shift + x, x < run_bytes ? ld_global_b16(x_run + x) : 0);
			}
		} else {
			for (int r = warp; r < 64; r += 4) {
				for (int c = lane; c < 45; c += 32) {
					st_shared_b16(x_image + x_shift + 90 * r + 2 * c, r < y_rows ? ld_global_b16(x_to + (i64)r * x_sN + c) : 0);
				}
			}
		}
		block_sync();
		if (warp == 0) {
			const u32 y_at = y_image + 180 * lane + y_shift;
			const u32 x_at = x_image + 180 * lane + x_shift;
			const int row = 2 * lane;
			float x_e[2][45];
			u32 x_e_w[45];
			float w_e[2][1];
			const int row_at = n0 + row < N ? n0 + row : N - 1;
			w_e[0][0] = ld_global_f32(w_p + (i64)row_at * w_sN);
			x_e_w[0] = ld_shared_b32(x_at);
			x_e[0][0] = bf16_lo(x_e_w[0]);
			x_e[0][1] = bf16_hi(x_e_w[0]);
			st_shared_b32(y_at, pack_bf16(w_e[0][0] * exp2_fast(1.44269504f * x_e[0][0]) + x_e[0][0] * 2.0f, w_e[0][0] * exp2_fast(1.44269504f * x_e[0][1]) + x_e[0][1] * 2.0f));
			x_e_w[1] = ld_shared_b32(x_at + 4);
			x_e[0][2] = bf16_lo(x_e_w[1]);
			x_e[0][3] = bf16_hi(x_e_w[1]);
			st_shared_b32(y_at + 4, pack_bf16(w_e[0][0] * exp2_fast(1.44269504f * x_e[0][2]) + x_e[0][2] * 2.0f, w_e[0][0] * exp2_fast(1.44269504f * x_e[0][3]) + x_e[0][3] * 2.0f));
			x_e_w[2] = ld_shared_b32(x_at + 8);
			x_e[0][4] = bf16_lo(x_e_w[2]);
			x_e[0][5] = bf16_hi(x_e_w[2]);
			st_shared_b32(y_at + 8, pack_bf16(w_e[0][0] * exp2_fast(1.44269504f * x_e[0][4]) + x_e[0][4] * 2.0f, w_e[0][0] * exp2_fast(1.44269504f * x_e[0][5]) + x_e[0][5] * 2.0f));
			x_e_w[3] = ld_shared_b32(x_at + 12);
			x_e[0][6] = bf16_lo(x_e_w[3]);
			x_e[0][7] = bf16_hi(x_e_w[3]);
			st_shared_b32(y_at + 12, pack_bf16(w_e[0][0] * exp2_fast(1.44269504f * x_e[0][6]) + x_e[0][6] * 2.0f, w_e[0][0] * exp2_fast(1.44269504f * x_e[0][7]) + x_e[0][7] * 2.0f));
			x_e_w[4] = ld_shared_b32(x_at + 16);
			x_e[0][8] = bf16_lo(x_e_w[4]);
			x_e[0][9] = bf16_hi(x_e_w[4]);
			st_shared_b32(y_at + 16, pack_bf16(w_e[0][0] * exp2_fast(1.44269504f * x_e[0][8]) + x_e[0][8] * 2.0f, w_e[0][0] * exp2_fast(1.44269504f * x_e[0][9]) + x_e[0][9] * 2.0f));
			x_e_w[5] = ld_shared_b32(x_at + 20);
			x_e[0][10] = bf16_lo(x_e_w[5]);
			x_e[0][11] = bf16_hi(x_e_w[5]);
			st_shared_b32(y_at + 20, pack_bf16(w_e[0][0] * exp2_fast(1.44269504f * x_e[0][10]) + x_e[0][10] * 2.0f, w_e[0][0] * exp2_fast(1.44269504f * x_e[0][11]) + x_e[0][11] * 2.0f));
			x_e_w[6] = ld_shared_b32(x_at + 24);
			x_e[0][12] = bf16_lo(x_e_w[6]);
			x_e[0][13] = bf16_hi(x_e_w[6]);
			st_shared_b32(y_at + 24, pack_bf16(w_e[0][0] * exp2_fast(1.44269504f * x_e[0][12]) + x_e[0][12] * 2.0f, w_e[0][0] * exp2_fast(1.44269504f * x_e[0][13]) + x_e[0][13] * 2.0f));
			x_e_w[7] = ld_shared_b32(x_at + 28);
			x_e[0][14] = bf16_lo(x_e_w[7]);
			x_e[0][15] = bf16_hi(x_e_w[7]);
			st_shared_b32(y_at + 28, pack_bf16(w_e[0][0] * exp2_fast(1.44269504f * x_e[0][14]) + x_e[0][14] * 2.0f, w_e[0][0] * exp2_fast(1.44269504f * x_e[0][15]) + x_e[0][15] * 2.0f));
			x_e_w[8] = ld_shared_b32(x_at + 32);
			x_e[0][16] = bf16_lo(x_e_w[8]);
			x_e[0][17] = bf16_hi(x_e_w[8]);
			st_shared_b32(y_at + 32, pack_bf16(w_e[0][0] * exp2_fast(1.44269504f * x_e[0][16]) + x_e[0][16] * 2.0f, w_e[0][0] * exp2_fast(1.44269504f * x_e[0][17]) + x_e[0][17] * 2.0f));
			x_e_w[9] = ld_shared_b32(x_at + 36);
			x_e[0][18] = bf16_lo(x_e_w[9]);
			x_e[0][19] = bf16_hi(x_e_w[9]);
			st_shared_b32(y_at + 36, pack_bf16(w_e[0][0] * exp2_fast(1.44269504f * x_e[0][18]) + x_e[0][18] * 2.0f, w_e[0][0] * exp2_fast(1.44269504f * x_e[0][19]) + x_e[0][19] * 2.0f));
			x_e_w[10] = ld_shared_b32(x_at + 40);
			x_e[0][20] = bf16_lo(x_e_w[10]);
			x_e[0][21] = bf16_hi(x_e_w[10]);
			st_shared_b32(y_at + 40, pack_bf16(w_e[0][0] * exp2_fast(1.44269504f * x_e[0][20]) + x_e[0][20] * 2.0f, w_e[0][0] * exp2_fast(1.44269504f * x_e[0][21]) + x_e[0][21] * 2.0f));
		} else if (warp == 1) {
			const u32 y_at2 = y_image + 180 * lane + y_shift;
			const u32 x_at2 = x_image + 180 * lane + x_shift;
			const int row3 = 2 * lane;
			float x_e2[2][45];
			u32 x_e2_w[45];
			float w_e2[2][1];
			const int row_at2 = n0 + row3 < N ? n0 + row3 : N - 1;
			w_e2[0][0] = ld_global_f32(w_p + (i64)row_at2 * w_sN);
			x_e2_w[11] = ld_shared_b32(x_at2 + 44);
			x_e2[0][22] = bf16_lo(x_e2_w[11]);
			x_e2[0][23] = bf16_hi(x_e2_w[11]);
			st_shared_b32(y_at2 + 44, pack_bf16(w_e2[0][0] * exp2_fast(1.44269504f * x_e2[0][22]) + x_e2[0][22] * 2.0f, w_e2[0][0] * exp2_fast(1.44269504f * x_e2[0][23]) + x_e2[0][23] * 2.0f));
			x_e2_w[12] = ld_shared_b32(x_at2 + 48);
			x_e2[0][24] = bf16_lo(x_e2_w[12]);
			x_e2[0][25] = bf16_hi(x_e2_w[12]);
			st_shared_b32(y_at2 + 48, pack_bf16(w_e2[0][0] * exp2_fast(1.44269504f * x_e2[0][24]) + x_e2[0][24] * 2.0f, w_e2[0][0] * exp2_fast(1.44269504f * x_e2[0][25]) + x_e2[0][25] * 2.0f));
			x_e2_w[13] = ld_shared_b32(x_at2 + 52);
			x_e2[0][26] = bf16_lo(x_e2_w[13]);
			x_e2[0][27] = bf16_hi(x_e2_w[13]);
			st_shared_b32(y_at2 + 52, pack_bf16(w_e2[0][0] * exp2_fast(1.44269504f * x_e2[0][26]) + x_e2[0][26] * 2.0f, w_e2[0][0] * exp2_fast(1.44269504f * x_e2[0][27]) + x_e2[0][27] * 2.0f));
			x_e2_w[14] = ld_shared_b32(x_at2 + 56);
			x_e2[0][28] = bf16_lo(x_e2_w[14]);
			x_e2[0][29] = bf16_hi(x_e2_w[14]);
			st_shared_b32(y_at2 + 56, pack_bf16(w_e2[0][0] * exp2_fast(1.44269504f * x_e2[0][28]) + x_e2[0][28] * 2.0f, w_e2[0][0] * exp2_fast(1.44269504f * x_e2[0][29]) + x_e2[0][29] * 2.0f));
			x_e2_w[15] = ld_shared_b32(x_at2 + 60);
			x_e2[0][30] = bf16_lo(x_e2_w[15]);
			x_e2[0][31] = bf16_hi(x_e2_w[15]);
			st_shared_b32(y_at2 + 60, pack_bf16(w_e2[0][0] * exp2_fast(1.44269504f * x_e2[0][30]) + x_e2[0][30] * 2.0f, w_e2[0][0] * exp2_fast(1.44269504f * x_e2[0][31]) + x_e2[0][31] * 2.0f));
			x_e2_w[16] = ld_shared_b32(x_at2 + 64);
			x_e2[0][32] = bf16_lo(x_e2_w[16]);
			x_e2[0][33] = bf16_hi(x_e2_w[16]);
			st_shared_b32(y_at2 + 64, pack_bf16(w_e2[0][0] * exp2_fast(1.44269504f * x_e2[0][32]) + x_e2[0][32] * 2.0f, w_e2[0][0] * exp2_fast(1.44269504f * x_e2[0][33]) + x_e2[0][33] * 2.0f));
			x_e2_w[17] = ld_shared_b32(x_at2 + 68);
			x_e2[0][34] = bf16_lo(x_e2_w[17]);
			x_e2[0][35] = bf16_hi(x_e2_w[17]);
			st_shared_b32(y_at2 + 68, pack_bf16(w_e2[0][0] * exp2_fast(1.44269504f * x_e2[0][34]) + x_e2[0][34] * 2.0f, w_e2[0][0] * exp2_fast(1.44269504f * x_e2[0][35]) + x_e2[0][35] * 2.0f));
			x_e2_w[18] = ld_shared_b32(x_at2 + 72);
			x_e2[0][36] = bf16_lo(x_e2_w[18]);
			x_e2[0][37] = bf16_hi(x_e2_w[18]);
			st_shared_b32(y_at2 + 72, pack_bf16(w_e2[0][0] * exp2_fast(1.44269504f * x_e2[0][36]) + x_e2[0][36] * 2.0f, w_e2[0][0] * exp2_fast(1.44269504f * x_e2[0][37]) + x_e2[0][37] * 2.0f));
			x_e2_w[19] = ld_shared_b32(x_at2 + 76);
			x_e2[0][38] = bf16_lo(x_e2_w[19]);
			x_e2[0][39] = bf16_hi(x_e2_w[19]);
			st_shared_b32(y_at2 + 76, pack_bf16(w_e2[0][0] * exp2_fast(1.44269504f * x_e2[0][38]) + x_e2[0][38] * 2.0f, w_e2[0][0] * exp2_fast(1.44269504f * x_e2[0][39]) + x_e2[0][39] * 2.0f));
			x_e2_w[20] = ld_shared_b32(x_at2 + 80);
			x_e2[0][40] = bf16_lo(x_e2_w[20]);
			x_e2[0][41] = bf16_hi(x_e2_w[20]);
			st_shared_b32(y_at2 + 80, pack_bf16(w_e2[0][0] * exp2_fast(1.44269504f * x_e2[0][40]) + x_e2[0][40] * 2.0f, w_e2[0][0] * exp2_fast(1.44269504f * x_e2[0][41]) + x_e2[0][41] * 2.0f));
			x_e2_w[21] = ld_shared_b32(x_at2 + 84);
			x_e2[0][42] = bf16_lo(x_e2_w[21]);
			x_e2[0][43] = bf16_hi(x_e2_w[21]);
			st_shared_b32(y_at2 + 84, pack_bf16(w_e2[0][0] * exp2_fast(1.44269504f * x_e2[0][42]) + x_e2[0][42] * 2.0f, w_e2[0][0] * exp2_fast(1.44269504f * x_e2[0][43]) + x_e2[0][43] * 2.0f));
		} else if (warp == 2) {
			const u32 y_at3 = y_image + 180 * lane + y_shift;
			const u32 x_at3 = x_image + 180 * lane + x_shift;
			const int row5 = 2 * lane;
			const int row6 = 2 * lane + 1;
			float x_e3[2][45];
			u32 x_e3_w[45];
			float w_e3[2][1];
			const int row_at3 = n0 + row5 < N ? n0 + row5 : N - 1;
			w_e3[0][0] = ld_global_f32(w_p + (i64)row_at3 * w_sN);
			const int row_at4 = n0 + row6 < N ? n0 + row6 : N - 1;
			w_e3[1][0] = ld_global_f32(w_p + (i64)row_at4 * w_sN);
			x_e3_w[22] = ld_shared_b32(x_at3 + 88);
			x_e3[0][44] = bf16_lo(x_e3_w[22]);
			x_e3[1][0] = bf16_hi(x_e3_w[22]);
			st_shared_b32(y_at3 + 88, pack_bf16(w_e3[0][0] * exp2_fast(1.44269504f * x_e3[0][44]) + x_e3[0][44] * 2.0f, w_e3[1][0] * exp2_fast(1.44269504f * x_e3[1][0]) + x_e3[1][0] * 2.0f));
			x_e3_w[23] = ld_shared_b32(x_at3 + 92);
			x_e3[1][1] = bf16_lo(x_e3_w[23]);
			x_e3[1][2] = bf16_hi(x_e3_w[23]);
			st_shared_b32(y_at3 + 92, pack_bf16(w_e3[1][0] * exp2_fast(1.44269504f * x_e3[1][1]) + x_e3[1][1] * 2.0f, w_e3[1][0] * exp2_fast(1.44269504f * x_e3[1][2]) + x_e3[1][2] * 2.0f));
			x_e3_w[24] = ld_shared_b32(x_at3 + 96);
			x_e3[1][3] = bf16_lo(x_e3_w[24]);
			x_e3[1][4] = bf16_hi(x_e3_w[24]);
			st_shared_b32(y_at3 + 96, pack_bf16(w_e3[1][0] * exp2_fast(1.44269504f * x_e3[1][3]) + x_e3[1][3] * 2.0f, w_e3[1][0] * exp2_fast(1.44269504f * x_e3[1][4]) + x_e3[1][4] * 2.0f));
			x_e3_w[25] = ld_shared_b32(x_at3 + 100);
			x_e3[1][5] = bf16_lo(x_e3_w[25]);
			x_e3[1][6] = bf16_hi(x_e3_w[25]);
			st_shared_b32(y_at3 + 100, pack_bf16(w_e3[1][0] * exp2_fast(1.44269504f * x_e3[1][5]) + x_e3[1][5] * 2.0f, w_e3[1][0] * exp2_fast(1.44269504f * x_e3[1][6]) + x_e3[1][6] * 2.0f));
			x_e3_w[26] = ld_shared_b32(x_at3 + 104);
			x_e3[1][7] = bf16_lo(x_e3_w[26]);
			x_e3[1][8] = bf16_hi(x_e3_w[26]);
			st_shared_b32(y_at3 + 104, pack_bf16(w_e3[1][0] * exp2_fast(1.44269504f * x_e3[1][7]) + x_e3[1][7] * 2.0f, w_e3[1][0] * exp2_fast(1.44269504f * x_e3[1][8]) + x_e3[1][8] * 2.0f));
			x_e3_w[27] = ld_shared_b32(x_at3 + 108);
			x_e3[1][9] = bf16_lo(x_e3_w[27]);
			x_e3[1][10] = bf16_hi(x_e3_w[27]);
			st_shared_b32(y_at3 + 108, pack_bf16(w_e3[1][0] * exp2_fast(1.44269504f * x_e3[1][9]) + x_e3[1][9] * 2.0f, w_e3[1][0] * exp2_fast(1.44269504f * x_e3[1][10]) + x_e3[1][10] * 2.0f));
			x_e3_w[28] = ld_shared_b32(x_at3 + 112);
			x_e3[1][11] = bf16_lo(x_e3_w[28]);
			x_e3[1][12] = bf16_hi(x_e3_w[28]);
			st_shared_b32(y_at3 + 112, pack_bf16(w_e3[1][0] * exp2_fast(1.44269504f * x_e3[1][11]) + x_e3[1][11] * 2.0f, w_e3[1][0] * exp2_fast(1.44269504f * x_e3[1][12]) + x_e3[1][12] * 2.0f));
			x_e3_w[29] = ld_shared_b32(x_at3 + 116);
			x_e3[1][13] = bf16_lo(x_e3_w[29]);
			x_e3[1][14] = bf16_hi(x_e3_w[29]);
			st_shared_b32(y_at3 + 116, pack_bf16(w_e3[1][0] * exp2_fast(1.44269504f * x_e3[1][13]) + x_e3[1][13] * 2.0f, w_e3[1][0] * exp2_fast(1.44269504f * x_e3[1][14]) + x_e3[1][14] * 2.0f));
			x_e3_w[30] = ld_shared_b32(x_at3 + 120);
			x_e3[1][15] = bf16_lo(x_e3_w[30]);
			x_e3[1][16] = bf16_hi(x_e3_w[30]);
			st_shared_b32(y_at3 + 120, pack_bf16(w_e3[1][0] * exp2_fast(1.44269504f * x_e3[1][15]) + x_e3[1][15] * 2.0f, w_e3[1][0] * exp2_fast(1.44269504f * x_e3[1][16]) + x_e3[1][16] * 2.0f));
			x_e3_w[31] = ld_shared_b32(x_at3 + 124);
			x_e3[1][17] = bf16_lo(x_e3_w[31]);
			x_e3[1][18] = bf16_hi(x_e3_w[31]);
			st_shared_b32(y_at3 + 124, pack_bf16(w_e3[1][0] * exp2_fast(1.44269504f * x_e3[1][17]) + x_e3[1][17] * 2.0f, w_e3[1][0] * exp2_fast(1.44269504f * x_e3[1][18]) + x_e3[1][18] * 2.0f));
			x_e3_w[32] = ld_shared_b32(x_at3 + 128);
			x_e3[1][19] = bf16_lo(x_e3_w[32]);
			x_e3[1][20] = bf16_hi(x_e3_w[32]);
			st_shared_b32(y_at3 + 128, pack_bf16(w_e3[1][0] * exp2_fast(1.44269504f * x_e3[1][19]) + x_e3[1][19] * 2.0f, w_e3[1][0] * exp2_fast(1.44269504f * x_e3[1][20]) + x_e3[1][20] * 2.0f));
		} else {
			const u32 y_at4 = y_image + 180 * lane + y_shift;
			const u32 x_at4 = x_image + 180 * lane + x_shift;
			const int row8 = 2 * lane + 1;
			float x_e4[2][45];
			u32 x_e4_w[45];
			float w_e4[2][1];
			const int row_at5 = n0 + row8 < N ? n0 + row8 : N - 1;
			w_e4[1][0] = ld_global_f32(w_p + (i64)row_at5 * w_sN);
			x_e4_w[33] = ld_shared_b32(x_at4 + 132);
			x_e4[1][21] = bf16_lo(x_e4_w[33]);
			x_e4[1][22] = bf16_hi(x_e4_w[33]);
			st_shared_b32(y_at4 + 132, pack_bf16(w_e4[1][0] * exp2_fast(1.44269504f * x_e4[1][21]) + x_e4[1][21] * 2.0f, w_e4[1][0] * exp2_fast(1.44269504f * x_e4[1][22]) + x_e4[1][22] * 2.0f));
			x_e4_w[34] = ld_shared_b32(x_at4 + 136);
			x_e4[1][23] = bf16_lo(x_e4_w[34]);
			x_e4[1][24] = bf16_hi(x_e4_w[34]);
			st_shared_b32(y_at4 + 136, pack_bf16(w_e4[1][0] * exp2_fast(1.44269504f * x_e4[1][23]) + x_e4[1][23] * 2.0f, w_e4[1][0] * exp2_fast(1.44269504f * x_e4[1][24]) + x_e4[1][24] * 2.0f));
			x_e4_w[35] = ld_shared_b32(x_at4 + 140);
			x_e4[1][25] = bf16_lo(x_e4_w[35]);
			x_e4[1][26] = bf16_hi(x_e4_w[35]);
			st_shared_b32(y_at4 + 140, pack_bf16(w_e4[1][0] * exp2_fast(1.44269504f * x_e4[1][25]) + x_e4[1][25] * 2.0f, w_e4[1][0] * exp2_fast(1.44269504f * x_e4[1][26]) + x_e4[1][26] * 2.0f));
			x_e4_w[36] = ld_shared_b32(x_at4 + 144);
			x_e4[1][27] = bf16_lo(x_e4_w[36]);
			x_e4[1][28] = bf16_hi(x_e4_w[36]);
			st_shared_b32(y_at4 + 144, pack_bf16(w_e4[1][0] * exp2_fast(1.44269504f * x_e4[1][27]) + x_e4[1][27] * 2.0f, w_e4[1][0] * exp2_fast(1.44269504f * x_e4[1][28]) + x_e4[1][28] * 2.0f));
			x_e4_w[37] = ld_shared_b32(x_at4 + 148);
			x_e4[1][29] = bf16_lo(x_e4_w[37]);
			x_e4[1][30] = bf16_hi(x_e4_w[37]);
			st_shared_b32(y_at4 + 148, pack_bf16(w_e4[1][0] * exp2_fast(1.44269504f * x_e4[1][29]) + x_e4[1][29] * 2.0f, w_e4[1][0] * exp2_fast(1.44269504f * x_e4[1][30]) + x_e4[1][30] * 2.0f));
			x_e4_w[38] = ld_shared_b32(x_at4 + 152);
			x_e4[1][31] = bf16_lo(x_e4_w[38]);
			x_e4[1][32] = bf16_hi(x_e4_w[38]);
			st_shared_b32(y_at4 + 152, pack_bf16(w_e4[1][0] * exp2_fast(1.44269504f * x_e4[1][31]) + x_e4[1][31] * 2.0f, w_e4[1][0] * exp2_fast(1.44269504f * x_e4[1][32]) + x_e4[1][32] * 2.0f));
			x_e4_w[39] = ld_shared_b32(x_at4 + 156);
			x_e4[1][33] = bf16_lo(x_e4_w[39]);
			x_e4[1][34] = bf16_hi(x_e4_w[39]);
			st_shared_b32(y_at4 + 156, pack_bf16(w_e4[1][0] * exp2_fast(1.44269504f * x_e4[1][33]) + x_e4[1][33] * 2.0f, w_e4[1][0] * exp2_fast(1.44269504f * x_e4[1][34]) + x_e4[1][34] * 2.0f));
			x_e4_w[40] = ld_shared_b32(x_at4 + 160);
			x_e4[1][35] = bf16_lo(x_e4_w[40]);
			x_e4[1][36] = bf16_hi(x_e4_w[40]);
			st_shared_b32(y_at4 + 160, pack_bf16(w_e4[1][0] * exp2_fast(1.44269504f * x_e4[1][35]) + x_e4[1][35] * 2.0f, w_e4[1][0] * exp2_fast(1.44269504f * x_e4[1][36]) + x_e4[1][36] * 2.0f));
			x_e4_w[41] = ld_shared_b32(x_at4 + 164);
			x_e4[1][37] = bf16_lo(x_e4_w[41]);
			x_e4[1][38] = bf16_hi(x_e4_w[41]);
			st_shared_b32(y_at4 + 164, pack_bf16(w_e4[1][0] * exp2_fast(1.44269504f * x_e4[1][37]) + x_e4[1][37] * 2.0f, w_e4[1][0] * exp2_fast(1.44269504f * x_e4[1][38]) + x_e4[1][38] * 2.0f));
			x_e4_w[42] = ld_shared_b32(x_at4 + 168);
			x_e4[1][39] = bf16_lo(x_e4_w[42]);
			x_e4[1][40] = bf16_hi(x_e4_w[42]);
			st_shared_b32(y_at4 + 168, pack_bf16(w_e4[1][0] * exp2_fast(1.44269504f * x_e4[1][39]) + x_e4[1][39] * 2.0f, w_e4[1][0] * exp2_fast(1.44269504f * x_e4[1][40]) + x_e4[1][40] * 2.0f));
			x_e4_w[43] = ld_shared_b32(x_at4 + 172);
			x_e4[1][41] = bf16_lo(x_e4_w[43]);
			x_e4[1][42] = bf16_hi(x_e4_w[43]);
			st_shared_b32(y_at4 + 172, pack_bf16(w_e4[1][0] * exp2_fast(1.44269504f * x_e4[1][41]) + x_e4[1][41] * 2.0f, w_e4[1][0] * exp2_fast(1.44269504f * x_e4[1][42]) + x_e4[1][42] * 2.0f));
			x_e4_w[44] = ld_shared_b32(x_at4 + 176);
			x_e4[1][43] = bf16_lo(x_e4_w[44]);
			x_e4[1][44] = bf16_hi(x_e4_w[44]);
			st_shared_b32(y_at4 + 176, pack_bf16(w_e4[1][0] * exp2_fast(1.44269504f * x_e4[1][43]) + x_e4[1][43] * 2.0f, w_e4[1][0] * exp2_fast(1.44269504f * x_e4[1][44]) + x_e4[1][44] * 2.0f));
		}
		block_sync();
		if (y_sN == 45 && ((u32)(u64)y_run & 3) == 0) {
			const int run_bytes2 = y_rows * 90;
			const int head2 = (int)(16 - y_shift) % 16 < run_bytes2 ? (int)(16 - y_shift) % 16 : run_bytes2;
			const int tail2 = head2 + (run_bytes2 - head2) / 16 * 16;
			if (2 * tid < head2) {
				st_global_b16(y_run + 2 * tid, ld_shared_b16(y_image + y_shift + 2 * tid));
			}
			#pragma unroll
			for (int j = 0; j < 3; j++) {
				if (head2 + 16 * (tid + 128 * j) < tail2) {
					u32 q[4];
					ld_shared_v4(q, y_image + y_shift + head2 + 16 * (tid + 128 * j));
					st_global_v4(y_run + (head2 + 16 * (tid + 128 * j)), q[0], q[1], q[2], q[3]);
				}
			}
			if (tail2 + 2 * tid < run_bytes2) {
				st_global_b16(y_run + (tail2 + 2 * tid), ld_shared_b16(y_image + y_shift + tail2 + 2 * tid));
			}
		} else {
			for (int r = warp; r < y_rows; r += 4) {
				for (int c = lane; c < 45; c += 32) {
					st_global_b16(y_to + (i64)r * y_sN + c, ld_shared_b16(y_image + y_shift + 90 * r + 2 * c));
				}
			}
		}
	}
}

}
