// c[M][N] = a[M][K] b[K][N] in bf16, as Hopper does it: a warp loads by TMA into a ring of two stages
// with full and empty barriers; two warpgroups multiply, each 64 x 128, k in steps of 64, and store by
// TMA. a is K-major, b N-major; any sizes that TMA takes. Macros let a test break it, and `flip`: 1 + a
// bit of a's descriptor, 65 + one of b's.
#ifndef EXPECT
#define EXPECT 32768
#endif
#ifndef EMPTY_COUNT
#define EMPTY_COUNT 2
#endif
#ifndef FULL_PHASE
#define FULL_PHASE (it / 2 & 1)
#endif
#ifndef EMPTY_PHASE
#define EMPTY_PHASE (it / 2 + 1 & 1)
#endif
#ifndef B_LEADING
#define B_LEADING 8192
#endif
#ifndef B_STRIDE
#define B_STRIDE 1024
#endif
#ifndef B_SWIZZLE
#define B_SWIZZLE 128
#endif
#ifndef A_STRIDE
#define A_STRIDE 1024
#endif
#ifndef BOX_ROW
#define BOX_ROW row0
#endif
#ifndef WAITS
#define WAITS 1
#endif
#ifndef LAG
#define LAG 0
#endif
#ifndef LAST_WAIT
#define LAST_WAIT
#endif
#ifndef RELEASED
#define RELEASED (it - LAG)
#endif
#ifndef TOUCH
#define TOUCH
#endif
#ifndef BEFORE
#define BEFORE
#endif
#ifndef OVERWRITE
#define OVERWRITE
#endif
#ifndef AFTER_STORE
#define AFTER_STORE
#endif
#ifndef CONSUMER_REGS
#define CONSUMER_REGS 232
#endif
#ifndef PRODUCER_REGS
#define PRODUCER_REGS 40
#endif

__global__ void __launch_bounds__(384, 1)
hopper_gemm(const __grid_constant__ TensorMap a_map, const __grid_constant__ TensorMap b_map,
            const __grid_constant__ TensorMap c_map, int columns, int k, int flip)
{
	const u32 base = smem_base(), full = base, empty = base + 16, ring = base + 1024;
	const u32 out = ring + 65536;
	const int tid = threadIdx.x, wg = tid / 128, lane = lane_id();
	const int row0 = (int)blockIdx.x / columns * 128, col0 = (int)blockIdx.x % columns * 128;
	const int steps = (k + 63) / 64;
	const u64 a_flip = flip > 0 && flip <= 64 ? (u64)1 << (flip - 1) : 0;
	const u64 b_flip = flip > 64 ? (u64)1 << (flip - 65) : 0;

	if (tid == 0) {
		// gemm.lua:10  the barriers
		for (int s = 0; s < 2; s++) {
			mbarrier_init(full + 8 * s, 1);
			mbarrier_init(empty + 8 * s, EMPTY_COUNT);
		}
		// gemm.lua:11  are shown to TMA
		mbarrier_init_fence();
	}
	// gemm.lua:12  and to all
	block_sync();
	if (wg == 0) {
		// gemm.lua:20  the producer
		regs_lower(PRODUCER_REGS);
		if (tid == 0)
			for (int it = 0; it < steps; it++) {
				const u32 sa = ring + 32768 * (it & 1), sb = sa + 16384, bar = full + 8 * (it & 1);
				// gemm.lua:21  the stage is free
				mbarrier_wait(empty + 8 * (it & 1), EMPTY_PHASE);
				// gemm.lua:22  bytes to come
				mbarrier_expect(bar, EXPECT);
				// gemm.lua:23  load a
				tma_load_2(sa, &a_map, bar, it * 64, BOX_ROW);
				// gemm.lua:24  load b
				tma_load_2(sb, &b_map, bar, col0, it * 64);
				tma_load_2(sb + 8192, &b_map, bar, col0 + 64, it * 64);
			}
		return;
	}
	// gemm.lua:30  the consumers
	regs_raise(CONSUMER_REGS);
	float d0[16][2], d1[16][2];
	for (int j = 0; j < 16; j++) {
		d0[j][0] = d0[j][1] = d1[j][0] = d1[j][1] = 0;
		wgmma_hold_f32(&d0[j][0]); // zeros made inside the loop would serialise its products
		wgmma_hold_f32(&d0[j][1]);
		wgmma_hold_f32(&d1[j][0]);
		wgmma_hold_f32(&d1[j][1]);
	}
	for (int it = 0; it < steps; it++) {
		const u32 sa = ring + 32768 * (it & 1), sb = sa + 16384;
		const u64 a = wgmma_desc(sa + 8192 * (wg - 1), 16, A_STRIDE, 128) ^ a_flip;
		const u64 b = wgmma_desc(sb, B_LEADING, B_STRIDE, B_SWIZZLE) ^ b_flip;
		// gemm.lua:31  the stage is full
		if (WAITS)
			mbarrier_wait(full + 8 * (it & 1), FULL_PHASE);
		BEFORE
		// gemm.lua:32  registers are ready
		wgmma_fence();
		for (int kk = 0; kk < 4; kk++) {
			// gemm.lua:33  c = c + dot(a, b)
			wgmma_bf16_ss_n128(d0, d1, a + (kk * 32 >> 4), b + (kk * 2048 >> 4), 1, 0, 1);
		}
		// gemm.lua:34  close the group
		wgmma_commit();
		// gemm.lua:35  something else
		TOUCH OVERWRITE
		// gemm.lua:36  wait for it
		wgmma_wait(LAG);
		for (int j = 0; j < 16 && !LAG; j++) {
			wgmma_hold_f32(&d0[j][0]);
			wgmma_hold_f32(&d0[j][1]);
			wgmma_hold_f32(&d1[j][0]);
			wgmma_hold_f32(&d1[j][1]);
		}
		// gemm.lua:37  the stage is free
		if (tid % 128 == 0 && RELEASED >= 0)
			mbarrier_arrive(empty + 8 * (RELEASED & 1));
	}
	LAST_WAIT
	// gemm.lua:40  c is rounded
	const int row = tid % 128 / 32 * 16 + (lane & 15);
	const u32 mine = out + 16384 * (wg - 1);
	for (int j = 0; j < 16; j += 2) {
		const int col = j + lane / 16;
		const u32 at = mine + 8192 * (col / 8) + 128 * row + ((col % 8 ^ row & 7) << 4);
		cores_store4(at, pack_bf16(d0[j][0], d0[j][1]), pack_bf16(d1[j][0], d1[j][1]),
		             pack_bf16(d0[j + 1][0], d0[j + 1][1]), pack_bf16(d1[j + 1][0], d1[j + 1][1]));
	}
	// gemm.lua:41  shown to TMA
	proxy_fence();
	// gemm.lua:42  by all
	named_sync(wg, 128);
	if (tid % 128 == 0) {
		// gemm.lua:43  c is stored
		tma_store_2(&c_map, mine, col0, row0 + 64 * (wg - 1));
		tma_store_2(&c_map, mine + 8192, col0 + 64, row0 + 64 * (wg - 1));
		// gemm.lua:44  close the group
		tma_store_commit();
		AFTER_STORE
		// gemm.lua:45  wait for it
		tma_store_wait_read(0);
	}
}
