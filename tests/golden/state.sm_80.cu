// state -- generated from state.lua for sm_80; do not edit.
// S <- a S + k^T v, o = q S after; by steps of one
// with D=16, V=32, decay=1, dtype=bf16, stages=2, warps=4
// launch state: blocks = B, threads = 128, dynamic shared memory = 7168 bytes
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

// 4 cores from shared memory, each transposed on the way; lane l gives the address of row l%8 of core l/8
static __device__ __forceinline__ void cores_load4_trans(u32 *r0, u32 *r1, u32 *r2, u32 *r3, u32 addr)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
	             : "=r"(*r0), "=r"(*r1), "=r"(*r2), "=r"(*r3) : "r"(addr) : "memory");
}

// 2 cores from shared memory, each transposed on the way; lane l gives the address of row l%8 of core l/8
static __device__ __forceinline__ void cores_load2_trans(u32 *r0, u32 *r1, u32 addr)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
	             : "=r"(*r0), "=r"(*r1) : "r"(addr) : "memory");
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

__global__ void __launch_bounds__(128, 1) state(
	int B, int N, const b16 *k, i64 k_sB, i64 k_sN,
	const b16 *v, i64 v_sB, i64 v_sN, const b16 *q, i64 q_sB,
	i64 q_sN, b16 *o, i64 o_sB, i64 o_sN, float *s1,
	i64 s1_sB, i64 s1_sD)
{
	const u32 smem = smem_base();
	const int tid = (int)threadIdx.x;
	const int warp = warp_uniform(tid / 32);
	const int lane = tid % 32;
	const int g = lane / 4;
	const int t = lane % 4;
	const u32 k_s_ring = smem;
	const u32 v_s_ring = smem + 2048;
	const u32 q_s_ring = smem + 4096;
	const u32 S_s = smem + 6144;
	const int bi = blockIdx.x;
	const b16 *const k_p = k + bi * k_sB;
	const b16 *const v_p = v + bi * v_sB;
	const b16 *const q_p = q + bi * q_sB;
	const u32 k_s_l = (lane % 16) * 32 + (lane / 16 % 2 ^ ((lane % 16 >> 2) & 1)) * 16;
	const u32 v_s_l = (lane % 16) * 64 + (warp ^ ((lane % 16 >> 1) & 3)) * 16;
	const u32 S_s_w = g * 64 + (warp ^ ((g >> 1) & 3)) * 16 + 4 * t;
	const u32 q_s_l = (lane % 16) * 32 + (lane / 16 % 2 ^ ((lane % 16 >> 2) & 1)) * 16;
	const u32 S_s_l = (lane % 16) * 64 + (warp ^ ((lane % 16 >> 1) & 3)) * 16;
	b16 *const o_p = o + bi * o_sB;
	// state.lua:35
	float S[2][1][2];
	#pragma unroll
	for (int i = 0; i < 2; i++) {
		#pragma unroll
		for (int e = 0; e < 2; e++) {
			S[i][0][e] = 0.0f;
		}
	}
	// state.lua:38
	const int n_end = N;
	if (0 < n_end) {
		for (int x = tid; x < 32; x += 128) {
			const int r = x / 2, c = x % 2;
			const int on = r < 1 && r < N;
			cp_async_16(k_s_ring + (r * 32 + (c ^ ((r >> 2) & 1)) * 16), k_p + (i64)(on ? r : 0) * k_sN + 8 * c, on ? 16 : 0);
		}
		for (int x = tid; x < 64; x += 128) {
			const int r = x / 4, c = x % 4;
			const int on = r < 1 && r < N;
			cp_async_16(v_s_ring + (r * 64 + (c ^ ((r >> 1) & 3)) * 16), v_p + (i64)(on ? r : 0) * v_sN + 8 * c, on ? 16 : 0);
		}
		for (int x = tid; x < 32; x += 128) {
			const int r = x / 2, c = x % 2;
			const int on = r < 1 && r < N;
			cp_async_16(q_s_ring + (r * 32 + (c ^ ((r >> 2) & 1)) * 16), q_p + (i64)(on ? r : 0) * q_sN + 8 * c, on ? 16 : 0);
		}
	}
	cp_async_commit();
	int slot = 0, fill = 1;
	for (int n = 0; n < n_end; n++) {
		const int n0 = n;
		cp_async_wait(0);
		const int fetch = n + 1;
		block_sync();
		if (fetch < n_end) {
			for (int x = tid; x < 32; x += 128) {
				const int r = x / 2, c = x % 2;
				const int on = r < 1 && fetch + r < N;
				cp_async_16(k_s_ring + fill * 512 + (r * 32 + (c ^ ((r >> 2) & 1)) * 16), k_p + (i64)(on ? fetch + r : 0) * k_sN + 8 * c, on ? 16 : 0);
			}
			for (int x = tid; x < 64; x += 128) {
				const int r = x / 4, c = x % 4;
				const int on = r < 1 && fetch + r < N;
				cp_async_16(v_s_ring + fill * 1024 + (r * 64 + (c ^ ((r >> 1) & 3)) * 16), v_p + (i64)(on ? fetch + r : 0) * v_sN + 8 * c, on ? 16 : 0);
			}
			for (int x = tid; x < 32; x += 128) {
				const int r = x / 2, c = x % 2;
				const int on = r < 1 && fetch + r < N;
				cp_async_16(q_s_ring + fill * 512 + (r * 32 + (c ^ ((r >> 2) & 1)) * 16), q_p + (i64)(on ? fetch + r : 0) * q_sN + 8 * c, on ? 16 : 0);
			}
		}
		cp_async_commit();
		const u32 k_s = k_s_ring + slot * 512;
		const u32 v_s = v_s_ring + slot * 1024;
		const u32 q_s = q_s_ring + slot * 512;
		slot = slot + 1 == 2 ? 0 : slot + 1;
		fill = fill + 1 == 2 ? 0 : fill + 1;
		// state.lua:39
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			#pragma unroll
			for (int e = 0; e < 2; e++) {
				S[i][0][e] *= 0.75f;
			}
		}
		// state.lua:40
		u32 k_f[2][2];
		cores_load4_trans(&k_f[0][0], &k_f[1][0], &k_f[0][1], &k_f[1][1], k_s + k_s_l);
		u32 v_f[2][1];
		cores_load2_trans(&v_f[0][0], &v_f[1][0], v_s + v_s_l);
		mma_bf16(S[0][0], S[1][0], k_f[0][0], k_f[0][1], k_f[1][0], k_f[1][1], v_f[0][0], v_f[1][0]);
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			st_shared_b32(S_s + S_s_w + 512 * i, pack_bf16(S[i][0][0], S[i][0][1]));
		}
		// state.lua:41
		float dot[2][1][2];
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			#pragma unroll
			for (int e = 0; e < 2; e++) {
				dot[i][0][e] = 0.0f;
			}
		}
		u32 q_f[2][2];
		cores_load4(&q_f[0][0], &q_f[1][0], &q_f[0][1], &q_f[1][1], q_s + q_s_l);
		u32 S_s_f[2][1];
		block_sync();
		cores_load2_trans(&S_s_f[0][0], &S_s_f[1][0], S_s + S_s_l);
		mma_bf16(dot[0][0], dot[1][0], q_f[0][0], q_f[1][0], q_f[0][1], q_f[1][1], S_s_f[0][0], S_s_f[1][0]);
		b16 *const o_at = (b16 *)opaque(o_p + (i64)(n0 + g) * o_sN + 8 * (warp % 4) + 2 * t);
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			if (g + 8 * i < 1 && n0 + g + 8 * i < N) {
				st_global_b32(o_at + (i64)(8 * i) * o_sN, pack_bf16(dot[i][0][0], dot[i][0][1]));
			}
		}
	}
	// state.lua:43
	float *const s1_p = s1 + bi * s1_sB;
	float *const s1_at = (float *)opaque(s1_p + (i64)(g) * s1_sD + 8 * (warp % 4) + 2 * t);
	#pragma unroll
	for (int i = 0; i < 2; i++) {
		st_global_v2(s1_at + (i64)(8 * i) * s1_sD, f32_bits(S[i][0][0]), f32_bits(S[i][0][1]));
	}
}

}
