/* hopper_test.c -- Hopper's primitives in the simulator: right numbers from right kernels, early
 * and late and in every order, and a finding, at the right spec line, from each broken one. Run
 * from the root of the tree. */
#define _GNU_SOURCE
#include <math.h>

#include "../../runtime/sim_state.h"
#include "hopper.h"

/* ---- The product ---- */

enum { ROWS = 150, COLS = 136, DEPTH = 168 };

static _Alignas(16) uint16_t ga[ROWS * DEPTH], gb[DEPTH * COLS], gc[ROWS * COLS],
    first[ROWS * COLS];

static const char gemm_entries[] =
    "static void hopper_gemm_entry(void **a)\n{\n"
    "\thopper_gemm(*(TensorMap *)a[0], *(TensorMap *)a[1], *(TensorMap *)a[2], *(int *)a[3],\n"
    "\t            *(int *)a[4], *(int *)a[5]);\n}\n"
    "const SimEntry sim_entries[] = { { \"hopper_gemm\", hopper_gemm_entry }, { 0, 0 } };\n";

static TensorMap matrix(void *p, int rows, int cols, int box_rows)
{
	TensorMapSpec s = {.dtype = DT_BF16,
	                   .rank = 2,
	                   .base = (uintptr_t)p,
	                   .swizzle = 128,
	                   .size = {cols, rows},
	                   .stride_bytes = {0, 2 * cols},
	                   .box = {64, box_rows}};
	TensorMap m;

	tensormap_encode(&diag, &s, true, &m);
	return m;
}

static int flip; /* of descriptors: as the kernel says */

static double want[ROWS][COLS];

static void gemm_data(void)
{
	srand(1);
	for (int i = 0; i < ROWS * DEPTH; i++)
		ga[i] = to_bf16((float)rand() / (float)RAND_MAX - 0.5f);
	for (int i = 0; i < DEPTH * COLS; i++)
		gb[i] = to_bf16((float)rand() / (float)RAND_MAX - 0.5f);
	for (int i = 0; i < ROWS; i++)
		for (int j = 0; j < COLS; j++)
			for (int l = 0; l < DEPTH; l++)
				want[i][j] += (double)from_bf16(ga[i * DEPTH + l]) * from_bf16(gb[l * COLS + j]);
}

/* Relative Frobenius error against fp64. */
static double gemm_run(Sim *s, const SimOptions *o, SimResult *r)
{
	TensorMap ma = matrix(ga, ROWS, DEPTH, 128), mb = matrix(gb, DEPTH, COLS, 64),
	          mc = matrix(gc, ROWS, COLS, 64);
	int columns = 2, k = DEPTH;
	void *params[] = {&ma, &mb, &mc, &columns, &k, &flip};
	SimBuffer buf[] = {
	    {"a", ga, sizeof ga, false, true},
	    {"b", gb, sizeof gb, false, true},
	    {"c", gc, sizeof gc, true, false},
	};
	double err = 0, norm = 0;

	memset(gc, 0xff, sizeof gc);
	sim_run(s, &diag, "hopper_gemm", 4, 384, 1024 + 65536 + 32768, params, 3, buf, o, r);
	for (int i = 0; i < ROWS; i++)
		for (int j = 0; j < COLS; j++) {
			double x = want[i][j], y = from_bf16(gc[i * COLS + j]);

			err += (x - y) * (x - y);
			norm += x * x;
		}
	return sqrt(err / norm);
}

static void gemm_right(const char *defs, const char *body)
{
	Sim *s = load(defs, body, gemm_entries);
	SimOptions o = {.drop_site = -1};
	SimResult r;
	double e = gemm_run(s, &o, &r);

	check(e < 3e-3 && !r.nfindings, "hopper_gemm");
	show(&r);
	if (getenv("VERBOSE"))
		printf("  error %g, %g s\n", e, r.seconds);
	memcpy(first, gc, sizeof gc);
	o.early = true;
	gemm_run(s, &o, &r);
	check(!memcmp(first, gc, sizeof gc) && !r.nfindings, "hopper_gemm_early");
	show(&r);
	for (int i = 0; i < 8; i++) {
		o.seed = (uint64_t)i / 2 + 1;
		o.early = i % 2;
		gemm_run(s, &o, &r);
		check(!memcmp(first, gc, sizeof gc) && !r.nfindings, "hopper_gemm_seed");
		show(&r);
	}
	sim_free(s);
}

/* What is wrong, and what is said of it when copies are late: the finding's kind, place and a part
 * of its words. When they are early something else may be wrong first. */
typedef struct Fault {
	const char *name, *defs;
	int drop; /* a synchronising call of the text, in order; -1: none */
	SimKind kind;
	const char *spec, *text;
} Fault;

static const Fault faults[] = {
    {"no_init", "", 0, SIM_MBARRIER, "gemm.lua:22", "no mbarrier was initialised"},
    {"no_init_fence", "", 2, SIM_FENCE, "gemm.lua:23", "no mbarrier_init_fence"},
    {"no_barrier_after_init", "", 3, SIM_MBARRIER, "gemm.lua:31", "no barrier lies between"},
    {"no_empty_wait", "", 4, SIM_RACE, "gemm.lua:23", "copies over"},
    {"no_expect", "", 5, SIM_DEADLOCK, "gemm.lua:21", "0 of 1 arrivals, 32768 of 0 bytes"},
    {"no_full_wait", "", 6, SIM_PENDING, "gemm.lua:33", "in flight"},
    {"no_wgmma_fence", "", 7, SIM_FENCE, "gemm.lua:33", "no wgmma_fence lies before"},
    {"no_commit", "", 8, SIM_PENDING, "gemm.lua:33", "not committed"},
    {"no_wgmma_wait", "", 9, SIM_PENDING, "gemm.lua:33", "wgmma_wait is missing"},
    {"no_arrive", "", 10, SIM_DEADLOCK, "gemm.lua:21", "0 of 2 arrivals"},
    {"no_proxy_fence", "", 11, SIM_FENCE, "gemm.lua:43", "no proxy_fence"},
    {"no_named_sync", "", 12, SIM_RACE, "gemm.lua:43", "at line"},
    {"no_store_commit", "", 13, SIM_PENDING, "gemm.lua:43", "not committed"},
    {"no_store_wait", "", 14, SIM_PENDING, "gemm.lua:43", "tma_store_wait_read is missing"},
    {"too_many_bytes", "#define EXPECT 40960", -1, SIM_MBARRIER, "gemm.lua:22",
     "expects 40960 bytes and copies bring 32768"},
    {"too_few_bytes", "#define EXPECT 16384", -1, SIM_MBARRIER, "gemm.lua:22",
     "expected 32768 bytes and copies brought 65536"},
    {"too_many_arrivals_wanted", "#define EMPTY_COUNT 3", -1, SIM_DEADLOCK, "gemm.lua:21",
     "2 of 3 arrivals"},
    {"too_few_arrivals_wanted", "#define EMPTY_COUNT 1", -1, SIM_RACE, "gemm.lua:23", "read"},
    {"full_phase", "#define FULL_PHASE (it / 2 + 1 & 1)", -1, SIM_PENDING, "gemm.lua:33", "flight"},
    {"empty_phase", "#define EMPTY_PHASE (it / 2 & 1)", -1, SIM_DEADLOCK, "gemm.lua:21",
     "0 of 2 arrivals"},
    {"leading", "#define B_LEADING 65536", -1, SIM_UNINIT, "gemm.lua:33", ""},
    {"stride_beyond", "#define B_STRIDE 131072", -1, SIM_BOUNDS, "gemm.lua:33", "of 99328"},
    {"proxy_of_registers", "#define BEFORE d0[3][1] += 1;", 7, SIM_FENCE, "gemm.lua:33", ""},
    {"touched_accumulator", "#define TOUCH d1[15][1] = 2;", -1, SIM_OPERAND, "gemm.lua:33",
     "accumulator 63"},
    {"a_warp_does_not_wait", "#define WAITS (tid % 128 < 96)", -1, SIM_RACE, "gemm.lua:33",
     "no mbarrier_wait for it"},
    {"operand_not_shown",
     "#define BEFORE st_shared_b32(sa + 8192 * (wg - 1) + 4 * (tid % 128), 0); named_sync(wg, "
     "128);",
     -1, SIM_FENCE, "gemm.lua:33", "executed no proxy_fence"},
    {"operand_shown_without_barrier",
     "#define BEFORE st_shared_b32(sa + 8192 * (wg - 1) + 4 * (tid % 128), 0); proxy_fence();", -1,
     SIM_RACE, "gemm.lua:33", "no barrier lies"},
    {"released_too_early", "#define LAG 1\n#define RELEASED it\n#define LAST_WAIT wgmma_wait(0);",
     -1, SIM_RACE, "gemm.lua:23", "which a product of warpgroup"},
    {"retired_too_late", "#define LAG 2", -1, SIM_DEADLOCK, "gemm.lua:21", "0 of 2 arrivals"},
    {"overwritten_operand", "#define OVERWRITE st_shared_b32(sb + 4 * tid, 0);", -1, SIM_RACE,
     "gemm.lua:35", "which a product of warpgroup"},
    {"overwritten_source", "#define AFTER_STORE st_shared_b32(mine + 64, 0);", -1, SIM_RACE,
     "gemm.lua:44", "which a bulk store read"},
    {"overwritten_barrier", "#define OVERWRITE st_shared_b32(full, 0);", -1, SIM_MBARRIER,
     "gemm.lua:35", "overwrites the mbarrier"},
    {"odd_registers", "#define PRODUCER_REGS 44", -1, SIM_MAP, "gemm.lua:20", "multiple of 8"},
    {"raise_is_a_lowering", "#define CONSUMER_REGS 160", -1, SIM_MAP, "gemm.lua:30",
     "raises its registers from 168 to 160"},
    {"too_many_registers", "#define CONSUMER_REGS 240", -1, SIM_DEADLOCK, "gemm.lua:30",
     "wants 240"},
};

/* Wrong in what it computes. */
static const Fault wrong[] = {
    {"b_stride", "#define B_STRIDE 2048", -1, SIM_MAP, "gemm.lua:33",
     "wrong descriptor: the right"},
    {"a_stride", "#define A_STRIDE 512", -1, SIM_MAP, "gemm.lua:33", "wrong descriptor: the left"},
    {"b_swizzle", "#define B_SWIZZLE 64", -1, SIM_MAP, "gemm.lua:33", "the right operand"},
    {"b_leading", "#define B_LEADING 4096", -1, SIM_MAP, "gemm.lua:33", "the right operand"},
    {"box_row", "#define BOX_ROW row0 + 1", -1, NSIMKINDS, "", ""},
};

static int reported(const SimResult *r, const Fault *f)
{
	for (int k = 0; k < r->nfindings; k++)
		if (r->finding[k].kind == f->kind && !strcmp(r->finding[k].spec, f->spec) &&
		    strstr(r->finding[k].text, f->text))
			return 1;
	return 0;
}

static void gemm_broken(const char *body)
{
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		const Fault *f = &faults[i];
		Sim *s = load(f->defs, body, gemm_entries);

		for (int early = 0; early < 2; early++) {
			SimOptions o = {.drop_site = f->drop, .early = early};
			SimResult r;

			gemm_run(s, &o, &r);
			check(early ? r.nfindings > 0 : reported(&r, f),
			      arena_printf(arena, "hopper_%s%s", f->name, early ? "_early" : ""));
			show(&r);
		}
		sim_free(s);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		Sim *s = load(wrong[i].defs, body, gemm_entries);
		SimOptions o = {.drop_site = -1};
		SimResult r;
		int bad = !(gemm_run(s, &o, &r) < 1e-2);

		check(wrong[i].kind == NSIMKINDS ? bad : reported(&r, &wrong[i]),
		      arena_printf(arena, "hopper_wrong_%s", wrong[i].name));
		show(&r);
		sim_free(s);
	}
}

/* Every bit of both descriptors, turned: the product is named, but for the leading offset of a
 * K-major operand that is swizzled, which is not used, and for starts that make another matrix of
 * those loaded, which only the result can tell. */
static void gemm_bits(const char *body)
{
	Sim *s = load("", body, gemm_entries);
	int named = 0;

	for (flip = 1; flip <= 128; flip++) {
		int bit = (flip - 1) % 64, left = flip <= 64, found = 0;
		SimResult r;
		double e = gemm_run(s, NULL, &r);

		for (int k = 0; k < r.nfindings; k++)
			found |= !strcmp(r.finding[k].spec, "gemm.lua:33");
		named += found;
		check(left && bit >= 16 && bit < 30 ? e < 3e-3 && !r.nfindings
		                                    : found || (bit < 14 && !(e < 1e-2)),
		      arena_printf(arena, "hopper_descriptor_%c_%d", left ? 'a' : 'b', bit));
		show(&r);
	}
	check(named >= 100, "hopper_descriptor_bits_named");
	if (getenv("VERBOSE"))
		printf("  %d of 128 named\n", named);
	flip = 0;
	sim_free(s);
}

/* ---- Every layout of a product's operands ---- */

typedef struct Layout {
	int span, a_mn, b_mn, left_regs, n, f16;
} Layout;

static const char layout_entries[] =
    "static void hopper_layout_entry(void **a)\n{\n"
    "\thopper_layout(*(TensorMap *)a[0], *(TensorMap *)a[1], *(const b16 **)a[2], *(float "
    "**)a[3]);\n"
    "}\n"
    "const SimEntry sim_entries[] = { { \"hopper_layout\", hopper_layout_entry }, { 0, 0 } };\n";

static Sim *layout_load(const Layout *l, const char *defs)
{
	static char *body;
	const char *type = l->f16 ? "f16" : "bf16";

	body = body ? body : read_text("tests/unit/kernels/hopper_layout.cu");
	return load(arena_printf(arena,
	                         "#define SPAN %d\n#define A_MN %d\n#define B_MN %d\n"
	                         "#define LEFT_REGS %d\n#define N %d\n#define RS wgmma_%s_rs_n%d\n"
	                         "#define SS wgmma_%s_ss_n%d\n%s\n",
	                         l->span, l->a_mn, l->b_mn, l->left_regs, l->n, type, l->n, type, l->n,
	                         defs),
	            body, layout_entries);
}

/* Small integers, so that sums are exact in any order: true when every element is right. */
static int layout_run(Sim *s, const Layout *l, const SimOptions *o, SimResult *r)
{
	static _Alignas(16) uint16_t a[64 * 64], as_lies[64 * 64], b_lies[64 * 256];
	static float c[64 * 256];
	static int ia[64][64], ib[64][256];
	int bn = l->b_mn ? l->n : 64, bk = l->b_mn ? 64 : l->n, bad = 0;
	TensorMapSpec sa = {.dtype = l->f16 ? DT_F16 : DT_BF16,
	                    .rank = 2,
	                    .base = (uintptr_t)as_lies,
	                    .swizzle = l->span > 16 ? l->span : 0,
	                    .size = {64, 64},
	                    .stride_bytes = {0, 128},
	                    .box = {l->span / 2, 64}},
	              sb = sa;
	void *pa = a, *pc = c;
	TensorMap ma, mb;
	void *params[] = {&ma, &mb, &pa, &pc};
	SimBuffer buf[] = {{"a", a, sizeof a, false, true},
	                   {"a_lies", as_lies, sizeof as_lies, false, true},
	                   {"b_lies", b_lies, sizeof b_lies, false, true},
	                   {"c", c, (size_t)l->n * 64 * 4, true, false}};

	srand(2);
	for (int i = 0; i < 64; i++)
		for (int k = 0; k < 64; k++) {
			float x = (float)(ia[i][k] = rand() % 17 - 8);

			a[i * 64 + k] = l->f16 ? sim_do_f16_round(x) : to_bf16(x);
			as_lies[l->a_mn ? k * 64 + i : i * 64 + k] = a[i * 64 + k];
		}
	for (int k = 0; k < 64; k++)
		for (int j = 0; j < l->n; j++) {
			float x = (float)(ib[k][j] = rand() % 17 - 8);

			b_lies[l->b_mn ? k * l->n + j : j * 64 + k] = l->f16 ? sim_do_f16_round(x) : to_bf16(x);
		}
	sb.base = (uintptr_t)b_lies;
	sb.size[0] = bn, sb.size[1] = bk, sb.stride_bytes[1] = 2 * bn, sb.box[1] = bk;
	tensormap_encode(&diag, &sa, true, &ma);
	tensormap_encode(&diag, &sb, true, &mb);
	sim_run(s, &diag, "hopper_layout", 1, 128, 1024 + 8192 + 128 * l->n, params, 4, buf, o, r);
	for (int i = 0; i < 64; i++)
		for (int j = 0; j < l->n; j++) {
			int x = 0;

			for (int k = 0; k < 64; k++)
				x += ia[i][k] * ib[k][j];
			bad += c[i * l->n + j] != (float)x;
		}
	return !bad;
}

static void layouts(void)
{
	static const int spans[] = {16, 32, 64, 128};

	for (int i = 0; i < 4 * 2 * 3; i++) {
		Layout l = {spans[i % 4],
		            i / 8 % 3 == 1,
		            i / 4 % 2,
		            i / 8 % 3 == 2,
		            i % 4 == 2 ? 128 : i % 4 == 3 ? 256 : 64,
		            i / 4 % 2};
		Sim *s = layout_load(&l, "");
		SimResult late, early;
		SimOptions o = {.drop_site = -1, .early = true};
		int ok = layout_run(s, &l, NULL, &late);

		ok &= layout_run(s, &l, &o, &early);
		check(ok && !late.nfindings && !early.nfindings,
		      arena_printf(arena, "hopper_layout_%d_a%d_b%d_rs%d_n%d_%s", l.span, l.a_mn, l.b_mn,
		                   l.left_regs, l.n, l.f16 ? "f16" : "bf16"));
		show(&late);
		show(&early);
		sim_free(s);
	}
}

static void layout_faults(void)
{
	static const Fault faults[] = {
	    {"touched_left", "#define TOUCH_LEFT r[2][1] ^= 1;", -1, SIM_OPERAND, "layout.lua:8",
	     "register a1"},
	    {"touched_left_between", "#define BETWEEN if (k == 1) r[0][3] = 0;", -1, SIM_OPERAND,
	     "layout.lua:8", "register a3"},
	    {"touched_between", "#define BETWEEN if (k == 2) d0[4][1] *= 2;", -1, SIM_OPERAND,
	     "layout.lua:8", "before the next"},
	    {"committed_inside", "#define BETWEEN wgmma_commit();", -1, NSIMKINDS, "", ""},
	    {"waited_inside", "#define BETWEEN wgmma_commit(); wgmma_wait(1);", -1, NSIMKINDS, "", ""},
	};
	Layout l = {128, 0, 1, 1, 64, 0};

	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		for (int early = 0; early < 2; early++) {
			const Fault *f = &faults[i];
			Sim *s = layout_load(&l, f->defs);
			SimOptions o = {.drop_site = -1, .early = early};
			SimResult r;
			int right = layout_run(s, &l, &o, &r);

			check(f->kind == NSIMKINDS ? right && !r.nfindings : reported(&r, f),
			      arena_printf(arena, "hopper_%s%s", f->name, early ? "_early" : ""));
			show(&r);
			sim_free(s);
		}
}

int main(void)
{
	char *body;

	arena = arena_new();
	body = read_text("tests/unit/kernels/hopper_gemm.cu");
	gemm_data();
	gemm_right("", body);
	gemm_right("#define LAG 1\n#define LAST_WAIT wgmma_wait(0);",
	           body); /* a product in flight across the steps */
	gemm_broken(body);
	gemm_bits(body);
	layouts();
	layout_faults();
	arena_free(arena);
	return failed != 0;
}
