// sympow2_dot -- generated from sympow2_dot.lua for sm_80; do not edit.
// o_i = sum over j <= i of (q_i . k_j)^2 v_j
// with C=64, D=16, V=32, dtype=bf16, stages=2, warps=4
// launch sympow2_dot: blocks = B, threads = 128, dynamic shared memory = 16384 bytes
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

// 4 cores from shared memory, each transposed on the way; lane l gives the address of row l%8 of core l/8
static __device__ __forceinline__ void cores_load4_trans(u32 *r0, u32 *r1, u32 *r2, u32 *r3, u32 addr)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
	             : "=r"(*r0), "=r"(*r1), "=r"(*r2), "=r"(*r3) : "r"(addr) : "memory");
}

// products of pairs, each rounded once (an fma with -0: mul.bf16x2 needs sm_90)
static __device__ __forceinline__ u32 mul_bf16x2(u32 x, u32 y)
{
	u32 d;
	asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(d) : "r"(x), "r"(y), "r"(0x80008000u));
	return d;
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

// loads 16 bytes
static __device__ __forceinline__ void ld_shared_v4(u32 *r, u32 a)
{
	asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];"
	             : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(a));
}

// four bytes chosen from the eight of b:a by the nibbles of sel
static __device__ __forceinline__ u32 prmt(u32 a, u32 b, u32 sel)
{
	u32 d;
	asm("prmt.b32 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(sel));
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

// x of the lane named
static __device__ __forceinline__ u32 shfl_idx_u32(u32 x, int lane)
{
	return __shfl_sync(0xffffffffu, x, lane);
}


extern "C" {

__global__ void __launch_bounds__(128, 1) sympow2_dot(
	int B, int N, const b16 *q, i64 q_sB, i64 q_sN,
	const b16 *k, i64 k_sB, i64 k_sN, const b16 *v, i64 v_sB,
	i64 v_sN, b16 *o, i64 o_sB, i64 o_sN)
{
	const u32 smem = smem_base();
	const int tid = (int)threadIdx.x;
	const int warp = tid / 32;
	const int lane = tid % 32;
	const int g = lane / 4;
	const int t = lane % 4;
	const u32 Q_s_ring = smem;
	const u32 K_s_ring = smem + 4096;
	const u32 V_s_ring = smem + 8192;
	const int bi = (int)blockIdx.x;
	const b16 *const q_p = q + bi * q_sB;
	const u32 Q_s_c = tid / 2 * 32 + (tid % 2 ^ ((tid / 2 >> 2) & 1)) * 16;
	const b16 *const k_p = k + bi * k_sB;
	const u32 K_s_c = tid / 2 * 32 + (tid % 2 ^ ((tid / 2 >> 2) & 1)) * 16;
	const b16 *const v_p = v + bi * v_sB;
	const u32 V_s_c = tid / 4 * 64 + (tid % 4 ^ ((tid / 4 >> 1) & 3)) * 16;
	const u32 Q_s_l = (lane % 16 + (warp % 2) * 32) * 32 + (lane / 16 % 2 ^ (((lane % 16 + (warp % 2) * 32) >> 2) & 1)) * 16;
	const u32 K_s_l = (lane % 16) * 32 + (lane / 16 % 2 ^ ((lane % 16 >> 2) & 1)) * 16;
	const u32 V_s_l = (lane % 16) * 64 + ((lane / 16 % 2 + warp / 2 * 2) ^ ((lane % 16 >> 1) & 3)) * 16;
	const u32 Q_s_g = (g + (warp % 2) * 32) * 32 + (((g + (warp % 2) * 32) >> 2) & 1) * 16;
	b16 *const o_p = o + bi * o_sB;
	// sympow2_dot.lua:15
	float S[20][2][2];
	#pragma unroll
	for (int i = 0; i < 20; i++) {
		#pragma unroll
		for (int j = 0; j < 2; j++) {
			#pragma unroll
			for (int e = 0; e < 2; e++) {
				S[i][j][e] = 0.0f;
			}
		}
	}
	// sympow2_dot.lua:16
	const int n_end = (N + 63) / 64;
	if (0 < n_end) {
		const b16 *const q_src = q_p + (i64)(tid / 2) * q_sN + 8 * (tid % 2);
		cp_async_16(Q_s_ring + Q_s_c, q_src, tid / 2 < N ? 16 : 0);
		const b16 *const k_src = k_p + (i64)(tid / 2) * k_sN + 8 * (tid % 2);
		cp_async_16(K_s_ring + K_s_c, k_src, tid / 2 < N ? 16 : 0);
		const b16 *const v_src = v_p + (i64)(tid / 4) * v_sN + 8 * (tid % 4);
		#pragma unroll
		for (int u = 0; u < 2; u++) {
			cp_async_16(V_s_ring + V_s_c + 2048 * u, v_src + (i64)(32 * u) * v_sN, tid / 4 + 32 * u < N ? 16 : 0);
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
			const b16 *const v_src2 = v_p + (i64)(fetch * 64 + tid / 4) * v_sN + 8 * (tid % 4);
			#pragma unroll
			for (int u = 0; u < 2; u++) {
				cp_async_16(V_s_ring + fill * 4096 + V_s_c + 2048 * u, v_src2 + (i64)(32 * u) * v_sN, fetch * 64 + tid / 4 + 32 * u < N ? 16 : 0);
			}
		}
		cp_async_commit();
		const u32 Q_s = Q_s_ring + slot * 2048;
		const u32 K_s = K_s_ring + slot * 2048;
		const u32 V_s = V_s_ring + slot * 4096;
		slot = slot + 1 == 2 ? 0 : slot + 1;
		fill = fill + 1 == 2 ? 0 : fill + 1;
		// sympow2_dot.lua:19
		u32 V2[8][2];
		#pragma unroll
		for (int i = 0; i < 8; i += 2) {
			cores_load4_trans(&V2[i][0], &V2[i + 1][0], &V2[i][1], &V2[i + 1][1], V_s + 512 * i + V_s_l);
		}
		u32 S_h[20][2];
		const float S_w[4] = { t == 0 ? 1.0f : t == 1 ? 0.0f : 0.0f, t == 1 ? 1.0f : t < 1 ? 2.0f : 0.0f, t == 2 ? 1.0f : t < 2 ? 2.0f : 0.0f, t == 3 ? 1.0f : 2.0f };
		#pragma unroll
		for (int I = 0; I < 4; I++) {
			#pragma unroll
			for (int J = I; J < 4; J++) {
				#pragma unroll
				for (int h = 0; h < 2; h++) {
					const int c = 2 * (I * (7 - I) / 2 + J) + h;
					const float w0 = I < J ? 2.0f : S_w[2 * h];
					const float w1 = I < J ? 2.0f : S_w[2 * h + 1];
					#pragma unroll
					for (int j = 0; j < 2; j++) {
						S_h[c][j] = I < J ? mul_bf16x2(pack_bf16(S[c][j][0], S[c][j][1]), 0x40004000u) : pack_bf16(S[c][j][0] * w0, S[c][j][1] * w1);
					}
				}
			}
		}
		#pragma unroll
		for (int m2 = 0; m2 < 2; m2++) {
			u32 Q[2][2];
			cores_load4(&Q[0][0], &Q[1][0], &Q[0][1], &Q[1][1], Q_s + 512 * m2 + Q_s_l);
			float s[2][8][2];
			#pragma unroll
			for (int i = 0; i < 2; i++) {
				#pragma unroll
				for (int j = 0; j < 8; j++) {
					#pragma unroll
					for (int e = 0; e < 2; e++) {
						s[i][j][e] = 0.0f;
					}
				}
			}
			u32 K_f[8][2];
			#pragma unroll
			for (int i = 0; i < 8; i += 2) {
				cores_load4(&K_f[i][0], &K_f[i + 1][0], &K_f[i][1], &K_f[i + 1][1], K_s + 256 * i + K_s_l);
			}
			#pragma unroll
			for (int j = 0; j < 8; j++) {
				mma_bf16(s[0][j], s[1][j], Q[0][0], Q[1][0], Q[0][1], Q[1][1], K_f[j][0], K_f[j][1]);
			}
			u32 where[2][8];
			#pragma unroll
			for (int i = 0; i < 2; i++) {
				#pragma unroll
				for (int j = 0; j < 8; j++) {
					where[i][j] = pack_bf16(16 * m2 + 32 * (warp % 2) + g + 8 * i >= 2 * t + 8 * j ? fmaf(1.0f, s[i][j][0], 0.0f) * s[i][j][0] : 0.0f, 16 * m2 + 32 * (warp % 2) + g + 8 * i >= 2 * t + 8 * j + 1 ? fmaf(1.0f, s[i][j][1], 0.0f) * s[i][j][1] : 0.0f);
				}
			}
			float dot[2][2][2];
			#pragma unroll
			for (int i = 0; i < 2; i++) {
				#pragma unroll
				for (int j = 0; j < 2; j++) {
					#pragma unroll
					for (int e = 0; e < 2; e++) {
						dot[i][j][e] = 0.0f;
					}
				}
			}
			#pragma unroll
			for (int k = 0; k < 4; k++) {
				#pragma unroll
				for (int j = 0; j < 2; j++) {
					mma_bf16(dot[0][j], dot[1][j], where[0][2 * k], where[1][2 * k], where[0][2 * k + 1], where[1][2 * k + 1], V2[2 * k][j], V2[2 * k + 1][j]);
				}
			}
			u32 Qa[2][4], Qb[2][4][2];
			#pragma unroll
			for (int r = 0; r < 2; r++) {
				#pragma unroll
				for (int u = 0; u < 2; u++) {
					ld_shared_v4(&Qb[r][2 * u][0], Q_s + (Q_s_g ^ 16 * u) + 256 * (2 * m2 + r));
					#pragma unroll
					for (int I = 2 * u; I < 2 * u + 2; I++) {
						Qa[r][I] = prmt(Qb[r][I][0], Qb[r][I][1], 0x1010 + 0x2222 * t);
					}
				}
			}
			#pragma unroll
			for (int I = 0; I < 4; I++) {
				#pragma unroll
				for (int J = I; J < 4; J++) {
					const int p = I * (7 - I) / 2 + J;
					u32 phi[2][2];
					phi[0][0] = mul_bf16x2(Qa[0][I], Qb[0][J][0]);
					phi[0][1] = mul_bf16x2(Qa[0][I], Qb[0][J][1]);
					phi[1][0] = mul_bf16x2(Qa[1][I], Qb[1][J][0]);
					phi[1][1] = mul_bf16x2(Qa[1][I], Qb[1][J][1]);
					#pragma unroll
					for (int j = 0; j < 2; j++) {
						mma_bf16(dot[0][j], dot[1][j], phi[0][0], phi[1][0], phi[0][1], phi[1][1], S_h[2 * p][j], S_h[2 * p + 1][j]);
					}
				}
			}
			b16 *const o_at = (b16 *)opaque(o_p + (i64)(n0 + 16 * m2 + 32 * (warp % 2) + g) * o_sN + 16 * (warp / 2 % 2) + 2 * t);
			#pragma unroll
			for (int i = 0; i < 2; i++) {
				#pragma unroll
				for (int j = 0; j < 2; j++) {
					if (n0 + 16 * m2 + 32 * (warp % 2) + g + 8 * i < N) {
						st_global_b32(o_at + (i64)(8 * i) * o_sN + 8 * j, pack_bf16(dot[i][j][0], dot[i][j][1]));
					}
				}
			}
		}
		// sympow2_dot.lua:20
		#pragma unroll
		for (int k = 0; k < 4; k++) {
			u32 K_f2[2][2];
			cores_load4_trans(&K_f2[0][0], &K_f2[1][0], &K_f2[0][1], &K_f2[1][1], K_s + 512 * k + K_s_l);
			u32 Ka[2][4], Kb[2][4][2];
			#pragma unroll
			for (int r = 0; r < 2; r++) {
				#pragma unroll
				for (int I = 0; I < 4; I++) {
					Ka[r][I] = shfl_idx_u32(K_f2[r][I / 2], 4 * (4 * (I % 2) + g / 2) + t);
					Kb[r][I][0] = shfl_idx_u32(K_f2[r][I / 2], 4 * (4 * (I % 2) + g % 2) + t);
					Kb[r][I][1] = shfl_idx_u32(K_f2[r][I / 2], 4 * (4 * (I % 2) + 2 + g % 2) + t);
				}
			}
			#pragma unroll
			for (int I = 0; I < 4; I++) {
				#pragma unroll
				for (int J = I; J < 4; J++) {
					const int p = I * (7 - I) / 2 + J;
					u32 phi2[2][2];
					phi2[0][0] = mul_bf16x2(Ka[0][I], Kb[0][J][0]);
					phi2[0][1] = mul_bf16x2(Ka[0][I], Kb[0][J][1]);
					phi2[1][0] = mul_bf16x2(Ka[1][I], Kb[1][J][0]);
					phi2[1][1] = mul_bf16x2(Ka[1][I], Kb[1][J][1]);
					mma_bf16(S[2 * p][0], S[2 * p][1], V2[2 * k][0], V2[2 * k][1], V2[2 * k + 1][0], V2[2 * k + 1][1], phi2[0][0], phi2[1][0]);
					mma_bf16(S[2 * p + 1][0], S[2 * p + 1][1], V2[2 * k][0], V2[2 * k][1], V2[2 * k + 1][0], V2[2 * k + 1][1], phi2[0][1], phi2[1][1]);
				}
			}
		}
	}
}

}
