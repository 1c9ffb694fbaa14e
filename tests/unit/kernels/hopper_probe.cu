// What Hopper's primitives do, written out: the GPU and the simulator must agree (hopper_gpu_test.c).

// A box of in_map at where[0..4] as it lies in shared memory, to raw; the same to out_map at where[5..9].
__global__ void __launch_bounds__(128, 1)
tma_probe(const __grid_constant__ TensorMap in_map, const __grid_constant__ TensorMap out_map,
          const int *where, u32 *raw, int rank, int bytes)
{
	const u32 bar = smem_base(), box = bar + 1024;
	const int tid = threadIdx.x;
	int c[10];

	for (int i = 0; i < 10; i++)
		c[i] = ld_global_i32(where + i);
	if (tid == 0) {
		tma_prefetch(&in_map);
		mbarrier_init(bar, 1);
		mbarrier_init_fence();
	}
	block_sync();
	if (tid == 0) {
		mbarrier_expect(bar, bytes);
		if (rank == 2)
			tma_load_2(box, &in_map, bar, c[0], c[1]);
		if (rank == 3)
			tma_load_3(box, &in_map, bar, c[0], c[1], c[2]);
		if (rank == 4)
			tma_load_4(box, &in_map, bar, c[0], c[1], c[2], c[3]);
		if (rank == 5)
			tma_load_5(box, &in_map, bar, c[0], c[1], c[2], c[3], c[4]);
	}
	mbarrier_wait(bar, 0);
	for (int i = 4 * tid; i < bytes; i += 512)
		st_global_b32(raw + i / 4, ld_shared_b32(box + (u32)i));
	if (tid == 0) {
		if (rank == 2)
			tma_store_2(&out_map, box, c[5], c[6]);
		if (rank == 3)
			tma_store_3(&out_map, box, c[5], c[6], c[7]);
		if (rank == 4)
			tma_store_4(&out_map, box, c[5], c[6], c[7], c[8]);
		if (rank == 5)
			tma_store_5(&out_map, box, c[5], c[6], c[7], c[8], c[9]);
		tma_store_commit();
		tma_store_wait(0);
	}
}

// in[1024] by a bulk load; from that, cores by every store, and words passed on by a barrier that half
// of the threads only come to. out[13][128].
__global__ void __launch_bounds__(128, 1) bits_probe(const u32 *in, u32 *out)
{
	const u32 bar = smem_base(), got = bar + 128, cores = got + 4096;
	const int tid = threadIdx.x, lane = lane_id();
	const u32 mine = cores + (u32)(tid / 32) * 512;
	u32 r[4], *o = out + tid;

	if (tid == 0) {
		mbarrier_init(bar, 128);
		mbarrier_init_fence();
	}
	block_sync();
	if (tid == 0) {
		mbarrier_expect(bar, 4096);
		bulk_load(got, in, 4096, bar);
	} else {
		mbarrier_arrive(bar);
	}
	mbarrier_wait(bar, 0);
	for (int i = 0; i < 4; i++) {
		r[i] = ld_shared_b32(got + (u32)(tid * 16 + 4 * i));
		st_shared_b32(mine + (u32)(lane + 32 * i) * 4, 0);
	}
	warp_sync();
	cores_store4(mine + (u32)lane * 16, r[0], r[1], r[2], r[3]);
	warp_sync();
	for (int i = 0; i < 4; i++)
		st_global_b32(o + 128 * i, ld_shared_b32(mine + (u32)(lane + 32 * i) * 4));
	warp_sync();
	cores_store4_trans(mine + (u32)(lane ^ 9) * 16, r[0], r[1], r[2], r[3]);
	warp_sync();
	for (int i = 0; i < 4; i++)
		st_global_b32(o + 128 * (4 + i), ld_shared_b32(mine + (u32)(lane + 32 * i) * 4));
	warp_sync();
	cores_store2(mine + (u32)(lane & 15) * 16, r[0], r[1]);
	cores_store2_trans(mine + 256 + (u32)(lane & 15) * 16, r[2], r[3]);
	warp_sync();
	cores_store1(mine + 128 + (u32)(lane & 7) * 16, r[3]);
	cores_store1_trans(mine + 384 + (u32)(lane & 7) * 16, r[0]);
	warp_sync();
	for (int i = 0; i < 4; i++)
		st_global_b32(o + 128 * (8 + i), ld_shared_b32(mine + (u32)(lane + 32 * i) * 4));
	block_sync();
	st_shared_b32(cores + (u32)tid * 4, r[1] ^ r[2]);
	if (tid < 64) {
		named_arrive(3, 128);
	} else {
		named_sync(3, 128);
		st_global_b32(o + 128 * 12 - 64, ld_shared_b32(cores + (u32)(127 - tid) * 4));
	}
}

// A case per block: in[32 K bytes] lies in shared memory, and a product of two descriptors over it, or
// of registers and one. how[8]: form, a's start, leading, stride, b's start, leading, stride, swizzle
// (a's * 256 + b's). out[64][256] per case.
#define CASE(number, n, call) \
	if (form == number) { \
		wgmma_fence(); \
		call; \
		wgmma_commit(); \
		wgmma_wait(0); \
		columns = n; \
	}
__global__ void __launch_bounds__(128, 1) product_probe(const u32 *in, const int *how, float *out)
{
	const u32 sm = smem_base();
	const int tid = threadIdx.x, lane = lane_id(), *h = how + 8 * blockIdx.x;
	const int form = ld_global_i32(h), span = ld_global_i32(h + 7);
	float d0[32][2], d1[32][2], *o = out + (i64)(blockIdx.x) * 64 * 256;
	int columns = 0;
	u32 r[4];

	for (int i = tid; i < 8192; i += 128)
		st_shared_b32(sm + 4 * (u32)i, ld_global_b32(in + i));
	proxy_fence();
	block_sync();
	const u64 a = wgmma_desc(sm + (u32)ld_global_i32(h + 1), ld_global_i32(h + 2),
	                         ld_global_i32(h + 3), span / 256);
	const u64 b = wgmma_desc(sm + (u32)ld_global_i32(h + 4), ld_global_i32(h + 5),
	                         ld_global_i32(h + 6), span % 256);
	for (int i = 0; i < 4; i++)
		r[i] = ld_global_b32(in + tid * 4 + i);
	for (int j = 0; j < 32; j++)
		for (int e = 0; e < 2; e++) {
			d0[j][e] = (float)(j + e);
			d1[j][e] = (float)(lane - j);
		}
	CASE(0, 64, wgmma_bf16_ss_n64(d0, d1, a, b, 0, 0, 0))
	CASE(1, 64, wgmma_bf16_ss_n64(d0, d1, a, b, 1, 0, 1))
	CASE(2, 64, wgmma_f16_ss_n64(d0, d1, a, b, 1, 1, 0))
	CASE(3, 64, wgmma_f16_ss_n64(d0, d1, a, b, 0, 1, 1))
	CASE(4, 8, wgmma_bf16_ss_n8(d0, d1, a, b, 1, 0, 1))
	CASE(5, 256, wgmma_bf16_ss_n256(d0, d1, a, b, 1, 0, 1))
	CASE(6, 24, wgmma_bf16_ss_n24(d0, d1, a, b, 1, 0, 0))
	CASE(7, 64, wgmma_bf16_rs_n64(d0, d1, r[0], r[1], r[2], r[3], b, 1, 0))
	CASE(8, 64, wgmma_f16_rs_n64(d0, d1, r[0], r[1], r[2], r[3], b, 0, 1))
	CASE(9, 256, wgmma_bf16_rs_n256(d0, d1, r[0], r[1], r[2], r[3], b, 1, 1))
	CASE(10, 72, wgmma_bf16_rs_n72(d0, d1, r[0], r[1], r[2], r[3], b, 1, 1))
	for (int j = 0; j < 32; j++)
		for (int e = 0; 8 * j < columns && e < 2; e++) {
			const int row = tid / 32 * 16 + lane / 4, col = 8 * j + lane % 4 * 2 + e;
			st_global_f32(o + row * 256 + col, d0[j][e]);
			st_global_f32(o + (row + 8) * 256 + col, d1[j][e]);
		}
}
