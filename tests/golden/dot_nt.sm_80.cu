// dot_nt -- generated from dot_nt.lua for sm_80; do not edit.
// s = x y^T summed over the rows of y; z = (x y^T) y
// with C=64, D=24, dtype=bf16, rows=64, stages=2, warps=4
// launch dot_nt: blocks = B * ceil(M / 64), threads = 128, dynamic shared memory = 12288 bytes
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

// closes the thread's group of copies
static __device__ __forceinline__ void cp_async_commit(void)
{
	asm volatile("cp.async.commit_group;");
}

// waits until at most n of the thread's groups are in flight; n is a literal
#define cp_async_wait(n) asm volatile("cp.async.wait_group %0;" :: "n"(n) : "memory")

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

// x of lane (own ^ mask)
static __device__ __forceinline__ float shfl_xor_f32(float x, int mask)
{
	return __shfl_xor_sync(0xffffffffu, x, mask);
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

// stores 4 bytes
static __device__ __forceinline__ void st_global_f32(void *p, float v)
{
	*(float *)p = v;
}


extern "C" {

__global__ void __launch_bounds__(128, 1) dot_nt(
	int M, int B, const b16 *x, i64 x_sB, i64 x_sM,
	int N, const b16 *y, i64 y_sB, i64 y_sN, b16 *z,
	i64 z_sB, i64 z_sM, float *s, i64 s_sB, i64 s_sM)
{
	const u32 smem = smem_base();
	const int tid = (int)threadIdx.x;
	const int warp = warp_uniform(tid / 32);
	const int lane = tid % 32;
	const int g = lane / 4;
	const int t = lane % 4;
	const u32 X_s = smem;
	const u32 Y_s_ring = smem + 4096;
	const int m0 = (blockIdx.x % ((M + 63) / 64)) * 64;
	const u32 pid2 = blockIdx.x / ((M + 63) / 64);
	const int bi = pid2;
	const b16 *const x_p = x + bi * x_sB;
	const b16 *const y_p = y + bi * y_sB;
	const u32 X_s_l = (lane % 16 + warp * 16) * 64 + (lane / 16 % 2 ^ (((lane % 16 + warp * 16) >> 1) & 3)) * 16;
	const u32 Y_s_l = (lane % 16) * 64 + (lane / 16 % 2 ^ ((lane % 16 >> 1) & 3)) * 16;
	for (int x = tid; x < 256; x += 128) {
		st_shared_v4(X_s + 16 * x, 0, 0, 0, 0);
	}
	for (int x = tid; x < 512; x += 128) {
		st_shared_v4(Y_s_ring + 16 * x, 0, 0, 0, 0);
	}
	block_sync();
	for (int x = tid; x < 192; x += 128) {
		const int r = x / 3, c = x % 3;
		const int on = m0 + r < M;
		cp_async_16(X_s + (r * 64 + (c ^ ((r >> 1) & 3)) * 16), x_p + (i64)(on ? m0 + r : 0) * x_sM + 8 * c, on ? 16 : 0);
	}
	// dot_nt.lua:14
	float s2[2];
	#pragma unroll
	for (int i = 0; i < 2; i++) {
		s2[i] = 0.0f;
	}
	// dot_nt.lua:14
	float z2[2][4][2];
	#pragma unroll
	for (int i = 0; i < 2; i++) {
		#pragma unroll
		for (int j = 0; j < 4; j++) {
			#pragma unroll
			for (int e = 0; e < 2; e++) {
				z2[i][j][e] = 0.0f;
			}
		}
	}
	// dot_nt.lua:15
	const int n_end = (N + 63) / 64;
	if (0 < n_end) {
		for (int x = tid; x < 192; x += 128) {
			const int r = x / 3, c = x % 3;
			const int on = r < N;
			cp_async_16(Y_s_ring + (r * 64 + (c ^ ((r >> 1) & 3)) * 16), y_p + (i64)(on ? r : 0) * y_sN + 8 * c, on ? 16 : 0);
		}
	}
	cp_async_commit();
	int slot = 0, fill = 1;
	for (int n = 0; n < n_end; n++) {
		cp_async_wait(0);
		const int fetch = n + 1;
		block_sync();
		if (fetch < n_end) {
			for (int x = tid; x < 192; x += 128) {
				const int r = x / 3, c = x % 3;
				const int on = fetch * 64 + r < N;
				cp_async_16(Y_s_ring + fill * 4096 + (r * 64 + (c ^ ((r >> 1) & 3)) * 16), y_p + (i64)(on ? fetch * 64 + r : 0) * y_sN + 8 * c, on ? 16 : 0);
			}
		}
		cp_async_commit();
		const u32 Y_s = Y_s_ring + slot * 4096;
		slot = slot + 1 == 2 ? 0 : slot + 1;
		fill = fill + 1 == 2 ? 0 : fill + 1;
		// dot_nt.lua:18
		float P[2][8][2];
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			#pragma unroll
			for (int j = 0; j < 8; j++) {
				#pragma unroll
				for (int e = 0; e < 2; e++) {
					P[i][j][e] = 0.0f;
				}
			}
		}
		#pragma unroll
		for (int k = 0; k < 2; k++) {
			u32 X_f[2][2];
			cores_load4(&X_f[0][0], &X_f[1][0], &X_f[0][1], &X_f[1][1], X_s + (X_s_l ^ 32 * k));
			u32 Y_f[8][2];
			#pragma unroll
			for (int i = 0; i < 8; i += 2) {
				cores_load4(&Y_f[i][0], &Y_f[i + 1][0], &Y_f[i][1], &Y_f[i + 1][1], Y_s + 512 * i + (Y_s_l ^ 32 * k));
			}
			#pragma unroll
			for (int j = 0; j < 8; j++) {
				mma_bf16(P[0][j], P[1][j], X_f[0][0], X_f[1][0], X_f[0][1], X_f[1][1], Y_f[j][0], Y_f[j][1]);
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
				sum[i] = sum[i] + (P[i][j][0] + P[i][j][1]);
			}
		}
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			s2[i] = s2[i] + sum[i];
		}
		// dot_nt.lua:19
		u32 P_h[2][8];
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			#pragma unroll
			for (int j = 0; j < 8; j++) {
				P_h[i][j] = pack_bf16(P[i][j][0], P[i][j][1]);
			}
		}
		#pragma unroll
		for (int k = 0; k < 4; k++) {
			u32 Y_f2[2][4];
			#pragma unroll
			for (int j = 0; j < 4; j += 2) {
				cores_load4_trans(&Y_f2[0][j], &Y_f2[1][j], &Y_f2[0][j + 1], &Y_f2[1][j + 1], Y_s + 1024 * k + (Y_s_l ^ 16 * j));
			}
			#pragma unroll
			for (int j = 0; j < 4; j++) {
				mma_bf16(z2[0][j], z2[1][j], P_h[0][2 * k], P_h[1][2 * k], P_h[0][2 * k + 1], P_h[1][2 * k + 1], Y_f2[0][j], Y_f2[1][j]);
			}
		}
	}
	#pragma unroll
	for (int i = 0; i < 2; i++) {
		s2[i] = s2[i] + shfl_xor_f32(s2[i], 1);
		s2[i] = s2[i] + shfl_xor_f32(s2[i], 2);
	}
	// dot_nt.lua:21
	b16 *const z_p = z + bi * z_sB;
	b16 *const z_at = (b16 *)opaque(z_p + (i64)(m0 + 16 * (warp % 4) + g) * z_sM + 2 * t);
	#pragma unroll
	for (int i = 0; i < 2; i++) {
		#pragma unroll
		for (int j = 0; j < 4; j++) {
			if (m0 + 16 * warp + g + 8 * i < M && (j < 3 || 2 * t + 8 * j < 24)) {
				st_global_b32(z_at + (i64)(8 * i) * z_sM + 8 * j, pack_bf16(z2[i][j][0], z2[i][j][1]));
			}
		}
	}
	// dot_nt.lua:21
	float *const s_p = s + bi * s_sB;
	if (lane % 4 == 0) {
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			if (m0 + 16 * warp + g + 8 * i < M) {
				st_global_f32(s_p + (i64)(m0 + 16 * warp + g + 8 * i) * s_sM, s2[i]);
			}
		}
	}
}

}
