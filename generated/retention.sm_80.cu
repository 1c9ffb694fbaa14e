// retention -- generated from retention.lua for sm_80; do not edit.
// Linear attention with a fixed decay per head (RetNet, arXiv 2307.08621)
// with C=64, D=64, V=64, dtype=bf16, stages=2, warps=4
// launch retention: blocks = B * H, threads = 128, dynamic shared memory = 57600 bytes
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

// 4 cores from shared memory, each transposed on the way; lane l gives the address of row l%8 of core l/8
static __device__ __forceinline__ void cores_load4_trans(u32 *r0, u32 *r1, u32 *r2, u32 *r3, u32 addr)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
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

// loads 4 bytes
static __device__ __forceinline__ float ld_global_f32(const void *p)
{
	return *(const float *)p;
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

// x of lane (own ^ mask)
static __device__ __forceinline__ float shfl_xor_f32(float x, int mask)
{
	return __shfl_xor_sync(0xffffffffu, x, mask);
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


extern "C" {

__global__ void __launch_bounds__(128, 1) retention(
	int H, int B, int N, const b16 *q, i64 q_sB,
	i64 q_sH, i64 q_sN, const b16 *k, i64 k_sB, i64 k_sH,
	i64 k_sN, const b16 *v, i64 v_sB, i64 v_sH, i64 v_sN,
	const float *g2, i64 g_sH, b16 *o, i64 o_sB, i64 o_sH,
	i64 o_sN)
{
	const u32 smem = smem_base();
	const int tid = (int)threadIdx.x;
	const int warp = warp_uniform(tid / 32);
	const int lane = tid % 32;
	const int g = lane / 4;
	const int t = lane % 4;
	const u32 Q_s_ring = smem;
	const u32 K_s_ring = smem + 16384;
	const u32 V_s_ring = smem + 32768;
	const u32 S_s = smem + 49152;
	const u32 c2_v = smem + 57344;
	const int hi = blockIdx.x % H;
	const u32 pid2 = blockIdx.x / H;
	const int bi = pid2;
	const b16 *const q_p = q + bi * q_sB + hi * q_sH;
	const u32 Q_s_c = tid / 8 * 128 + (tid % 8 ^ (tid / 8 & 7)) * 16;
	const b16 *const k_p = k + bi * k_sB + hi * k_sH;
	const u32 K_s_c = tid / 8 * 128 + (tid % 8 ^ (tid / 8 & 7)) * 16;
	const b16 *const v_p = v + bi * v_sB + hi * v_sH;
	const u32 V_s_c = tid / 8 * 128 + (tid % 8 ^ (tid / 8 & 7)) * 16;
	const u32 S_s_w = (16 * warp + g) * 128 + ((16 * warp + g) & 7) * 16 + 4 * t;
	const u32 Q_s_l = (lane % 16 + warp * 16) * 128 + (lane / 16 % 2 ^ ((lane % 16 + warp * 16) & 7)) * 16;
	const u32 S_s_l = (lane % 16) * 128 + (lane / 16 % 2 ^ (lane % 16 & 7)) * 16;
	const float *const g_p = g2 + hi * g_sH;
	const u32 K_s_l = (lane % 16) * 128 + (lane / 16 % 2 ^ (lane % 16 & 7)) * 16;
	const u32 V_s_l = (lane % 16) * 128 + (lane / 16 % 2 ^ (lane % 16 & 7)) * 16;
	b16 *const o_p = o + bi * o_sB + hi * o_sH;
	const u32 K_s_l2 = (lane % 16) * 128 + ((lane / 16 % 2 + warp * 2) ^ (lane % 16 & 7)) * 16;
	// retention.lua:19
	float S[2][8][2];
	#pragma unroll
	for (int i = 0; i < 2; i++) {
		#pragma unroll
		for (int j = 0; j < 8; j++) {
			#pragma unroll
			for (int e = 0; e < 2; e++) {
				S[i][j][e] = 0.0f;
			}
		}
	}
	// retention.lua:20
	const int n_end = (N + 63) / 64;
	if (0 < n_end) {
		const b16 *const q_src = q_p + (i64)(tid / 8) * q_sN + 8 * (tid % 8);
		#pragma unroll
		for (int u = 0; u < 4; u++) {
			cp_async_16(Q_s_ring + Q_s_c + 2048 * u, q_src + (i64)(16 * u) * q_sN, tid / 8 + 16 * u < N ? 16 : 0);
		}
		const b16 *const k_src = k_p + (i64)(tid / 8) * k_sN + 8 * (tid % 8);
		#pragma unroll
		for (int u = 0; u < 4; u++) {
			cp_async_16(K_s_ring + K_s_c + 2048 * u, k_src + (i64)(16 * u) * k_sN, tid / 8 + 16 * u < N ? 16 : 0);
		}
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
		const int n0_live = N - n0 < 64 ? N - n0 : 64;
		cp_async_wait(0);
		const int fetch = n + 1;
		block_sync();
		if (fetch < n_end) {
			const b16 *const q_src2 = q_p + (i64)(fetch * 64 + tid / 8) * q_sN + 8 * (tid % 8);
			#pragma unroll
			for (int u = 0; u < 4; u++) {
				cp_async_16(Q_s_ring + fill * 8192 + Q_s_c + 2048 * u, q_src2 + (i64)(16 * u) * q_sN, fetch * 64 + tid / 8 + 16 * u < N ? 16 : 0);
			}
			const b16 *const k_src2 = k_p + (i64)(fetch * 64 + tid / 8) * k_sN + 8 * (tid % 8);
			#pragma unroll
			for (int u = 0; u < 4; u++) {
				cp_async_16(K_s_ring + fill * 8192 + K_s_c + 2048 * u, k_src2 + (i64)(16 * u) * k_sN, fetch * 64 + tid / 8 + 16 * u < N ? 16 : 0);
			}
			const b16 *const v_src2 = v_p + (i64)(fetch * 64 + tid / 8) * v_sN + 8 * (tid % 8);
			#pragma unroll
			for (int u = 0; u < 4; u++) {
				cp_async_16(V_s_ring + fill * 8192 + V_s_c + 2048 * u, v_src2 + (i64)(16 * u) * v_sN, fetch * 64 + tid / 8 + 16 * u < N ? 16 : 0);
			}
		}
		cp_async_commit();
		const u32 Q_s = Q_s_ring + slot * 8192;
		const u32 K_s = K_s_ring + slot * 8192;
		const u32 V_s = V_s_ring + slot * 8192;
		slot = slot + 1 == 2 ? 0 : slot + 1;
		fill = fill + 1 == 2 ? 0 : fill + 1;
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			#pragma unroll
			for (int j = 0; j < 8; j++) {
				st_shared_b32(S_s + (S_s_w ^ 16 * j) + 1024 * i, pack_bf16(S[i][j][0], S[i][j][1]));
			}
		}
		// retention.lua:24
		u32 Q[2][8];
		#pragma unroll
		for (int j = 0; j < 8; j += 2) {
			cores_load4(&Q[0][j], &Q[1][j], &Q[0][j + 1], &Q[1][j + 1], Q_s + (Q_s_l ^ 16 * j));
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
		block_sync();
		#pragma unroll
		for (int k = 0; k < 4; k++) {
			u32 S_s_f[2][8];
			#pragma unroll
			for (int j = 0; j < 8; j += 2) {
				cores_load4_trans(&S_s_f[0][j], &S_s_f[1][j], &S_s_f[0][j + 1], &S_s_f[1][j + 1], S_s + 2048 * k + (S_s_l ^ 16 * j));
			}
			#pragma unroll
			for (int j = 0; j < 8; j++) {
				mma_bf16(dot[0][j], dot[1][j], Q[0][2 * k], Q[1][2 * k], Q[0][2 * k + 1], Q[1][2 * k + 1], S_s_f[0][j], S_s_f[1][j]);
			}
		}
		float g3 = ld_global_f32(g_p);
		float w[2];
		#pragma unroll
		for (int e = 0; e < 2; e++) {
			w[e] = 2 * lane + e < n0_live ? 0.0f + g3 : 0.0f;
		}
		float c2[2];
		c2[0] = w[0];
		c2[1] = c2[0] + w[1];
		float c2_run = c2[1];
		#pragma unroll
		for (int d = 1; d < 32; d *= 2) {
			const float up = shfl_up_f32(c2_run, d);
			c2_run = lane >= d ? c2_run + up : c2_run;
		}
		c2_run = shfl_up_f32(c2_run, 1);
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			c2[i] = lane > 0 ? c2_run + c2[i] : c2[i];
		}
		if (warp == 0) {
			#pragma unroll
			for (int e = 0; e < 2; e++) {
				st_shared_f32(c2_v + 4 * (2 * lane + e), c2[e]);
			}
		}
		float c2_at[2];
		block_sync();
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			c2_at[i] = ld_shared_f32(c2_v + 4 * (16 * warp + g + 8 * i));
		}
		float mul[2];
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			mul[i] = 0.125f * exp2_fast(1.44269504f * c2_at[i]);
		}
		float add[2][8][2];
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			#pragma unroll
			for (int j = 0; j < 8; j++) {
				#pragma unroll
				for (int e = 0; e < 2; e++) {
					add[i][j][e] = dot[i][j][e] * mul[i];
				}
			}
		}
		float dot2[2][8][2];
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			#pragma unroll
			for (int j = 0; j < 8; j++) {
				#pragma unroll
				for (int e = 0; e < 2; e++) {
					dot2[i][j][e] = 0.0f;
				}
			}
		}
		#pragma unroll
		for (int k = 0; k < 4; k++) {
			u32 K_f[8][2];
			#pragma unroll
			for (int i = 0; i < 8; i += 2) {
				cores_load4(&K_f[i][0], &K_f[i + 1][0], &K_f[i][1], &K_f[i + 1][1], K_s + 1024 * i + (K_s_l ^ 32 * k));
			}
			#pragma unroll
			for (int j = 0; j < 8; j++) {
				mma_bf16(dot2[0][j], dot2[1][j], Q[0][2 * k], Q[1][2 * k], Q[0][2 * k + 1], Q[1][2 * k + 1], K_f[j][0], K_f[j][1]);
			}
		}
		float c2_at_at[8][2];
		#pragma unroll
		for (int i = 0; i < 8; i++) {
			#pragma unroll
			for (int e = 0; e < 2; e++) {
				c2_at_at[i][e] = ld_shared_f32(c2_v + 4 * (2 * t + 8 * i + e));
			}
		}
		u32 mul2[2][8];
		#pragma unroll
		for (int q = 0; q < 4; q++) {
			if (q < warp) {
				#pragma unroll
				for (int i = 0; i < 2; i++) {
					#pragma unroll
					for (int j = 2 * q; j < 2 * q + 2; j++) {
						mul2[i][j] = pack_bf16(dot2[i][j][0] * 0.125f * exp2_fast(fmaf(c2_at[i], 1.44269504f, -1.44269504f * c2_at_at[j][0])), dot2[i][j][1] * 0.125f * exp2_fast(fmaf(c2_at[i], 1.44269504f, -1.44269504f * c2_at_at[j][1])));
					}
				}
			} else if (q == warp) {
				#pragma unroll
				for (int i = 0; i < 2; i++) {
					#pragma unroll
					for (int j = 2 * q; j < 2 * q + 2; j++) {
						mul2[i][j] = pack_bf16(dot2[i][j][0] * 0.125f * (g + 8 * i >= 2 * t + 8 * (j % 2) ? exp2_fast(fmaf(c2_at[i], 1.44269504f, -1.44269504f * c2_at_at[j][0])) : 0.0f), dot2[i][j][1] * 0.125f * (g + 8 * i >= 2 * t + 8 * (j % 2) + 1 ? exp2_fast(fmaf(c2_at[i], 1.44269504f, -1.44269504f * c2_at_at[j][1])) : 0.0f));
					}
				}
			} else {
				#pragma unroll
				for (int i = 0; i < 2; i++) {
					#pragma unroll
					for (int j = 2 * q; j < 2 * q + 2; j++) {
						mul2[i][j] = 0;
					}
				}
			}
		}
		#pragma unroll
		for (int k = 0; k < 4; k++) {
			u32 V_f[2][8];
			#pragma unroll
			for (int j = 0; j < 8; j += 2) {
				cores_load4_trans(&V_f[0][j], &V_f[1][j], &V_f[0][j + 1], &V_f[1][j + 1], V_s + 2048 * k + (V_s_l ^ 16 * j));
			}
			#pragma unroll
			for (int j = 0; j < 8; j++) {
				mma_bf16(add[0][j], add[1][j], mul2[0][2 * k], mul2[1][2 * k], mul2[0][2 * k + 1], mul2[1][2 * k + 1], V_f[0][j], V_f[1][j]);
			}
		}
		b16 *const o_at = (b16 *)opaque(o_p + (i64)(n0 + 16 * (warp % 4) + g) * o_sN + 2 * t);
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			#pragma unroll
			for (int j = 0; j < 8; j++) {
				if (n0 + 16 * warp + g + 8 * i < N) {
					st_global_b32(o_at + (i64)(8 * i) * o_sN + 8 * j, pack_bf16(add[i][j][0], add[i][j][1]));
				}
			}
		}
		// retention.lua:25
		float total = 0.0f;
		#pragma unroll
		for (int e = 0; e < 2; e++) {
			total = total + w[e];
		}
		total = total + shfl_xor_f32(total, 1);
		total = total + shfl_xor_f32(total, 2);
		total = total + shfl_xor_f32(total, 4);
		total = total + shfl_xor_f32(total, 8);
		total = total + shfl_xor_f32(total, 16);
		float exp2 = exp2_fast(1.44269504f * total);
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			#pragma unroll
			for (int j = 0; j < 8; j++) {
				#pragma unroll
				for (int e = 0; e < 2; e++) {
					S[i][j][e] *= exp2;
				}
			}
		}
		// retention.lua:26
		#pragma unroll
		for (int k = 0; k < 4; k++) {
			u32 K[2][2];
			cores_load4_trans(&K[0][0], &K[1][0], &K[0][1], &K[1][1], K_s + 2048 * k + K_s_l2);
			float where[2][2];
			#pragma unroll
			for (int i = 0; i < 2; i++) {
				#pragma unroll
				for (int e = 0; e < 2; e++) {
					where[i][e] = 16 * k + 2 * t + 8 * i + e < n0_live ? exp2_fast(fmaf(total, 1.44269504f, -1.44269504f * c2_at_at[2 * k + i][e])) : 0.0f;
				}
			}
			u32 mul3[2][2];
			#pragma unroll
			for (int i = 0; i < 2; i++) {
				#pragma unroll
				for (int j = 0; j < 2; j++) {
					mul3[i][j] = pack_bf16(bf16_lo(K[i][j]) * where[i][0], bf16_hi(K[i][j]) * where[i][1]);
				}
			}
			u32 V_f2[2][8];
			#pragma unroll
			for (int j = 0; j < 8; j += 2) {
				cores_load4_trans(&V_f2[0][j], &V_f2[1][j], &V_f2[0][j + 1], &V_f2[1][j + 1], V_s + 2048 * k + (V_s_l ^ 16 * j));
			}
			#pragma unroll
			for (int j = 0; j < 8; j++) {
				mma_bf16(S[0][j], S[1][j], mul3[0][0], mul3[0][1], mul3[1][0], mul3[1][1], V_f2[0][j], V_f2[1][j]);
			}
		}
	}
}

}
