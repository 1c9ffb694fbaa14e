// both -- generated from both.lua for sm_80; do not edit.
// y_i = sum over j <= i of (q_i . k_j) v_j, by chunks
// with C=64, D=16, V=64, dtype=bf16, stages=2, warps=4
// launch both: blocks = B, threads = 128, dynamic shared memory = 26624 bytes
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

// 4 cores from shared memory, each transposed on the way; lane l gives the address of row l%8 of core l/8
static __device__ __forceinline__ void cores_load4_trans(u32 *r0, u32 *r1, u32 *r2, u32 *r3, u32 addr)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
	             : "=r"(*r0), "=r"(*r1), "=r"(*r2), "=r"(*r3) : "r"(addr) : "memory");
}

// ends a basic block: ptxas moves no wait for products up across it, and no load down; never: false, if unknown to it
static __device__ __forceinline__ void scheduler_fence(int never)
{
	if (never)
		__nanosleep(0);
}

// the pointer itself, of which the compiler knows nothing
static __device__ __forceinline__ void *opaque(const void *p)
{
	asm volatile("" : "+l"(p));
	return (void *)p;
}

// stores 4 bytes
static __device__ __forceinline__ void st_global_b32(void *p, u32 v)
{
	*(u32 *)p = v;
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

__global__ void __launch_bounds__(128, 1) both(
	int B, int N, const b16 *q, i64 q_sB, i64 q_sN,
	const b16 *k, i64 k_sB, i64 k_sN, const b16 *v, i64 v_sB,
	i64 v_sN, b16 *o, i64 o_sB, i64 o_sN, float *s1,
	i64 s1_sB, i64 s1_sD)
{
	const u32 smem = smem_base();
	const int tid = (int)threadIdx.x;
	const int warp = warp_uniform(tid / 32);
	const int lane = tid % 32;
	const int g = lane / 4;
	const int t = lane % 4;
	const u32 Q_s_ring = smem;
	const u32 K_s_ring = smem + 4096;
	const u32 V_s_ring = smem + 8192;
	const u32 S_s = smem + 24576;
	const int bi = blockIdx.x;
	const b16 *const q_p = q + bi * q_sB;
	const u32 Q_s_c = tid / 2 * 32 + (tid % 2 ^ ((tid / 2 >> 2) & 1)) * 16;
	const b16 *const k_p = k + bi * k_sB;
	const u32 K_s_c = tid / 2 * 32 + (tid % 2 ^ ((tid / 2 >> 2) & 1)) * 16;
	const b16 *const v_p = v + bi * v_sB;
	const u32 V_s_c = tid / 8 * 128 + (tid % 8 ^ (tid / 8 & 7)) * 16;
	const u32 S_s_w = g * 128 + (warp / 2 * 2 ^ (g & 7)) * 16 + 4 * t;
	const u32 Q_s_l = (lane % 16 + (warp % 2) * 16) * 32 + (lane / 16 % 2 ^ (((lane % 16 + (warp % 2) * 16) >> 2) & 1)) * 16;
	const u32 K_s_l = (lane % 16) * 32 + (lane / 16 % 2 ^ ((lane % 16 >> 2) & 1)) * 16;
	const u32 V_s_l = (lane % 16) * 128 + ((lane / 16 % 2 + warp / 2 * 2) ^ (lane % 16 & 7)) * 16;
	const u32 S_s_l = (lane % 16) * 128 + ((lane / 16 % 2 + warp / 2 * 2) ^ (lane % 16 & 7)) * 16;
	b16 *const o_p = o + bi * o_sB;
	// both.lua:16
	float S[2][4][2];
	#pragma unroll
	for (int i = 0; i < 2; i++) {
		#pragma unroll
		for (int j = 0; j < 4; j++) {
			#pragma unroll
			for (int e = 0; e < 2; e++) {
				S[i][j][e] = 0.0f;
			}
		}
	}
	// both.lua:17
	const int n_end = (N + 63) / 64;
	if (0 < n_end) {
		const b16 *const q_src = q_p + (i64)(tid / 2) * q_sN + 8 * (tid % 2);
		cp_async_16(Q_s_ring + Q_s_c, q_src, tid / 2 < N ? 16 : 0);
		const b16 *const k_src = k_p + (i64)(tid / 2) * k_sN + 8 * (tid % 2);
		cp_async_16(K_s_ring + K_s_c, k_src, tid / 2 < N ? 16 : 0);
		const b16 *const v_src = v_p + (i64)(tid / 8) * v_sN + 8 * (tid % 8);
		#pragma unroll
		for (int u = 0; u < 4; u++) {
			cp_async_16(V_s_ring + V_s_c + 2048 * u, v_src + (i64)(16 * u) * v_sN, tid / 8 + 16 * u < N ? 16 : 0);
		}
	}
	cp_async_commit();
	int slot = 0, fill = 1;
	for (int n = 0; n < n_end; n++) {
		const int n0 = n * 64;
		cp_async_wait(0);
		const int fetch = n + 1;
		block_sync();
		if (fetch < n_end) {
			const b16 *const q_src2 = q_p + (i64)(fetch * 64 + tid / 2) * q_sN + 8 * (tid % 2);
			cp_async_16(Q_s_ring + fill * 2048 + Q_s_c, q_src2, fetch * 64 + tid / 2 < N ? 16 : 0);
			const b16 *const k_src2 = k_p + (i64)(fetch * 64 + tid / 2) * k_sN + 8 * (tid % 2);
			cp_async_16(K_s_ring + fill * 2048 + K_s_c, k_src2, fetch * 64 + tid / 2 < N ? 16 : 0);
			const b16 *const v_src2 = v_p + (i64)(fetch * 64 + tid / 8) * v_sN + 8 * (tid % 8);
			#pragma unroll
			for (int u = 0; u < 4; u++) {
				cp_async_16(V_s_ring + fill * 8192 + V_s_c + 2048 * u, v_src2 + (i64)(16 * u) * v_sN, fetch * 64 + tid / 8 + 16 * u < N ? 16 : 0);
			}
		}
		cp_async_commit();
		const u32 Q_s = Q_s_ring + slot * 2048;
		const u32 K_s = K_s_ring + slot * 2048;
		const u32 V_s = V_s_ring + slot * 8192;
		slot = slot + 1 == 2 ? 0 : slot + 1;
		fill = fill + 1 == 2 ? 0 : fill + 1;
		if (warp % 2 == 0) {
			#pragma unroll
			for (int i = 0; i < 2; i++) {
				#pragma unroll
				for (int j = 0; j < 4; j++) {
					st_shared_b32(S_s + (S_s_w ^ 16 * (j / 2 * 4 + j % 2)) + 1024 * i, pack_bf16(S[i][j][0], S[i][j][1]));
				}
			}
		}
		// both.lua:19
		u32 Q[4][2];
		#pragma unroll
		for (int i = 0; i < 4; i += 2) {
			cores_load4(&Q[i][0], &Q[i + 1][0], &Q[i][1], &Q[i + 1][1], Q_s + 512 * i + Q_s_l);
		}
		u32 K[8][2];
		#pragma unroll
		for (int i = 0; i < 8; i += 2) {
			cores_load4(&K[i][0], &K[i + 1][0], &K[i][1], &K[i + 1][1], K_s + 256 * i + K_s_l);
		}
		float dot[4][8][2];
		#pragma unroll
		for (int i = 0; i < 4; i++) {
			#pragma unroll
			for (int j = 0; j < 4 * (i / 2) + 4; j++) {
				#pragma unroll
				for (int e = 0; e < 2; e++) {
					dot[i][j][e] = 0.0f;
				}
			}
		}
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			#pragma unroll
			for (int j = 0; j < 4 * i + 4; j++) {
				mma_bf16(dot[2 * i][j], dot[2 * i + 1][j], Q[2 * i][0], Q[2 * i + 1][0], Q[2 * i][1], Q[2 * i + 1][1], K[j][0], K[j][1]);
			}
		}
		u32 where[4][8];
		#pragma unroll
		for (int i = 0; i < 4; i++) {
			#pragma unroll
			for (int j = 0; j < 4 * (i / 2) + 4; j++) {
				where[i][j] = pack_bf16(j < 4 * (i / 2) || 16 * (warp % 2) + g + i / 2 * 32 + (i % 2) * 8 >= 2 * t + 8 * j ? dot[i][j][0] : 0.0f, j < 4 * (i / 2) || 16 * (warp % 2) + g + i / 2 * 32 + (i % 2) * 8 >= 2 * t + 8 * j + 1 ? dot[i][j][1] : 0.0f);
			}
		}
		float dot2[4][4][2];
		#pragma unroll
		for (int i = 0; i < 4; i++) {
			#pragma unroll
			for (int j = 0; j < 4; j++) {
				#pragma unroll
				for (int e = 0; e < 2; e++) {
					dot2[i][j][e] = 0.0f;
				}
			}
		}
		u32 K2[8][2];
		#pragma unroll
		for (int i = 0; i < 8; i += 2) {
			cores_load4_trans(&K2[i][0], &K2[i + 1][0], &K2[i][1], &K2[i + 1][1], K_s + 256 * i + K_s_l);
		}
		#pragma unroll
		for (int k = 0; k < 4; k++) {
			u32 V_f[2][4];
			#pragma unroll
			for (int j = 0; j < 4; j += 2) {
				cores_load4_trans(&V_f[0][j], &V_f[1][j], &V_f[0][j + 1], &V_f[1][j + 1], V_s + 2048 * k + (V_s_l ^ 32 * j));
			}
			#pragma unroll
			for (int i = k / 2; i < 2; i++) {
				#pragma unroll
				for (int j = 0; j < 4; j++) {
					mma_bf16(dot2[2 * i][j], dot2[2 * i + 1][j], where[2 * i][2 * k], where[2 * i + 1][2 * k], where[2 * i][2 * k + 1], where[2 * i + 1][2 * k + 1], V_f[0][j], V_f[1][j]);
				}
			}
			// both.lua:20
			#pragma unroll
			for (int j = 0; j < 4; j++) {
				mma_bf16(S[0][j], S[1][j], K2[2 * k][0], K2[2 * k][1], K2[2 * k + 1][0], K2[2 * k + 1][1], V_f[0][j], V_f[1][j]);
			}
		}
		// both.lua:19
		scheduler_fence(B < 0);
		u32 S_s_f[2][4];
		block_sync();
		#pragma unroll
		for (int j = 0; j < 4; j += 2) {
			cores_load4_trans(&S_s_f[0][j], &S_s_f[1][j], &S_s_f[0][j + 1], &S_s_f[1][j + 1], S_s + (S_s_l ^ 32 * j));
		}
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			#pragma unroll
			for (int j = 0; j < 4; j++) {
				mma_bf16(dot2[2 * i][j], dot2[2 * i + 1][j], Q[2 * i][0], Q[2 * i + 1][0], Q[2 * i][1], Q[2 * i + 1][1], S_s_f[0][j], S_s_f[1][j]);
			}
		}
		b16 *const o_at = (b16 *)opaque(o_p + (i64)(n0 + 16 * (warp % 2) + g) * o_sN + 16 * (warp / 2 % 2) + 2 * t);
		#pragma unroll
		for (int i = 0; i < 4; i++) {
			#pragma unroll
			for (int j = 0; j < 4; j++) {
				if (n0 + 16 * (warp % 2) + g + i / 2 * 32 + (i % 2) * 8 < N) {
					st_global_b32(o_at + (i64)(i / 2 * 32 + (i % 2) * 8) * o_sN + j / 2 * 32 + (j % 2) * 8, pack_bf16(dot2[i][j][0], dot2[i][j][1]));
				}
			}
		}
	}
	// both.lua:22
	float *const s1_p = s1 + bi * s1_sB;
	if (warp % 2 == 0) {
		float *const s1_at = (float *)opaque(s1_p + (i64)(g) * s1_sD + 16 * (warp / 2 % 2) + 2 * t);
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			#pragma unroll
			for (int j = 0; j < 4; j++) {
				st_global_v2(s1_at + (i64)(8 * i) * s1_sD + j / 2 * 32 + (j % 2) * 8, f32_bits(S[i][j][0]), f32_bits(S[i][j][1]));
			}
		}
	}
}

}
