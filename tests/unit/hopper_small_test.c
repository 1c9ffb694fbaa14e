/* hopper_small_test.c -- small kernels of Hopper's primitives, right ones and each wrong in one
 * way; the rules of tensor maps. Run from the root of the tree. */
#define _GNU_SOURCE
#include "hopper.h"

/* ---- Small kernels ---- */

typedef struct Small {
	const char *name, *body; /* of k(map, omap, in, out): 192 threads, 8 KB of shared memory */
	SimKind kind;            /* NSIMKINDS: it is right */
	const char *text;        /* part of the finding's */
} Small;

/* What most begin with: barriers 0 and 8, initialised and shown. */
#define INIT \
	"if (t == 0) { mbarrier_init(s, 1); mbarrier_init(s + 8, 128); mbarrier_init_fence(); }\n" \
	"block_sync();\n"
#define LOAD "if (t == 0) { mbarrier_expect(s, 1024); tma_load_2(s + 1024, &map, s, 0, 0); }\n"

/* Products of the warpgroup: a right operand of zeros, registers, accumulators. */
#define PRODUCTS \
	"if (t < 64) { st_shared_b32(s + 4 * t, 0); proxy_fence(); }\nblock_sync();\n" \
	"if (t >= 128) return;\nfloat d0[2][2] = {}, d1[2][2] = {};\nu32 r[4] = {};\n" \
	"u64 b = wgmma_desc(s, 128, 128, 0);\nwgmma_fence();\n"
#define PRODUCT "wgmma_bf16_rs_n8(d0, d1, r[0], r[1], r[2], r[3], b, 1, 0);\n"
#define RETIRE "wgmma_commit();\nwgmma_wait(0);\n"

static const Small small[] = {
    {"load", INIT LOAD "mbarrier_wait(s, 0); x = ld_shared_f32(s + 1024 + 4 * t);", NSIMKINDS, ""},
    {"load_read_at_once", INIT LOAD "x = ld_shared_f32(s + 1024 + 4 * t);", SIM_PENDING, ""},
    {"load_waited_by_another",
     INIT LOAD "if (t == 32) mbarrier_wait(s, 0);\nif (t == 64) x = ld_shared_f32(s + 1024);",
     SIM_PENDING, "in flight"},
    {"load_waited_by_a_lane",
     INIT LOAD "if (t % 32 == 0) mbarrier_wait(s, 0);\nwarp_sync();"
               "x = ld_shared_f32(s + 1024 + 4 * t);",
     NSIMKINDS, ""},
    {"load_waited_then_block",
     INIT LOAD "if (t == 32) mbarrier_wait(s, 0);\nblock_sync(); x = ld_shared_f32(s + 1024);",
     NSIMKINDS, ""},
    {"load_never_waited", INIT LOAD, SIM_PENDING, "nobody waits"},
    {"load_misaligned",
     INIT "if (t == 0) { mbarrier_expect(s, 1024);"
          " tma_load_2(s + 1040, &map, s, 0, 0); }\nmbarrier_wait(s, 0);",
     SIM_ALIGN, "no multiple of 128"},
    {"load_between_chunks",
     INIT "if (t == 0) { mbarrier_expect(s, 1024);"
          " tma_load_2(s + 1024, &map, s, 4, 0); }\nmbarrier_wait(s, 0);",
     SIM_ALIGN, "coordinate 4 of the innermost"},
    {"load_from_before",
     INIT "if (t == 0) { mbarrier_expect(s, 1024);"
          " tma_load_2(s + 1024, &map, s, -8, -5); }\nmbarrier_wait(s, 0);",
     NSIMKINDS, ""},
    {"load_beyond", INIT "if (t == 0) tma_load_2(s + 7680, &map, s, 0, 0);", SIM_BOUNDS, "of 8192"},
    {"load_of_another_rank", INIT "if (t == 0) tma_load_3(s + 1024, &map, s, 0, 0, 0);", SIM_MAP,
     "no tensor map of rank 3"},
    {"load_over_a_barrier",
     INIT "if (t == 0) { mbarrier_expect(s, 1024); tma_load_2(s, &map, s, 0, 0); }", SIM_MBARRIER,
     "overwrites the mbarrier"},
    {"load_over_a_write",
     INIT "st_shared_f32(s + 1024 + 4 * t, x); warp_sync();\n" LOAD "mbarrier_wait(s, 0);",
     SIM_RACE, "cop"},
    {"load_over_a_read",
     INIT LOAD "mbarrier_wait(s, 0); x = ld_shared_f32(s + 1024 + 4 * t);\n"
               "if (t == 0) { mbarrier_expect(s, 1024); tma_load_2(s + 1024, &map, s, 0, 0); }\n"
               "mbarrier_wait(s, 1);",
     SIM_RACE, "copies over"},
    {"load_after_arrivals",
     INIT LOAD "mbarrier_wait(s, 0);\n"
               "if (t < 128) { x = ld_shared_f32(s + 1024 + 4 * t); mbarrier_arrive(s + 8); }\n"
               "if (t == 0) mbarrier_wait(s + 8, 0);\n" LOAD "mbarrier_wait(s, 1);",
     NSIMKINDS, ""},
    {"load_after_a_lane_arrives",
     "if (t == 0) { mbarrier_init(s, 1); mbarrier_init(s + 8, 1); mbarrier_init_fence(); }\n"
     "block_sync();\n" LOAD "mbarrier_wait(s, 0);\n"
     "if (t / 32 == 1) { u32 r[4]; ldmatrix_x4(r, s + 1024 + 16 * (t % 32)); }\n"
     "if (t == 32) mbarrier_arrive(s + 8);\n"
     "if (t == 0) mbarrier_wait(s + 8, 0);\n" LOAD "mbarrier_wait(s, 1);",
     SIM_RACE, "copies over"},
    {"load_after_a_warp_arrives",
     "if (t == 0) { mbarrier_init(s, 1); mbarrier_init(s + 8, 1); mbarrier_init_fence(); }\n"
     "block_sync();\n" LOAD "mbarrier_wait(s, 0);\n"
     "if (t / 32 == 1) { u32 r[4]; ldmatrix_x4(r, s + 1024 + 16 * (t % 32)); warp_sync(); }\n"
     "if (t == 32) mbarrier_arrive(s + 8);\n"
     "if (t == 0) mbarrier_wait(s + 8, 0);\n" LOAD "mbarrier_wait(s, 1);",
     NSIMKINDS, ""},
    {"load_of_an_output",
     INIT "if (t == 0) { mbarrier_expect(s, 1024);"
          " tma_load_2(s + 1024, &omap, s, 0, 0); }\nmbarrier_wait(s, 0);",
     SIM_UNINIT, "of out: thread 0 of block 0 reads byte 0, which nothing has written"},
    {"phase_before_the_first",
     INIT "mbarrier_wait(s + 8, 1);\nblock_sync();\nif (t < 128) mbarrier_arrive(s + 8);",
     NSIMKINDS, ""},
    {"phase_behind",
     INIT "if (t < 128) mbarrier_arrive(s + 8);\nmbarrier_wait(s + 8, 0);"
          "\nif (t < 128) mbarrier_arrive(s + 8);\nmbarrier_wait(s + 8, 0);",
     SIM_DEADLOCK, "phase 2: 0 of 128 arrivals"},
    {"phases_nobody_waits_for",
     INIT "for (int i = 0; i < 2; i++) { if (t < 128) mbarrier_arrive(s + 8); block_sync(); }",
     SIM_MBARRIER, "nobody has waited for the first"},
    {"phase_nobody_waits_for",
     INIT "if (t < 128) mbarrier_arrive(s + 8);\nif (t == 0) mbarrier_wait(s + 8, 0);\n"
          "block_sync();\nif (t < 128) mbarrier_arrive(s + 8);",
     NSIMKINDS, ""},
    {"parity_of_two", INIT "mbarrier_wait(s, 3);", SIM_MBARRIER, "parity 3"},
    {"arrivals_order",
     INIT "st_shared_f32(s + 1024 + 4 * t, x);\nif (t < 128) mbarrier_arrive(s + 8);\n"
          "else { mbarrier_wait(s + 8, 0); x = ld_shared_f32(s + 1024 + 4 * (t - 100)); }",
     NSIMKINDS, ""},
    {"arrivals_do_not_order_later",
     INIT "if (t < 128) mbarrier_arrive(s + 8);\nst_shared_f32(s + 1024 + 4 * t, x);\n"
          "if (t >= 128) { mbarrier_wait(s + 8, 0); x = ld_shared_f32(s + 1024 + 4 * (t - 100)); }",
     SIM_RACE, "no barrier lies"},
    {"one_arrival_more", INIT LOAD "if (t == 1) mbarrier_arrive(s);\nmbarrier_wait(s, 0);",
     SIM_MBARRIER, "has had its 1 arrivals"},
    {"one_arrival_less", INIT "if (t < 127) mbarrier_arrive(s + 8);", SIM_MBARRIER,
     "127 of 128 arrivals"},
    {"init_twice", INIT "if (t == 0) mbarrier_init(s, 1);", SIM_MBARRIER, "again"},
    {"init_of_none", "if (t == 0) mbarrier_init(s, 0);", SIM_MBARRIER, "0 arrivals"},
    {"init_misaligned", "if (t == 0) mbarrier_init(s + 4, 1);", SIM_ALIGN, "multiple of 8"},
    {"init_not_shown",
     "if (t == 0) { mbarrier_init(s, 1); mbarrier_init_fence(); }\n"
     "if (t == 1) mbarrier_arrive(s);\nblock_sync();",
     SIM_MBARRIER, "no barrier lies between"},
    {"many", "if (t == 0) for (int i = 0; i < 65; i++) mbarrier_init(s + 8 * i, 1);", SIM_MBARRIER,
     "more than 64"},
    {"prefetch_of_no_map", "tma_prefetch((const TensorMap *)in);", SIM_MAP, "no tensor map"},
    {"named_barrier_16", "named_arrive(16, 192);", SIM_DIVERGENT, "1..15"},
    {"too_many_bytes_at_once", INIT "if (t == 0) mbarrier_expect(s, 1 << 20);", SIM_MBARRIER,
     "counts to"},
    {"bulk",
     INIT "if (t == 0) { mbarrier_expect(s, 48); bulk_load(s + 1040, in, 48, s); }\n"
          "mbarrier_wait(s, 0); x = ld_shared_f32(s + 1040 + 4 * (t % 12));",
     NSIMKINDS, ""},
    {"bulk_of_few_bytes", INIT "if (t == 0) bulk_load(s + 1024, in, 24, s);", SIM_ALIGN,
     "multiples"},
    {"bulk_beyond",
     INIT "if (t == 0) { mbarrier_expect(s, 512);"
          " bulk_load(s + 1024, in + 4000, 512, s); }\nmbarrier_wait(s, 0);",
     SIM_BOUNDS, "of in"},
    {"store",
     "if (t < 128) { st_shared_v2(s + 8 * t, t, t); proxy_fence(); }\nblock_sync();\n"
     "if (t == 0) { tma_store_2(&omap, s, 0, 0); tma_store_commit(); tma_store_wait_read(0); }",
     NSIMKINDS, ""},
    {"store_of_the_part_that_exists",
     "if (t < 64) { st_shared_v2(s + 8 * t, t, t); proxy_fence(); }\nblock_sync();\n"
     "if (t == 0) { tma_store_2(&omap, s, 0, 56); tma_store_commit(); tma_store_wait_read(0); }",
     NSIMKINDS, ""},
#define WRITTEN "if (t < 128) { st_shared_v2(s + 8 * t, t, t); proxy_fence(); }\nblock_sync();\n"
#define STORED " tma_store_commit(); tma_store_wait_read(0); }"
    {"store_between_chunks", WRITTEN "if (t == 0) { tma_store_2(&omap, s, 12, 0);" STORED,
     SIM_ALIGN, "coordinate 12 of the innermost"},
    {"store_from_before", WRITTEN "if (t == 0) { tma_store_2(&omap, s, 8, -1);" STORED, SIM_BOUNDS,
     "coordinate -1 of dimension 1"},
    {"store_from_before_in_a_row", WRITTEN "if (t == 0) { tma_store_2(&omap, s, -8, 0);" STORED,
     SIM_BOUNDS, "coordinate -8 of dimension 0"},
    {"store_of_nothing",
     "if (t < 64) { st_shared_v2(s + 8 * t, t, t); proxy_fence(); }\nblock_sync();\n"
     "if (t == 0) { tma_store_2(&omap, s, 0, 55); tma_store_commit(); tma_store_wait_read(0); }",
     SIM_UNINIT, "nothing has written"},
    {"store_fenced_by_another",
     "if (t < 128) st_shared_v2(s + 8 * t, t, t);\nblock_sync();\n"
     "if (t == 0) { proxy_fence(); tma_store_2(&omap, s, 0, 0); tma_store_commit();"
     " tma_store_wait_read(0); }",
     SIM_FENCE, "executed no proxy_fence"},
    {"store_fenced_before",
     "proxy_fence();\nif (t < 128) st_shared_v2(s + 8 * t, t, t);\nblock_sync();\n"
     "if (t == 0) { tma_store_2(&omap, s, 0, 0); tma_store_commit(); tma_store_wait_read(0); }",
     SIM_FENCE, "executed no proxy_fence"},
    {"store_of_own",
     "if (t == 0) { for (int i = 0; i < 64; i++) st_shared_v4(s + 16 * i, 1, 2, 3, 4);\n"
     "proxy_fence(); tma_store_2(&omap, s, 0, 0); tma_store_commit(); tma_store_wait(0); }",
     NSIMKINDS, ""},
    {"store_to_an_input",
     "if (t < 128) { st_shared_v2(s + 8 * t, t, t); proxy_fence(); }\nblock_sync();\n"
     "if (t == 0) { tma_store_2(&map, s, 0, 0); tma_store_commit(); tma_store_wait_read(0); }",
     SIM_READONLY, "write to input in"},
    {"store_where_another_stores",
     "if (t < 128) { st_shared_v2(s + 8 * t, t, t); proxy_fence(); }\n"
     "st_global_f32((float *)out + t, x);\nif (t < 128) named_sync(2, 128);\n"
     "if (t == 0) { tma_store_2(&omap, s, 0, 0); tma_store_commit(); tma_store_wait_read(0); }",
     SIM_RACE, "race on out"},
    {"store_group_kept",
     "if (t < 128) { st_shared_v2(s + 8 * t, t, t); st_shared_v2(s + 1024 + 8 * t, t, t);"
     " proxy_fence(); }\nblock_sync();\n"
     "if (t == 0) { tma_store_2(&omap, s, 0, 0); tma_store_commit();"
     " tma_store_2(&omap, s + 1024, 0, 16); tma_store_commit(); tma_store_wait_read(1);"
     " st_shared_f32(s, x); st_shared_f32(s + 1024, x); tma_store_wait_read(0); }",
     SIM_RACE, "overwrites byte 1024"},
    {"copy_not_waited", "cp_async_16(s + 16 * t, in, 16); cp_async_commit();", SIM_PENDING,
     "returns while its copy"},
    {"named_arrive_orders",
     "st_shared_f32(s + 4 * t, x);\nif (t < 96) named_arrive(5, 192);\n"
     "else { named_sync(5, 192); x = ld_shared_f32(s + 4 * (t - 96)); }",
     NSIMKINDS, ""},
    {"named_arrive_does_not_wait",
     "if (t < 96) { named_arrive(5, 192); x = ld_shared_f32(s + 4 * (t + 96)); }\n"
     "else { st_shared_f32(s + 4 * t, x); named_sync(5, 192); }",
     SIM_UNINIT, "nothing has written"},
    {"named_arrive_in_vain", "if (t < 96) named_arrive(5, 192);", SIM_DIVERGENT, "96 threads came"},
    {"cores_stored",
     "if (t < 32) { cores_store2(s + t % 16 * 16, t, t); warp_sync();\n"
     "x = ld_shared_f32(s + 4 * t); }",
     NSIMKINDS, ""},
    {"cores_stored_by_half", "if (t < 16) cores_store2(s + t % 16 * 16, t, t);", SIM_DIVERGENT,
     "stmatrix"},
    {"cores_collide", "cores_store1(s + t % 8 * 16, t);", SIM_RACE, "overwrites"},
    {"fence_by_half_a_warpgroup", "if (t < 64) wgmma_fence();", SIM_DEADLOCK, "wgmma_fence"},
    {"registers_by_half_a_warpgroup", "if (t < 64) regs_lower(40);", SIM_DEADLOCK, "setmaxnreg"},
    {"fence_beside_commit", "if (t < 128) { if (t < 32) wgmma_fence(); else wgmma_commit(); }",
     SIM_DIVERGENT, "threads of warpgroup 0 meet at different calls"},
    {"no_warpgroup", "if (t >= 128) wgmma_fence();", SIM_DIVERGENT, "in no whole warpgroup"},
    {"products", PRODUCTS PRODUCT PRODUCT RETIRE PRODUCT RETIRE, NSIMKINDS, ""},
    {"left_changed_without_fence", PRODUCTS PRODUCT RETIRE "r[2] = t;\n" PRODUCT RETIRE, SIM_FENCE,
     "register 2 of the product's left operand"},
    {"left_changed", PRODUCTS PRODUCT RETIRE "r[2] = t;\nwgmma_fence();\n" PRODUCT RETIRE,
     NSIMKINDS, ""},
    {"left_in_another_order",
     PRODUCTS PRODUCT RETIRE "for (int i = 0; i < 4; i++) r[i] = 7 * i;\nwgmma_fence();\n"
                             "wgmma_bf16_rs_n8(d0, d1, r[0], r[2], r[1], r[3], b, 1, 0);\n" RETIRE,
     NSIMKINDS, ""},
    {"accumulator_changed_without_fence", PRODUCTS PRODUCT RETIRE "d1[0][1] = 3;\n" PRODUCT RETIRE,
     SIM_FENCE, "register 3 of the product's accumulators"},
    {"accumulator_changed",
     PRODUCTS PRODUCT RETIRE "d1[0][1] = 3;\nwgmma_fence();\n" PRODUCT RETIRE, NSIMKINDS, ""},
    {"accumulator_changed_behind_fence",
     PRODUCTS PRODUCT RETIRE "wgmma_fence();\nd1[0][1] = 3;\n" PRODUCT RETIRE, SIM_FENCE,
     "register 3 of the product's accumulators"},
    {"held_before_and_after",
     PRODUCTS
     "for (int i = 0; i < 4; i++) wgmma_hold_b32(&r[i]);\nwgmma_hold_f32(&d1[0][1]);\n" PRODUCT
     "u32 q = t;\nwgmma_hold_b32(&q);\n" RETIRE
     "wgmma_hold_b32(&r[3]);\nwgmma_hold_f32(&d1[0][1]); wgmma_hold_f32(&d0[0][0]);",
     NSIMKINDS, ""},
    {"accumulator_held_in_flight", PRODUCTS PRODUCT "wgmma_hold_f32(&d1[0][1]);\n" RETIRE,
     SIM_OPERAND, "holds a register"},
    {"left_held_in_flight", PRODUCTS PRODUCT "wgmma_hold_b32(&r[3]);\n" RETIRE, SIM_OPERAND,
     "holds a register"},
    {"held_after_a_wait_for_others",
     PRODUCTS PRODUCT "wgmma_commit();\nwgmma_wait(1);\nwgmma_hold_b32(&r[0]);\nwgmma_wait(0);",
     SIM_OPERAND, "holds a register"},
    {"accumulator_read_in_flight", PRODUCTS PRODUCT "d0[0][0] += 1;\n" RETIRE, SIM_OPERAND,
     "accumulator 0"},
    {"two_shapes_in_flight",
     PRODUCTS PRODUCT "wgmma_bf16_rs_n16(d0, d1, r[0], r[1], r[2], r[3], b, 1, 0);\n" RETIRE,
     SIM_OPERAND, "another product in flight"},
    {"product_left_in_flight", PRODUCTS PRODUCT "wgmma_commit();", SIM_PENDING,
     "wgmma_wait is missing"},
    {"one_group_left_in_flight",
     PRODUCTS PRODUCT "wgmma_commit();\n" PRODUCT "wgmma_commit();\nwgmma_wait(1);", SIM_PENDING,
     "wgmma_wait is missing"},
    {"product_of_a_copy_not_shown",
     PRODUCTS "cp_async_16(s + 2048 + 16 * t, in, 16); cp_async_commit(); cp_async_wait(0);\n"
              "named_sync(1, 128);\nb += 128;\n" PRODUCT RETIRE,
     SIM_FENCE, "executed no proxy_fence"},
    {"product_of_a_copy",
     PRODUCTS "cp_async_16(s + 2048 + 16 * t, in, 16); cp_async_commit(); cp_async_wait(0);\n"
              "proxy_fence();\nnamed_sync(1, 128);\nb += 128;\n" PRODUCT RETIRE,
     NSIMKINDS, ""},
    {"product_of_nothing", PRODUCTS "b += 128;\n" PRODUCT RETIRE, SIM_UNINIT,
     "nothing has written"},
    {"product_beyond", PRODUCTS "b += 511;\n" PRODUCT RETIRE, SIM_BOUNDS, "of 8192"},
    {"dependents", "grid_wait(); grid_launch();", NSIMKINDS, ""},
};

static void small_ones(void)
{
	static const char head[] =
	    "__global__ void k(const __grid_constant__ TensorMap map,\n"
	    "                  const __grid_constant__ TensorMap omap, const b16 *in, b16 *out)\n{\n"
	    "\tfloat x = 1; u32 s = smem_base(), t = threadIdx.x;\n\t// small.lua:7  the line\n\t";
	static const char tail[] = "\n\tif (x == -1.5f) st_global_f32((float *)out + 2047, x);\n}\n";
	static const char entries[] =
	    "static void k_entry(void **a)\n{\n"
	    "\tk(*(TensorMap *)a[0], *(TensorMap *)a[1], *(const b16 **)a[2], *(b16 **)a[3]);\n}\n"
	    "const SimEntry sim_entries[] = { { \"k\", k_entry }, { 0, 0 } };\n";
	static _Alignas(16) uint16_t in[4096], out[4096];
	TensorMapSpec spec = {.dtype = DT_BF16,
	                      .rank = 2,
	                      .size = {64, 64},
	                      .stride_bytes = {0, 128},
	                      .box = {32, 16},
	                      .swizzle = 64};
	TensorMap map, omap;

	spec.base = (uintptr_t)in;
	tensormap_encode(&diag, &spec, true, &map);
	spec.base = (uintptr_t)out;
	tensormap_encode(&diag, &spec, true, &omap);
	for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
		const Small *m = &small[i];
		Sim *s = load("", arena_printf(arena, "%s%s%s", head, m->body, tail), entries);
		void *pi = in, *po = out, *params[] = {&map, &omap, &pi, &po};
		SimBuffer buf[] = {{"in", in, sizeof in, false, true},
		                   {"out", out, sizeof out, true, false}};

		for (int mode = 0; mode < 3; mode++) { /* late, early, another order */
			SimOptions o = {.drop_site = -1, .early = mode == 1, .seed = mode == 2};
			SimResult r;
			int ok = m->kind == NSIMKINDS;

			sim_run(s, &diag, "k", 1, 192, 8192, params, 2, buf, &o, &r);
			if (ok)
				ok = !r.nfindings;
			else if (mode)
				ok = r.nfindings > 0;
			else
				for (int k = 0; k < r.nfindings; k++)
					ok |= r.finding[k].kind == m->kind && strstr(r.finding[k].text, m->text) &&
					      !strcmp(r.finding[k].spec, "small.lua:7");
			check(ok, arena_printf(arena, "hopper_%s%s", m->name,
			                       mode == 1 ? "_early"
			                       : mode    ? "_seed"
			                                 : ""));
			show(&r);
		}
		sim_free(s);
	}
}

/* ---- Tensor maps ---- */

static void map_rules(void)
{
	static const struct {
		const char *text;
		TensorMapSpec s;
	} rules[] = {
#define GOOD \
	.dtype = DT_BF16, .rank = 2, .base = 4096, .size = {64, 64}, .stride_bytes = {0, 128}, \
	.box = {64, 16}, .swizzle = 128
	    {NULL, {GOOD}},
	    {NULL, {.dtype = DT_F32, .rank = 1, .base = 16, .size = {5}, .box = {4}}},
	    {NULL, {.dtype = DT_F16, .rank = 5, .size = {9, 1, 1, 1, 1}, .box = {8, 1, 1, 1, 256}}},
	    {"elements", {.dtype = DT_MASK, .rank = 1, .size = {64}, .box = {8}}},
	    {"0 dimensions", {.dtype = DT_BF16}},
	    {"6 dimensions", {.dtype = DT_BF16, .rank = 6}},
	    {"address", {.dtype = DT_BF16, .rank = 1, .base = 8, .size = {64}, .box = {8}}},
	    {"has 0 elements", {.dtype = DT_BF16, .rank = 1, .size = {0}, .box = {8}}},
	    {"box has 257", {.dtype = DT_BF16, .rank = 1, .size = {999}, .box = {257}}},
	    {"box has 0", {.dtype = DT_BF16, .rank = 1, .size = {999}}},
	    {"12 bytes, no multiple", {.dtype = DT_BF16, .rank = 1, .size = {999}, .box = {6}}},
	    {"100 bytes, no multiple",
	     {.dtype = DT_BF16, .rank = 2, .size = {50, 9}, .box = {8, 1}, .stride_bytes = {0, 100}}},
	    {"less than 2^40",
	     {.dtype = DT_BF16,
	      .rank = 2,
	      .size = {50, 9},
	      .box = {8, 1},
	      .stride_bytes = {0, (int64_t)1 << 40}}},
	    {"swizzle of 48", {.dtype = DT_BF16, .rank = 1, .size = {50}, .box = {24}, .swizzle = 48}},
	    {"has 128 bytes, the swizzle 64",
	     {.dtype = DT_BF16, .rank = 1, .size = {50}, .box = {64}, .swizzle = 64}},
	};
	TensorMapSpec good = {GOOD};

	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		const char *w = tensormap_wrong(&rules[i].s);

		check(rules[i].text ? w && strstr(w, rules[i].text) : !w,
		      arena_printf(arena, "hopper_map_rule_%zu", i));
	}
	check(tensormap_box_bytes(&good) == 2048, "hopper_map_bytes");
}

/* Every primitive's meaning in C compiles. */
static void meanings(void)
{
	Sim *s = load(
	    "", read_text("tests/unit/kernels/hopper_prims.cu"),
	    "static void hopper_prims_entry(void **a)\n{\n"
	    "\thopper_prims(*(TensorMap *)a[0], *(const b16 **)a[1]);\n}\n"
	    "const SimEntry sim_entries[] = { { \"hopper_prims\", hopper_prims_entry }, { 0, 0 } };\n");

	check(sim_sites(s) == 15, "hopper_meanings");
	sim_free(s);
}

int main(void)
{
	arena = arena_new();
	meanings();
	small_ones();
	map_rules();
	arena_free(arena);
	return failed != 0;
}
