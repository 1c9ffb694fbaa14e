// Writes what every primitive gives, bit-exact results first, approximate ones from out + 64 * 128
// on. The GPU and the simulator must agree (prims_gpu_test.c). One block of 128 threads.
__global__ void __launch_bounds__(128) probe(const u32 *in, u32 *out)
{
	const u32 sm = smem_base() + (threadIdx.x / 32) * 2048;
	const int lane = lane_id();
	const u32 x = ld_global_b32(in + threadIdx.x), y = ld_global_b32(in + 128 + threadIdx.x);
	const float f = bits_f32(x & 0x807fffffu | 0x3f000000u | (x >> 8 & 3) << 23);
	const float g = bits_f32(y & 0x807fffffu | 0x3f000000u | (y >> 8 & 3) << 23);
	const u32 p = pack_bf16(f, g), q = pack_f16(f, g);
	u32 r[4], *o = out + threadIdx.x;
	float d[4] = { 1, 2, 3, 4 };

	cp_async_16(sm + (u32)lane * 16, in + lane * 4, 16);
	cp_async_16(sm + 512 + (u32)lane * 16, in + lane * 4, lane % 17);
	cp_async_8(sm + 1024 + (u32)lane * 8, in + lane * 2, lane % 9);
	cp_async_4(sm + 1280 + (u32)lane * 4, in + lane, lane % 5);
	cp_async_commit();
	st_shared_v4(sm + 1536 + (u32)lane * 16, x, y, p, q);
	cp_async_wait(0);
	warp_sync();
	ldmatrix_x4(r, sm + (u32)lane * 16);
	for (int i = 0; i < 4; i++)
		st_global_b32(o + 128 * i, r[i]);
	ldmatrix_x4_trans(r, sm + (u32)(lane ^ 5) * 16);
	for (int i = 0; i < 4; i++)
		st_global_b32(o + 128 * (4 + i), r[i]);
	ldmatrix_x2(r, sm + 512 + (u32)(lane & 15) * 16);
	ldmatrix_x1_trans(r + 2, sm + 512 + (u32)(lane & 7) * 16);
	for (int i = 0; i < 3; i++)
		st_global_b32(o + 128 * (8 + i), r[i]);
	ld_shared_v2(r, sm + 1024 + (u32)lane * 8);
	st_global_b32(o + 128 * 11, r[0]);
	st_global_b32(o + 128 * 12, r[1]);
	st_global_b32(o + 128 * 13, ld_shared_b32(sm + 1280 + (u32)lane * 4));
	ld_shared_v4(r, sm + 1536 + (u32)(lane ^ 3) * 16);
	st_global_b32(o + 128 * 14, r[0] ^ r[1] ^ r[2] ^ r[3]);
	st_global_b32(o + 128 * 15, shfl_xor_u32(x, 5));
	st_global_b32(o + 128 * 16, shfl_idx_u32(x, lane * 7));
	st_global_f32(o + 128 * 17, shfl_up_f32(f, 3));
	st_global_f32(o + 128 * 18, shfl_xor_f32(f, 17) + shfl_idx_f32(g, 2));
	st_global_b32(o + 128 * 19, prmt(x, y, lane * 0x1235u));
	st_global_b32(o + 128 * 20, p);
	st_global_b32(o + 128 * 21, q);
	st_global_b32(o + 128 * 22, mul_bf16x2(p, pack_bf16(g, f * 3)));
	st_global_b32(o + 128 * 23, mul_f16x2(q, pack_f16(g, f * 3)));
	st_global_f32(o + 128 * 24, bf16_lo(p));
	st_global_f32(o + 128 * 25, bf16_hi(p));
	st_global_f32(o + 128 * 26, f16_lo(q));
	st_global_f32(o + 128 * 27, f16_hi(q));
	st_global_b32(o + 128 * 28, round_bf16(f) | (u32)round_f16(g) << 16);
	st_global_b32(o + 128 * 29, round_f16(f * bits_f32((127u - 14u - (u32)lane) << 23)));
	st_global_b32(o + 128 * 30, round_f16(f * 65536.0f) | (u32)round_bf16(f * inf()) << 16);
	st_global_f32(o + 128 * 31, widen_bf16((b16)x));
	st_global_f32(o + 128 * 32, widen_f16((b16)(x & 0xfbff)));
	st_global_b32(o + 128 * 33, core_transpose(x));
	st_global_b32(o + 128 * 34, pack_bf16(inf() - inf(), inf()));
	st_global_b32(o + 128 * 35, pack_f16(inf(), -inf()));

	o = out + 64 * 128 + threadIdx.x;
	mma_m16n8k16_bf16(d, p, p ^ 1, p ^ 2, p ^ 3, pack_bf16(g, f), pack_bf16(f, f));
	for (int i = 0; i < 4; i++)
		st_global_f32(o + 128 * i, d[i]);
	mma_m16n8k16_f16(d, q, q ^ 1, q ^ 2, q ^ 3, pack_f16(g, f), pack_f16(f, f));
	for (int i = 0; i < 4; i++)
		st_global_f32(o + 128 * (4 + i), d[i]);
	st_global_f32(o + 128 * 8, exp2_fast(20 * f));
	st_global_f32(o + 128 * 9, log2_fast(3 + fabsf(f)));
	st_global_f32(o + 128 * 10, sqrt_fast(fabsf(f)));
	st_global_f32(o + 128 * 11, rsqrt_fast(fabsf(f)));
	st_global_f32(o + 128 * 12, recip_fast(f));
	st_global_f32(o + 128 * 13, divide(f, g));
	st_global_f32(o + 128 * 14, tanh_exact(f));
	st_global_f32(o + 128 * 15, tanh_exact(f * 0.1f));
	st_global_f32(o + 128 * 16, sigmoid(10 * f));
	st_global_f32(o + 128 * 17, exp2_fast(-200.0f) + sigmoid(-300.0f) + tanh_exact(90 * f));
}
