// c[M][N] f32 = a[M][K] b[K][N] in bf16: 64x64 tiles, k in steps of 32, two stages of cp.async.
// K is a multiple of 32, N of 64, M anything. Macros let a test break it (see sim_test.c).
#ifndef SWIZZLE_A
#define SWIZZLE_A(row) ((row) >> 1 & 3)
#endif
#ifndef LAST_ROW
#define LAST_ROW m
#endif
#ifndef SWAP_LANES
#define SWAP_LANES 0
#endif

__global__ void __launch_bounds__(128)
gemm(const b16 *a, const b16 *b, float *c, int m, int n, int k)
{
	const u32 base = smem_base();
	const int tid = threadIdx.x, lane = lane_id(), warp = tid >> 5;
	const int row0 = (int)(blockIdx.x) / (n / 64) * 64, col0 = (int)(blockIdx.x) % (n / 64) * 64;
	float acc[8][4];

	for (int i = 0; i < 8; i++)
		for (int j = 0; j < 4; j++)
			acc[i][j] = 0;
	for (int step = 0; step <= k / 32; step++) {
		if (step < k / 32) {
			// gemm.lua:10  a and b are copied
			const u32 sa = base + (u32)(step & 1) * 8192, sb = sa + 4096;
			for (int i = 0; i < 2; i++) {
				const int q = tid + 128 * i, row = q >> 2, col = q & 3;
				const int live = row0 + row < LAST_ROW;
				const b16 *src = a + (i64)(live ? row0 + row : 0) * k + step * 32 + col * 8;
				cp_async_16(sa + (u32)(row * 64 + ((col ^ SWIZZLE_A(row)) << 4)), src, live ? 16 : 0);
			}
			for (int i = 0; i < 2; i++) {
				const int q = tid + 128 * i, row = q >> 3, col = q & 7;
				const b16 *src = b + (i64)(step * 32 + row) * n + col0 + col * 8;
				cp_async_16(sb + (u32)(row * 128 + ((col ^ (row & 7)) << 4)), src, 16);
			}
		}
		cp_async_commit();
		if (step == 0)
			continue;
		// gemm.lua:12  wait for the stage
		cp_async_wait(1);
		block_sync();
		const u32 sa = base + (u32)(step - 1 & 1) * 8192, sb = sa + 4096;
		// gemm.lua:14  c = c + dot(a, b)
		for (int kk = 0; kk < 2; kk++) {
			u32 fa[4], fb[4];
			const int row = warp * 16 + (lane & 15), col = kk * 2 + (lane >> 4);
			ldmatrix_x4(fa, sa + (u32)(row * 64 + ((col ^ (row >> 1 & 3)) << 4)));
			for (int j = 0; j < 4; j++) {
				const int brow = kk * 16 + (lane & 15), bcol = j * 2 + (lane >> 4);
				ldmatrix_x4_trans(fb, sb + (u32)(brow * 128 + ((bcol ^ (brow & 7)) << 4)));
				mma_m16n8k16_bf16(acc[2 * j], fa[0], fa[1], fa[2], fa[3], fb[0], fb[1]);
				mma_m16n8k16_bf16(acc[2 * j + 1], fa[0], fa[1], fa[2], fa[3], fb[2], fb[3]);
			}
		}
		// gemm.lua:16  the stage may be overwritten
		block_sync();
	}
	// gemm.lua:20  c is stored
	for (int j = 0; j < 8; j++)
		for (int h = 0; h < 2; h++) {
			const int row = row0 + warp * 16 + (lane >> 2) + 8 * h;
			const int col = col0 + j * 8 + ((lane & 3) ^ SWAP_LANES) * 2;
			if (row < LAST_ROW)
				st_global_v2(c + (i64)row * n + col, f32_bits(acc[j][2 * h]),
				             f32_bits(acc[j][2 * h + 1]));
		}
}

