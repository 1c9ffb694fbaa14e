// window_attention -- generated from window_attention.lua for sm_90a; do not edit.
// Sliding-window causal softmax attention, grouped-query heads
// with C=64, D=64, V=64, cluster=2, dtype=bf16, rows=64, stages=2, warps=4
// launch window_attention: blocks = B * G * R * ceil(N / 64), threads = 128, dynamic shared memory = 42128 bytes, in clusters of 2 where that divides blocks
// tensor map q_map: q as (D, N, R, G, B), box (64, 64, 1, 1, 1), innermost first, swizzle 128 bytes, zeros beyond the tensor
// tensor map k_map: k as (D, N, G, B), box (64, 64, 1, 1), innermost first, swizzle 128 bytes, zeros beyond the tensor
// tensor map v_map: v as (V, N, G, B), box (64, 64, 1, 1), innermost first, swizzle 128 bytes, zeros beyond the tensor
// tensor map o_map: o as (V, N, R, G, B), box (64, 16, 1, 1, 1), innermost first, swizzle 128 bytes, zeros beyond the tensor
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

// one arrival, after which the phase takes `bytes` more bytes of copies
static __device__ __forceinline__ void mbarrier_expect(u32 bar, int bytes)
{
	asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;"
	             :: "r"(bar), "r"(bytes) : "memory");
}

// a box of a 5-dimensional tensor to shared memory at dst, a multiple of 128; brings its bytes to `bar`
static __device__ __forceinline__ void tma_load_5(u32 dst, const TensorMap *map, u32 bar,
                                                  int c0, int c1, int c2, int c3, int c4)
{
	asm volatile("cp.async.bulk.tensor.5d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
	             "[%0], [%1, {%3, %4, %5, %6, %7}], [%2];"
	             :: "r"(dst), "l"(map), "r"(bar), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "r"(c4) : "memory");
}

// +infinity
static __device__ __forceinline__ float inf(void)
{
	return __int_as_float(0x7f800000);
}

// a box of a 4-dimensional tensor to shared memory at dst, a multiple of 128; brings its bytes to `bar`
static __device__ __forceinline__ void tma_load_4(u32 dst, const TensorMap *map, u32 bar,
                                                  int c0, int c1, int c2, int c3)
{
	asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
	             "[%0], [%1, {%3, %4, %5, %6}], [%2];"
	             :: "r"(dst), "l"(map), "r"(bar), "r"(c0), "r"(c1), "r"(c2), "r"(c3) : "memory");
}

// every thread of the block arrives before any leaves; orders their memory
static __device__ __forceinline__ void block_sync(void)
{
	__syncthreads();
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

// closes the warpgroup's group of products
static __device__ __forceinline__ void wgmma_commit(void)
{
	asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}

// waits until at most n of the warpgroup's groups are in flight; n is a literal
#define wgmma_wait(n) asm volatile("wgmma.wait_group.sync.aligned %0;" :: "n"(n) : "memory")

// keeps a register where it is across a wait; no instruction
static __device__ __forceinline__ void wgmma_hold_f32(float *x)
{
	asm volatile("" : "+f"(*x) :: "memory");
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

// keeps a register where it is across a wait; no instruction
static __device__ __forceinline__ void wgmma_hold_b32(u32 *x)
{
	asm volatile("" : "+r"(*x) :: "memory");
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

// one arrival; what the thread did before is before the end of the phase
static __device__ __forceinline__ void mbarrier_arrive(u32 bar)
{
	asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" :: "r"(bar) : "memory");
}

// 4 cores to shared memory; lane l gives the address of row l%8 of core l/8
static __device__ __forceinline__ void cores_store4(u32 addr, u32 r0, u32 r1, u32 r2, u32 r3)
{
	asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};"
	             :: "r"(addr), "r"(r0), "r"(r1), "r"(r2), "r"(r3) : "memory");
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

// shows what the thread wrote to shared memory to products and bulk copies; other threads need a barrier as well
static __device__ __forceinline__ void proxy_fence(void)
{
	asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

// the 32 lanes of a warp meet; orders their memory
static __device__ __forceinline__ void warp_sync(void)
{
	__syncwarp();
}

// a box from shared memory at src, a multiple of 128, to a 5-dimensional tensor; joins the thread's open group
static __device__ __forceinline__ void tma_store_5(const TensorMap *map, u32 src,
                                                   int c0, int c1, int c2, int c3, int c4)
{
	asm volatile("cp.async.bulk.tensor.5d.global.shared::cta.tile.bulk_group [%0, {%2, %3, %4, %5, %6}], [%1];"
	             :: "l"(map), "r"(src), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "r"(c4) : "memory");
}

// closes the thread's group of stores
static __device__ __forceinline__ void tma_store_commit(void)
{
	asm volatile("cp.async.bulk.commit_group;" ::: "memory");
}

// waits until at most n of the thread's groups have yet to read shared memory; n is a literal
#define tma_store_wait_read(n) asm volatile("cp.async.bulk.wait_group.read %0;" :: "n"(n) : "memory")


extern "C" {

__global__ void __launch_bounds__(128, 1) window_attention(
	int W, int N, int R, int G, int B,
	const __grid_constant__ TensorMap q_map, const __grid_constant__ TensorMap k_map,
	const __grid_constant__ TensorMap v_map, const __grid_constant__ TensorMap o_map)
{
	const u32 smem = smem_base();
	const int tid = (int)threadIdx.x;
	const int warp = warp_uniform(tid / 32);
	const int lane = tid % 32;
	const int g = lane / 4;
	const int t = lane % 4;
	const u32 Q_s = smem;
	const u32 ready = smem + 8192;
	const u32 k_s_ring = smem + 9216;
	const u32 v_s_ring = smem + 25600;
	const u32 full = smem + 41984;
	const u32 empty = smem + 42112;
	const int n0 = (blockIdx.x % ((N + 63) / 64)) * 64;
	const u32 pid2 = blockIdx.x / ((N + 63) / 64);
	const int ri = pid2 % R;
	const u32 pid3 = pid2 / R;
	const int gi = pid3 % G;
	const u32 pid4 = pid3 / G;
	const int bi = pid4;
	const u32 o_w = Q_s + (16 * warp + lane % 8) * 128 + (lane / 8 ^ ((16 * warp + lane % 8) & 7)) * 16;
	if (tid == 0) {
		mbarrier_init(ready, 1);
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			mbarrier_init(full + 8 * i, 1);
		}
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			mbarrier_init(empty + 8 * i, 4);
		}
		mbarrier_init_fence();
	}
	if (tid == 0) {
		mbarrier_expect(ready, 8192);
		tma_load_5(Q_s, &q_map, ready, 0, n0, ri, gi, bi);
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
	if (tid == 0) {
		if (n_begin < n_end) {
			mbarrier_expect(full, 16384);
			tma_load_4(k_s_ring, &k_map, full, 0, n_begin * 64, gi, bi);
			tma_load_4(v_s_ring, &v_map, full, 0, n_begin * 64, gi, bi);
		}
		if (n_begin + 1 < n_end) {
			mbarrier_expect(full + 8, 16384);
			tma_load_4(k_s_ring + 8192, &k_map, full + 8, 0, (n_begin + 1) * 64, gi, bi);
			tma_load_4(v_s_ring + 8192, &v_map, full + 8, 0, (n_begin + 1) * 64, gi, bi);
		}
	}
	int slot = 0, phase = 0;
	int fill = 1, fill_phase = 0;
	block_sync();
	mbarrier_wait(ready, 0);
	for (int n = n_begin; n < n_end; n++) {
		const int n02 = n * 64;
		mbarrier_wait(full + 8 * slot, phase);
		const int fetch = n + 1;
		if (tid == 0 && n > n_begin && fetch < n_end) {
			mbarrier_wait(empty + 8 * fill, fill_phase ^ 1);
			mbarrier_expect(full + 8 * fill, 16384);
			tma_load_4(k_s_ring + fill * 8192, &k_map, full + 8 * fill, 0, fetch * 64, gi, bi);
			tma_load_4(v_s_ring + fill * 8192, &v_map, full + 8 * fill, 0, fetch * 64, gi, bi);
		}
		const u32 k_s = k_s_ring + slot * 8192;
		const u32 v_s = v_s_ring + slot * 8192;
		const u32 done = empty + 8 * slot;
		slot = slot + 1 == 2 ? 0 : slot + 1;
		phase ^= slot == 0;
		fill = fill + 1 == 2 ? 0 : fill + 1;
		fill_phase ^= fill == 0;
		// window_attention.lua:25
		float dot[2][8][2];
		const u64 k_s_d = wgmma_desc(k_s, 16, 1024, 128);
		wgmma_fence();
		const u64 Q_s_d = wgmma_desc(Q_s, 16, 1024, 128);
		#pragma unroll
		for (int k = 0; k < 4; k++) {
			wgmma_bf16_ss_n64(dot[0], dot[1], Q_s_d + 2 * k, k_s_d + 2 * k, k > 0, 0, 0);
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
		for (int i = 0; i < 2; i++) {
			#pragma unroll
			for (int j = 0; j < 8; j++) {
				wgmma_hold_b32(&E_h[i][j]);
			}
		}
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			#pragma unroll
			for (int j = 0; j < 8; j++) {
				#pragma unroll
				for (int e = 0; e < 2; e++) {
					wgmma_hold_f32(&acc[i][j][e]);
				}
			}
		}
		const u64 v_s_d = wgmma_desc(v_s, 16, 1024, 128);
		wgmma_fence();
		#pragma unroll
		for (int k = 0; k < 4; k++) {
			wgmma_bf16_rs_n64(acc[0], acc[1], E_h[0][2 * k], E_h[1][2 * k], E_h[0][2 * k + 1], E_h[1][2 * k + 1], v_s_d + 128 * k, 1, 1);
		}
		wgmma_commit();
		// window_attention.lua:25
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			m2[i] = m_new[i];
		}
		wgmma_wait(0);
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			#pragma unroll
			for (int j = 0; j < 8; j++) {
				wgmma_hold_b32(&E_h[i][j]);
			}
		}
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			#pragma unroll
			for (int j = 0; j < 8; j++) {
				#pragma unroll
				for (int e = 0; e < 2; e++) {
					wgmma_hold_f32(&acc[i][j][e]);
				}
			}
		}
		if (lane == 0) {
			mbarrier_arrive(done);
		}
	}
	#pragma unroll
	for (int i = 0; i < 2; i++) {
		l[i] = l[i] + shfl_xor_f32(l[i], 1);
		l[i] = l[i] + shfl_xor_f32(l[i], 2);
	}
	// window_attention.lua:27
	float where2[2];
	#pragma unroll
	for (int i = 0; i < 2; i++) {
		where2[i] = l[i] == 0.0f ? 1.0f : l[i];
	}
	#pragma unroll
	for (int j = 0; j < 8; j += 4) {
		cores_store4(o_w ^ 16 * j, pack_bf16(divide(acc[0][j][0], where2[0]), divide(acc[0][j][1], where2[0])), pack_bf16(divide(acc[0][j + 1][0], where2[0]), divide(acc[0][j + 1][1], where2[0])), pack_bf16(divide(acc[0][j + 2][0], where2[0]), divide(acc[0][j + 2][1], where2[0])), pack_bf16(divide(acc[0][j + 3][0], where2[0]), divide(acc[0][j + 3][1], where2[0])));
	}
	#pragma unroll
	for (int j = 0; j < 8; j += 4) {
		cores_store4((o_w ^ 16 * j) + 1024, pack_bf16(divide(acc[1][j][0], where2[1]), divide(acc[1][j][1], where2[1])), pack_bf16(divide(acc[1][j + 1][0], where2[1]), divide(acc[1][j + 1][1], where2[1])), pack_bf16(divide(acc[1][j + 2][0], where2[1]), divide(acc[1][j + 2][1], where2[1])), pack_bf16(divide(acc[1][j + 3][0], where2[1]), divide(acc[1][j + 3][1], where2[1])));
	}
	proxy_fence();
	warp_sync();
	if (lane == 0) {
		tma_store_5(&o_map, Q_s + 2048 * warp, 0, n0 + 16 * warp, ri, gi, bi);
		tma_store_commit();
	}
	if (lane == 0) {
		tma_store_wait_read(0);
	}
}

}
