/* count_test.c -- the simulator's counters against numbers worked out by hand from shapes: small
 * kernels, one effect each, and whole specs through the program. Run from the root of the tree. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../codegen/prims.h"
#include "../../runtime/sim.h"

static int failed;
static Arena *arena;
static Diag diag;

typedef struct Want {
	WorkKind kind;
	uint64_t amount;
} Want;

enum { MAX_WANTS = 12 };

/* A kernel k(in, out), `blocks` blocks of `threads` threads; what is not wanted must be 0. */
typedef struct Case {
	const char *name, *body;
	int blocks, threads;
	Want want[MAX_WANTS];
} Case;

#define W(kind, n) \
	{ \
		WORK_##kind, n \
	}

static const Case cases[] = {
    /* 4 warps, 32 lanes x 4 bytes in a row: 128 bytes = 4 sectors each way. */
    {"copy",
     "const int i = blockIdx.x * 64 + threadIdx.x;\nst_global_f32(out + i, ld_global_f32(in + i));",
     2,
     64,
     {W(global_load_bytes, 4 * 128), W(global_store_bytes, 4 * 128), W(global_load_sectors, 16),
      W(global_store_sectors, 16), W(global_sectors, 32)}},
    /* Lanes 32 bytes apart: a sector each, an eighth of it used. */
    {"strided",
     "x = ld_global_f32(in + 8 * threadIdx.x);",
     1,
     32,
     {W(global_load_bytes, 128), W(global_load_sectors, 32), W(global_sectors, 32)}},
    /* All lanes read one float, 4 bytes of one sector; then of a table, of two. */
    {"one_for_all",
     "x = ld_global_f32(in + 7);",
     1,
     32,
     {W(global_load_bytes, 4), W(global_load_sectors, 1), W(global_sectors, 1)}},
    {"table",
     "x = table_f32(in + 4 + threadIdx.x / 16 * 4);",
     1,
     32,
     {W(global_load_bytes, 8), W(global_load_sectors, 2), W(global_sectors, 2)}},
    /* 16 bytes a lane, a row of 64 bytes to 4 lanes, rows 256 bytes apart: 8 rows x 2 sectors. */
    {"rows",
     "u32 r[4];\nld_global_v4(r, in + threadIdx.x / 4 * 64 + threadIdx.x % 4 * 4);",
     1,
     32,
     {W(global_load_bytes, 512), W(global_load_sectors, 16), W(global_sectors, 16)}},
    /* Rows of 32 floats written along the rows, without conflict, read along a column: all 32
     * lanes in one bank, 32 wavefronts where 1 would do. */
    {"column",
     "st_shared_f32(s + 4 * threadIdx.x, x);\nwarp_sync();\n"
     "for (int i = 1; i < 32; i++) st_shared_f32(s + 128 * i + 4 * threadIdx.x, x);\nwarp_sync();\n"
     "x = ld_shared_f32(s + 128 * threadIdx.x);",
     1,
     32,
     {W(shared_store_waves, 32), W(shared_load_waves, 32), W(shared_wavefronts, 64),
      W(shared_load_conflicts, 31), W(shared_conflicts, 31)}},
    /* The same with rows of 33: every lane in a bank of its own. */
    {"padded_column",
     "for (int i = 0; i < 32; i++) st_shared_f32(s + 132 * i + 4 * threadIdx.x, x);\nwarp_sync();\n"
     "x = ld_shared_f32(s + 132 * threadIdx.x);",
     1,
     32,
     {W(shared_store_waves, 32), W(shared_load_waves, 1), W(shared_wavefronts, 33)}},
    /* 16-byte stores go by 8 lanes. Side by side: 4 wavefronts. 128 bytes apart: the 8 lanes of a
     * quarter share 4 banks, 8 wavefronts a quarter. 8-byte stores, 8 bytes apart: 2. */
    {"wide",
     "st_shared_v4(s + 16 * threadIdx.x, 1, 2, 3, 4);\nwarp_sync();\n"
     "st_shared_v4(s + 128 * threadIdx.x, 1, 2, 3, 4);\nwarp_sync();\n"
     "st_shared_v2(s + 8 * threadIdx.x, 1, 2);",
     1,
     32,
     {W(shared_store_waves, 4 + 32 + 2), W(shared_wavefronts, 38), W(shared_store_conflicts, 28),
      W(shared_conflicts, 28)}},
    /* 16-byte loads go by 8 lanes: side by side 4 wavefronts. Where the lanes of a quad read the
     * same, by 16, which are 4 places: 2. So too where lanes l and l ^ 2 read the same. Where only
     * lanes l and l ^ 4 do, by 8 still: 4. */
    {"wide_for_many",
     "u32 r[4];\nst_shared_v4(s + 16 * threadIdx.x, 0, 0, 0, 0);\nwarp_sync();\n"
     "ld_shared_v4(r, s + 16 * threadIdx.x);\n"
     "ld_shared_v4(r, s + threadIdx.x / 4 * 16);\n"
     "ld_shared_v4(r, s + (threadIdx.x / 4 * 2 + threadIdx.x % 2) * 16);\n"
     "ld_shared_v4(r, s + (threadIdx.x & 27) * 16);",
     1,
     32,
     {W(shared_store_waves, 4), W(shared_load_waves, 4 + 2 + 2 + 4), W(shared_wavefronts, 16)}},
    /* 4 bytes at a time, side by side and aligned, become one access of 16 bytes: 128 bytes a
     * wavefront, 4 of them. The loads are of one place a quad: by 16 lanes, 2. */
    {"neighbours",
     "for (int i = 0; i < 4; i++) st_shared_f32(s + 16 * threadIdx.x + 4 * i, x);\nwarp_sync();\n"
     "for (int i = 0; i < 4; i++) x += ld_shared_f32(s + 16 * (threadIdx.x / 4) + 4 * i);",
     1,
     32,
     {W(shared_store_waves, 4), W(shared_load_waves, 2), W(shared_wavefronts, 6)}},
    /* Aligned to 8 bytes only: twice 8 bytes, 24 apart. Of 16 lanes the words 6 l and 6 l + 1:
     * over 32 banks 6 l takes each even place once in 16: no conflict, 2 wavefronts each. */
    {"neighbours_by_8",
     "for (int i = 0; i < 4; i++) st_shared_f32(s + 24 * threadIdx.x + 8 + 4 * i, x);",
     1,
     32,
     {W(shared_store_waves, 4), W(shared_wavefronts, 4)}},
    /* Not side by side: 4 accesses, of 32 words 8 apart: 8 in a bank. */
    {"not_neighbours",
     "for (int i = 0; i < 4; i++) st_shared_f32(s + 32 * threadIdx.x + 8 * i, x);",
     1,
     32,
     {W(shared_store_waves, 4 * 8), W(shared_wavefronts, 32), W(shared_store_conflicts, 28),
      W(shared_conflicts, 28)}},
    /* Two lanes a word (16-bit stores): no conflict. */
    {"halves",
     "st_shared_b16(s + 2 * threadIdx.x, 1);",
     1,
     32,
     {W(shared_store_waves, 1), W(shared_wavefronts, 1)}},
    /* Each turn is an access of 16 lanes, alternating; a lane's n-th is not another's n-th. By
     * turns: 4 stores of one wavefront and 4 loads of 16 floats, every second: 4 sectors each. */
    {"lanes_skip_turns",
     "for (int i = 0; i < 4; i++) {\nif ((threadIdx.x + i) % 2) {\n"
     "st_shared_f32(s + 4 * threadIdx.x, x);\nx = ld_global_f32(in + 64 * i + threadIdx.x);\n}\n}",
     1,
     32,
     {W(shared_store_waves, 4), W(shared_wavefronts, 4), W(global_load_bytes, 4 * 64),
      W(global_load_sectors, 16), W(global_sectors, 16)}},
    /* Lane l turns 1 + l % 4 times: accesses of 32, 24, 16, 8 lanes, whole rows of 128 bytes in
     * the first. In turn t the lanes l % 4 >= t remain: of every sector of 8 floats some. */
    {"lanes_leave",
     "for (int i = 0; i <= threadIdx.x % 4; i++)\nx = ld_global_f32(in + 32 * i + threadIdx.x);\n"
     "x = ld_global_f32(in + 256 + threadIdx.x);",
     1,
     32,
     {W(global_load_bytes, 4 * (32 + 24 + 16 + 8) + 128), W(global_load_sectors, 4 * 4 + 4),
      W(global_sectors, 20)}},
    /* Nested: 3 x (1 + 2) accesses by 8 lanes, 32 bytes each. */
    {"nested_turns",
     "if (threadIdx.x >= 24)\nfor (int i = 0; i < 3; i++) {\nx = ld_global_f32(in + threadIdx.x);\n"
     "for (int j = 0; j < 2; j++)\nx = ld_global_f32(in + 32 * j + threadIdx.x);\n}",
     1,
     32,
     {W(global_load_bytes, 9 * 32), W(global_load_sectors, 9), W(global_sectors, 9)}},
    /* 2 warps copy 16 bytes a lane: 512 bytes, 16 sectors, 4 wavefronts into shared memory each;
     * then a copy of nothing, which still writes 16 zeros a lane. */
    {"copies",
     "cp_async_16(s + 16 * threadIdx.x, in + 4 * threadIdx.x, 16);\n"
     "cp_async_16(s + 1024 + 16 * threadIdx.x, in, 0);\ncp_async_commit();\ncp_async_wait(0);\n"
     "block_sync();",
     1,
     64,
     {W(cp_async_bytes, 1024), W(async_bytes, 1024), W(async_sectors, 32), W(global_sectors, 32),
      W(async_waves, 16), W(shared_wavefronts, 16), W(barriers, 1)}},
    /* 48-byte rows, 3 copies of 16 bytes each, to rows of 64: an even row is a whole sector and a
     * half; an odd one a half and a whole, which goes to two units of 32 bytes: asked for twice.
     * 8 rows: 4 x 2 + 4 x 3. By 4 bytes it is not: 96 bytes from the middle of a sector on, 4. */
    {"copies_across",
     "const int row = threadIdx.x / 4, unit = threadIdx.x % 4;\n"
     "if (unit < 3) cp_async_16(s + 64 * row + 16 * unit, in + 12 * row + 4 * unit, 16);\n"
     "if (threadIdx.x < 24) cp_async_4(s + 1024 + 4 * threadIdx.x, in + 4 + threadIdx.x, 4);\n"
     "cp_async_commit();\ncp_async_wait(0);",
     1,
     32,
     {W(cp_async_bytes, 8 * 48 + 96), W(async_bytes, 480), W(async_sectors, 4 * 2 + 4 * 3 + 4),
      W(global_sectors, 24), W(async_waves, 4 + 1), W(shared_wavefronts, 5)}},
    /* Rows of 128 bytes. Plain, the 8 rows of a matrix begin in the same bank: 8 wavefronts each,
     * 7 too many. With unit u of row r at u ^ r % 8: 1 each. x4 loads 4 matrices. */
    {"matrices",
     "u32 r[4];\nfor (int i = 0; i < 8; i++) st_shared_v4(s + 16 * threadIdx.x + 512 * i, 0, 0, 0, "
     "0);\nwarp_sync();\n"
     "ldmatrix_x4(r, s + 128 * threadIdx.x);\n"
     "ldmatrix_x4_trans(r, s + 128 * threadIdx.x + 16 * (threadIdx.x % 8));",
     1,
     32,
     {W(shared_store_waves, 32), W(matrix_load_waves, 32 + 4), W(shared_wavefronts, 68),
      W(matrix_conflicts, 28), W(shared_conflicts, 28)}},
    /* A product is 2 x 16 x 8 x 16 operations; 2 warps x (3 bf16 + 1 f16). */
    {"products",
     "float d[4] = {0, 0, 0, 0};\nfor (int i = 0; i < 3; i++) mma_m16n8k16_bf16(d, 0, 0, 0, 0, 0, "
     "0);\n"
     "mma_m16n8k16_f16(d, 0, 0, 0, 0, 0, 0);",
     1,
     64,
     {W(mma_bf16, 6), W(mma_f16, 2), W(mma, 8), W(tensor_flops, 8 * 4096)}},
    /* By lane: an exponential is one operation of the unit, a division one, a sigmoid two, a tanh
     * two; 64 lanes. Shuffles by warp. */
    {"functions",
     "x = exp2_fast(x);\nx = divide(x, x + 1);\nx = sigmoid(x);\nx = tanh_exact(x);\n"
     "x = sqrt_fast(x);\nx = shfl_xor_f32(x, 1) + shfl_up_f32(x, 2);",
     1,
     64,
     {W(exp_ops, 3 * 64), W(mufu_ops, (1 + 1 + 2 + 2 + 1) * 64), W(shuffles, 4)}},
    /* 3 of the block, 2 of a warp each. */
    {"barriers",
     "for (int i = 0; i < 3; i++) block_sync();\nnamed_sync(1 + threadIdx.x / 32, 32);",
     1,
     64,
     {W(barriers, 5)}},
};

static void run_case(const Case *c)
{
	static float in[1024], out[1024];
	char *body = arena_printf(arena,
	                          "__global__ void k(const float *in, float *out)\n{\n"
	                          "\tfloat x = 0.5f; u32 s = smem_base();\n\t// count.lua:3\n\t%s\n"
	                          "\tif (x == -1.5f) st_global_f32(out + s, x);\n}\n",
	                          c->body);
	char *text = arena_printf(arena,
	                          "%s\n%s\nstatic void k_entry(void **a)\n{\n\tk(*(const float "
	                          "**)a[0], *(float **)a[1]);\n}\n"
	                          "const SimEntry sim_entries[] = { { \"k\", k_entry }, { 0, 0 } };\n",
	                          prims_text(arena, body, true), body);
	void *pi = in, *po = out, *params[] = {&pi, &po};
	SimBuffer buf[] = {{"in", in, sizeof in, false, true}, {"out", out, sizeof out, true, false}};
	uint64_t got[NWORKKINDS], line[NWORKKINDS] = {0};
	SimCounters *lines;
	SimResult r;
	Sim *s;
	int ok;

	if (DIAG_TRY(&diag)) {
		fprintf(stderr, "count_test: %s\n", diag.text);
		exit(diag.status == ST_ENV ? 77 : 1);
	}
	s = sim_load(&diag, text, NULL);
	lines = calloc((size_t)sim_lines(s), sizeof *lines);
	sim_run(s, &diag, "k", c->blocks, c->threads, 8192, params, 2, buf,
	        &(SimOptions){.drop_site = -1, .lines = lines}, &r);
	memcpy(got, &r.counters, sizeof got);
	ok = !r.nfindings;
	for (int k = 0; k < NWORKKINDS; k++) {
		uint64_t want = 0;

		for (int i = 0; i < MAX_WANTS; i++)
			if (c->want[i].amount && c->want[i].kind == (WorkKind)k)
				want = c->want[i].amount;
		if (got[k] != want)
			fprintf(stderr, "count_test: %s: counter %d is %llu, %llu by hand\n", c->name, k,
			        (unsigned long long)got[k], (unsigned long long)want);
		ok &= got[k] == want;
		for (int l = 0; l < sim_lines(s); l++)
			if (!strcmp(sim_spec_line(s, l), "count.lua:3"))
				line[k] += ((uint64_t *)&lines[l])[k];
	}
	ok &= !memcmp(line, got, sizeof line); /* all of it on the spec's line */
	printf("%s count_%s\n", ok ? "ok" : "FAIL", c->name);
	failed += !ok;
	free(lines);
	sim_free(s);
}

/* ---- Whole specs ---- */

/* Of the program's JSON; "name": value wanted, in order of appearance. */
typedef struct SpecCase {
	const char *name, *args;
	Want want[MAX_WANTS];
} SpecCase;

static const SpecCase specs[] = {
    /* 2 x 100 rows of 128 bytes, read and written by 16 bytes a lane, whole rows. */
    {"copy",
     "tests/golden/copy.lua --set B=2,N=100,D=64",
     {W(global_load_bytes, 25600), W(global_store_bytes, 25600), W(global_load_sectors, 800),
      W(global_store_sectors, 800)}},
    /* 64 queries a block (2 blocks), 2 chunks of 64 keys, D = V = 64: 4 turns.
     * Products: 64 x 64 x 64 twice a turn, of 16 x 8 x 16: 256. Exponentials: 64 x 64, and, in a
     * block's first turn alone (scores this even rise no more), one for every row in the 4 lanes
     * that keep it. Reciprocals: one an output element.
     * Copies: Q once a block, K and V once a turn, 8 KB each: 10 x 8 KB, by 128 bytes a wavefront.
     * ldmatrix, by warp: of Q a 16x16 a k16 step (4 waves x 4), of K 64 x 16 (16 x 4), of V 16 x 64
     * (16 x 4): 144 in each of 4 warps and 4 turns.
     * Stores: 4 lanes x 4 bytes of a row, 8 rows at once: 8 half-used sectors for 128 bytes.
     * Shuffles: the maximum of 2 rows over 4 lanes, 4 a warp and turn (2 steps each); their sums,
     * once a warp: 4 (4 x 4 + 4 x 2).
     */
    {"flash_attention",
     "flash_attention --set "
     "B=1,G=1,R=1,M=128,N=128,D=64,V=64,causal=false,C=64,rows=64,warps=4,stages=2",
     {W(mma_bf16, 1024), W(exp_ops, 4 * 4096 + 2 * 256), W(mufu_ops, 4 * 4096 + 2 * 256 + 8192),
      W(cp_async_bytes, 81920), W(async_sectors, 2560), W(async_waves, 640),
      W(matrix_load_waves, 2304), W(global_store_bytes, 16384), W(global_store_sectors, 1024),
      W(shuffles, 96), W(barriers, 4)}},
    /* The same without the upper triangle: the block of rows 0-63 sees one chunk, so 3 turns. In
     * the 2 on the diagonal whole fragments are computed all the same. */
    {"flash_causal",
     "flash_attention --set "
     "B=1,G=1,R=1,M=128,N=128,D=64,V=64,causal=true,C=64,rows=64,warps=4,stages=2",
     {W(mma_bf16, 768), W(exp_ops, 3 * 4096 + 2 * 256), W(mufu_ops, 3 * 4096 + 2 * 256 + 8192),
      W(cp_async_bytes, 8 * 8192), W(async_sectors, 2048), W(async_waves, 512),
      W(matrix_load_waves, 1728), W(global_store_bytes, 16384), W(shuffles, 80), W(barriers, 3)}},
    /* 1 block, 3 chunks of 64 (N = 130: the last has 2 rows), D = V = 64: products of 64 x 64 x 64,
     * 128 mma each: Q K^T, P V, Q S and K^T V, all whole, and none computed twice.
     * Copies: q, k, v rows that exist: 3 x 130 x 128 bytes; stored: 130 x 128. */
    {"retention",
     "retention --set B=1,H=1,N=130,D=64,V=64,C=64,warps=4,stages=2,schedule=onepass",
     {W(mma_bf16, 3 * 512), W(tensor_flops, 3 * 512 * 4096), W(cp_async_bytes, 3 * 130 * 128),
      W(async_sectors, 3 * 130 * 4), W(global_store_bytes, 130 * 128)}},
    /* 2 blocks, 3 chunks of 64 keys (N = 130): boxes of 64 rows, of which the last hold 2. 4 + 4
     * products of 64 x 64 x 16 a turn: Q K^T reads 2 KB of either operand, P V, whose P is in
     * registers, of one. Stored: 128 rows. */
    {"flash_boxes",
     "flash_attention --gpu h100 --set "
     "B=1,G=1,R=1,M=128,N=130,D=64,V=64,causal=false,C=64,rows=64,warps=4,stages=2",
     {W(tma_load_bytes, 2 * 2 * 130 * 128 + 128 * 128),
      W(tma_load_sectors, 2 * 2 * 130 * 4 + 128 * 4), W(tma_fill_bytes, 2 * 2 * 62 * 128),
      W(tma_store_bytes, 128 * 128), W(tma_store_sectors, 128 * 4), W(wgmma_bf16, 6 * 8),
      W(tensor_flops, 6 * 8 * 131072), W(wgmma_shared_bytes, 6 * 4 * (4096 + 2048))}},
};

static const char *const names[] = {
#define ROW(id, total) #id,
    SIM_WORK(ROW)
#undef ROW
};

static void run_spec(const SpecCase *c)
{
	static char json[1 << 20];
	const char *gpu = strstr(c->args, "--gpu") ? "" : "--gpu a100";
	FILE *f = popen(
	    arena_printf(arena, "build/azulejo run %s %s --device sim --json", c->args, gpu), "r");
	const char *counters;
	int ok = f != NULL;

	json[f ? fread(json, 1, sizeof json - 1, f) : 0] = 0;
	ok &= f && !pclose(f);
	counters = strstr(json, "\"counters\": {");
	ok &= counters != NULL;
	for (int i = 0; ok && i < MAX_WANTS && c->want[i].amount; i++) {
		const char *key = arena_printf(arena, "\"%s\": ", names[c->want[i].kind]);
		const char *at = strstr(counters, key);
		unsigned long long got = at ? strtoull(at + strlen(key), NULL, 10) : 0;

		if (got != c->want[i].amount) {
			fprintf(stderr, "count_test: %s: %s is %llu, %llu by hand\n", c->name,
			        names[c->want[i].kind], got, (unsigned long long)c->want[i].amount);
			ok = 0;
		}
	}
	printf("%s count_spec_%s\n", ok ? "ok" : "FAIL", c->name);
	failed += !ok;
}

/* ---- The same bits however it is run ---- */

/* Without checks, with copies landing early, in other orders, compiled anew: as from a plain run.
 */
static void same_bits_as(const char *spec, const char *gpu, const char *way)
{
	char dir[] = "/tmp/count_test_XXXXXX";
	int ok;

	if (!mkdtemp(dir))
		return;
	ok = !system(arena_printf(
	    arena,
	    "cd %s && r=$OLDPWD/build/azulejo && for w in '' '%s'; do (cd $OLDPWD && $r run %s "
	    "--gpu %s --device sim $w --out o=%s/o${w:+2}.npy >/dev/null) || exit 1; done && "
	    "cmp o.npy o2.npy",
	    dir, way, spec, gpu, dir));
	printf("%s same_bits %s %s %s\n", ok ? "ok" : "FAIL", spec, gpu, way);
	failed += !ok;
	if (system(arena_printf(arena, "rm -rf %s", dir)))
		failed++;
}

static void same_bits(const char *spec, const char *gpu)
{
	static const char *const ways[] = {"--unchecked", "--early", "--seeds 3", "--no-cache"};

	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
		same_bits_as(spec, gpu, ways[i]);
}

/* Without checks: every sort of product, and texts compiled either way (the first two: -O2). */
static void same_unchecked(void)
{
	static const char *const cases[] = {
	    "flash_attention --set B=1,G=1,M=1024,N=1024",
	    "simple_gla --set B=1,H=2,N=1500,D=128,V=128",
	    "flash_attention --set B=1,G=1,R=1,M=130,N=130,D=96,V=64,dtype=f16",
	    "based_prefill --set B=1,H=1,N=300",
	    "retention --set B=1,H=1,N=130,dtype=f16",
	    "window_attention --set B=1,N=200"};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		same_bits_as(cases[i], "h100", "--unchecked");
		same_bits_as(cases[i], "a100", "--unchecked");
	}
	same_bits_as(cases[2], "h100", "--unchecked --seeds 2");
	same_bits_as(cases[2], "a100", "--unchecked --seeds 2");
}

int main(void)
{
	arena = arena_new();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		run_case(&cases[i]);
	if (access("build/azulejo", X_OK)) {
		puts("skip count_spec");
	} else {
		for (size_t i = 0; i < sizeof specs / sizeof *specs; i++)
			run_spec(&specs[i]);
		same_bits("based_prefill --set B=1,H=2,N=130,normalize=true", "a100");
		same_bits("flash_attention --set B=1,G=1,R=1,M=130,N=130,D=64,V=64", "h100");
		same_bits("retention --set B=1,H=1,N=130,dtype=f16", "a100");
		same_unchecked();
	}
	arena_free(arena);
	return failed != 0;
}
