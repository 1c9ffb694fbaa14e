// loops_twice -- generated from loops_twice.lua for sm_80; do not edit.
// y = x / the largest |x| of the column; w = softmax of u over the axis
// with C=64, D=24, dtype=bf16, stages=2, warps=4
// launch loops_twice: blocks = B, threads = 128, dynamic shared memory = 17920 bytes
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

// copies the first `bytes` of 16 bytes and zeroes the rest; bytes = 0 reads nothing
static __device__ __forceinline__ void cp_async_16(u32 dst, const void *src, int bytes)
{
	asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
	             :: "r"(dst), "l"(src), "r"(bytes));
}

// copies the first `bytes` of 4 bytes and zeroes the rest; bytes = 0 reads nothing
static __device__ __forceinline__ void cp_async_4(u32 dst, const void *src, int bytes)
{
	asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;"
	             :: "r"(dst), "l"(src), "r"(bytes));
}

// closes the thread's group of copies
static __device__ __forceinline__ void cp_async_commit(void)
{
	asm volatile("cp.async.commit_group;");
}

// waits until at most n of the thread's groups are in flight; n is a literal
#define cp_async_wait(n) asm volatile("cp.async.wait_group %0;" :: "n"(n) : "memory")

// loads 16 bytes
static __device__ __forceinline__ void ld_shared_v4(u32 *r, u32 a)
{
	asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];"
	             : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(a));
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

// +infinity
static __device__ __forceinline__ float inf(void)
{
	return __int_as_float(0x7f800000);
}

// x of lane (own ^ mask)
static __device__ __forceinline__ float shfl_xor_f32(float x, int mask)
{
	return __shfl_xor_sync(0xffffffffu, x, mask);
}

// stores 4 bytes
static __device__ __forceinline__ void st_shared_f32(u32 a, float v)
{
	asm volatile("st.shared.f32 [%0], %1;" :: "r"(a), "f"(v));
}

// loads 4 bytes
static __device__ __forceinline__ float ld_shared_f32(u32 a)
{
	float v;
	asm volatile("ld.shared.f32 %0, [%1];" : "=f"(v) : "r"(a));
	return v;
}

// 2^x, 2 ulp
static __device__ __forceinline__ float exp2_fast(float x)
{
	float d;
	asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(d) : "f"(x));
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

// stores 4 bytes
static __device__ __forceinline__ void st_global_f32(void *p, float v)
{
	*(float *)p = v;
}


extern "C" {

__global__ void __launch_bounds__(128, 1) loops_twice(
	int B, int N, const b16 *x, i64 x_sB, i64 x_sN,
	const float *u, i64 u_sB, i64 u_sN, b16 *y, i64 y_sB,
	i64 y_sN, float *w, i64 w_sB, i64 w_sN)
{
	const u32 smem = smem_base();
	const int tid = (int)threadIdx.x;
	const int warp = warp_uniform(tid / 32);
	const int lane = tid % 32;
	const int g = lane / 4;
	const int t = lane % 4;
	const u32 x_s_ring = smem;
	const u32 u_s_ring = smem + 8192;
	const u32 rmax_x = smem + 8704;
	const u32 x_s2_ring = smem + 9216;
	const u32 u_s2_ring = smem + 17408;
	const int bi = blockIdx.x;
	const b16 *const x_p = x + bi * x_sB;
	const float *const u_p = u + bi * u_sB;
	b16 *const y_p = y + bi * y_sB;
	float *const w_p = w + bi * w_sB;
	for (int x = tid; x < 512; x += 128) {
		st_shared_v4(x_s_ring + 16 * x, 0, 0, 0, 0);
	}
	for (int x = tid; x < 512; x += 128) {
		st_shared_v4(x_s2_ring + 16 * x, 0, 0, 0, 0);
	}
	// loops_twice.lua:14
	float hi[1][8];
	#pragma unroll
	for (int j = 0; j < 8; j++) {
		hi[0][j] = 0.0f;
	}
	// loops_twice.lua:14
	float s = 0.0f;
	// loops_twice.lua:15
	const int n_end = (N + 63) / 64;
	block_sync();
	if (0 < n_end) {
		for (int x = tid; x < 192; x += 128) {
			const int r = x / 3, c = x % 3;
			const int on = r < N;
			cp_async_16(x_s_ring + (r * 64 + (c ^ ((r >> 1) & 3)) * 16), x_p + (i64)(on ? r : 0) * x_sN + 8 * c, on ? 16 : 0);
		}
		for (int x = tid; x < 64; x += 128) {
			const int on = x < N;
			cp_async_4(u_s_ring + 4 * x, u_p + (i64)(on ? x : 0) * u_sN, on ? 4 : 0);
		}
	}
	cp_async_commit();
	int slot = 0, fill = 1;
	for (int n = 0; n < n_end; n++) {
		const int n0 = n * 64;
		const int n0_live = N - n0 < 64 ? N - n0 : 64;
		cp_async_wait(0);
		const int fetch = n + 1;
		block_sync();
		if (fetch < n_end) {
			for (int x = tid; x < 192; x += 128) {
				const int r = x / 3, c = x % 3;
				const int on = fetch * 64 + r < N;
				cp_async_16(x_s_ring + fill * 4096 + (r * 64 + (c ^ ((r >> 1) & 3)) * 16), x_p + (i64)(on ? fetch * 64 + r : 0) * x_sN + 8 * c, on ? 16 : 0);
			}
			for (int x = tid; x < 64; x += 128) {
				const int on = fetch * 64 + x < N;
				cp_async_4(u_s_ring + fill * 256 + 4 * x, u_p + (i64)(on ? fetch * 64 + x : 0) * u_sN, on ? 4 : 0);
			}
		}
		cp_async_commit();
		const u32 x_s = x_s_ring + slot * 4096;
		const u32 u_s = u_s_ring + slot * 256;
		slot = slot + 1 == 2 ? 0 : slot + 1;
		fill = fill + 1 == 2 ? 0 : fill + 1;
		// loops_twice.lua:16
		float x2[2][1][8];
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			u32 x[4];
			ld_shared_v4(x, x_s + (8 * warp + g + 32 * i) * 64 + (8 * t / 8 ^ (((8 * warp + g + 32 * i) >> 1) & 3)) * 16 + 2 * (8 * t % 8));
			x2[i][0][0] = bf16_lo(x[0]);
			x2[i][0][1] = bf16_hi(x[0]);
			x2[i][0][2] = bf16_lo(x[1]);
			x2[i][0][3] = bf16_hi(x[1]);
			x2[i][0][4] = bf16_lo(x[2]);
			x2[i][0][5] = bf16_hi(x[2]);
			x2[i][0][6] = bf16_lo(x[3]);
			x2[i][0][7] = bf16_hi(x[3]);
		}
		float rmax[1][8];
		#pragma unroll
		for (int j = 0; j < 8; j++) {
			rmax[0][j] = -inf();
		}
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			#pragma unroll
			for (int h = 0; h < 8; h++) {
				rmax[0][h] = fmaxf(rmax[0][h], 8 * warp + g + 32 * i < n0_live ? fabsf(x2[i][0][h]) : -inf());
			}
		}
		#pragma unroll
		for (int j = 0; j < 8; j++) {
			rmax[0][j] = fmaxf(rmax[0][j], shfl_xor_f32(rmax[0][j], 4));
			rmax[0][j] = fmaxf(rmax[0][j], shfl_xor_f32(rmax[0][j], 8));
			rmax[0][j] = fmaxf(rmax[0][j], shfl_xor_f32(rmax[0][j], 16));
		}
		if (lane / 4 == 0) {
			#pragma unroll
			for (int j = 0; j < 8; j++) {
				st_shared_f32(rmax_x + 128 * warp + 4 * (8 * t + j), rmax[0][j]);
			}
		}
		block_sync();
		#pragma unroll
		for (int j = 0; j < 8; j++) {
			rmax[0][j] = -inf();
			#pragma unroll
			for (int x = 0; x < 4; x++) {
				rmax[0][j] = fmaxf(rmax[0][j], ld_shared_f32(rmax_x + 128 * x + 4 * (8 * t + j)));
			}
		}
		#pragma unroll
		for (int j = 0; j < 8; j++) {
			hi[0][j] = fmaxf(hi[0][j], rmax[0][j]);
		}
		// loops_twice.lua:17
		float u2[2];
		#pragma unroll
		for (int e = 0; e < 2; e++) {
			u2[e] = ld_shared_f32(u_s + 4 * (2 * lane + e));
		}
		float sum = 0.0f;
		#pragma unroll
		for (int e = 0; e < 2; e++) {
			sum = sum + (2 * lane + e < n0_live ? exp2_fast(1.44269504f * u2[e]) : 0.0f);
		}
		sum = sum + shfl_xor_f32(sum, 1);
		sum = sum + shfl_xor_f32(sum, 2);
		sum = sum + shfl_xor_f32(sum, 4);
		sum = sum + shfl_xor_f32(sum, 8);
		sum = sum + shfl_xor_f32(sum, 16);
		s = s + sum;
	}
	// loops_twice.lua:19
	const int n2_end = (N + 63) / 64;
	if (0 < n2_end) {
		for (int x = tid; x < 192; x += 128) {
			const int r = x / 3, c = x % 3;
			const int on = r < N;
			cp_async_16(x_s2_ring + (r * 64 + (c ^ ((r >> 1) & 3)) * 16), x_p + (i64)(on ? r : 0) * x_sN + 8 * c, on ? 16 : 0);
		}
		for (int x = tid; x < 64; x += 128) {
			const int on = x < N;
			cp_async_4(u_s2_ring + 4 * x, u_p + (i64)(on ? x : 0) * u_sN, on ? 4 : 0);
		}
	}
	cp_async_commit();
	int slot2 = 0, fill2 = 1;
	for (int n2 = 0; n2 < n2_end; n2++) {
		const int n20 = n2 * 64;
		cp_async_wait(0);
		const int fetch2 = n2 + 1;
		block_sync();
		if (fetch2 < n2_end) {
			for (int x = tid; x < 192; x += 128) {
				const int r = x / 3, c = x % 3;
				const int on = fetch2 * 64 + r < N;
				cp_async_16(x_s2_ring + fill2 * 4096 + (r * 64 + (c ^ ((r >> 1) & 3)) * 16), x_p + (i64)(on ? fetch2 * 64 + r : 0) * x_sN + 8 * c, on ? 16 : 0);
			}
			for (int x = tid; x < 64; x += 128) {
				const int on = fetch2 * 64 + x < N;
				cp_async_4(u_s2_ring + fill2 * 256 + 4 * x, u_p + (i64)(on ? fetch2 * 64 + x : 0) * u_sN, on ? 4 : 0);
			}
		}
		cp_async_commit();
		const u32 x_s2 = x_s2_ring + slot2 * 4096;
		const u32 u_s2 = u_s2_ring + slot2 * 256;
		slot2 = slot2 + 1 == 2 ? 0 : slot2 + 1;
		fill2 = fill2 + 1 == 2 ? 0 : fill2 + 1;
		// loops_twice.lua:20
		float x3[2][1][8];
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			u32 x[4];
			ld_shared_v4(x, x_s2 + (8 * warp + g + 32 * i) * 64 + (8 * t / 8 ^ (((8 * warp + g + 32 * i) >> 1) & 3)) * 16 + 2 * (8 * t % 8));
			x3[i][0][0] = bf16_lo(x[0]);
			x3[i][0][1] = bf16_hi(x[0]);
			x3[i][0][2] = bf16_lo(x[1]);
			x3[i][0][3] = bf16_hi(x[1]);
			x3[i][0][4] = bf16_lo(x[2]);
			x3[i][0][5] = bf16_hi(x[2]);
			x3[i][0][6] = bf16_lo(x[3]);
			x3[i][0][7] = bf16_hi(x[3]);
		}
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			if (n20 + 8 * warp + g + 32 * i < N && 8 * t < 24) {
				st_global_v4(y_p + (i64)(n20 + 8 * warp + g + 32 * i) * y_sN + 8 * t, pack_bf16(divide(x3[i][0][0], hi[0][0]), divide(x3[i][0][1], hi[0][1])), pack_bf16(divide(x3[i][0][2], hi[0][2]), divide(x3[i][0][3], hi[0][3])), pack_bf16(divide(x3[i][0][4], hi[0][4]), divide(x3[i][0][5], hi[0][5])), pack_bf16(divide(x3[i][0][6], hi[0][6]), divide(x3[i][0][7], hi[0][7])));
			}
		}
		// loops_twice.lua:21
		float u3[1];
		u3[0] = 32 * warp + lane < 64 ? ld_shared_f32(u_s2 + 4 * (32 * warp + lane)) : 0;
		if (32 * warp + lane < 64 && n20 + 32 * warp + lane < N) {
			st_global_f32(w_p + (i64)(n20 + 32 * warp + lane) * w_sN, divide(exp2_fast(1.44269504f * u3[0]), s));
		}
	}
}

}
