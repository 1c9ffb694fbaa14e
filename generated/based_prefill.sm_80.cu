// based_prefill -- generated from based_prefill.lua for sm_80; do not edit.
// Causal linear attention under the 2nd-order Taylor map (BASED, arXiv 2402.18668)
// with C=64, D=16, F=153, V=64, dtype=bf16, normalize=0, stages=2, warps=4
// launch based_prefill: blocks = B * H, threads = 128, dynamic shared memory = 70656 bytes
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

// an element of a constant table
static __device__ __forceinline__ int table_s16(const short *p)
{
	int x;

	asm volatile("ld.s16 %0, [%1];" : "=r"(x) : "l"(p));
	return x;
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

// waits until at most n of the thread's groups are in flight; n is a literal
#define cp_async_wait(n) asm volatile("cp.async.wait_group %0;" :: "n"(n) : "memory")

// the 32 lanes of a warp meet; orders their memory
static __device__ __forceinline__ void warp_sync(void)
{
	__syncwarp();
}

// 4 cores from shared memory, each transposed on the way; lane l gives the address of row l%8 of core l/8
static __device__ __forceinline__ void cores_load4_trans(u32 *r0, u32 *r1, u32 *r2, u32 *r3, u32 addr)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
	             : "=r"(*r0), "=r"(*r1), "=r"(*r2), "=r"(*r3) : "r"(addr) : "memory");
}

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

// 2 cores from shared memory; lane l gives the address of row l%8 of core l/8
static __device__ __forceinline__ void cores_load2(u32 *r0, u32 *r1, u32 addr)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
	             : "=r"(*r0), "=r"(*r1) : "r"(addr) : "memory");
}

// products of pairs, each rounded once (an fma with -0: mul.bf16x2 needs sm_90)
static __device__ __forceinline__ u32 mul_bf16x2(u32 x, u32 y)
{
	u32 d;
	asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(d) : "r"(x), "r"(y), "r"(0x80008000u));
	return d;
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


extern "C" {

// step of 16 slots -> I + 256 J, its groups of four columns
static __device__ const short based_prefill_groups[10] = {
	0, 257, 514, 771, 256, 770, 512, 769, 513, 768
};

__global__ void __launch_bounds__(128, 1) based_prefill(
	int H, int B, int N, const b16 *q, i64 q_sB,
	i64 q_sH, i64 q_sN, const b16 *k, i64 k_sB, i64 k_sH,
	i64 k_sN, const b16 *v, i64 v_sB, i64 v_sH, i64 v_sN,
	b16 *o, i64 o_sB, i64 o_sH, i64 o_sN)
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
	const u32 K_t_both = smem + 24576;
	const u32 S_s_both = smem + 29696;
	const int hi = blockIdx.x % H;
	const u32 pid2 = blockIdx.x / H;
	const int bi = pid2;
	const b16 *const q_p = q + bi * q_sB + hi * q_sH;
	const u32 Q_s_c = tid / 2 * 32 + (tid % 2 ^ ((tid / 2 >> 2) & 1)) * 16;
	const b16 *const k_p = k + bi * k_sB + hi * k_sH;
	const u32 K_s_c = tid / 2 * 32 + (tid % 2 ^ ((tid / 2 >> 2) & 1)) * 16;
	const b16 *const v_p = v + bi * v_sB + hi * v_sH;
	const u32 V_s_c = tid / 8 * 128 + (tid % 8 ^ (tid / 8 & 7)) * 16;
	const u32 K_t_w = g * 144 + 4 * t;
	const u32 S_s_next_w = (16 * (warp % 2) + g) * 128 + (warp / 2 * 2 ^ ((16 * (warp % 2) + g) & 7)) * 16 + 4 * t;
	const u32 K_s_next_l = (lane % 16) * 32 + (lane / 16 % 2 ^ ((lane % 16 >> 2) & 1)) * 16;
	const u32 Q_s_l = (lane % 16 + (warp % 2) * 16) * 32 + (lane / 16 % 2 ^ (((lane % 16 + (warp % 2) * 16) >> 2) & 1)) * 16;
	u32 K_pair[5];
	#pragma unroll
	for (int u = 0; u < 5; u++) {
		if (u != 3) {
			const int pair = table_s16(based_prefill_groups + 2 * u + warp % 2);
			const int I = pair % 256;
			const int J = pair / 256;
			const int row = lane < 16 ? 4 * I + (lane % 8) / 2 : 4 * J + lane % 2;
			const int high = 4 * J + 2 + lane % 2;
			K_pair[u] = row * 144 + (lane / 8 % 2) * 16 + 65536u * (high * 144 + (lane / 8 % 2) * 16);
		}
	}
	const u32 V_s_l = (lane % 16) * 128 + ((lane / 16 % 2 + warp / 2 * 2) ^ (lane % 16 & 7)) * 16;
	const u32 diagonal_lo = g == 0 || g == 3 ? 0x3f353f35u : 0x3f803f80u;
	const u32 diagonal_hi = g == 4 || g == 7 ? 0x3f353f35u : 0x3f803f80u;
	const u32 Q_s_g = (g + (warp % 2) * 16) * 32 + (((g + (warp % 2) * 16) >> 2) & 1) * 16;
	const u32 S_s_l = (lane % 16) * 128 + ((lane / 16 % 2 + warp / 2 * 2) ^ (lane % 16 & 7)) * 16;
	b16 *const o_p = o + bi * o_sB + hi * o_sH;
	// based_prefill.lua:19
	float S[10][4][2];
	#pragma unroll
	for (int i = 0; i < 10; i++) {
		#pragma unroll
		for (int j = 0; j < 4; j++) {
			#pragma unroll
			for (int e = 0; e < 2; e++) {
				S[i][j][e] = 0.0f;
			}
		}
	}
	// based_prefill.lua:20
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
	const u32 S_s_next = S_s_both;
	{
		const float S_x = g <= 0 ? 0.70718232f : g <= 1 ? 1.0f : g <= 2 ? (warp % 2 <= 0 ? 1.0f : 0.0f) : g <= 3 ? 0.70718232f : 0.25f;
		#pragma unroll
		for (int j = 0; j < 4; j++) {
			st_shared_b32(S_s_next + (S_s_next_w ^ 16 * (j / 2 * 4 + j % 2)), pack_bf16(S[0][j][0] * S_x, S[0][j][1] * S_x));
		}
		const float S_x2 = g <= 3 ? 1.0f : g <= 4 ? 0.70718232f : g <= 5 ? 1.0f : g <= 6 ? 0.0f : 0.70718232f;
		#pragma unroll
		for (int j = 0; j < 4; j++) {
			st_shared_b32(S_s_next + (S_s_next_w ^ 16 * (j / 2 * 4 + j % 2)) + 1024, pack_bf16(S[1][j][0] * S_x2, S[1][j][1] * S_x2));
		}
		const float S_x3 = g <= 0 ? 0.70718232f : g <= 1 ? 1.0f : g <= 2 ? 0.0f : g <= 3 ? 0.70718232f : 0.25f;
		#pragma unroll
		for (int j = 0; j < 4; j++) {
			st_shared_b32(S_s_next + (S_s_next_w ^ 16 * (j / 2 * 4 + j % 2)) + 4096, pack_bf16(S[2][j][0] * S_x3, S[2][j][1] * S_x3));
		}
		const float S_x4 = g <= 3 ? 1.0f : g <= 4 ? 0.70718232f : g <= 5 ? 1.0f : g <= 6 ? 0.0f : 0.70718232f;
		#pragma unroll
		for (int j = 0; j < 4; j++) {
			st_shared_b32(S_s_next + (S_s_next_w ^ 16 * (j / 2 * 4 + j % 2)) + 5120, pack_bf16(S[3][j][0] * S_x4, S[3][j][1] * S_x4));
		}
		#pragma unroll
		for (int i = 4; i < 10; i++) {
			#pragma unroll
			for (int j = 0; j < 4; j++) {
				st_shared_b32(S_s_next + (S_s_next_w ^ 16 * (j / 2 * 4 + j % 2)) + 128 * (i / 2 * 32 + (i % 2) * 8), pack_bf16(S[i][j][0], S[i][j][1]));
			}
		}
	}
	cp_async_wait(0);
	warp_sync();
	if (0 < n_end) {
		const u32 K_s_next = K_s_ring;
		const u32 K_t_next = K_t_both;
		{
			u32 x2[2][2];
			cores_load4_trans(&x2[0][0], &x2[1][0], &x2[0][1], &x2[1][1], K_s_next + 512 * warp + K_s_next_l);
			st_shared_b32(K_t_next + K_t_w + 32 * warp, x2[0][0]);
			st_shared_b32(K_t_next + K_t_w + 32 * warp + 16, x2[1][0]);
			st_shared_b32(K_t_next + K_t_w + 32 * warp + 1152, x2[0][1]);
			st_shared_b32(K_t_next + K_t_w + 32 * warp + 1168, x2[1][1]);
		}
	}
	for (int n = 0; n < n_end; n++) {
		const int n0 = n * 64;
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
		const u32 K_t = K_t_both + (n % 2) * 2304;
		const u32 S_s = S_s_both + (n % 2) * 20480;
		// based_prefill.lua:26
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
		u32 Q_f[4][2];
		#pragma unroll
		for (int i = 0; i < 4; i += 2) {
			cores_load4(&Q_f[i][0], &Q_f[i + 1][0], &Q_f[i][1], &Q_f[i + 1][1], Q_s + 512 * i + Q_s_l);
		}
		u32 K_f[8][2];
		#pragma unroll
		for (int i = 0; i < 8; i += 2) {
			cores_load4(&K_f[i][0], &K_f[i + 1][0], &K_f[i][1], &K_f[i + 1][1], K_s + 256 * i + K_s_next_l);
		}
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			#pragma unroll
			for (int j = 0; j < 4 * i + 4; j++) {
				mma_bf16(dot[2 * i][j], dot[2 * i + 1][j], Q_f[2 * i][0], Q_f[2 * i + 1][0], Q_f[2 * i][1], Q_f[2 * i + 1][1], K_f[j][0], K_f[j][1]);
			}
		}
		u32 where[4][8];
		#pragma unroll
		for (int i = 0; i < 4; i++) {
			#pragma unroll
			for (int j = 0; j < 4 * (i / 2) + 4; j++) {
				where[i][j] = pack_bf16(j < 4 * (i / 2) || 16 * (warp % 2) + g + i / 2 * 32 + (i % 2) * 8 >= 2 * t + 8 * j ? fmaf(fmaf(0.03125f, dot[i][j][0], 0.25f), dot[i][j][0], 1.0f) : 0.0f, j < 4 * (i / 2) || 16 * (warp % 2) + g + i / 2 * 32 + (i % 2) * 8 >= 2 * t + 8 * j + 1 ? fmaf(fmaf(0.03125f, dot[i][j][1], 0.25f), dot[i][j][1], 1.0f) : 0.0f);
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
			// based_prefill.lua:27
			u32 K_rows[5][3][2];
			#pragma unroll
			for (int u = 0; u < 2; u++) {
				u32 phi[2][2];
				cores_load4(&K_rows[u][0][0], &K_rows[u][0][1], &K_rows[u][1][0], &K_rows[u][1][1], K_t + (K_pair[u] % 65536 + 32 * k));
				cores_load2(&K_rows[u][2][0], &K_rows[u][2][1], K_t + (K_pair[u] / 65536 + 32 * k));
				const u32 y00 = K_rows[u][1][0];
				const u32 y01 = K_rows[u][2][0];
				phi[0][0] = mul_bf16x2(K_rows[u][0][0], K_rows[u][1][0]);
				phi[0][1] = mul_bf16x2(K_rows[u][0][0], K_rows[u][2][0]);
				const u32 y10 = K_rows[u][1][1];
				const u32 y11 = K_rows[u][2][1];
				phi[1][0] = mul_bf16x2(K_rows[u][0][1], K_rows[u][1][1]);
				phi[1][1] = mul_bf16x2(K_rows[u][0][1], K_rows[u][2][1]);
				phi[0][0] = mul_bf16x2(phi[0][0], diagonal_lo);
				phi[0][1] = mul_bf16x2(phi[0][1], diagonal_hi);
				phi[0][0] = g >= 4 ? (g < 6 ? y00 : y01) : phi[0][0];
				phi[0][0] = 2 * u + warp % 2 == 0 && g == 2 ? 0x3f803f80u : phi[0][0];
				phi[1][0] = mul_bf16x2(phi[1][0], diagonal_lo);
				phi[1][1] = mul_bf16x2(phi[1][1], diagonal_hi);
				phi[1][0] = g >= 4 ? (g < 6 ? y10 : y11) : phi[1][0];
				phi[1][0] = 2 * u + warp % 2 == 0 && g == 2 ? 0x3f803f80u : phi[1][0];
				#pragma unroll
				for (int j = 0; j < 4; j++) {
					mma_bf16(S[2 * u][j], S[2 * u + 1][j], phi[0][0], phi[0][1], phi[1][0], phi[1][1], V_f[0][j], V_f[1][j]);
				}
			}
			{
				u32 phi2[2][2];
				cores_load4(&K_rows[2][0][0], &K_rows[2][0][1], &K_rows[2][1][0], &K_rows[2][1][1], K_t + (K_pair[2] % 65536 + 32 * k));
				cores_load2(&K_rows[2][2][0], &K_rows[2][2][1], K_t + (K_pair[2] / 65536 + 32 * k));
				phi2[0][0] = mul_bf16x2(K_rows[2][0][0], K_rows[2][1][0]);
				phi2[0][1] = mul_bf16x2(K_rows[2][0][0], K_rows[2][2][0]);
				phi2[1][0] = mul_bf16x2(K_rows[2][0][1], K_rows[2][1][1]);
				phi2[1][1] = mul_bf16x2(K_rows[2][0][1], K_rows[2][2][1]);
				#pragma unroll
				for (int j = 0; j < 4; j++) {
					mma_bf16(S[4][j], S[5][j], phi2[0][0], phi2[0][1], phi2[1][0], phi2[1][1], V_f[0][j], V_f[1][j]);
				}
			}
			{
				u32 phi3[2][2];
				phi3[0][0] = mul_bf16x2(K_rows[0][0][0], K_rows[1][1][0]);
				phi3[0][1] = mul_bf16x2(K_rows[0][0][0], K_rows[1][2][0]);
				phi3[1][0] = mul_bf16x2(K_rows[0][0][1], K_rows[1][1][1]);
				phi3[1][1] = mul_bf16x2(K_rows[0][0][1], K_rows[1][2][1]);
				#pragma unroll
				for (int j = 0; j < 4; j++) {
					mma_bf16(S[6][j], S[7][j], phi3[0][0], phi3[0][1], phi3[1][0], phi3[1][1], V_f[0][j], V_f[1][j]);
				}
			}
			{
				u32 phi4[2][2];
				cores_load2(&K_rows[4][0][0], &K_rows[4][0][1], K_t + (K_pair[4] % 65536 + 32 * k));
				phi4[0][0] = mul_bf16x2(K_rows[4][0][0], K_rows[1][1][0]);
				phi4[0][1] = mul_bf16x2(K_rows[4][0][0], K_rows[1][2][0]);
				phi4[1][0] = mul_bf16x2(K_rows[4][0][1], K_rows[1][1][1]);
				phi4[1][1] = mul_bf16x2(K_rows[4][0][1], K_rows[1][2][1]);
				#pragma unroll
				for (int j = 0; j < 4; j++) {
					mma_bf16(S[8][j], S[9][j], phi4[0][0], phi4[0][1], phi4[1][0], phi4[1][1], V_f[0][j], V_f[1][j]);
				}
			}
		}
		// based_prefill.lua:26
		u32 Qa[4][4], Qb[4][4][2];
		#pragma unroll
		for (int u = 0; u < 2; u++) {
			#pragma unroll
			for (int r = 0; r < 4; r++) {
				ld_shared_v4(&Qb[r][2 * u][0], Q_s + (Q_s_g ^ 16 * u) + 256 * (r / 2 * 4 + r % 2));
			}
			#pragma unroll
			for (int J = 2 * u; J < 2 * u + 2; J++) {
				#pragma unroll
				for (int r = 0; r < 4; r++) {
					Qa[r][J] = mul_bf16x2(prmt(Qb[r][J][0], Qb[r][J][1], 0x1010 + 0x2222 * t), 0x3d803d80u);
				}
				{
					const int I = J;
					u32 phi5[4][2];
					#pragma unroll
					for (int r = 0; r < 4; r++) {
						const u32 xr = t >= 2 ? (t == 2 ? Qb[r][I][0] : Qb[r][I][1]) : mul_bf16x2(Qa[r][I], Qb[r][I][0]);
						phi5[r][0] = I == 0 && t == 1 ? (xr & 0xffff0000u) | 0x3f80u : xr;
						phi5[r][1] = mul_bf16x2(Qa[r][I], Qb[r][I][1]);
					}
					u32 S_s_f[2][4];
					#pragma unroll
					for (int j = 0; j < 4; j += 2) {
						cores_load4_trans(&S_s_f[0][j], &S_s_f[1][j], &S_s_f[0][j + 1], &S_s_f[1][j + 1], S_s + 2048 * I + (S_s_l ^ 32 * j));
					}
					#pragma unroll
					for (int i = 0; i < 2; i++) {
						#pragma unroll
						for (int j = 0; j < 4; j++) {
							mma_bf16(dot2[2 * i][j], dot2[2 * i + 1][j], phi5[2 * i][0], phi5[2 * i + 1][0], phi5[2 * i][1], phi5[2 * i + 1][1], S_s_f[0][j], S_s_f[1][j]);
						}
					}
				}
				#pragma unroll
				for (int I = 0; I < J; I++) {
					const int p = 2 + 2 * (I ^ J) + ((I ^ J) == 1 ? J / 2 : J % 2);
					u32 phi6[4][2];
					#pragma unroll
					for (int r = 0; r < 4; r++) {
						phi6[r][0] = mul_bf16x2(Qa[r][I], Qb[r][J][0]);
						phi6[r][1] = mul_bf16x2(Qa[r][I], Qb[r][J][1]);
					}
					u32 S_s_f2[2][4];
					#pragma unroll
					for (int j = 0; j < 4; j += 2) {
						cores_load4_trans(&S_s_f2[0][j], &S_s_f2[1][j], &S_s_f2[0][j + 1], &S_s_f2[1][j + 1], S_s + 2048 * p + (S_s_l ^ 32 * j));
					}
					#pragma unroll
					for (int i = 0; i < 2; i++) {
						#pragma unroll
						for (int j = 0; j < 4; j++) {
							mma_bf16(dot2[2 * i][j], dot2[2 * i + 1][j], phi6[2 * i][0], phi6[2 * i + 1][0], phi6[2 * i][1], phi6[2 * i + 1][1], S_s_f2[0][j], S_s_f2[1][j]);
						}
					}
				}
			}
		}
		const u32 S_s_next2 = S_s_both + ((n + 1) % 2) * 20480;
		{
			const float S_x5 = g <= 0 ? 0.70718232f : g <= 1 ? 1.0f : g <= 2 ? (warp % 2 <= 0 ? 1.0f : 0.0f) : g <= 3 ? 0.70718232f : 0.25f;
			#pragma unroll
			for (int j = 0; j < 4; j++) {
				st_shared_b32(S_s_next2 + (S_s_next_w ^ 16 * (j / 2 * 4 + j % 2)), pack_bf16(S[0][j][0] * S_x5, S[0][j][1] * S_x5));
			}
			const float S_x6 = g <= 3 ? 1.0f : g <= 4 ? 0.70718232f : g <= 5 ? 1.0f : g <= 6 ? 0.0f : 0.70718232f;
			#pragma unroll
			for (int j = 0; j < 4; j++) {
				st_shared_b32(S_s_next2 + (S_s_next_w ^ 16 * (j / 2 * 4 + j % 2)) + 1024, pack_bf16(S[1][j][0] * S_x6, S[1][j][1] * S_x6));
			}
			const float S_x7 = g <= 0 ? 0.70718232f : g <= 1 ? 1.0f : g <= 2 ? 0.0f : g <= 3 ? 0.70718232f : 0.25f;
			#pragma unroll
			for (int j = 0; j < 4; j++) {
				st_shared_b32(S_s_next2 + (S_s_next_w ^ 16 * (j / 2 * 4 + j % 2)) + 4096, pack_bf16(S[2][j][0] * S_x7, S[2][j][1] * S_x7));
			}
			const float S_x8 = g <= 3 ? 1.0f : g <= 4 ? 0.70718232f : g <= 5 ? 1.0f : g <= 6 ? 0.0f : 0.70718232f;
			#pragma unroll
			for (int j = 0; j < 4; j++) {
				st_shared_b32(S_s_next2 + (S_s_next_w ^ 16 * (j / 2 * 4 + j % 2)) + 5120, pack_bf16(S[3][j][0] * S_x8, S[3][j][1] * S_x8));
			}
			#pragma unroll
			for (int i = 4; i < 10; i++) {
				#pragma unroll
				for (int j = 0; j < 4; j++) {
					st_shared_b32(S_s_next2 + (S_s_next_w ^ 16 * (j / 2 * 4 + j % 2)) + 128 * (i / 2 * 32 + (i % 2) * 8), pack_bf16(S[i][j][0], S[i][j][1]));
				}
			}
		}
		cp_async_wait(0);
		warp_sync();
		if (n + 1 < n_end) {
			const u32 K_s_next2 = K_s_ring + slot * 2048;
			const u32 K_t_next2 = K_t_both + ((n + 1) % 2) * 2304;
			{
				u32 x3[2][2];
				cores_load4_trans(&x3[0][0], &x3[1][0], &x3[0][1], &x3[1][1], K_s_next2 + 512 * warp + K_s_next_l);
				st_shared_b32(K_t_next2 + K_t_w + 32 * warp, x3[0][0]);
				st_shared_b32(K_t_next2 + K_t_w + 32 * warp + 16, x3[1][0]);
				st_shared_b32(K_t_next2 + K_t_w + 32 * warp + 1152, x3[0][1]);
				st_shared_b32(K_t_next2 + K_t_w + 32 * warp + 1168, x3[1][1]);
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
}

}
