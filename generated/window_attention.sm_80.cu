// window_attention -- generated from window_attention.lua for sm_80; do not edit.
// Sliding-window causal softmax attention, grouped-query heads
// with C=64, D=64, V=64, cluster=2, dtype=bf16, rows=64, stages=2, warps=4
// launch window_attention: blocks = B * G * R * ceil(N / 64), threads = 128, dynamic shared memory = 40960 bytes
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

// +infinity
static __device__ __forceinline__ float inf(void)
{
	return __int_as_float(0x7f800000);
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

// x of lane (own ^ mask)
static __device__ __forceinline__ float shfl_xor_f32(float x, int mask)
{
	return __shfl_xor_sync(0xffffffffu, x, mask);
}

// 2^x, 2 ulp
static __device__ __forceinline__ float exp2_fast(float x)
{
	float d;
	asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(d) : "f"(x));
	return d;
}

// whether x is not 0 in any lane
static __device__ __forceinline__ int warp_any(int x)
{
	return __any_sync(0xffffffffu, x);
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

// stores 4 bytes
static __device__ __forceinline__ void st_global_b32(void *p, u32 v)
{
	*(u32 *)p = v;
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

__global__ void __launch_bounds__(128, 1) window_attention(
	int W, int N, int R, int G, int B, const b16 *q,
	i64 q_sB, i64 q_sG, i64 q_sR, i64 q_sN, const b16 *k,
	i64 k_sB, i64 k_sG, i64 k_sN, const b16 *v, i64 v_sB,
	i64 v_sG, i64 v_sN, b16 *o, i64 o_sB, i64 o_sG,
	i64 o_sR, i64 o_sN)
{
	const u32 smem = smem_base();
	const int tid = (int)threadIdx.x;
	const int warp = warp_uniform(tid / 32);
	const int lane = tid % 32;
	const int g = lane / 4;
	const int t = lane % 4;
	const u32 Q_s = smem;
	const u32 k_s_ring = smem + 8192;
	const u32 v_s_ring = smem + 24576;
	const int n0 = (blockIdx.x % ((N + 63) / 64)) * 64;
	const u32 pid2 = blockIdx.x / ((N + 63) / 64);
	const int ri = pid2 % R;
	const u32 pid3 = pid2 / R;
	const int gi = pid3 % G;
	const u32 pid4 = pid3 / G;
	const int bi = pid4;
	const b16 *const q_p = q + bi * q_sB + gi * q_sG + ri * q_sR;
	const u32 Q_s_c = tid / 8 * 128 + (tid % 8 ^ (tid / 8 & 7)) * 16;
	const b16 *const k_p = k + bi * k_sB + gi * k_sG;
	const u32 k_s_c = tid / 8 * 128 + (tid % 8 ^ (tid / 8 & 7)) * 16;
	const b16 *const v_p = v + bi * v_sB + gi * v_sG;
	const u32 v_s_c = tid / 8 * 128 + (tid % 8 ^ (tid / 8 & 7)) * 16;
	const u32 Q_s_l = (lane % 16 + warp * 16) * 128 + (lane / 16 % 2 ^ ((lane % 16 + warp * 16) & 7)) * 16;
	const u32 k_s_l = (lane % 16) * 128 + (lane / 16 % 2 ^ (lane % 16 & 7)) * 16;
	const u32 v_s_l = (lane % 16) * 128 + (lane / 16 % 2 ^ (lane % 16 & 7)) * 16;
	const b16 *const q_src = q_p + (i64)(n0 + tid / 8) * q_sN + 8 * (tid % 8);
	#pragma unroll
	for (int u = 0; u < 4; u++) {
		cp_async_16(Q_s + Q_s_c + 2048 * u, q_src + (i64)(16 * u) * q_sN, n0 + tid / 8 + 16 * u < N ? 16 : 0);
	}
	// window_attention.lua:23
	float m2[2];
	#pragma unroll
	for (int i = 0; i < 2; i++) {
		m2[i] = -inf();
	}
	// window_attention.lua:23
	float l[2];
	#pragma unroll
	for (int i = 0; i < 2; i++) {
		l[i] = 0.0f;
	}
	// window_attention.lua:23
	float acc[2][8][2];
	#pragma unroll
	for (int i = 0; i < 2; i++) {
		#pragma unroll
		for (int j = 0; j < 8; j++) {
			#pragma unroll
			for (int e = 0; e < 2; e++) {
				acc[i][j][e] = 0.0f;
			}
		}
	}
	// window_attention.lua:24
	const int N_last = n0 + 63;
	const int N_first = -(W - n0 + -1);
	const int n_end = N_last < 0 ? 0 : N_last / 64 + 1 < (N + 63) / 64 ? N_last / 64 + 1 : (N + 63) / 64;
	const int n_begin = N_first > 0 ? N_first / 64 : 0;
	if (n_begin < n_end) {
		const b16 *const k_src = k_p + (i64)(n_begin * 64 + tid / 8) * k_sN + 8 * (tid % 8);
		#pragma unroll
		for (int u = 0; u < 4; u++) {
			cp_async_16(k_s_ring + k_s_c + 2048 * u, k_src + (i64)(16 * u) * k_sN, n_begin * 64 + tid / 8 + 16 * u < N ? 16 : 0);
		}
		const b16 *const v_src = v_p + (i64)(n_begin * 64 + tid / 8) * v_sN + 8 * (tid % 8);
		#pragma unroll
		for (int u = 0; u < 4; u++) {
			cp_async_16(v_s_ring + v_s_c + 2048 * u, v_src + (i64)(16 * u) * v_sN, n_begin * 64 + tid / 8 + 16 * u < N ? 16 : 0);
		}
	}
	cp_async_commit();
	int slot = 0, fill = 1;
	for (int n = n_begin; n < n_end; n++) {
		const int n02 = n * 64;
		cp_async_wait(0);
		const int fetch = n + 1;
		block_sync();
		if (fetch < n_end) {
			const b16 *const k_src2 = k_p + (i64)(fetch * 64 + tid / 8) * k_sN + 8 * (tid % 8);
			#pragma unroll
			for (int u = 0; u < 4; u++) {
				cp_async_16(k_s_ring + fill * 8192 + k_s_c + 2048 * u, k_src2 + (i64)(16 * u) * k_sN, fetch * 64 + tid / 8 + 16 * u < N ? 16 : 0);
			}
			const b16 *const v_src2 = v_p + (i64)(fetch * 64 + tid / 8) * v_sN + 8 * (tid % 8);
			#pragma unroll
			for (int u = 0; u < 4; u++) {
				cp_async_16(v_s_ring + fill * 8192 + v_s_c + 2048 * u, v_src2 + (i64)(16 * u) * v_sN, fetch * 64 + tid / 8 + 16 * u < N ? 16 : 0);
			}
		}
		cp_async_commit();
		const u32 k_s = k_s_ring + slot * 8192;
		const u32 v_s = v_s_ring + slot * 8192;
		slot = slot + 1 == 2 ? 0 : slot + 1;
		fill = fill + 1 == 2 ? 0 : fill + 1;
		// window_attention.lua:25
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
		#pragma unroll
		for (int k = 0; k < 4; k++) {
			u32 Q_f[2][2];
			cores_load4(&Q_f[0][0], &Q_f[1][0], &Q_f[0][1], &Q_f[1][1], Q_s + (Q_s_l ^ 32 * k));
			u32 k_f[8][2];
			#pragma unroll
			for (int i = 0; i < 8; i += 2) {
				cores_load4(&k_f[i][0], &k_f[i + 1][0], &k_f[i][1], &k_f[i + 1][1], k_s + 1024 * i + (k_s_l ^ 32 * k));
			}
			#pragma unroll
			for (int j = 0; j < 8; j++) {
				mma_bf16(dot[0][j], dot[1][j], Q_f[0][0], Q_f[1][0], Q_f[0][1], Q_f[1][1], k_f[j][0], k_f[j][1]);
			}
		}
		if (!(n0 + 16 * warp - n02 >= 63 && -n0 - 16 * warp + n02 + W >= 16)) {
			const int room = n0 + 16 * warp + g - (n02 + 2 * t);
			const int room2 = -1 + W - (n0 + 16 * warp + g) + (n02 + 2 * t);
			#pragma unroll
			for (int i = 0; i < 2; i++) {
				#pragma unroll
				for (int j = 0; j < 8; j++) {
					#pragma unroll
					for (int e = 0; e < 2; e++) {
						dot[i][j][e] = (room >= -8 * i + 8 * j + e) & (room2 >= 8 * i - 8 * j - e) ? dot[i][j][e] : -inf();
					}
				}
			}
		}
		float rmax[2];
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			rmax[i] = -inf();
		}
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			#pragma unroll
			for (int j = 0; j < 8; j++) {
				rmax[i] = fmaxf(rmax[i], fmaxf(dot[i][j][0], dot[i][j][1]));
			}
		}
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			rmax[i] = fmaxf(rmax[i], shfl_xor_f32(rmax[i], 1));
			rmax[i] = fmaxf(rmax[i], shfl_xor_f32(rmax[i], 2));
		}
		float top[2];
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			top[i] = rmax[i] * 0.125f;
		}
		int gt[2];
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			gt[i] = top[i] > m2[i] + 5.54517744f;
		}
		float fix[2];
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			fix[i] = gt[i] ? exp2_fast(fmaf(m2[i], 1.44269504f, -1.44269504f * top[i])) : 1.0f;
		}
		float m_new[2];
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			m_new[i] = gt[i] ? top[i] : m2[i];
		}
		float where[2];
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			where[i] = m_new[i] == -inf() ? 0.0f : m_new[i];
		}
		float E[2][8][2];
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			#pragma unroll
			for (int j = 0; j < 8; j++) {
				#pragma unroll
				for (int e = 0; e < 2; e++) {
					E[i][j][e] = exp2_fast(fmaf(dot[i][j][e], 0.18033688f, -1.44269504f * where[i]));
				}
			}
		}
		float sum[2];
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			sum[i] = 0.0f;
		}
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			#pragma unroll
			for (int j = 0; j < 8; j++) {
				sum[i] = sum[i] + (E[i][j][0] + E[i][j][1]);
			}
		}
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			l[i] = l[i] * fix[i] + sum[i];
		}
		// window_attention.lua:25
		if (warp_any((fix[0] != 1.0f) | (fix[1] != 1.0f))) {
			#pragma unroll
			for (int i = 0; i < 2; i++) {
				#pragma unroll
				for (int j = 0; j < 8; j++) {
					#pragma unroll
					for (int e = 0; e < 2; e++) {
						acc[i][j][e] = acc[i][j][e] * fix[i];
					}
				}
			}
		}
		u32 E_h[2][8];
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			#pragma unroll
			for (int j = 0; j < 8; j++) {
				E_h[i][j] = pack_bf16(E[i][j][0], E[i][j][1]);
			}
		}
		#pragma unroll
		for (int k = 0; k < 4; k++) {
			u32 v_f[2][8];
			#pragma unroll
			for (int j = 0; j < 8; j += 2) {
				cores_load4_trans(&v_f[0][j], &v_f[1][j], &v_f[0][j + 1], &v_f[1][j + 1], v_s + 2048 * k + (v_s_l ^ 16 * j));
			}
			#pragma unroll
			for (int j = 0; j < 8; j++) {
				mma_bf16(acc[0][j], acc[1][j], E_h[0][2 * k], E_h[1][2 * k], E_h[0][2 * k + 1], E_h[1][2 * k + 1], v_f[0][j], v_f[1][j]);
			}
		}
		// window_attention.lua:25
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			m2[i] = m_new[i];
		}
	}
	cp_async_wait(0);
	#pragma unroll
	for (int i = 0; i < 2; i++) {
		l[i] = l[i] + shfl_xor_f32(l[i], 1);
		l[i] = l[i] + shfl_xor_f32(l[i], 2);
	}
	// window_attention.lua:27
	b16 *const o_p = o + bi * o_sB + gi * o_sG + ri * o_sR;
	float where2[2];
	#pragma unroll
	for (int i = 0; i < 2; i++) {
		where2[i] = l[i] == 0.0f ? 1.0f : l[i];
	}
	b16 *const o_at = (b16 *)opaque(o_p + (i64)(n0 + 16 * (warp % 4) + g) * o_sN + 2 * t);
	#pragma unroll
	for (int i = 0; i < 2; i++) {
		#pragma unroll
		for (int j = 0; j < 8; j++) {
			if (n0 + 16 * warp + g + 8 * i < N) {
				st_global_b32(o_at + (i64)(8 * i) * o_sN + 8 * j, pack_bf16(divide(acc[i][j][0], where2[i]), divide(acc[i][j][1], where2[i])));
			}
		}
	}
}

}
