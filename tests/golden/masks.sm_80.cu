// masks -- generated from masks.lua for sm_80; do not edit.
// o_i = sum over the seen j of (q_i . k_j) k_j, the mask one of a list
// with C=64, D=16, dtype=bf16, kind=1, rows=64, stages=2, warps=4
// launch masks: blocks = B * ceil(M / 64), threads = 128, dynamic shared memory = 6144 bytes
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

// 4 cores from shared memory; lane l gives the address of row l%8 of core l/8
static __device__ __forceinline__ void cores_load4(u32 *r0, u32 *r1, u32 *r2, u32 *r3, u32 addr)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
	             : "=r"(*r0), "=r"(*r1), "=r"(*r2), "=r"(*r3) : "r"(addr) : "memory");
}

// d[16][8] += a[16][16] b[16][8]; d0 and d1 are the pairs of rows 0-7 and 8-15
static __device__ __forceinline__ void mma_bf16(float *d0, float *d1, u32 a0, u32 a1, u32 a2, u32 a3,
                                                u32 b0, u32 b1)
{
	asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
	    "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
	    : "+f"(d0[0]), "+f"(d0[1]), "+f"(d1[0]), "+f"(d1[1])
	    : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

// two fp32 to a pair of bf16, to nearest even
static __device__ __forceinline__ u32 pack_bf16(float lo, float hi)
{
	u32 d;
	asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(d) : "f"(hi), "f"(lo));
	return d;
}

// 4 cores from shared memory, each transposed on the way; lane l gives the address of row l%8 of core l/8
static __device__ __forceinline__ void cores_load4_trans(u32 *r0, u32 *r1, u32 *r2, u32 *r3, u32 addr)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
	             : "=r"(*r0), "=r"(*r1), "=r"(*r2), "=r"(*r3) : "r"(addr) : "memory");
}

// the pointer itself, of which the compiler knows nothing
static __device__ __forceinline__ void *opaque(const void *p)
{
	asm volatile("" : "+l"(p));
	return (void *)p;
}

// stores 8 bytes
static __device__ __forceinline__ void st_global_v2(void *p, u32 x, u32 y)
{
	*(uint2 *)p = make_uint2(x, y);
}

// the bits of a float
static __device__ __forceinline__ u32 f32_bits(float x)
{
	return __float_as_uint(x);
}


extern "C" {

__global__ void __launch_bounds__(128, 1) masks(
	int M, int B, const b16 *q, i64 q_sB, i64 q_sM,
	int N, const b16 *k, i64 k_sB, i64 k_sN, float *o,
	i64 o_sB, i64 o_sM)
{
	const u32 smem = smem_base();
	const int tid = (int)threadIdx.x;
	const int warp = warp_uniform(tid / 32);
	const int lane = tid % 32;
	const int g = lane / 4;
	const int t = lane % 4;
	const u32 Q_s = smem;
	const u32 K_s_ring = smem + 2048;
	const int tiles = (M + 63) / 64;
	const u32 first = blockIdx.x / (16 * tiles) * 16;
	const u32 near = B - first < 16 ? B - first : 16;
	const u32 place = blockIdx.x - first * tiles;
	const u32 pid2 = first + place % near;
	const int m0 = (tiles - 1 - place / near) * 64;
	const int bi = pid2;
	const b16 *const q_p = q + bi * q_sB;
	const u32 Q_s_c = tid / 2 * 32 + (tid % 2 ^ ((tid / 2 >> 2) & 1)) * 16;
	const b16 *const k_p = k + bi * k_sB;
	const u32 K_s_c = tid / 2 * 32 + (tid % 2 ^ ((tid / 2 >> 2) & 1)) * 16;
	const u32 K_s_l = (lane % 16) * 32 + (lane / 16 % 2 ^ ((lane % 16 >> 2) & 1)) * 16;
	const u32 Q_s_l = (lane % 16 + warp * 16) * 32 + (lane / 16 % 2 ^ (((lane % 16 + warp * 16) >> 2) & 1)) * 16;
	const b16 *const q_src = q_p + (i64)(m0 + tid / 2) * q_sM + 8 * (tid % 2);
	cp_async_16(Q_s + Q_s_c, q_src, m0 + tid / 2 < M ? 16 : 0);
	// masks.lua:32
	float o2[2][2][2];
	#pragma unroll
	for (int i = 0; i < 2; i++) {
		#pragma unroll
		for (int j = 0; j < 2; j++) {
			#pragma unroll
			for (int e = 0; e < 2; e++) {
				o2[i][j][e] = 0.0f;
			}
		}
	}
	// masks.lua:34
	const int N_last = m0 + 63;
	const int n_end = N_last < 0 ? 0 : N_last / 64 + 1 < (N + 63) / 64 ? N_last / 64 + 1 : (N + 63) / 64;
	if (0 < n_end) {
		const b16 *const k_src = k_p + (i64)(tid / 2) * k_sN + 8 * (tid % 2);
		cp_async_16(K_s_ring + K_s_c, k_src, tid / 2 < N ? 16 : 0);
	}
	cp_async_commit();
	int slot = 0, fill = 1;
	for (int n = 0; n < n_end; n++) {
		const int n0 = n * 64;
		cp_async_wait(0);
		const int fetch = n + 1;
		block_sync();
		if (fetch < n_end) {
			const b16 *const k_src2 = k_p + (i64)(fetch * 64 + tid / 2) * k_sN + 8 * (tid % 2);
			cp_async_16(K_s_ring + fill * 2048 + K_s_c, k_src2, fetch * 64 + tid / 2 < N ? 16 : 0);
		}
		cp_async_commit();
		const u32 K_s = K_s_ring + slot * 2048;
		slot = slot + 1 == 2 ? 0 : slot + 1;
		fill = fill + 1 == 2 ? 0 : fill + 1;
		// masks.lua:36
		u32 K[8][2];
		#pragma unroll
		for (int i = 0; i < 8; i += 2) {
			cores_load4(&K[i][0], &K[i + 1][0], &K[i][1], &K[i + 1][1], K_s + 256 * i + K_s_l);
		}
		float dot[2][8][2];
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			#pragma unroll
			for (int j = 0; j < 8; j++) {
				#pragma unroll
				for (int e = 0; e < 2; e++) {
					dot[i][j][e] = 0.0f;
				}
			}
		}
		u32 Q_f[2][2];
		cores_load4(&Q_f[0][0], &Q_f[1][0], &Q_f[0][1], &Q_f[1][1], Q_s + Q_s_l);
		#pragma unroll
		for (int j = 0; j < 8; j++) {
			mma_bf16(dot[0][j], dot[1][j], Q_f[0][0], Q_f[1][0], Q_f[0][1], Q_f[1][1], K[j][0], K[j][1]);
		}
		if (!(m0 + 16 * warp - n0 >= 63)) {
			const int room = m0 + 16 * warp + g - (n0 + 2 * t);
			#pragma unroll
			for (int i = 0; i < 2; i++) {
				#pragma unroll
				for (int j = 0; j < 8; j++) {
					#pragma unroll
					for (int e = 0; e < 2; e++) {
						dot[i][j][e] = room >= -8 * i + 8 * j + e ? dot[i][j][e] : 0.0f;
					}
				}
			}
		}
		u32 where[2][8];
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			#pragma unroll
			for (int j = 0; j < 8; j++) {
				where[i][j] = pack_bf16(dot[i][j][0], dot[i][j][1]);
			}
		}
		u32 K2[8][2];
		#pragma unroll
		for (int i = 0; i < 8; i += 2) {
			cores_load4_trans(&K2[i][0], &K2[i + 1][0], &K2[i][1], &K2[i + 1][1], K_s + 256 * i + K_s_l);
		}
		#pragma unroll
		for (int k = 0; k < 4; k++) {
			#pragma unroll
			for (int j = 0; j < 2; j++) {
				mma_bf16(o2[0][j], o2[1][j], where[0][2 * k], where[1][2 * k], where[0][2 * k + 1], where[1][2 * k + 1], K2[2 * k][j], K2[2 * k + 1][j]);
			}
		}
	}
	// masks.lua:38
	float *const o_p = o + bi * o_sB;
	float *const o_at = (float *)opaque(o_p + (i64)(m0 + 16 * (warp % 4) + g) * o_sM + 2 * t);
	#pragma unroll
	for (int i = 0; i < 2; i++) {
		#pragma unroll
		for (int j = 0; j < 2; j++) {
			if (m0 + 16 * warp + g + 8 * i < M) {
				st_global_v2(o_at + (i64)(8 * i) * o_sM + 8 * j, f32_bits(o2[i][j][0]), f32_bits(o2[i][j][1]));
			}
		}
	}
}

}
