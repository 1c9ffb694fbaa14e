// c[64][N] = a[64][64] b[64][N] in every layout that a product takes. SPAN: bytes of a box's row, the
// swizzle if more than 16. A_MN, B_MN: the operand lies with its m or n along the rows of shared memory,
// k down, else the other way round. LEFT_REGS: a comes in registers. N: a multiple of 64. RS and SS
// are the products' names.
#ifndef TOUCH_LEFT
#define TOUCH_LEFT
#endif
#ifndef BETWEEN
#define BETWEEN
#endif
#define SWIZZLE (SPAN > 16 ? SPAN : 0)

// K-major: boxes of SPAN bytes of k by `rows`; one after another along k.
static __device__ __forceinline__ u64 k_major(u32 at, int rows, int k)
{
	const int panel = 2 * k / SPAN, in = 2 * k % SPAN;

	return wgmma_desc(at + (u32)(panel * rows * SPAN + in), rows * SPAN, 8 * SPAN, SWIZZLE);
}

// MN-major: boxes of SPAN bytes of m or n by 64 of k; one after another along m or n. Without a
// swizzle leading and stride change their roles.
static __device__ __forceinline__ u64 mn_major(u32 at, int k)
{
	return SWIZZLE ? wgmma_desc(at + (u32)(k * SPAN), 64 * SPAN, 8 * SPAN, SWIZZLE)
	               : wgmma_desc(at + (u32)(k * SPAN), 8 * SPAN, 64 * SPAN, 0);
}

__global__ void __launch_bounds__(128, 1)
hopper_layout(const __grid_constant__ TensorMap a_map, const __grid_constant__ TensorMap b_map,
              const b16 *a, float *c)
{
	const u32 bar = smem_base(), sa = bar + 1024, sb = sa + 8192;
	const int tid = threadIdx.x, lane = lane_id(), warp = tid / 32, each = SPAN / 2;
	float d0[N / 8][2], d1[N / 8][2];
	u32 r[4][4];

	if (tid == 0) {
		mbarrier_init(bar, 1);
		mbarrier_init_fence();
	}
	block_sync();
	if (tid == 0) {
		mbarrier_expect(bar, 8192 + 128 * N);
		for (int i = 0; i < 64; i += each)
			tma_load_2(sa + (u32)(i * 128), &a_map, bar, i, 0);
		for (int i = 0; i < (B_MN ? N : 64); i += each)
			tma_load_2(sb + (u32)(i * (B_MN ? 128 : 2 * N)), &b_map, bar, i, 0);
	}
	// layout.lua:5  a in registers
	for (int k = 0; k < 4; k++)
		for (int i = 0; i < 4; i++) {
			const int row = 16 * warp + lane / 4 + i % 2 * 8, col = 16 * k + lane % 4 * 2 + i / 2 * 8;
			r[k][i] = ld_global_b32(a + row * 64 + col);
		}
	mbarrier_wait(bar, 0);
	// layout.lua:7
	for (int k = 0; k < 4; k++) {
		wgmma_fence();
		// layout.lua:8  c = dot(a, b)
		const u64 b = B_MN ? mn_major(sb, 16 * k) : k_major(sb, N, 16 * k);
		if (LEFT_REGS)
			RS(d0, d1, r[k][0], r[k][1], r[k][2], r[k][3], b, k > 0, B_MN);
		else
			SS(d0, d1, A_MN ? mn_major(sa, 16 * k) : k_major(sa, 64, 16 * k), b,
			   k > 0, A_MN, B_MN);
		// layout.lua:9  between
		BETWEEN
	}
	wgmma_commit();
	// layout.lua:10  after
	TOUCH_LEFT
	wgmma_wait(0);
	for (int k = 0; k < 4; k++)
		for (int i = 0; i < 4; i++)
			wgmma_hold_b32(&r[k][i]);
	// layout.lua:12  c is stored
	for (int j = 0; j < N / 8; j++)
		for (int h = 0; h < 2; h++) {
			float *to = c + (16 * warp + lane / 4) * N + 8 * j + lane % 4 * 2 + h;
			st_global_f32(to, d0[j][h]);
			st_global_f32(to + 8 * N, d1[j][h]);
		}
}
