/* hopper_test.c -- Hopper's primitives in the simulator: right numbers from right kernels, early
 * and late and in every order, and a finding, at the right spec line, from each broken one. Run
 * from the root of the tree. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../codegen/prims.h"
#include "../../runtime/sim.h"
#include "../../runtime/tensormap.h"

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
		fprintf(stderr, "hopper_test: cannot read %s\n", path);
		exit(1);
	}
	fclose(f);
	return s;
}

static Sim *load(const char *defs, const char *body, const char *entries)
{
	char *text =
	    arena_printf(arena, "%s\n%s\n%s\n%s\n", prims_text(arena, body, true), defs, body, entries);

	if (DIAG_TRY(&diag)) {
		fprintf(stderr, "hopper_test: %s\n", diag.text);
		exit(diag.status == ST_ENV ? 77 : 1);
	}
	return sim_load(&diag, text, NULL);
}

static void show(const SimResult *r)
{
	if (!getenv("VERBOSE"))
		return;
	for (int i = 0; i < r->nfindings; i++)
		printf("  kind %d line %d %s: %s (x%ld)\n", r->finding[i].kind, r->finding[i].line,
		       r->finding[i].spec, r->finding[i].text, r->finding[i].count);
}

static uint16_t to_bf16(float x)
{
	uint32_t u;

	memcpy(&u, &x, 4);
	return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

static float from_bf16(uint16_t h)
{
	uint32_t u = (uint32_t)h << 16;
	float f;

	memcpy(&f, &u, 4);
	return f;
}

/* ---- The product ---- */

enum { ROWS = 150, COLS = 136, DEPTH = 200 };

static _Alignas(16) uint16_t ga[ROWS * DEPTH], gb[DEPTH * COLS], gc[ROWS * COLS],
    first[ROWS * COLS];

static const char gemm_entries[] =
    "static void hopper_gemm_entry(void **a)\n{\n"
    "\thopper_gemm(*(TensorMap *)a[0], *(TensorMap *)a[1], *(TensorMap *)a[2], *(int *)a[3],\n"
    "\t            *(int *)a[4]);\n}\n"
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

static double gemm_run(Sim *s, const SimOptions *o, SimResult *r)
{
	TensorMap ma = matrix(ga, ROWS, DEPTH, 128), mb = matrix(gb, DEPTH, COLS, 64),
	          mc = matrix(gc, ROWS, COLS, 64);
	int columns = 2, k = DEPTH;
	void *params[] = {&ma, &mb, &mc, &columns, &k};
	SimBuffer buf[] = {
	    {"a", ga, sizeof ga, false, true},
	    {"b", gb, sizeof gb, false, true},
	    {"c", gc, sizeof gc, true, false},
	};
	double err = 0, norm = 0;

	srand(1);
	for (int i = 0; i < ROWS * DEPTH; i++)
		ga[i] = to_bf16((float)rand() / (float)RAND_MAX - 0.5f);
	for (int i = 0; i < DEPTH * COLS; i++)
		gb[i] = to_bf16((float)rand() / (float)RAND_MAX - 0.5f);
	memset(gc, 0xff, sizeof gc);
	sim_run(s, &diag, "hopper_gemm", 4, 384, 1024 + 65536 + 32768, params, 3, buf, o, r);
	for (int i = 0; i < ROWS; i++)
		for (int j = 0; j < COLS; j++) {
			double x = 0;

			for (int l = 0; l < DEPTH; l++)
				x += (double)from_bf16(ga[i * DEPTH + l]) * from_bf16(gb[l * COLS + j]);
			err += (x - from_bf16(gc[i * COLS + j])) * (x - from_bf16(gc[i * COLS + j]));
			norm += x * x;
		}
	return sqrt(err / norm);
}

static void gemm_right(const char *body)
{
	Sim *s = load("", body, gemm_entries);
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

int main(void)
{
	char *body;

	arena = arena_new();
	body = read_text("tests/unit/kernels/hopper_gemm.cu");
	gemm_right(body);
	arena_free(arena);
	return failed != 0;
}
