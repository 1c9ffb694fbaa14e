// Uses every primitive of Hopper once, but for the families of products: a test that each compiles.
__global__ void __launch_bounds__(128) hopper_prims(const __grid_constant__ TensorMap map, const b16 *h)
{
	const u32 sm = smem_base(), bar = sm + 8192;
	u32 r = threadIdx.x;
	float x = 0;

	regs_lower(40);
	regs_raise(64);
	grid_wait();
	grid_launch();
	tma_prefetch(&map);
	mbarrier_init(bar, 1);
	mbarrier_init_fence();
	block_sync();
	mbarrier_expect(bar, 4096);
	tma_load_2(sm, &map, bar, 0, 1);
	tma_load_3(sm, &map, bar, 0, 1, 2);
	tma_load_4(sm, &map, bar, 0, 1, 2, 3);
	tma_load_5(sm, &map, bar, 0, 1, 2, 3, 4);
	bulk_load(sm, h, 128, bar);
	mbarrier_wait(bar, 0);
	mbarrier_wait(bar, 1);
	mbarrier_arrive(bar);
	cores_store1(sm, r);
	cores_store1_trans(sm, r);
	cores_store2(sm, r, r);
	cores_store2_trans(sm, r, r);
	cores_store4(sm, r, r, r, r);
	cores_store4_trans(sm, r, r, r, r);
	proxy_fence();
	named_arrive(1, 128);
	tma_store_2(&map, sm, 0, 1);
	tma_store_3(&map, sm, 0, 1, 2);
	tma_store_4(&map, sm, 0, 1, 2, 3);
	tma_store_5(&map, sm, 0, 1, 2, 3, 4);
	tma_store_commit();
	tma_store_wait_read(0);
	tma_store_wait(0);
	wgmma_fence();
	wgmma_commit();
	wgmma_wait(0);
	wgmma_hold_f32(&x);
	wgmma_hold_b32(&r);
	wgmma_replace_b32(&r, 0, r);
	if (wgmma_desc_move(wgmma_desc(sm, 16, 1024, 128), 2048, -2048) == 0)
		st_shared_f32(sm, x + (float)r);
}
