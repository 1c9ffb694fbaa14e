// cumsum -- generated from cumsum.lua for sm_80; do not edit.
// y_i = w_0 + ... + w_i
// with C=64, dtype=bf16, stages=2, warps=4
// launch cumsum: blocks = B, threads = 128, dynamic shared memory = 768 bytes
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

// every thread of the block arrives before any leaves; orders their memory
static __device__ __forceinline__ void block_sync(void)
{
	__syncthreads();
}

// loads 4 bytes
static __device__ __forceinline__ float ld_shared_f32(u32 a)
{
	float v;
	asm volatile("ld.shared.f32 %0, [%1];" : "=f"(v) : "r"(a));
	return v;
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

// stores 4 bytes
static __device__ __forceinline__ void st_global_f32(void *p, float v)
{
	*(float *)p = v;
}

// x of lane (own ^ mask)
static __device__ __forceinline__ float shfl_xor_f32(float x, int mask)
{
	return __shfl_xor_sync(0xffffffffu, x, mask);
}


extern "C" {

__global__ void __launch_bounds__(128, 1) cumsum(
	int B, int N, const float *w, i64 w_sB, i64 w_sN,
	float *y, i64 y_sB, i64 y_sN)
{
	const u32 smem = smem_base();
	const int tid = (int)threadIdx.x;
	const int warp = warp_uniform(tid / 32);
	const int lane = tid % 32;
	const u32 w_s_ring = smem;
	const u32 cumsum2_v = smem + 512;
	const int bi = blockIdx.x;
	const float *const w_p = w + bi * w_sB;
	float *const y_p = y + bi * y_sB;
	// cumsum.lua:12
	float before = 0.0f;
	// cumsum.lua:13
	const int n_end = (N + 63) / 64;
	if (0 < n_end) {
		for (int x = tid; x < 64; x += 128) {
			const int on = x < N;
			cp_async_4(w_s_ring + 4 * x, w_p + (i64)(on ? x : 0) * w_sN, on ? 4 : 0);
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
			for (int x = tid; x < 64; x += 128) {
				const int on = fetch * 64 + x < N;
				cp_async_4(w_s_ring + fill * 256 + 4 * x, w_p + (i64)(on ? fetch * 64 + x : 0) * w_sN, on ? 4 : 0);
			}
		}
		cp_async_commit();
		const u32 w_s = w_s_ring + slot * 256;
		slot = slot + 1 == 2 ? 0 : slot + 1;
		fill = fill + 1 == 2 ? 0 : fill + 1;
		// cumsum.lua:15
		float w2[2];
		#pragma unroll
		for (int e = 0; e < 2; e++) {
			w2[e] = ld_shared_f32(w_s + 4 * (2 * lane + e));
		}
		float cumsum2[2];
		cumsum2[0] = w2[0];
		cumsum2[1] = cumsum2[0] + w2[1];
		float cumsum2_run = cumsum2[1];
		#pragma unroll
		for (int d = 1; d < 32; d *= 2) {
			const float up = shfl_up_f32(cumsum2_run, d);
			cumsum2_run = lane >= d ? cumsum2_run + up : cumsum2_run;
		}
		cumsum2_run = shfl_up_f32(cumsum2_run, 1);
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			cumsum2[i] = lane > 0 ? cumsum2_run + cumsum2[i] : cumsum2[i];
		}
		if (warp == 0) {
			#pragma unroll
			for (int e = 0; e < 2; e++) {
				st_shared_f32(cumsum2_v + 4 * (2 * lane + e), cumsum2[e]);
			}
		}
		float cumsum2_at[1];
		block_sync();
		cumsum2_at[0] = 32 * warp + lane < 64 ? ld_shared_f32(cumsum2_v + 4 * (32 * warp + lane)) : 0;
		if (32 * warp + lane < 64 && n0 + 32 * warp + lane < N) {
			st_global_f32(y_p + (i64)(n0 + 32 * warp + lane) * y_sN, cumsum2_at[0] + before);
		}
		// cumsum.lua:16
		float sum = 0.0f;
		#pragma unroll
		for (int e = 0; e < 2; e++) {
			sum = sum + w2[e];
		}
		sum = sum + shfl_xor_f32(sum, 1);
		sum = sum + shfl_xor_f32(sum, 2);
		sum = sum + shfl_xor_f32(sum, 4);
		sum = sum + shfl_xor_f32(sum, 8);
		sum = sum + shfl_xor_f32(sum, 16);
		before = before + sum;
	}
}

}
