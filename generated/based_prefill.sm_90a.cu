// based_prefill -- generated from based_prefill.lua for sm_90a; do not edit.
// Causal linear attention under the 2nd-order Taylor map (BASED, arXiv 2402.18668)
// with C=64, D=16, F=153, V=64, dtype=bf16, normalize=0, stages=3, warps=4
// launch based_prefill: blocks = B * H, threads = 256, dynamic shared memory = 104448 bytes
// tensor map q_map: q as (D, N, H, B), box (16, 64, 1, 1), innermost first, swizzle 32 bytes, zeros beyond the tensor
// tensor map k_map: k as (D, N, H, B), box (16, 64, 1, 1), innermost first, swizzle 32 bytes, zeros beyond the tensor
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

// the warpgroup's threads may use n registers, a multiple of 8 in 24 .. 256; waits until they are free; n is a literal
#define regs_raise(n) asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" :: "n"(n))

// an element of a constant table
static __device__ __forceinline__ int table_s16(const short *p)
{
	int x;

	asm volatile("ld.s16 %0, [%1];" : "=r"(x) : "l"(p));
	return x;
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

// 4 cores from shared memory, each transposed on the way; lane l gives the address of row l%8 of core l/8
static __device__ __forceinline__ void cores_load4_trans(u32 *r0, u32 *r1, u32 *r2, u32 *r3, u32 addr)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
	             : "=r"(*r0), "=r"(*r1), "=r"(*r2), "=r"(*r3) : "r"(addr) : "memory");
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

// the 32 lanes of a warp meet; orders their memory
static __device__ __forceinline__ void warp_sync(void)
{
	__syncwarp();
}

// one arrival; what the thread did before is before the end of the phase
static __device__ __forceinline__ void mbarrier_arrive(u32 bar)
{
	asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" :: "r"(bar) : "memory");
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

// barrier `id` (1..15) for `threads` threads, whole warps
static __device__ __forceinline__ void named_sync(int id, int threads)
{
	asm volatile("bar.sync %0, %1;" :: "r"(id), "r"(threads) : "memory");
}

// 4 cores from shared memory; lane l gives the address of row l%8 of core l/8
static __device__ __forceinline__ void cores_load4(u32 *r0, u32 *r1, u32 *r2, u32 *r3, u32 addr)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
	             : "=r"(*r0), "=r"(*r1), "=r"(*r2), "=r"(*r3) : "r"(addr) : "memory");
}

// 2 cores from shared memory; lane l gives the address of row l%8 of core l/8
static __device__ __forceinline__ void cores_load2(u32 *r0, u32 *r1, u32 addr)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
	             : "=r"(*r0), "=r"(*r1) : "r"(addr) : "memory");
}

// waits until at most n of the warpgroup's groups are in flight; n is a literal
#define wgmma_wait(n) asm volatile("wgmma.wait_group.sync.aligned %0;" :: "n"(n) : "memory")

// keeps a register where it is across a wait; no instruction
static __device__ __forceinline__ void wgmma_hold_b32(u32 *x)
{
	asm volatile("" : "+r"(*x) :: "memory");
}

// products of pairs, each rounded once (an fma with -0: mul.bf16x2 needs sm_90)
static __device__ __forceinline__ u32 mul_bf16x2(u32 x, u32 y)
{
	u32 d;
	asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(d) : "r"(x), "r"(y), "r"(0x80008000u));
	return d;
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

// the warpgroup's threads give back registers beyond n, a multiple of 8 in 24 .. 256; n is a literal
#define regs_lower(n) asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" :: "n"(n))

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

// waits until at most n of the thread's groups have yet to read shared memory; n is a literal
#define tma_store_wait_read(n) asm volatile("cp.async.bulk.wait_group.read %0;" :: "n"(n) : "memory")

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

// step of 16 slots -> I + 256 J, its groups of four columns
static __device__ const short based_prefill_groups[12] = {
	0, 257, 514, 771, 256, 512, 768, 513, 769, 770, 0, 0
};

__global__ void __launch_bounds__(256, 2) based_prefill(
	int H, int B, int N, const __grid_constant__ TensorMap q_map,
	const __grid_constant__ TensorMap k_map, const __grid_constant__ TensorMap v_map,
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
	const u32 K_s_ring = smem + 8192;
	const u32 V_s_ring = smem + 16384;
	const u32 full = smem + 49152;
	const u32 empty = smem + 49280;
	const u32 K_t_both = smem + 50176;
	const u32 S_s_both = smem + 54272;
	const u32 S_s_full = smem + 95232;
	const u32 S_s_empty = smem + 95360;
	const u32 o_s = smem + 96256;
	const int hi = blockIdx.x % H;
	const u32 pid2 = blockIdx.x / H;
	const int bi = pid2;
	if (threadIdx.x == 0) {
		#pragma unroll
		for (int i = 0; i < 4; i++) {
			mbarrier_init(full + 8 * i, 1);
		}
		#pragma unroll
		for (int i = 0; i < 4; i++) {
			mbarrier_init(empty + 8 * i, 8);
		}
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			mbarrier_init(S_s_full + 8 * i, 4);
		}
		#pragma unroll
		for (int i = 0; i < 2; i++) {
			mbarrier_init(S_s_empty + 8 * i, 4);
		}
		mbarrier_init_fence();
	}
	block_sync();
	if (role == 0) {
		regs_raise(152);
		const u32 K_t_w = (lane / 16 * 8 + lane % 8) * 128 + (lane / 8 % 2 ^ ((lane / 16 * 8 + lane % 8) & 7)) * 16;
		const u32 K_s_l = (lane % 16) * 32 + (lane / 16 % 2 ^ ((lane % 16 >> 2) & 1)) * 16;
		const u32 S_s_w = (lane % 8 + 16 * warp) * 128 + (lane / 8 ^ ((lane % 8 + 16 * warp) & 7)) * 16;
		u32 K_pair[3];
		#pragma unroll
		for (int u = 0; u < 3; u++) {
			const int pair = table_s16(based_prefill_groups + 4 * u + warp);
			const int I = pair % 256;
			const int J = pair / 256;
			const int row = lane < 16 ? 4 * I + (lane % 8) / 2 : 4 * J + lane % 2;
			const int high = 4 * J + 2 + lane % 2;
			K_pair[u] = row * 128 + (lane / 8 % 2 ^ (row & 7)) * 16 + 65536u * (high * 128 + (lane / 8 % 2 ^ (high & 7)) * 16);
		}
		const u32 diagonal_lo = g == 0 || g == 3 ? 0x3f353f35u : 0x3f803f80u;
		const u32 diagonal_hi = g == 4 || g == 7 ? 0x3f353f35u : 0x3f803f80u;
		// based_prefill.lua:19
		float S[6][8][2];
		#pragma unroll
		for (int i = 0; i < 6; i++) {
			#pragma unroll
			for (int j = 0; j < 8; j++) {
				#pragma unroll
				for (int e = 0; e < 2; e++) {
					S[i][j][e] = 0.0f;
				}
			}
		}
		// based_prefill.lua:20
		const int n_end = (N + 63) / 64;
		int slot = 0, phase = 0;
		int turn = 0;
		for (int n = 0; n < n_end; n++) {
			mbarrier_wait(full + 8 * slot, phase);
			const u32 K_s = K_s_ring + slot * 2048;
			const u32 V_s = V_s_ring + slot * 8192;
			const u32 done = empty + 8 * slot;
			slot = slot + 1 == 4 ? 0 : slot + 1;
			phase ^= slot == 0;
			const u32 K_t = K_t_both + (turn % 2) * 2048;
			{
				u32 x2[2][2];
				cores_load4_trans(&x2[0][0], &x2[1][0], &x2[0][1], &x2[1][1], K_s + 512 * warp + K_s_l);
				cores_store4(K_t + (K_t_w ^ 32 * warp), x2[0][0], x2[1][0], x2[0][1], x2[1][1]);
			}
			mbarrier_wait(S_s_empty + (turn % 2) * 8, turn / 2 % 2 ^ 1);
			const u32 S_s = S_s_both + (turn % 2) * 20480;
			{
				const float S_x = g <= 0 ? 0.70718232f : g <= 1 ? 1.0f : g <= 2 ? (warp <= 0 ? 1.0f : 0.0f) : g <= 3 ? 0.70718232f : 0.25f;
				#pragma unroll
				for (int j = 0; j < 8; j += 4) {
					cores_store4(S_s + (S_s_w ^ 16 * j), pack_bf16(S[0][j][0] * S_x, S[0][j][1] * S_x), pack_bf16(S[0][j + 1][0] * S_x, S[0][j + 1][1] * S_x), pack_bf16(S[0][j + 2][0] * S_x, S[0][j + 2][1] * S_x), pack_bf16(S[0][j + 3][0] * S_x, S[0][j + 3][1] * S_x));
				}
				const float S_x2 = g <= 3 ? 1.0f : g <= 4 ? 0.70718232f : g <= 5 ? 1.0f : g <= 6 ? 0.0f : 0.70718232f;
				#pragma unroll
				for (int j = 0; j < 8; j += 4) {
					cores_store4(S_s + (S_s_w ^ 16 * j) + 1024, pack_bf16(S[1][j][0] * S_x2, S[1][j][1] * S_x2), pack_bf16(S[1][j + 1][0] * S_x2, S[1][j + 1][1] * S_x2), pack_bf16(S[1][j + 2][0] * S_x2, S[1][j + 2][1] * S_x2), pack_bf16(S[1][j + 3][0] * S_x2, S[1][j + 3][1] * S_x2));
				}
				#pragma unroll
				for (int i = 2; i < 4; i++) {
					#pragma unroll
					for (int j = 0; j < 8; j += 4) {
						cores_store4(S_s + (S_s_w ^ 16 * j) + 128 * (i / 2 * 64 + (i % 2) * 8), pack_bf16(S[i][j][0], S[i][j][1]), pack_bf16(S[i][j + 1][0], S[i][j + 1][1]), pack_bf16(S[i][j + 2][0], S[i][j + 2][1]), pack_bf16(S[i][j + 3][0], S[i][j + 3][1]));
					}
				}
				if (warp < 2) {
					#pragma unroll
					for (int j = 0; j < 8; j += 4) {
						cores_store4(S_s + (S_s_w ^ 16 * j) + 16384, pack_bf16(S[4][j][0], S[4][j][1]), pack_bf16(S[4][j + 1][0], S[4][j + 1][1]), pack_bf16(S[4][j + 2][0], S[4][j + 2][1]), pack_bf16(S[4][j + 3][0], S[4][j + 3][1]));
					}
					#pragma unroll
					for (int j = 0; j < 8; j += 4) {
						cores_store4(S_s + (S_s_w ^ 16 * j) + 17408, pack_bf16(S[5][j][0], S[5][j][1]), pack_bf16(S[5][j + 1][0], S[5][j + 1][1]), pack_bf16(S[5][j + 2][0], S[5][j + 2][1]), pack_bf16(S[5][j + 3][0], S[5][j + 3][1]));
					}
				}
			}
			proxy_fence();
			warp_sync();
			if (lane == 0) {
				mbarrier_arrive(S_s_full + (turn % 2) * 8);
			}
			// based_prefill.lua:27
			#pragma unroll
			for (int i = 0; i < 6; i++) {
				#pragma unroll
				for (int j = 0; j < 8; j++) {
					#pragma unroll
					for (int e = 0; e < 2; e++) {
						wgmma_hold_f32(&S[i][j][e]);
					}
				}
			}
			const u64 V_s_d = wgmma_desc(V_s, 16, 1024, 128);
			u32 phi[2][1][2][2];
			u32 c2[2][3][2];
			named_sync(1, 128);
			cores_load4(&c2[0][0][0], &c2[0][0][1], &c2[0][1][0], &c2[0][1][1], K_t + K_pair[0] % 65536);
			cores_load2(&c2[0][2][0], &c2[0][2][1], K_t + K_pair[0] / 65536);
			#pragma unroll
			for (int k = 0; k < 4; k += 1) {
				if (k >= 2) {
					wgmma_wait(1);
					#pragma unroll
					for (int i = 0; i < 1; i++) {
						#pragma unroll
						for (int j = 0; j < 2; j++) {
							#pragma unroll
							for (int e = 0; e < 2; e++) {
								wgmma_hold_b32(&phi[k % 2][i][j][e]);
							}
						}
					}
				}
				{
					const u32 y00 = c2[k % 2][1][0];
					const u32 y01 = c2[k % 2][2][0];
					phi[k % 2][0][0][0] = mul_bf16x2(c2[k % 2][0][0], c2[k % 2][1][0]);
					phi[k % 2][0][0][1] = mul_bf16x2(c2[k % 2][0][0], c2[k % 2][2][0]);
					const u32 y10 = c2[k % 2][1][1];
					const u32 y11 = c2[k % 2][2][1];
					phi[k % 2][0][1][0] = mul_bf16x2(c2[k % 2][0][1], c2[k % 2][1][1]);
					phi[k % 2][0][1][1] = mul_bf16x2(c2[k % 2][0][1], c2[k % 2][2][1]);
					phi[k % 2][0][0][0] = mul_bf16x2(phi[k % 2][0][0][0], diagonal_lo);
					phi[k % 2][0][0][1] = mul_bf16x2(phi[k % 2][0][0][1], diagonal_hi);
					phi[k % 2][0][0][0] = g >= 4 ? (g < 6 ? y00 : y01) : phi[k % 2][0][0][0];
					phi[k % 2][0][0][0] = warp == 0 && g == 2 ? 0x3f803f80u : phi[k % 2][0][0][0];
					phi[k % 2][0][1][0] = mul_bf16x2(phi[k % 2][0][1][0], diagonal_lo);
					phi[k % 2][0][1][1] = mul_bf16x2(phi[k % 2][0][1][1], diagonal_hi);
					phi[k % 2][0][1][0] = g >= 4 ? (g < 6 ? y10 : y11) : phi[k % 2][0][1][0];
					phi[k % 2][0][1][0] = warp == 0 && g == 2 ? 0x3f803f80u : phi[k % 2][0][1][0];
				}
				const int next = k + 1;
				cores_load4(&c2[next % 2][0][0], &c2[next % 2][0][1], &c2[next % 2][1][0], &c2[next % 2][1][1], K_t + (K_pair[next / 4] % 65536 ^ 32 * (next % 4)));
				cores_load2(&c2[next % 2][2][0], &c2[next % 2][2][1], K_t + (K_pair[next / 4] / 65536 ^ 32 * (next % 4)));
				#pragma unroll
				for (int i = 0; i < 1; i++) {
					#pragma unroll
					for (int j = 0; j < 2; j++) {
						#pragma unroll
						for (int e = 0; e < 2; e++) {
							wgmma_hold_b32(&phi[k % 2][i][j][e]);
						}
					}
				}
				wgmma_fence();
				wgmma_bf16_rs_n64(S[0], S[1], phi[k % 2][0][0][0], phi[k % 2][0][0][1], phi[k % 2][0][1][0], phi[k % 2][0][1][1], V_s_d + 128 * k, 1, 1);
				wgmma_commit();
			}
			#pragma unroll
			for (int u = 1; u < 3; u++) {
				#pragma unroll
				for (int k = 0; k < 4; k += 1) {
					wgmma_wait(1);
					#pragma unroll
					for (int i = 0; i < 1; i++) {
						#pragma unroll
						for (int j = 0; j < 2; j++) {
							#pragma unroll
							for (int e = 0; e < 2; e++) {
								wgmma_hold_b32(&phi[(4 * u + k) % 2][i][j][e]);
							}
						}
					}
					if (u < 2 || warp < 2) {
						phi[(4 * u + k) % 2][0][0][0] = mul_bf16x2(c2[(4 * u + k) % 2][0][0], c2[(4 * u + k) % 2][1][0]);
						phi[(4 * u + k) % 2][0][0][1] = mul_bf16x2(c2[(4 * u + k) % 2][0][0], c2[(4 * u + k) % 2][2][0]);
						phi[(4 * u + k) % 2][0][1][0] = mul_bf16x2(c2[(4 * u + k) % 2][0][1], c2[(4 * u + k) % 2][1][1]);
						phi[(4 * u + k) % 2][0][1][1] = mul_bf16x2(c2[(4 * u + k) % 2][0][1], c2[(4 * u + k) % 2][2][1]);
					} else {
						phi[(4 * u + k) % 2][0][0][0] = 0;
						phi[(4 * u + k) % 2][0][0][1] = 0;
						phi[(4 * u + k) % 2][0][1][0] = 0;
						phi[(4 * u + k) % 2][0][1][1] = 0;
					}
					const int next2 = 4 * u + k + 1;
					if (next2 < 8 || (next2 < 12 && warp < 2)) {
						cores_load4(&c2[next2 % 2][0][0], &c2[next2 % 2][0][1], &c2[next2 % 2][1][0], &c2[next2 % 2][1][1], K_t + (K_pair[next2 / 4] % 65536 ^ 32 * (next2 % 4)));
						cores_load2(&c2[next2 % 2][2][0], &c2[next2 % 2][2][1], K_t + (K_pair[next2 / 4] / 65536 ^ 32 * (next2 % 4)));
					}
					#pragma unroll
					for (int i = 0; i < 1; i++) {
						#pragma unroll
						for (int j = 0; j < 2; j++) {
							#pragma unroll
							for (int e = 0; e < 2; e++) {
								wgmma_hold_b32(&phi[(4 * u + k) % 2][i][j][e]);
							}
						}
					}
					wgmma_fence();
					wgmma_bf16_rs_n64(S[2 * u], S[2 * u + 1], phi[(4 * u + k) % 2][0][0][0], phi[(4 * u + k) % 2][0][0][1], phi[(4 * u + k) % 2][0][1][0], phi[(4 * u + k) % 2][0][1][1], V_s_d + 128 * k, 1, 1);
					wgmma_commit();
				}
			}
			wgmma_wait(0);
			#pragma unroll
			for (int i = 0; i < 6; i++) {
				#pragma unroll
				for (int j = 0; j < 8; j++) {
					#pragma unroll
					for (int e = 0; e < 2; e++) {
						wgmma_hold_f32(&S[i][j][e]);
					}
				}
			}
			#pragma unroll
			for (int i = 0; i < 2; i++) {
				#pragma unroll
				for (int j = 0; j < 1; j++) {
					#pragma unroll
					for (int e = 0; e < 2; e++) {
						#pragma unroll
						for (int h = 0; h < 2; h++) {
							wgmma_hold_b32(&phi[i][j][e][h]);
						}
					}
				}
			}
			if (lane == 0) {
				mbarrier_arrive(done);
			}
			turn++;
		}
	} else {
		regs_lower(104);
		const u32 Q_s_g = (g + warp * 16) * 32 + (((g + warp * 16) >> 2) & 1) * 16;
		const u32 o_w = o_s + (16 * warp + lane % 8) * 128 + (lane / 8 ^ ((16 * warp + lane % 8) & 7)) * 16;
		// based_prefill.lua:20
		const int n_end = (N + 63) / 64;
		if (tid == 0) {
			if (0 < n_end) {
				mbarrier_expect(full, 12288);
				tma_load_4(Q_s_ring, &q_map, full, 0, 0, hi, bi);
				tma_load_4(K_s_ring, &k_map, full, 0, 0, hi, bi);
				tma_load_4(V_s_ring, &v_map, full, 0, 0, hi, bi);
			}
			if (1 < n_end) {
				mbarrier_expect(full + 8, 12288);
				tma_load_4(Q_s_ring + 2048, &q_map, full + 8, 0, 64, hi, bi);
				tma_load_4(K_s_ring + 2048, &k_map, full + 8, 0, 64, hi, bi);
				tma_load_4(V_s_ring + 8192, &v_map, full + 8, 0, 64, hi, bi);
			}
			if (2 < n_end) {
				mbarrier_expect(full + 16, 12288);
				tma_load_4(Q_s_ring + 4096, &q_map, full + 16, 0, 128, hi, bi);
				tma_load_4(K_s_ring + 4096, &k_map, full + 16, 0, 128, hi, bi);
				tma_load_4(V_s_ring + 16384, &v_map, full + 16, 0, 128, hi, bi);
			}
		}
		int slot = 0, phase = 0;
		int fill = 2, fill_phase = 0;
		int turn = 0;
		for (int n = 0; n < n_end; n++) {
			const int n0 = n * 64;
			mbarrier_wait(full + 8 * slot, phase);
			const u32 Q_s = Q_s_ring + slot * 2048;
			const u32 K_s = K_s_ring + slot * 2048;
			const u32 V_s = V_s_ring + slot * 8192;
			const u32 done = empty + 8 * slot;
			slot = slot + 1 == 4 ? 0 : slot + 1;
			phase ^= slot == 0;
			// based_prefill.lua:26
			float dot[2][8][2];
			float dot2[2][8][2];
			const u64 K_s_d = wgmma_desc(K_s, 16, 256, 32);
			wgmma_fence();
			const u64 Q_s_d = wgmma_desc(Q_s, 16, 256, 32);
			wgmma_bf16_ss_n64(dot2[0], dot2[1], Q_s_d, K_s_d, 0, 0, 0);
			wgmma_commit();
			const int fetch = n + 2;
			if (tid == 0 && n > 0 && fetch < n_end) {
				mbarrier_wait(empty + 8 * fill, fill_phase ^ 1);
				mbarrier_expect(full + 8 * fill, 12288);
				tma_load_4(Q_s_ring + fill * 2048, &q_map, full + 8 * fill, 0, fetch * 64, hi, bi);
				tma_load_4(K_s_ring + fill * 2048, &k_map, full + 8 * fill, 0, fetch * 64, hi, bi);
				tma_load_4(V_s_ring + fill * 8192, &v_map, full + 8 * fill, 0, fetch * 64, hi, bi);
			}
			fill = fill + 1 == 4 ? 0 : fill + 1;
			fill_phase ^= fill == 0;
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
			u32 where[2][8];
			#pragma unroll
			for (int q = 0; q < 4; q++) {
				if (q < warp) {
					#pragma unroll
					for (int i = 0; i < 2; i++) {
						#pragma unroll
						for (int j = 2 * q; j < 2 * q + 2; j++) {
							where[i][j] = pack_bf16(fmaf(fmaf(0.03125f, dot2[i][j][0], 0.25f), dot2[i][j][0], 1.0f), fmaf(fmaf(0.03125f, dot2[i][j][1], 0.25f), dot2[i][j][1], 1.0f));
						}
					}
				} else if (q == warp) {
					#pragma unroll
					for (int i = 0; i < 2; i++) {
						#pragma unroll
						for (int j = 2 * q; j < 2 * q + 2; j++) {
							where[i][j] = pack_bf16(g + 8 * i >= 2 * t + 8 * (j % 2) ? fmaf(fmaf(0.03125f, dot2[i][j][0], 0.25f), dot2[i][j][0], 1.0f) : 0.0f, g + 8 * i >= 2 * t + 8 * (j % 2) + 1 ? fmaf(fmaf(0.03125f, dot2[i][j][1], 0.25f), dot2[i][j][1], 1.0f) : 0.0f);
						}
					}
				} else {
					#pragma unroll
					for (int i = 0; i < 2; i++) {
						#pragma unroll
						for (int j = 2 * q; j < 2 * q + 2; j++) {
							where[i][j] = 0;
						}
					}
				}
			}
			#pragma unroll
			for (int i = 0; i < 2; i++) {
				#pragma unroll
				for (int j = 0; j < 8; j++) {
					wgmma_hold_b32(&where[i][j]);
				}
			}
			const u64 V_s_d = wgmma_desc(V_s, 16, 1024, 128);
			wgmma_fence();
			#pragma unroll
			for (int k = 0; k < 4; k++) {
				wgmma_bf16_rs_n64(dot[0], dot[1], where[0][2 * k], where[1][2 * k], where[0][2 * k + 1], where[1][2 * k + 1], V_s_d + 128 * k, k > 0, 1);
			}
			wgmma_commit();
			const u32 S_s = S_s_both + (turn % 2) * 20480;
			const u64 S_s_d = wgmma_desc(S_s, 16, 1024, 128);
			u32 Qa[2][4], Qb[2][4][2];
			#pragma unroll
			for (int r = 0; r < 2; r++) {
				#pragma unroll
				for (int u = 0; u < 2; u++) {
					ld_shared_v4(&Qb[r][2 * u][0], Q_s + (Q_s_g ^ 16 * u) + 256 * r);
					#pragma unroll
					for (int I = 2 * u; I < 2 * u + 2; I++) {
						Qa[r][I] = mul_bf16x2(prmt(Qb[r][I][0], Qb[r][I][1], 0x1010 + 0x2222 * t), 0x3d803d80u);
					}
				}
			}
			u32 phi[2][4][2][2];
			#pragma unroll
			for (int I = 0; I < 4; I++) {
				const u32 x0 = t >= 2 ? (t == 2 ? Qb[0][I][0] : Qb[0][I][1]) : mul_bf16x2(Qa[0][I], Qb[0][I][0]);
				phi[0][I][0][0] = I == 0 && t == 1 ? (x0 & 0xffff0000u) | 0x3f80u : x0;
				phi[0][I][0][1] = mul_bf16x2(Qa[0][I], Qb[0][I][1]);
				const u32 x1 = t >= 2 ? (t == 2 ? Qb[1][I][0] : Qb[1][I][1]) : mul_bf16x2(Qa[1][I], Qb[1][I][0]);
				phi[0][I][1][0] = I == 0 && t == 1 ? (x1 & 0xffff0000u) | 0x3f80u : x1;
				phi[0][I][1][1] = mul_bf16x2(Qa[1][I], Qb[1][I][1]);
			}
			mbarrier_wait(S_s_full + (turn % 2) * 8, turn / 2 % 2);
			#pragma unroll
			for (int i = 0; i < 4; i++) {
				#pragma unroll
				for (int j = 0; j < 2; j++) {
					#pragma unroll
					for (int e = 0; e < 2; e++) {
						wgmma_hold_b32(&phi[0][i][j][e]);
					}
				}
			}
			wgmma_fence();
			#pragma unroll
			for (int I = 0; I < 4; I++) {
				wgmma_bf16_rs_n64(dot[0], dot[1], phi[0][I][0][0], phi[0][I][1][0], phi[0][I][0][1], phi[0][I][1][1], S_s_d + 128 * I, 1, 1);
			}
			wgmma_commit();
			wgmma_wait(1);
			#pragma unroll
			for (int i = 0; i < 2; i++) {
				#pragma unroll
				for (int j = 0; j < 8; j++) {
					wgmma_hold_b32(&where[i][j]);
				}
			}
			#pragma unroll
			for (int I = 0; I < 3; I++) {
				if (I >= 1) {
					wgmma_wait(1);
					#pragma unroll
					for (int i = 0; i < 4; i++) {
						#pragma unroll
						for (int j = 0; j < 2; j++) {
							#pragma unroll
							for (int e = 0; e < 2; e++) {
								wgmma_hold_b32(&phi[(I + 1) % 2][i][j][e]);
							}
						}
					}
				}
				#pragma unroll
				for (int J = I + 1; J < 4; J++) {
					phi[(I + 1) % 2][J - I - 1][0][0] = mul_bf16x2(Qa[0][I], Qb[0][J][0]);
					phi[(I + 1) % 2][J - I - 1][0][1] = mul_bf16x2(Qa[0][I], Qb[0][J][1]);
					phi[(I + 1) % 2][J - I - 1][1][0] = mul_bf16x2(Qa[1][I], Qb[1][J][0]);
					phi[(I + 1) % 2][J - I - 1][1][1] = mul_bf16x2(Qa[1][I], Qb[1][J][1]);
				}
				#pragma unroll
				for (int i = 0; i < 4; i++) {
					#pragma unroll
					for (int j = 0; j < 2; j++) {
						#pragma unroll
						for (int e = 0; e < 2; e++) {
							wgmma_hold_b32(&phi[(I + 1) % 2][i][j][e]);
						}
					}
				}
				wgmma_fence();
				#pragma unroll
				for (int J = I + 1; J < 4; J++) {
					wgmma_bf16_rs_n64(dot[0], dot[1], phi[(I + 1) % 2][J - I - 1][0][0], phi[(I + 1) % 2][J - I - 1][1][0], phi[(I + 1) % 2][J - I - 1][0][1], phi[(I + 1) % 2][J - I - 1][1][1], S_s_d + 128 * (3 + I * (5 - I) / 2 + J), 1, 1);
				}
				wgmma_commit();
			}
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
			#pragma unroll
			for (int i = 0; i < 2; i++) {
				#pragma unroll
				for (int j = 0; j < 4; j++) {
					#pragma unroll
					for (int e = 0; e < 2; e++) {
						#pragma unroll
						for (int h = 0; h < 2; h++) {
							wgmma_hold_b32(&phi[i][j][e][h]);
						}
					}
				}
			}
			if (lane == 0) {
				tma_store_wait_read(0);
			}
			warp_sync();
			#pragma unroll
			for (int j = 0; j < 8; j += 4) {
				cores_store4(o_w ^ 16 * j, pack_bf16(dot[0][j][0], dot[0][j][1]), pack_bf16(dot[0][j + 1][0], dot[0][j + 1][1]), pack_bf16(dot[0][j + 2][0], dot[0][j + 2][1]), pack_bf16(dot[0][j + 3][0], dot[0][j + 3][1]));
			}
			#pragma unroll
			for (int j = 0; j < 8; j += 4) {
				cores_store4((o_w ^ 16 * j) + 1024, pack_bf16(dot[1][j][0], dot[1][j][1]), pack_bf16(dot[1][j + 1][0], dot[1][j + 1][1]), pack_bf16(dot[1][j + 2][0], dot[1][j + 2][1]), pack_bf16(dot[1][j + 3][0], dot[1][j + 3][1]));
			}
			proxy_fence();
			warp_sync();
			if (lane == 0) {
				tma_store_4(&o_map, o_s + 2048 * warp, 0, n0 + 16 * warp, hi, bi);
				tma_store_commit();
			}
			if (lane == 0) {
				mbarrier_arrive(done);
				mbarrier_arrive(S_s_empty + (turn % 2) * 8);
			}
			turn++;
		}
		if (lane == 0) {
			tma_store_wait_read(0);
		}
	}
}

}
