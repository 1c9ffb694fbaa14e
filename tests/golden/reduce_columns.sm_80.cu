// reduce_columns -- generated from reduce_columns.lua for sm_80; do not edit.
// The sum, largest and smallest of each column of x + 1, all of one sign
// with C=64, D=64, dtype=bf16, stages=2, warps=4, wide=0
// launch reduce_columns: blocks = B, threads = 128, dynamic shared memory = 19456 bytes
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

// +infinity
static __device__ __forceinline__ float inf(void)
{
	return __int_as_float(0x7f800000);
}

// copies the first `bytes` of 16 bytes and zeroes the rest; bytes = 0 reads nothing
static __device__ __forceinline__ void cp_async_16(u32 dst, const void *src, int bytes)
{
	asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
	             :: "r"(dst), "l"(src), "r"(bytes));
}

// closes the thread's group of copies
static __device__ __forceinline__ void cp_async_commit(void)
{
	asm volatile("cp.async.commit_group;");
}

// waits until at most n of the thread's groups are in flight; n is a literal
#define cp_async_wait(n) asm volatile("cp.async.wait_group %0;" :: "n"(n) : "memory")

// every thread of the block arrives before any leaves; orders their memory
static __device__ __forceinline__ void block_sync(void)
{
	__syncthreads();
}

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


extern "C" {

__global__ void __launch_bounds__(128, 1) reduce_columns(
	int B, int N, const b16 *x, i64 x_sB, i64 x_sN,
	float *lo, i64 lo_sB, float *hi, i64 hi_sB, float *s,
	i64 s_sB)
{
	const u32 smem = smem_base();
	const int tid = (int)threadIdx.x;
	const int warp = warp_uniform(tid / 32);
	const int lane = tid % 32;
	const u32 x_s_ring = smem;
	const u32 sum_x = smem + 16384;
	const u32 rmax_x = smem + 17408;
	const u32 rmin_x = smem + 18432;
	const int bi = blockIdx.x;
	const b16 *const x_p = x + bi * x_sB;
	const u32 x_s_c = tid / 8 * 128 + (tid % 8 ^ (tid / 8 & 7)) * 16;
	// reduce_columns.lua:27
	float s2[1][8];
	#pragma unroll
	for (int j = 0; j < 8; j++) {
		s2[0][j] = 0.0f;
	}
	// reduce_columns.lua:27
	float hi2[1][8];
	#pragma unroll
	for (int j = 0; j < 8; j++) {
		hi2[0][j] = -inf();
	}
	// reduce_columns.lua:27
	float lo2[1][8];
	#pragma unroll
	for (int j = 0; j < 8; j++) {
		lo2[0][j] = inf();
	}
	// reduce_columns.lua:28
	const int n_end = (N + 63) / 64;
	if (0 < n_end) {
		const b16 *const x_src = x_p + (i64)(tid / 8) * x_sN + 8 * (tid % 8);
		#pragma unroll
		for (int u = 0; u < 4; u++) {
			cp_async_16(x_s_ring + x_s_c + 2048 * u, x_src + (i64)(16 * u) * x_sN, tid / 8 + 16 * u < N ? 16 : 0);
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
			const b16 *const x_src2 = x_p + (i64)(fetch * 64 + tid / 8) * x_sN + 8 * (tid % 8);
			#pragma unroll
			for (int u = 0; u < 4; u++) {
				cp_async_16(x_s_ring + fill * 8192 + x_s_c + 2048 * u, x_src2 + (i64)(16 * u) * x_sN, fetch * 64 + tid / 8 + 16 * u < N ? 16 : 0);
			}
		}
		cp_async_commit();
		const u32 x_s = x_s_ring + slot * 8192;
		slot = slot + 1 == 2 ? 0 : slot + 1;
		fill = fill + 1 == 2 ? 0 : fill + 1;
		// reduce_columns.lua:30
		float x2[4][1][8];
		#pragma unroll
		for (int i = 0; i < 4; i++) {
			u32 x[4];
			ld_shared_v4(x, x_s + (4 * warp + lane / 8 + 16 * i) * 128 + (8 * (lane % 8) / 8 ^ ((4 * warp + lane / 8 + 16 * i) & 7)) * 16 + 2 * (8 * (lane % 8) % 8));
			x2[i][0][0] = bf16_lo(x[0]);
			x2[i][0][1] = bf16_hi(x[0]);
			x2[i][0][2] = bf16_lo(x[1]);
			x2[i][0][3] = bf16_hi(x[1]);
			x2[i][0][4] = bf16_lo(x[2]);
			x2[i][0][5] = bf16_hi(x[2]);
			x2[i][0][6] = bf16_lo(x[3]);
			x2[i][0][7] = bf16_hi(x[3]);
		}
		float x3[4][1][8];
		#pragma unroll
		for (int i = 0; i < 4; i++) {
			#pragma unroll
			for (int h = 0; h < 8; h++) {
				x3[i][0][h] = x2[i][0][h] + 1.0f;
			}
		}
		float sum[1][8];
		#pragma unroll
		for (int j = 0; j < 8; j++) {
			sum[0][j] = 0.0f;
		}
		#pragma unroll
		for (int i = 0; i < 4; i++) {
			#pragma unroll
			for (int h = 0; h < 8; h++) {
				sum[0][h] = sum[0][h] + (4 * warp + lane / 8 + 16 * i < n0_live ? x3[i][0][h] : 0.0f);
			}
		}
		#pragma unroll
		for (int j = 0; j < 8; j++) {
			sum[0][j] = sum[0][j] + shfl_xor_f32(sum[0][j], 8);
			sum[0][j] = sum[0][j] + shfl_xor_f32(sum[0][j], 16);
		}
		if (lane / 8 == 0) {
			#pragma unroll
			for (int j = 0; j < 8; j++) {
				st_shared_f32(sum_x + 256 * warp + 4 * (8 * (lane % 8) + j), sum[0][j]);
			}
		}
		block_sync();
		#pragma unroll
		for (int j = 0; j < 8; j++) {
			sum[0][j] = 0.0f;
			#pragma unroll
			for (int x = 0; x < 4; x++) {
				sum[0][j] = sum[0][j] + ld_shared_f32(sum_x + 256 * x + 4 * (8 * (lane % 8) + j));
			}
		}
		#pragma unroll
		for (int j = 0; j < 8; j++) {
			s2[0][j] = s2[0][j] + sum[0][j];
		}
		// reduce_columns.lua:31
		float rmax[1][8];
		#pragma unroll
		for (int j = 0; j < 8; j++) {
			rmax[0][j] = -inf();
		}
		#pragma unroll
		for (int i = 0; i < 4; i++) {
			#pragma unroll
			for (int h = 0; h < 8; h++) {
				rmax[0][h] = fmaxf(rmax[0][h], 4 * warp + lane / 8 + 16 * i < n0_live ? x3[i][0][h] : -inf());
			}
		}
		#pragma unroll
		for (int j = 0; j < 8; j++) {
			rmax[0][j] = fmaxf(rmax[0][j], shfl_xor_f32(rmax[0][j], 8));
			rmax[0][j] = fmaxf(rmax[0][j], shfl_xor_f32(rmax[0][j], 16));
		}
		if (lane / 8 == 0) {
			#pragma unroll
			for (int j = 0; j < 8; j++) {
				st_shared_f32(rmax_x + 256 * warp + 4 * (8 * (lane % 8) + j), rmax[0][j]);
			}
		}
		block_sync();
		#pragma unroll
		for (int j = 0; j < 8; j++) {
			rmax[0][j] = -inf();
			#pragma unroll
			for (int x = 0; x < 4; x++) {
				rmax[0][j] = fmaxf(rmax[0][j], ld_shared_f32(rmax_x + 256 * x + 4 * (8 * (lane % 8) + j)));
			}
		}
		#pragma unroll
		for (int j = 0; j < 8; j++) {
			hi2[0][j] = fmaxf(hi2[0][j], rmax[0][j]);
		}
		// reduce_columns.lua:32
		float rmin[1][8];
		#pragma unroll
		for (int j = 0; j < 8; j++) {
			rmin[0][j] = inf();
		}
		#pragma unroll
		for (int i = 0; i < 4; i++) {
			#pragma unroll
			for (int h = 0; h < 8; h++) {
				rmin[0][h] = fminf(rmin[0][h], 4 * warp + lane / 8 + 16 * i < n0_live ? x3[i][0][h] : inf());
			}
		}
		#pragma unroll
		for (int j = 0; j < 8; j++) {
			rmin[0][j] = fminf(rmin[0][j], shfl_xor_f32(rmin[0][j], 8));
			rmin[0][j] = fminf(rmin[0][j], shfl_xor_f32(rmin[0][j], 16));
		}
		if (lane / 8 == 0) {
			#pragma unroll
			for (int j = 0; j < 8; j++) {
				st_shared_f32(rmin_x + 256 * warp + 4 * (8 * (lane % 8) + j), rmin[0][j]);
			}
		}
		block_sync();
		#pragma unroll
		for (int j = 0; j < 8; j++) {
			rmin[0][j] = inf();
			#pragma unroll
			for (int x = 0; x < 4; x++) {
				rmin[0][j] = fminf(rmin[0][j], ld_shared_f32(rmin_x + 256 * x + 4 * (8 * (lane % 8) + j)));
			}
		}
		#pragma unroll
		for (int j = 0; j < 8; j++) {
			lo2[0][j] = fminf(lo2[0][j], rmin[0][j]);
		}
	}
	// reduce_columns.lua:34
	float *const lo_p = lo + bi * lo_sB;
	if (lane / 8 == 0 && warp == 0) {
		st_global_v4(lo_p + 8 * (lane % 8), f32_bits(lo2[0][0] - 1.0f), f32_bits(lo2[0][1] - 1.0f), f32_bits(lo2[0][2] - 1.0f), f32_bits(lo2[0][3] - 1.0f));
		st_global_v4(lo_p + 8 * (lane % 8) + 4, f32_bits(lo2[0][4] - 1.0f), f32_bits(lo2[0][5] - 1.0f), f32_bits(lo2[0][6] - 1.0f), f32_bits(lo2[0][7] - 1.0f));
	}
	// reduce_columns.lua:34
	float *const hi_p = hi + bi * hi_sB;
	if (lane / 8 == 0 && warp == 0) {
		st_global_v4(hi_p + 8 * (lane % 8), f32_bits(hi2[0][0] - 1.0f), f32_bits(hi2[0][1] - 1.0f), f32_bits(hi2[0][2] - 1.0f), f32_bits(hi2[0][3] - 1.0f));
		st_global_v4(hi_p + 8 * (lane % 8) + 4, f32_bits(hi2[0][4] - 1.0f), f32_bits(hi2[0][5] - 1.0f), f32_bits(hi2[0][6] - 1.0f), f32_bits(hi2[0][7] - 1.0f));
	}
	// reduce_columns.lua:34
	float *const s_p = s + bi * s_sB;
	if (lane / 8 == 0 && warp == 0) {
		st_global_v4(s_p + 8 * (lane % 8), f32_bits(s2[0][0]), f32_bits(s2[0][1]), f32_bits(s2[0][2]), f32_bits(s2[0][3]));
		st_global_v4(s_p + 8 * (lane % 8) + 4, f32_bits(s2[0][4]), f32_bits(s2[0][5]), f32_bits(s2[0][6]), f32_bits(s2[0][7]));
	}
}

}
