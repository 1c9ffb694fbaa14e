// simple_gla -- generated from simple_gla.lua for sm_90a; do not edit.
// Linear attention with a data-dependent decay per step and head
// with C=64, D=64, V=64, dtype=bf16, stages=3, warps=8
// launch simple_gla: blocks = B * H, threads = 384, dynamic shared memory = 159744 bytes
// tensor map q_map: q as (D, N, H, B), box (64, 64, 1, 1), innermost first, swizzle 128 bytes, zeros beyond the tensor
// tensor map k_map: k as (D, N, H, B), box (64, 64, 1, 1), innermost first, swizzle 128 bytes, zeros beyond the tensor
// tensor map v_map: v as (V, N, H, B), box (64, 64, 1, 1), innermost first, swizzle 128 bytes, zeros beyond the tensor
// tensor map o_map: o as (V, N, H, B), box (64, 16, 1, 1), innermost first, swizzle 128 bytes, zeros beyond the tensor
// strides (X_sA: of argument X along axis A) are in elements; matrices' last axes are contiguous.

typedef unsigned short b16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

// the pointer itself, of which the compiler knows nothing
static __device__ __forceinline__ void *opaque(const void *p)
{
	asm volatile("" : "+l"(p));
	return (void *)p;
}

// a tensor map; a kernel takes it as `const __grid_constant__ TensorMap`
typedef struct __align__(64) TensorMap {
	u64 opaque[16];
} TensorMap;

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

// a new barrier at `bar`, a multiple of 8: a phase takes `count` arrivals
static __device__ __forceinline__ void mbarrier_init(u32 bar, int count)
{
	asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" :: "r"(bar), "r"(count) : "memory");
}

// shows the thread's new barriers to copies in flight; other threads need a barrier as well
static __device__ __forceinline__ void mbarrier_init_fence(void)
{
	asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
	asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

// every thread of the block arrives before any leaves; orders their memory
static __device__ __forceinline__ void block_sync(void)
{
	__syncthreads();
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

// waits until the phase of this parity is over; the one before the first is over
static __device__ __forceinline__ void mbarrier_wait(u32 bar, int phase)
{
	asm volatile("{\n"
	             ".reg .pred over;\n"
	             "AGAIN:\n"
	             "mbarrier.try_wait.parity.shared::cta.b64 over, [%0], %1;\n"
	             "@!over bra AGAIN;\n"
	             "}" :: "r"(bar), "r"(phase) : "memory");
}

// waits until at most n of the thread's groups are in flight; n is a literal
#define cp_async_wait(n) asm volatile("cp.async.wait_group %0;" :: "n"(n) : "memory")

// barrier `id` (1..15) for `threads` threads, whole warps
static __device__ __forceinline__ void named_sync(int id, int threads)
{
	asm volatile("bar.sync %0, %1;" :: "r"(id), "r"(threads) : "memory");
}

// 4 cores to shared memory; lane l gives the address of row l%8 of core l/8
static __device__ __forceinline__ void cores_store4(u32 addr, u32 r0, u32 r1, u32 r2, u32 r3)
{
	asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};"
	             :: "r"(addr), "r"(r0), "r"(r1), "r"(r2), "r"(r3) : "memory");
}

// two fp32 to a pair of bf16, to nearest even
static __device__ __forceinline__ u32 pack_bf16(float lo, float hi)
{
	u32 d;
	asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(d) : "f"(hi), "f"(lo));
	return d;
}

// shows what the thread wrote to shared memory to products and bulk copies; other threads need a barrier as well
static __device__ __forceinline__ void proxy_fence(void)
{
	asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

// one arrival; what the thread did before is before the end of the phase
static __device__ __forceinline__ void mbarrier_arrive(u32 bar)
{
	asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" :: "r"(bar) : "memory");
}

// loads 4 bytes
static __device__ __forceinline__ float ld_shared_f32(u32 a)
{
	float v;
	asm volatile("ld.shared.f32 %0, [%1];" : "=f"(v) : "r"(a));
	return v;
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

// 4 cores from shared memory, each transposed on the way; lane l gives the address of row l%8 of core l/8
static __device__ __forceinline__ void cores_load4_trans(u32 *r0, u32 *r1, u32 *r2, u32 *r3, u32 addr)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
	             : "=r"(*r0), "=r"(*r1), "=r"(*r2), "=r"(*r3) : "r"(addr) : "memory");
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

// keeps a register where it is across a wait; no instruction
static __device__ __forceinline__ void wgmma_hold_b32(u32 *x)
{
	asm volatile("" : "+r"(*x) :: "memory");
}

// keeps a register where it is across a wait; no instruction
static __device__ __forceinline__ void wgmma_hold_f32(float *x)
{
	asm volatile("" : "+f"(*x) :: "memory");
}

// names a matrix in shared memory: address and offsets in bytes, swizzle 0, 32, 64 or 128; + (bytes >> 4) moves it
static __device__ __forceinline__ u64 wgmma_desc(u32 addr, int leading, int stride, int swizzle)
{
	const u64 mode = swizzle == 128 ? 1 : swizzle == 64 ? 2 : swizzle == 32 ? 3 : 0;

	return (addr & 0x3ffff) >> 4 | (u64)(leading >> 4) << 16 | (u64)(stride >> 4) << 32 | mode << 62;
}

// registers written before it may be used by products after it
static __device__ __forceinline__ void wgmma_fence(void)
{
	asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}

// d[64][64] (+)= a[64][16] b[16][64]; d0 and d1 are the pairs of rows g and g + 8, a0 .. a3 the cores of the warp's rows
#define wgmma_bf16_rs_n64(d0, d1, a0, a1, a2, a3, b, accumulate, trans_b) \
	asm volatile("{\n" \
	             ".reg .pred add;\n" \
	             "setp.ne.b32 add, %37, 0;\n" \
	             "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {" \
	             "%0, %1, %2, %3, " \
	             "%4, %5, %6, %7, " \
	             "%8, %9, %10, %11, " \
	             "%12, %13, %14, %15, " \
	             "%16, %17, %18, %19, " \
	             "%20, %21, %22, %23, " \
	             "%24, %25, %26, %27, " \
	             "%28, %29, %30, %31" \
	             "}, {%32, %33, %34, %35}, " \
	             "%36, add, 1, 1, %38;\n" \
	             "}" \
	             : \
	             "+f"((d0)[0][0]), "+f"((d0)[0][1]), "+f"((d1)[0][0]), "+f"((d1)[0][1]), \
	             "+f"((d0)[1][0]), "+f"((d0)[1][1]), "+f"((d1)[1][0]), "+f"((d1)[1][1]), \
	             "+f"((d0)[2][0]), "+f"((d0)[2][1]), "+f"((d1)[2][0]), "+f"((d1)[2][1]), \
	             "+f"((d0)[3][0]), "+f"((d0)[3][1]), "+f"((d1)[3][0]), "+f"((d1)[3][1]), \
	             "+f"((d0)[4][0]), "+f"((d0)[4][1]), "+f"((d1)[4][0]), "+f"((d1)[4][1]), \
	             "+f"((d0)[5][0]), "+f"((d0)[5][1]), "+f"((d1)[5][0]), "+f"((d1)[5][1]), \
	             "+f"((d0)[6][0]), "+f"((d0)[6][1]), "+f"((d1)[6][0]), "+f"((d1)[6][1]), \
	             "+f"((d0)[7][0]), "+f"((d0)[7][1]), "+f"((d1)[7][0]), "+f"((d1)[7][1]) \
	             : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "l"(b), "r"((int)(accumulate)), "n"(trans_b))

// closes the warpgroup's group of products
static __device__ __forceinline__ void wgmma_commit(void)
{
	asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}

// waits until at most n of the warpgroup's groups are in flight; n is a literal
#define wgmma_wait(n) asm volatile("wgmma.wait_group.sync.aligned %0;" :: "n"(n) : "memory")

// one arrival, after which the phase takes `bytes` more bytes of copies
static __device__ __forceinline__ void mbarrier_expect(u32 bar, int bytes)
{
	asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;"
	             :: "r"(bar), "r"(bytes) : "memory");
}

// a box of a 4-dimensional tensor to shared memory at dst, a multiple of 128; brings its bytes to `bar`
static __device__ __forceinline__ void tma_load_4(u32 dst, const TensorMap *map, u32 bar,
                                                  int c0, int c1, int c2, int c3)
{
	asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
	             "[%0], [%1, {%3, %4, %5, %6}], [%2];"
	             :: "r"(dst), "l"(map), "r"(bar), "r"(c0), "r"(c1), "r"(c2), "r"(c3) : "memory");
}

// d[64][64] (+)= a[64][16] b[16][64]; d0 and d1 are the pairs of rows g and g + 8 of the warp's rows
#define wgmma_bf16_ss_n64(d0, d1, a, b, accumulate, trans_a, trans_b) \
	asm volatile("{\n" \
	             ".reg .pred add;\n" \
	             "setp.ne.b32 add, %34, 0;\n" \
	             "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {" \
	             "%0, %1, %2, %3, " \
	             "%4, %5, %6, %7, " \
	             "%8, %9, %10, %11, " \
	             "%12, %13, %14, %15, " \
	             "%16, %17, %18, %19, " \
	             "%20, %21, %22, %23, " \
	             "%24, %25, %26, %27, " \
	             "%28, %29, %30, %31" \
	             "}, %32, %33, add, 1, 1, %35, %36;\n" \
	             "}" \
	             : \
	             "+f"((d0)[0][0]), "+f"((d0)[0][1]), "+f"((d1)[0][0]), "+f"((d1)[0][1]), \
	             "+f"((d0)[1][0]), "+f"((d0)[1][1]), "+f"((d1)[1][0]), "+f"((d1)[1][1]), \
	             "+f"((d0)[2][0]), "+f"((d0)[2][1]), "+f"((d1)[2][0]), "+f"((d1)[2][1]), \
	             "+f"((d0)[3][0]), "+f"((d0)[3][1]), "+f"((d1)[3][0]), "+f"((d1)[3][1]), \
	             "+f"((d0)[4][0]), "+f"((d0)[4][1]), "+f"((d1)[4][0]), "+f"((d1)[4][1]), \
	             "+f"((d0)[5][0]), "+f"((d0)[5][1]), "+f"((d1)[5][0]), "+f"((d1)[5][1]), \
	             "+f"((d0)[6][0]), "+f"((d0)[6][1]), "+f"((d1)[6][0]), "+f"((d1)[6][1]), \
	             "+f"((d0)[7][0]), "+f"((d0)[7][1]), "+f"((d1)[7][0]), "+f"((d1)[7][1]) \
	             : "l"(a), "l"(b), "r"((int)(accumulate)), "n"(trans_a), "n"(trans_b))

// waits until at most n of the thread's groups have yet to read shared memory; n is a literal
#define tma_store_wait_read(n) asm volatile("cp.async.bulk.wait_group.read %0;" :: "n"(n) : "memory")

// the 32 lanes of a warp meet; orders their memory
static __device__ __forceinline__ void warp_sync(void)
{
	__syncwarp();
}

// a box from shared memory at src, a multiple of 128, to a 4-dimensional tensor; joins the thread's open group
static __device__ __forceinline__ void tma_store_4(const TensorMap *map, u32 src,
                                                   int c0, int c1, int c2, int c3)
{
	asm volatile("cp.async.bulk.tensor.4d.global.shared::cta.tile.bulk_group [%0, {%2, %3, %4, %5}], [%1];"
	             :: "l"(map), "r"(src), "r"(c0), "r"(c1), "r"(c2), "r"(c3) : "memory");
}

// closes the thread's group of stores
static __device__ __forceinline__ void tma_store_commit(void)
{
	asm volatile("cp.async.bulk.commit_group;" ::: "memory");
}


extern "C" {

__global__ void __launch_bounds__(384, 1) simple_gla(
	int H, int B, int N, const __grid_constant__ TensorMap q_map,
	const __grid_constant__ TensorMap k_map, const __grid_constant__ TensorMap v_map,
	const float *g2, i64 g_sB, i64 g_sH, i64 g_sN,
	const __grid_constant__ TensorMap o_map)
{
	const u32 smem = smem_base();
	const int role = warp_uniform((int)(threadIdx.x / 128));
	const int tid = (int)threadIdx.x % 128;
	const int warp = warp_uniform(tid / 32);
	const int lane = tid % 32;
	const int g = lane / 4;
	const int t = lane % 4;
	const u32 Q_s_ring = smem;
	const u32 K_s_ring = smem + 40960;
	const u32 V_s_ring = smem + 81920;
	const u32 full = smem + 122880;
	const u32 empty = smem + 123008;
	const u32 w_s_ring = smem + 123136;
	const u32 S_s_both = smem + 123904;
	const u32 S_s_full = smem + 140288;
	const u32 S_s_empty = smem + 140416;
	const u32 c2_v = smem + 140544;
	const u32 w_s_ring2 = smem + 140032 + 768 * role;
	const u32 c2_v2 = smem + 142080 + 256 * role;
	const u32 o_s = smem + 135168 + 8192 * role;
	const int hi = blockIdx.x % H;
	const u32 pid2 = blockIdx.x / H;
	const int bi = pid2;
	if (threadIdx.x == 0) {
		#pragma unroll
		for (int i = 0; i < 5; i++) {
			mbarrier_init(full + 8 * i, 1);
		}
		#pragma unroll
		for (int i = 0; i < 5; i++) {
			mbarrier_init(empty + 8 * i, 8);
		}
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			mbarrier_init(S_s_full + 8 * i, 128);
		}
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			mbarrier_init(S_s_empty + 8 * i, 4);
		}
		mbarrier_init_fence();
	}
	block_sync();
	if (role == 0) {
		const float *const g_p = g2 + bi * g_sB + hi * g_sH;
		const u32 S_s_w = (lane % 8 + 16 * warp) * 128 + (lane / 8 ^ ((lane % 8 + 16 * warp) & 7)) * 16;
		const u32 K_s_l = (lane % 16) * 128 + ((lane / 16 % 2 + warp * 2) ^ (lane % 16 & 7)) * 16;
		// simple_gla.lua:17
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
		// simple_gla.lua:18
		const int n_end = (N + 63) / 64;
		int slot = 0, phase = 0;
		int turn = 0;
		if (0 < n_end) {
			for (int x = tid; x < 64; x += 128) {
				const int on = x < N;
				cp_async_4(w_s_ring + 4 * x, g_p + (i64)(on ? x : 0) * g_sN, on ? 4 : 0);
			}
		}
		cp_async_commit();
		if (1 < n_end) {
			for (int x = tid; x < 64; x += 128) {
				const int on = 64 + x < N;
				cp_async_4(w_s_ring + 256 + 4 * x, g_p + (i64)(on ? 64 + x : 0) * g_sN, on ? 4 : 0);
			}
		}
		cp_async_commit();
		int slot2 = 0, fill2 = 2;
		for (int n = 0; n < n_end; n++) {
			const int n0 = n * 64;
			const int n0_live = N - n0 < 64 ? N - n0 : 64;
			mbarrier_wait(full + 8 * slot, phase);
			const u32 K_s = K_s_ring + slot * 8192;
			const u32 V_s = V_s_ring + slot * 8192;
			const u32 done = empty + 8 * slot;
			slot = slot + 1 == 5 ? 0 : slot + 1;
			phase ^= slot == 0;
			cp_async_wait(1);
			const int fetch = n + 2;
			named_sync(1, 128);
			if (fetch < n_end) {
				for (int x = tid; x < 64; x += 128) {
					const int on = fetch * 64 + x < N;
					cp_async_4(w_s_ring + fill2 * 256 + 4 * x, g_p + (i64)(on ? fetch * 64 + x : 0) * g_sN, on ? 4 : 0);
				}
			}
			cp_async_commit();
			const u32 w_s = w_s_ring + slot2 * 256;
			slot2 = slot2 + 1 == 3 ? 0 : slot2 + 1;
			fill2 = fill2 + 1 == 3 ? 0 : fill2 + 1;
			mbarrier_wait(S_s_empty + (turn % 2) * 8, turn / 2 % 2 ^ 1);
			const u32 S_s = S_s_both + (turn % 2) * 8192;
			#pragma unroll
			for (int i = 0; i < 2; i++) {
				#pragma unroll
				for (int j = 0; j < 8; j += 4) {
					cores_store4(S_s + (S_s_w ^ 16 * j) + 1024 * i, pack_bf16(S[i][j][0], S[i][j][1]), pack_bf16(S[i][j + 1][0], S[i][j + 1][1]), pack_bf16(S[i][j + 2][0], S[i][j + 2][1]), pack_bf16(S[i][j + 3][0], S[i][j + 3][1]));
				}
			}
			proxy_fence();
			mbarrier_arrive(S_s_full + (turn % 2) * 8);
			// simple_gla.lua:22
			float w[2];
			#pragma unroll
			for (int e = 0; e < 2; e++) {
				w[e] = ld_shared_f32(w_s + 4 * (2 * lane + e));
			}
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
			// simple_gla.lua:23
			u32 K[8][2];
			#pragma unroll
			for (int i = 0; i < 8; i += 2) {
				cores_load4_trans(&K[i][0], &K[i + 1][0], &K[i][1], &K[i + 1][1], K_s + 1024 * i + K_s_l);
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
			float c2_at[8][2];
			named_sync(1, 128);
			#pragma unroll
			for (int i = 0; i < 8; i++) {
				#pragma unroll
				for (int e = 0; e < 2; e++) {
					c2_at[i][e] = ld_shared_f32(c2_v + 4 * (2 * t + 8 * i + e));
				}
			}
			float where[8][2];
			#pragma unroll
			for (int i = 0; i < 8; i++) {
				#pragma unroll
				for (int e = 0; e < 2; e++) {
					where[i][e] = 2 * t + 8 * i + e < n0_live ? exp2_fast(fmaf(total, 1.44269504f, -1.44269504f * c2_at[i][e])) : 0.0f;
				}
			}
			u32 mul[8][2];
			#pragma unroll
			for (int i = 0; i < 8; i++) {
				#pragma unroll
				for (int j = 0; j < 2; j++) {
					mul[i][j] = pack_bf16(bf16_lo(K[i][j]) * where[i][0], bf16_hi(K[i][j]) * where[i][1]);
				}
			}
			#pragma unroll
			for (int i = 0; i < 8; i++) {
				#pragma unroll
				for (int j = 0; j < 2; j++) {
					wgmma_hold_b32(&mul[i][j]);
				}
			}
			#pragma unroll
			for (int i = 0; i < 2; i++) {
				#pragma unroll
				for (int j = 0; j < 8; j++) {
					#pragma unroll
					for (int e = 0; e < 2; e++) {
						wgmma_hold_f32(&S[i][j][e]);
					}
				}
			}
			const u64 V_s_d = wgmma_desc(V_s, 16, 1024, 128);
			wgmma_fence();
			#pragma unroll
			for (int k = 0; k < 4; k++) {
				wgmma_bf16_rs_n64(S[0], S[1], mul[2 * k][0], mul[2 * k][1], mul[2 * k + 1][0], mul[2 * k + 1][1], V_s_d + 128 * k, 1, 1);
			}
			wgmma_commit();
			wgmma_wait(0);
			#pragma unroll
			for (int i = 0; i < 8; i++) {
				#pragma unroll
				for (int j = 0; j < 2; j++) {
					wgmma_hold_b32(&mul[i][j]);
				}
			}
			#pragma unroll
			for (int i = 0; i < 2; i++) {
				#pragma unroll
				for (int j = 0; j < 8; j++) {
					#pragma unroll
					for (int e = 0; e < 2; e++) {
						wgmma_hold_f32(&S[i][j][e]);
					}
				}
			}
			if (lane == 0) {
				mbarrier_arrive(done);
			}
			turn++;
		}
	} else {
		const float *const g_p = g2 + bi * g_sB + hi * g_sH;
		const u32 o_w = o_s + (16 * warp + lane % 8) * 128 + (lane / 8 ^ ((16 * warp + lane % 8) & 7)) * 16;
		// simple_gla.lua:18
		const int n_end = (N + 63) / 64;
		if (role == 1 && tid == 0) {
			if (0 < n_end) {
				mbarrier_expect(full, 24576);
				tma_load_4(Q_s_ring, &q_map, full, 0, 0, hi, bi);
				tma_load_4(K_s_ring, &k_map, full, 0, 0, hi, bi);
				tma_load_4(V_s_ring, &v_map, full, 0, 0, hi, bi);
			}
			if (1 < n_end) {
				mbarrier_expect(full + 8, 24576);
				tma_load_4(Q_s_ring + 8192, &q_map, full + 8, 0, 64, hi, bi);
				tma_load_4(K_s_ring + 8192, &k_map, full + 8, 0, 64, hi, bi);
				tma_load_4(V_s_ring + 8192, &v_map, full + 8, 0, 64, hi, bi);
			}
			if (2 < n_end) {
				mbarrier_expect(full + 16, 24576);
				tma_load_4(Q_s_ring + 16384, &q_map, full + 16, 0, 128, hi, bi);
				tma_load_4(K_s_ring + 16384, &k_map, full + 16, 0, 128, hi, bi);
				tma_load_4(V_s_ring + 16384, &v_map, full + 16, 0, 128, hi, bi);
			}
			if (3 < n_end) {
				mbarrier_expect(full + 24, 24576);
				tma_load_4(Q_s_ring + 24576, &q_map, full + 24, 0, 192, hi, bi);
				tma_load_4(K_s_ring + 24576, &k_map, full + 24, 0, 192, hi, bi);
				tma_load_4(V_s_ring + 24576, &v_map, full + 24, 0, 192, hi, bi);
			}
		}
		if (role - 1 < n_end) {
			for (int x = tid; x < 64; x += 128) {
				const int on = (role - 1) * 64 + x < N;
				cp_async_4(w_s_ring2 + 4 * x, g_p + (i64)(on ? (role - 1) * 64 + x : 0) * g_sN, on ? 4 : 0);
			}
		}
		cp_async_commit();
		if (role - 1 + 2 < n_end) {
			for (int x = tid; x < 64; x += 128) {
				const int on = (role - 1 + 2) * 64 + x < N;
				cp_async_4(w_s_ring2 + 256 + 4 * x, g_p + (i64)(on ? (role - 1 + 2) * 64 + x : 0) * g_sN, on ? 4 : 0);
			}
		}
		cp_async_commit();
		int slot2 = 0, fill2 = 2;
		for (int n = role - 1; n < n_end; n += 2) {
			const int n0 = n * 64;
			const int slot = n % 5, phase = n / 5 % 2;
			mbarrier_wait(full + 8 * slot, phase);
			const int fetch = n + 3;
			if (tid == 0 && n > 0 && fetch < n_end) {
				const int fill = (n + 3) % 5, fill_phase = (n + 3) / 5 % 2;
				mbarrier_wait(empty + 8 * fill, fill_phase ^ 1);
				mbarrier_expect(full + 8 * fill, 24576);
				tma_load_4(Q_s_ring + fill * 8192, &q_map, full + 8 * fill, 0, fetch * 64, hi, bi);
				tma_load_4(K_s_ring + fill * 8192, &k_map, full + 8 * fill, 0, fetch * 64, hi, bi);
				tma_load_4(V_s_ring + fill * 8192, &v_map, full + 8 * fill, 0, fetch * 64, hi, bi);
			}
			const u32 Q_s = Q_s_ring + slot * 8192;
			const u32 K_s = K_s_ring + slot * 8192;
			const u32 V_s = V_s_ring + slot * 8192;
			const u32 done = empty + 8 * slot;
			cp_async_wait(1);
			const int fetch2 = n + 4;
			named_sync(role + 1, 128);
			if (fetch2 < n_end) {
				for (int x = tid; x < 64; x += 128) {
					const int on = fetch2 * 64 + x < N;
					cp_async_4(w_s_ring2 + fill2 * 256 + 4 * x, g_p + (i64)(on ? fetch2 * 64 + x : 0) * g_sN, on ? 4 : 0);
				}
			}
			cp_async_commit();
			const u32 w_s = w_s_ring2 + slot2 * 256;
			slot2 = slot2 + 1 == 3 ? 0 : slot2 + 1;
			fill2 = fill2 + 1 == 3 ? 0 : fill2 + 1;
			// simple_gla.lua:21
			mbarrier_wait(S_s_full + (n % 2) * 8, n / 2 % 2);
			const u32 S_s = S_s_both + (n % 2) * 8192;
			float dot[2][8][2];
			const u64 S_s_d = wgmma_desc(S_s, 16, 1024, 128);
			wgmma_fence();
			const u64 Q_s_d = wgmma_desc(Q_s, 16, 1024, 128);
			#pragma unroll
			for (int k = 0; k < 4; k++) {
				wgmma_bf16_ss_n64(dot[0], dot[1], Q_s_d + 2 * k, S_s_d + 128 * k, k > 0, 0, 1);
			}
			wgmma_commit();
			wgmma_wait(0);
			#pragma unroll
			for (int i = 0; i < 2; i++) {
				#pragma unroll
				for (int j = 0; j < 8; j++) {
					#pragma unroll
					for (int e = 0; e < 2; e++) {
						wgmma_hold_f32(&dot[i][j][e]);
					}
				}
			}
			float w[2];
			#pragma unroll
			for (int e = 0; e < 2; e++) {
				w[e] = ld_shared_f32(w_s + 4 * (2 * lane + e));
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
					st_shared_f32(c2_v2 + 4 * (2 * lane + e), c2[e]);
				}
			}
			float c2_at[2];
			named_sync(role + 1, 128);
			#pragma unroll
			for (int i = 0; i < 2; i++) {
				c2_at[i] = ld_shared_f32(c2_v2 + 4 * (16 * warp + g + 8 * i));
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
			const u64 K_s_d = wgmma_desc(K_s, 16, 1024, 128);
			wgmma_fence();
			const u64 Q_s_d2 = wgmma_desc(Q_s, 16, 1024, 128);
			#pragma unroll
			for (int k = 0; k < 4; k++) {
				wgmma_bf16_ss_n64(dot2[0], dot2[1], Q_s_d2 + 2 * k, K_s_d + 2 * k, k > 0, 0, 0);
			}
			wgmma_commit();
			wgmma_wait(0);
			#pragma unroll
			for (int i = 0; i < 2; i++) {
				#pragma unroll
				for (int j = 0; j < 8; j++) {
					#pragma unroll
					for (int e = 0; e < 2; e++) {
						wgmma_hold_f32(&dot2[i][j][e]);
					}
				}
			}
			float c2_at_at[8][2];
			#pragma unroll
			for (int i = 0; i < 8; i++) {
				#pragma unroll
				for (int e = 0; e < 2; e++) {
					c2_at_at[i][e] = ld_shared_f32(c2_v2 + 4 * (2 * t + 8 * i + e));
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
			for (int i = 0; i < 2; i++) {
				#pragma unroll
				for (int j = 0; j < 8; j++) {
					wgmma_hold_b32(&mul2[i][j]);
				}
			}
			#pragma unroll
			for (int i = 0; i < 2; i++) {
				#pragma unroll
				for (int j = 0; j < 8; j++) {
					#pragma unroll
					for (int e = 0; e < 2; e++) {
						wgmma_hold_f32(&add[i][j][e]);
					}
				}
			}
			const u64 V_s_d = wgmma_desc(V_s, 16, 1024, 128);
			wgmma_fence();
			#pragma unroll
			for (int k = 0; k < 4; k++) {
				wgmma_bf16_rs_n64(add[0], add[1], mul2[0][2 * k], mul2[1][2 * k], mul2[0][2 * k + 1], mul2[1][2 * k + 1], V_s_d + 128 * k, 1, 1);
			}
			wgmma_commit();
			wgmma_wait(0);
			#pragma unroll
			for (int i = 0; i < 2; i++) {
				#pragma unroll
				for (int j = 0; j < 8; j++) {
					wgmma_hold_b32(&mul2[i][j]);
				}
			}
			#pragma unroll
			for (int i = 0; i < 2; i++) {
				#pragma unroll
				for (int j = 0; j < 8; j++) {
					#pragma unroll
					for (int e = 0; e < 2; e++) {
						wgmma_hold_f32(&add[i][j][e]);
					}
				}
			}
			if (lane == 0) {
				tma_store_wait_read(0);
			}
			warp_sync();
			#pragma unroll
			for (int j = 0; j < 8; j += 4) {
				cores_store4(o_w ^ 16 * j, pack_bf16(add[0][j][0], add[0][j][1]), pack_bf16(add[0][j + 1][0], add[0][j + 1][1]), pack_bf16(add[0][j + 2][0], add[0][j + 2][1]), pack_bf16(add[0][j + 3][0], add[0][j + 3][1]));
			}
			#pragma unroll
			for (int j = 0; j < 8; j += 4) {
				cores_store4((o_w ^ 16 * j) + 1024, pack_bf16(add[1][j][0], add[1][j][1]), pack_bf16(add[1][j + 1][0], add[1][j + 1][1]), pack_bf16(add[1][j + 2][0], add[1][j + 2][1]), pack_bf16(add[1][j + 3][0], add[1][j + 3][1]));
			}
			proxy_fence();
			warp_sync();
			if (lane == 0) {
				tma_store_4(&o_map, o_s + 2048 * warp, 0, n0 + 16 * warp, hi, bi);
				tma_store_commit();
			}
			if (lane == 0) {
				mbarrier_arrive(done);
				mbarrier_arrive(S_s_empty + (n % 2) * 8);
			}
		}
		if (lane == 0) {
			tma_store_wait_read(0);
		}
	}
}

}
