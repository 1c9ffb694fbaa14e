/* small.h -- small kernels for sim_test.c, each wrong in one way, and what the simulator is to say.
 */
#include "../../runtime/sim.h"

typedef struct Small {
	const char *name, *body; /* of k(const float *in, float *out, float *state, int n), two warps */
	SimKind kind;            /* NSIMKINDS: it is right */
	const char *text;        /* part of the finding's */
} Small;

static const Small small[] = {
    {"copy", "st_global_f32(out + threadIdx.x, ld_global_f32(in + threadIdx.x));", NSIMKINDS, ""},
    {"warp_divergent", "if (lane_id() < 16) warp_sync();\n else x = shfl_xor_f32(x, 1);",
     SIM_DIVERGENT, "lanes of warp 0 meet at different calls"},
    {"lane_returns", "if (threadIdx.x == 5) return;\n x = shfl_xor_f32(x, 1);", SIM_DIVERGENT,
     "thread 5 returned"},
    {"barrier_in_branch", "if (threadIdx.x < 32) block_sync();", SIM_DIVERGENT, "has returned"},
    {"deadlock", "if (threadIdx.x < 32) block_sync(); else named_sync(1, 64);", SIM_DEADLOCK,
     "threads 0-31 at block_sync"},
    {"misaligned", "st_shared_v4(s + 8, 1, 2, 3, 4);", SIM_ALIGN, "no multiple of 16"},
    {"shared_bounds", "st_shared_f32(s + 1024 + 4 * threadIdx.x, x);", SIM_BOUNDS, "of 1024"},
    {"global_bounds", "x = ld_global_f32(in + n + threadIdx.x);", SIM_BOUNDS,
     "out of bounds of in: thread 0 of block 0 reads byte 512 and on, 4 bytes at once, of 512"},
    {"null", "x = ld_global_f32(0);", SIM_BOUNDS, "in no buffer"},
    {"readonly", "st_global_f32((float *)in, 1);", SIM_READONLY,
     "write to input in: thread 0 of block 0 writes byte 0"},
    {"shared_uninit", "x = ld_shared_f32(s);", SIM_UNINIT, "nothing has written"},
    {"global_uninit", "x = ld_global_f32(out);", SIM_UNINIT, "nothing has written"},
    {"same_output", "st_global_f32(out, x);", SIM_RACE,
     "race on out: thread 1 of block 0 overwrites byte 0, which thread 0 of block 0 wrote at line"},
    {"blocks_race", "st_global_f32(out + threadIdx.x, x);", SIM_RACE, "in the same launch"},
    {"shared_race",
     "st_shared_f32(s + 4 * threadIdx.x, x);\n"
     "x = ld_shared_f32(s + 4 * (threadIdx.x ^ 1));",
     SIM_RACE, "no barrier lies"},
    {"warp_sync_orders",
     "st_shared_f32(s + 4 * threadIdx.x, x);\nwarp_sync();\n"
     "x = ld_shared_f32(s + 4 * (threadIdx.x ^ 1));",
     NSIMKINDS, ""},
    {"warp_sync_is_not_enough",
     "st_shared_f32(s + 4 * threadIdx.x, x);\nwarp_sync();\n"
     "x = ld_shared_f32(s + 4 * (threadIdx.x ^ 32));",
     SIM_RACE, "no barrier lies"},
    {"named_sync_orders",
     "st_shared_f32(s + 4 * threadIdx.x, x);\nnamed_sync(3, 64);\n"
     "x = ld_shared_f32(s + 4 * (threadIdx.x ^ 32));",
     NSIMKINDS, ""},
    {"named_sync_of_one_warp",
     "st_shared_f32(s + 4 * threadIdx.x, x);\n"
     "named_sync(1 + threadIdx.x / 32, 32);\nx = ld_shared_f32(s + 4 * (threadIdx.x ^ 32));",
     SIM_RACE, "no barrier lies"},
    {"shuffle_orders_nothing",
     "st_shared_f32(s + 4 * threadIdx.x, x);\nx = shfl_xor_f32(x, 1);\n"
     "x = ld_shared_f32(s + 4 * (threadIdx.x ^ 1));",
     SIM_RACE, "wrote"},
    {"write_after_read",
     "st_shared_f32(s + 4 * threadIdx.x, x);\nblock_sync();\n"
     "x = ld_shared_f32(s + 4 * (threadIdx.x ^ 33));\nst_shared_f32(s + 4 * threadIdx.x, x);",
     SIM_RACE, "read"},
    {"pending",
     "cp_async_16(s + 16 * threadIdx.x, in, 16);\ncp_async_commit();\n"
     "x = ld_shared_f32(s + 16 * threadIdx.x);",
     SIM_PENDING, "in flight"},
    {"own_copy",
     "cp_async_16(s + 16 * threadIdx.x, in, 16);\ncp_async_commit();\n"
     "cp_async_wait(0);\nx = ld_shared_f32(s + 16 * threadIdx.x);",
     NSIMKINDS, ""},
    {"wait_without_commit",
     "cp_async_16(s + 16 * threadIdx.x, in, 16);\n"
     "cp_async_wait(0);\nx = ld_shared_f32(s + 16 * threadIdx.x);",
     SIM_PENDING, "in flight"},
    {"wait_without_barrier",
     "cp_async_16(s + 16 * threadIdx.x, in, 16);\ncp_async_commit();\n"
     "cp_async_wait(0);\nx = ld_shared_f32(s + 16 * (threadIdx.x ^ 32));",
     SIM_RACE, "no barrier lies"},
    {"in_place",
     "x = ld_global_f32(state + threadIdx.x);\n"
     "st_global_f32(state + threadIdx.x, x + 1);",
     NSIMKINDS, ""},
    {"in_place_of_another",
     "x = ld_global_f32(state + threadIdx.x);\n"
     "st_global_f32(state + (threadIdx.x ^ 1), x + 1);",
     SIM_RACE, "race on state: thread 1"},
    {"output_by_barrier",
     "st_global_f32(out + threadIdx.x, x);\nblock_sync();\n"
     "x = ld_global_f32(out + (threadIdx.x ^ 1));",
     NSIMKINDS, ""},
    {"two_copies",
     "cp_async_16(s + 16 * threadIdx.x, in, 16);\n"
     "cp_async_16(s + 16 * threadIdx.x, in + 4, 16);",
     SIM_RACE, "is copying into"},
    {"copy_of_nothing",
     "cp_async_16(s + 16 * threadIdx.x, 0, 0);\ncp_async_commit();\n"
     "cp_async_wait(0);\nx = ld_shared_f32(s + 16 * threadIdx.x);\n"
     "if (x != 0) st_global_f32(out + 999, x);",
     NSIMKINDS, ""},
    {"shuffles",
     "u32 l = lane_id(), bad = shfl_xor_u32(l, 5) != (l ^ 5);\n"
     "bad |= warp_any(l == 31) != 1 || warp_any(l > 31) != 0;\n"
     "bad |= shfl_idx_u32(l, 9) != 9 || shfl_up_f32((float)l, 3) != (float)(l < 3 ? l : l - 3);\n"
     "if (bad) st_global_f32(out + 999, x);",
     NSIMKINDS, ""},
    {"place_race",
     "st_shared_f32(s + 4 * threadIdx.x, x);\nblock_sync();\n"
     "x = ld_shared_f32(s + 128 + 4 * (threadIdx.x & 15));\nst_shared_f32(s + 128, x);",
     SIM_RACE, "race on V_s, stage 1: thread"},
    {"place_gap", "st_shared_f32(s + 256 + 4 * (threadIdx.x & 15), x);", SIM_BOUNDS,
     "out of bounds of V_s: thread 0 of block 0 writes byte 256, which is behind its end"},
    {"place_second", "x = ld_shared_f32(s + 516);", SIM_UNINIT,
     "uninitialised read of W_s: thread 0 of block 0 reads byte 4, which nothing"},
    {"place_align", "x = ld_shared_f32(s + 130);", SIM_ALIGN,
     "misaligned access to V_s, stage 1: thread 0 of block 0 reads byte 2 and on"},
    {"place_pending",
     "cp_async_16(s + 512, in, 16);\ncp_async_commit();\nx = ld_shared_f32(s + 512);\n"
     "cp_async_wait(0);",
     SIM_PENDING, "missing wait on W_s: thread 0 of block 0 reads byte 0 while the copy that"},
    {"nan_divided", "x = x - x;\nst_global_f32(out + threadIdx.x, divide(x, x));", SIM_NAN,
     "NaN in out: thread 0 of block 0 writes byte 0, a NaN; it made one of numbers at line"},
    {"nan_log", "st_global_f32(out + threadIdx.x, log2_fast(x - 1));", SIM_NAN,
     "it made one of numbers at line"},
    {"nan_earlier",
     "x = inf() * x;\n// small.lua:8\nx = x + 1;\n// small.lua:9\n"
     "st_global_f32(out + threadIdx.x, x);",
     SIM_NAN, "(small.lua:7)"},
    {"nan_by_product",
     "float d[4] = {0, 0, 0, 0};\nmma_m16n8k16_bf16(d, 0x7f807f80, 0, 0, 0, 0, 0);\n"
     "// small.lua:9\nst_global_f32(out + threadIdx.x, d[0]);",
     SIM_NAN, "(small.lua:7)"},
    {"nan_of_another",
     "x = threadIdx.x % 32 ? x : inf() * x;\nx = shfl_idx_f32(x, 0);\n"
     "st_global_f32(out + threadIdx.x, x);",
     SIM_NAN, "made one of numbers at line"},
    {"nan_deselected",
     "x = x == 0 ? x : inf() * x;\nst_global_f32(out + threadIdx.x, x != x ? 0 : x);", NSIMKINDS,
     ""},
    {"nan_unstored", "x = inf() * x;", NSIMKINDS, ""},
    {"run_of_products",
     "float d[2][4] = {{0}};\nfor (int i = 0; i < 2; i++)\n"
     "for (int j = 0; j < 2; j++)\nmma_m16n8k16_bf16(d[j], 0x3f803f80, 0, 0, 0, 0x3f803f80, 0);\n"
     "x = d[0][0] + d[1][0];\nif (x != 32) st_global_f32(out + 999, x);",
     NSIMKINDS, ""},
    {"run_of_unequal_length",
     "int m = lane_id() < 16 ? 2 : 3;\nfloat d[4] = {0};\n"
     "for (int i = 0; i < m; i++)\nmma_m16n8k16_bf16(d, 0, 0, 0, 0, 0, 0);",
     SIM_DIVERGENT, "divergence: lanes of warp 0 meet at different calls: thread 0 makes 2 of 3"},
    {"run_elsewhere",
     "float d[4] = {0};\nif (lane_id() < 16) {\nfor (int i = 0; i < 2; i++)\n"
     "mma_m16n8k16_bf16(d, 0, 0, 0, 0, 0, 0);\n } else {\nfor (int i = 0; i < 2; i++)\n"
     "mma_m16n8k16_bf16(d, 0, 0, 0, 0, 0, 0);\n}",
     SIM_DIVERGENT, "lanes of warp 0 meet at different calls"},
    {"run_reads_unwritten",
     "u32 r[2][4];\nfor (int i = 0; i < 2; i++)\nldmatrix_x4(r[i], s + 16 * lane_id());",
     SIM_UNINIT, "uninitialised read of shared memory: thread 0 of block 0 reads byte 0"},
    {"endless", "for (;;) block_sync();", SIM_DEADLOCK, "out of time"},
    {"register_beyond_end",
     "float y[4][2] = {{0}};\nwarp_sync();\nfor (int i = 0; i < 5; i++) y[lane_id() % 2 + i][1] = "
     "x;\n"
     "x = y[3][1];\nif (x == -1) st_global_f32(out + 999, x);",
     SIM_BOUNDS, "indexes an array beyond its end"},
    {"wild_local",
     "float y[4];\n"
     "for (int i = 0; i < 1 << 24; i++) ((volatile float *)y)[-i] = x;",
     SIM_BOUNDS, "faulted"},
};
