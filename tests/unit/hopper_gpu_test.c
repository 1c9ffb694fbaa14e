/* hopper_gpu_test.c -- Hopper's primitives do on the GPU what they do in the simulator, bit for
 * bit: boxes of tensor maps, cores, barriers, products over many descriptors, and a whole kernel.
 * All numbers are small integers, so that sums are exact. Without such a GPU the simulated half
 * runs and is held against what the test itself computes. Run from the root of the tree. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../codegen/prims.h"
#include "../../runtime/driver.h"
#include "../../runtime/sim.h"
#include "../../runtime/tensormap.h"

enum { MAX_PARAMS = 10, PRODUCT_COLS = 256, SMEM = 1024 + 65536 + 32768 };

/* A parameter: a buffer, a map over one of the run's buffers, or an int. */
typedef struct Par {
	enum { BUFFER, MAP, INT } kind;
	void *data;
	size_t bytes;
	bool out;
	TensorMapSpec map;
	int of, value; /* MAP: parameter that is its buffer; its map is not passed when `hidden` */
	bool hidden;   /* only a map's buffer: not passed itself */
} Par;

typedef struct Probe {
	Sim *sim;
	DeviceModule module; /* NULL: no GPU */
	const char *kernel;
} Probe;

static int failed;
static Arena *arena;
static Diag diag;

static void check(int ok, const char *name)
{
	printf("%s %s\n", ok ? "ok" : "FAIL", name);
	failed += !ok;
}

static char *read_text(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *s = arena_alloc(arena, 1 << 16);

	if (!f || !fread(s, 1, (1 << 16) - 1, f)) {
		fprintf(stderr, "hopper_gpu_test: cannot read %s\n", path);
		exit(1);
	}
	fclose(f);
	return s;
}

static bool have_hopper(void)
{
	const char *why;
	const DeviceInfo *d = driver_found(&why);

	return d && d->major == 9;
}

static Probe load(const char *defs, const char *path, const char *kernel, const char *entry)
{
	char *body = arena_printf(arena, "%s\n%s", defs, read_text(path));
	char *sim =
	    arena_printf(arena,
	                 "%s%s\nstatic void %s_entry(void **a)\n{\n\t%s(%s);\n}\n"
	                 "const SimEntry sim_entries[] = { { \"%s\", %s_entry }, { 0, 0 } };\n",
	                 prims_text(arena, body, true), body, kernel, kernel, entry, kernel, kernel);
	Probe p = {.sim = sim_load(&diag, sim, NULL), .kernel = kernel};

	if (have_hopper()) {
		char *text =
		    arena_printf(arena, "%s\nextern \"C\" {\n%s}\n", prims_text(arena, body, false), body);

		driver_use(&diag, false);
		p.module =
		    device_load(&diag, nvrtc_compile(&diag, arena, text, kernel, "sm_90a", false, false));
	}
	return p;
}

static void simulate(const Probe *p, int blocks, int threads, Par *par, int n, const char *name)
{
	void *params[MAX_PARAMS];
	TensorMap map[MAX_PARAMS];
	SimBuffer buf[MAX_PARAMS];
	SimResult r;
	int np = 0, nb = 0;

	for (int i = 0; i < n; i++) {
		Par *a = &par[i];

		if (a->kind == BUFFER)
			buf[nb++] = (SimBuffer){name, a->data, a->bytes, a->out, !a->out};
		if (a->kind == MAP) {
			a->map.base = (uintptr_t)par[a->of].data;
			tensormap_encode(&diag, &a->map, true, &map[i]);
		}
		if (!a->hidden)
			params[np++] = a->kind == BUFFER ? (void *)&a->data
			               : a->kind == MAP  ? (void *)&map[i]
			                                 : (void *)&a->value;
	}
	sim_run(p->sim, &diag, p->kernel, blocks, threads, SMEM, params, nb, buf, NULL, &r);
	for (int i = 0; i < r.nfindings && i < 4; i++)
		printf("  %s, line %d: %s\n", name, r.finding[i].line, r.finding[i].text);
	check(!r.nfindings, arena_printf(arena, "%s_sim", name));
}

static const char *running; /* what the GPU was given and has not ended yet */

/* The GPU's outputs against the simulator's, in par. */
static void compare(const Probe *p, int blocks, int threads, Par *par, int n, const char *name)
{
	void *params[MAX_PARAMS];
	TensorMap map[MAX_PARAMS];
	DevicePtr dev[MAX_PARAMS];
	DeviceFunction f;
	int np = 0, bad = 0;

	if (!p->module) {
		printf("skip %s_gpu: no Hopper GPU here\n", name);
		return;
	}
	f = device_function(&diag, p->module, p->kernel, SMEM);
	for (int i = 0; i < n; i++)
		if (par[i].kind == BUFFER) {
			dev[i] = device_alloc(&diag, par[i].bytes);
			if (par[i].out)
				device_poison(&diag, dev[i], par[i].bytes);
			else
				device_upload(&diag, dev[i], par[i].data, par[i].bytes);
		}
	for (int i = 0; i < n; i++) {
		if (par[i].kind == MAP) {
			par[i].map.base = dev[par[i].of];
			tensormap_encode(&diag, &par[i].map, false, &map[i]);
		}
		if (!par[i].hidden)
			params[np++] = par[i].kind == BUFFER ? (void *)&dev[i]
			               : par[i].kind == MAP  ? (void *)&map[i]
			                                     : (void *)&par[i].value;
	}
	running = arena_printf(arena, "%s_gpu: %s", name, p->kernel);
	device_launch(&diag, f, &(Launch){blocks, threads, SMEM, 1}, NULL, params);
	device_wait(&diag);
	running = NULL;
	for (int i = 0; i < n; i++) {
		uint32_t *got, *want = par[i].data;

		if (par[i].kind != BUFFER)
			continue;
		got = arena_alloc(arena, par[i].bytes);
		device_download(&diag, got, dev[i], par[i].bytes);
		for (size_t k = 0; par[i].out && k < par[i].bytes / 4; k++)
			if (got[k] != want[k] && bad++ < 5)
				printf("  %s: word %zu: sim %08x gpu %08x\n", name, k, want[k], got[k]);
		device_free(dev[i]);
	}
	check(!bad, arena_printf(arena, "%s_gpu", name));
}

static uint32_t chance(uint32_t below)
{
	static uint32_t h = 1;

	h = h * 1664525 + 1013904223;
	return (h >> 8) % below;
}

static uint16_t small_bf16(void)
{
	float x = (float)chance(17) - 8;
	uint32_t u;

	memcpy(&u, &x, 4);
	return (uint16_t)(u >> 16);
}

/* ---- Boxes ---- */

typedef struct Box {
	int rank, swizzle, size[5], pad, box[5], from[5], to[5];
} Box;

static const Box boxes[] = {
    {2, 128, {200, 70}, 0, {64, 64}, {64, 0}, {0, 3}},
    {2, 128, {200, 70}, 8, {64, 64}, {160, 32}, {152, 20}},
    {2, 64, {72, 50}, 0, {32, 40}, {-24, -16}, {56, 20}},
    {2, 32, {40, 300}, 16, {16, 256}, {32, 100}, {8, 60}},
    {2, 0, {40, 300}, 0, {8, 200}, {32, -3}, {24, 200}},
    {2, 0, {256, 20}, 0, {256, 16}, {-8, 7}, {16, 7}},
    {3, 128, {72, 30, 4}, 8, {64, 20, 2}, {16, 20, 3}, {16, 14, 3}},
    {3, 64, {72, 30, 4}, 0, {32, 8, 8}, {0, 0, -2}, {40, 26, 1}},
    {4, 128, {64, 20, 3, 3}, 0, {64, 16, 1, 2}, {0, 8, 2, 1}, {0, 10, 1, 2}},
    {4, 32, {24, 9, 5, 2}, 8, {16, 4, 4, 2}, {8, 7, 3, 1}, {16, 7, 2, 1}},
    {4, 128, {64, 40, 1, 1}, 0, {64, 16, 1, 1}, {0, 30, 0, 0}, {0, 32, 0, 0}},
    {5, 64, {40, 6, 3, 2, 3}, 0, {32, 4, 2, 2, 2}, {-8, 4, -1, 1, -1}, {16, 3, 2, 1, 2}},
    {5, 0, {16, 6, 3, 2, 3}, 16, {8, 3, 2, 2, 2}, {8, 4, -1, 0, 2}, {8, 5, 1, 1, 1}},
};

/* Where 16-byte chunk i of the box lies, from what a swizzle is: within a line of 128 bytes the
 * chunk's number is exclusive-ored with the line's, as far as the span reaches. */
static int chunk_place(int i, int swizzle)
{
	int line = i / 8, span = swizzle / 16;

	return span ? line * 8 + ((i % 8) ^ (line % 8 % span)) : i;
}

static int box_right(const Box *b, const uint16_t *in, const uint16_t *raw, const uint16_t *out,
                     const int64_t *stride)
{
	int n = 1, bad = 0;

	for (int i = 0; i < b->rank; i++)
		n *= b->box[i];
	for (int e = 0; e < n; e++) {
		int rest = e, inside = 1, stored = 1;
		int64_t from = 0, to = 0;
		uint16_t want, got = raw[chunk_place(e / 8, b->swizzle) * 8 + e % 8];

		for (int i = 0; i < b->rank; i++) {
			int c = b->from[i] + rest % b->box[i], o = b->to[i] + rest % b->box[i];

			rest /= b->box[i];
			inside &= c >= 0 && c < b->size[i];
			stored &= o >= 0 && o < b->size[i];
			from += c * (i ? stride[i] / 2 : 1);
			to += o * (i ? stride[i] / 2 : 1);
		}
		want = inside ? in[from] : 0;
		bad += got != want || (stored && out[to] != want);
	}
	return !bad;
}

static void run_boxes(void)
{
	Probe p = load("", "tests/unit/kernels/hopper_probe.cu", "tma_probe",
	               "*(TensorMap *)a[0], *(TensorMap *)a[1], *(const int **)a[2], *(u32 **)a[3],"
	               " *(int *)a[4], *(int *)a[5]");

	for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++) {
		const Box *b = &boxes[i];
		TensorMapSpec map = {.dtype = DT_BF16, .rank = b->rank, .swizzle = b->swizzle};
		size_t total = 2;
		int where[10] = {0}, bytes;
		char *name = arena_printf(arena, "hopper_box_%zu", i);
		uint16_t *in, *out, *raw;

		for (int k = 0; k < b->rank; k++) {
			map.size[k] = b->size[k];
			map.box[k] = b->box[k];
			map.stride_bytes[k] = (int64_t)total;
			total = k ? total * (size_t)b->size[k] : 2 * (size_t)(b->size[0] + b->pad);
			where[k] = b->from[k];
			where[5 + k] = b->to[k];
		}
		bytes = tensormap_box_bytes(&map);
		in = aligned_alloc(64, total + 64);
		out = aligned_alloc(64, total + 64);
		raw = arena_alloc(arena, (size_t)bytes);
		for (size_t k = 0; k < total / 2; k++)
			in[k] = (uint16_t)(1 + chance(60000));
		memset(out, 0xff, total);
		{
			Par par[] = {{.kind = BUFFER, .data = in, .bytes = total, .hidden = true},
			             {.kind = BUFFER, .data = out, .bytes = total, .out = true, .hidden = true},
			             {.kind = MAP, .map = map, .of = 0},
			             {.kind = MAP, .map = map, .of = 1},
			             {.kind = BUFFER, .data = where, .bytes = sizeof where},
			             {.kind = BUFFER, .data = raw, .bytes = (size_t)bytes, .out = true},
			             {.kind = INT, .value = b->rank},
			             {.kind = INT, .value = bytes}};

			simulate(&p, 1, 128, par, 8, name);
			check(box_right(b, in, raw, out, map.stride_bytes), name);
			compare(&p, 1, 128, par, 8, name);
		}
		free(in);
		free(out);
	}
	sim_free(p.sim);
}

/* ---- Cores, bulk loads, barriers ---- */

/* Core m of warp w after stmatrix: row r, column c holds what lane 4r + c/2 gave, or lane 4c + r/2
 * when transposed. */
static uint16_t core_element(const uint32_t *in, int w, int reg, int r, int c, int trans)
{
	int lane = trans ? 4 * c + r / 2 : 4 * r + c / 2, half = trans ? r % 2 : c % 2;

	return (uint16_t)(in[(w * 32 + lane) * 4 + reg] >> 16 * half);
}

static int bits_right(const uint32_t *in, const uint32_t *out)
{
	static const struct {
		int group, place, reg, trans;
	} cores[] = {{0, 0, 0, 0}, {0, 1, 1, 0}, {0, 2, 2, 0}, {0, 3, 3, 0},
	             {8, 0, 0, 0}, {8, 1, 3, 0}, {8, 2, 2, 1}, {8, 3, 0, 1}};
	int bad = 0;

	for (size_t i = 0; i < sizeof cores / sizeof *cores; i++)
		for (int e = 0; e < 4 * 64; e++) {
			int w = e / 64, at = cores[i].place * 64 + e % 64;
			uint32_t word = out[(cores[i].group + at / 64) * 128 + w * 32 + at % 64 / 2];

			bad += (uint16_t)(word >> 16 * (at % 2)) !=
			       core_element(in, w, cores[i].reg, e % 64 / 8, e % 8, cores[i].trans);
		}
	for (int t = 0; t < 64; t++) {
		const uint32_t *q = in + (63 - t) * 4;

		bad += out[12 * 128 + t] != (q[1] ^ q[2]);
	}
	return !bad;
}

static void run_bits(void)
{
	static _Alignas(16) uint32_t in[1024], out[13 * 128];
	Probe p = load("", "tests/unit/kernels/hopper_probe.cu", "bits_probe",
	               "*(const u32 **)a[0], *(u32 **)a[1]");
	Par par[] = {{.kind = BUFFER, .data = in, .bytes = sizeof in},
	             {.kind = BUFFER, .data = out, .bytes = sizeof out, .out = true}};

	for (int i = 0; i < 1024; i++)
		in[i] = chance(1 << 24) * 251u;
	memset(out, 0xff, sizeof out);
	simulate(&p, 1, 128, par, 2, "hopper_bits");
	check(bits_right(in, out), "hopper_bits");
	compare(&p, 1, 128, par, 2, "hopper_bits");
	sim_free(p.sim);
}

/* ---- Products ---- */

typedef struct Form {
	int rows_b, ta, tb, regs; /* N; MN-major; left operand in registers */
} Form;

static const Form forms[] = {{64, 0, 0, 0}, {64, 0, 1, 0},  {64, 1, 0, 0}, {64, 1, 1, 0},
                             {8, 0, 1, 0},  {256, 0, 1, 0}, {24, 0, 0, 0}, {64, 0, 0, 1},
                             {64, 0, 1, 1}, {256, 0, 1, 1}, {72, 0, 1, 1}};

enum { FORMS = sizeof forms / sizeof *forms };

/* A place for a matrix of `rows` by 16 in 32 KB: start, leading and stride. Swizzled ones begin
 * where the pattern does, or 32 bytes or 16 rows on, as steps along k do; of eight columns, or
 * where eight follow a panel, those are any eight of theirs. */
static void random_place(int *how, int rows, int mn, int span, bool odd)
{
	int leading, stride, start, most;

	do {
		int w = span ? span : 16;

		start = (int)chance(32) * 1024;
		if (!span)
			start = (int)chance(512) * 16;
		else if (!mn)
			start += (int)chance((uint32_t)span / 32) * 32;
		else
			start += (int)chance(4) * 16 * span;
		if (odd)
			start += 128 * (int)chance(8);
		leading = (1 + (int)chance(64)) * (span ? 8 * span : 16);
		if (mn && span && rows == 8)
			start += (int)chance((uint32_t)span / 16) * 16;
		if (mn && span && 2 * rows == span + 16)
			leading += (int)chance((uint32_t)span / 16) * 16;
		stride = (1 + (int)chance(64)) * (span ? 8 * span : 16);
		if (!span)
			most = (rows / 8 - 1) * stride + leading + 128;
		else if (mn)
			most = (rows * 2 - 1) / w * leading + stride + 8 * w;
		else
			most = (rows / 8 - 1) * stride + 8 * w;
	} while (start + most > 32768);
	how[0] = start;
	how[1] = leading;
	how[2] = stride;
}

/* `odd`: the swizzle's pattern begins before the operand, and the base offset is 0 all the same. */
static void run_products(bool odd)
{
	enum { CASES = 32 * FORMS };
	static const int spans[] = {0, 32, 64, 128};
	static _Alignas(16) uint16_t in[16384];
	static int how[CASES][8];
	static float out[CASES * 64 * PRODUCT_COLS];
	Probe p = load("", "tests/unit/kernels/hopper_probe.cu", "product_probe",
	               "*(const u32 **)a[0], *(const int **)a[1], *(float **)a[2]");
	Par par[] = {{.kind = BUFFER, .data = in, .bytes = sizeof in},
	             {.kind = BUFFER, .data = how, .bytes = sizeof how},
	             {.kind = BUFFER, .data = out, .bytes = sizeof out, .out = true}};

	for (int i = 0; i < 16384; i++)
		in[i] = small_bf16();
	for (int i = 0; i < CASES; i++) {
		const Form *f = &forms[how[i][0] = i % FORMS];
		int a = spans[i / FORMS % 4], b = spans[i / FORMS / 4 % 4];

		random_place(&how[i][1], 64, f->ta, a, odd);
		random_place(&how[i][4], f->rows_b, f->tb, b, odd);
		how[i][7] = 256 * a + b;
	}
	memset(out, 0xff, sizeof out);
	simulate(&p, CASES, 128, par, 3, odd ? "hopper_products_odd" : "hopper_products");
	compare(&p, CASES, 128, par, 3, odd ? "hopper_products_odd" : "hopper_products");
	sim_free(p.sim);
}

/* ---- A whole kernel ---- */

static void run_gemm(const char *defs, const char *name)
{
	enum { M = 300, N = 264, K = 200 };
	static _Alignas(16) uint16_t a[M * K], b[K * N], c[M * N];
	Probe p = load(defs, "tests/unit/kernels/hopper_gemm.cu", "hopper_gemm",
	               "*(TensorMap *)a[0], *(TensorMap *)a[1], *(TensorMap *)a[2], *(int *)a[3],"
	               " *(int *)a[4], *(int *)a[5]");
	TensorMapSpec map = {.dtype = DT_BF16, .rank = 2, .swizzle = 128, .box = {64, 64}};
	TensorMapSpec ma = map, mb = map, mc = map;

	ma.size[0] = K, ma.size[1] = M, ma.stride_bytes[1] = 2 * K, ma.box[1] = 128;
	mb.size[0] = N, mb.size[1] = K, mb.stride_bytes[1] = 2 * N;
	mc.size[0] = N, mc.size[1] = M, mc.stride_bytes[1] = 2 * N;
	for (int i = 0; i < M * K; i++)
		a[i] = small_bf16();
	for (int i = 0; i < K * N; i++)
		b[i] = small_bf16();
	memset(c, 0xff, sizeof c);
	{
		Par par[] = {{.kind = BUFFER, .data = a, .bytes = sizeof a, .hidden = true},
		             {.kind = BUFFER, .data = b, .bytes = sizeof b, .hidden = true},
		             {.kind = BUFFER, .data = c, .bytes = sizeof c, .out = true, .hidden = true},
		             {.kind = MAP, .map = ma, .of = 0},
		             {.kind = MAP, .map = mb, .of = 1},
		             {.kind = MAP, .map = mc, .of = 2},
		             {.kind = INT, .value = 3},
		             {.kind = INT, .value = K},
		             {.kind = INT}};

		simulate(&p, 9, 384, par, 9, name);
		compare(&p, 9, 384, par, 9, name);
	}
	sim_free(p.sim);
}

int main(void)
{
	arena = arena_new();
	if (DIAG_TRY(&diag)) {
		bool skip = diag.status == ST_ENV && !running && !failed;

		printf("%s %s: %s\n", skip ? "skip" : "FAIL", running ? running : "hopper_gpu", diag.text);
		return skip ? 77 : 1;
	}
	run_boxes();
	run_bits();
	run_products(false);
	run_products(true);
	run_gemm("", "hopper_whole");
	run_gemm("#define LAG 1\n#define LAST_WAIT wgmma_wait(0);", "hopper_whole_lag");
	arena_free(arena);
	return failed != 0;
}
