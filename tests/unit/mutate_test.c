/* mutate_test.c -- the mutants of a text: which there are, that none changes the text as it was,
 * and that each does what it says. Run from the root of the tree. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../codegen/prims.h"
#include "../../runtime/sim_mutate.h"
#include "../../runtime/sim_trace.h"

static int failed;
static Arena *arena;
static Diag diag;

static void check(int ok, const char *name)
{
	printf("%s %s\n", ok ? "ok" : "FAIL", name);
	failed += !ok;
}

/* ---- Which there are ---- */

static const struct {
	const char *line;    /* in a kernel whose shared memory is smem; buffers X at 0, Y at 512 */
	const char *mutants; /* "kind from -> to; ..." */
} rules[] = {
    {"block_sync();", "drop block_sync() -> "},
    {"if (x) cp_async_commit(); else y = 1;", "drop cp_async_commit() -> "},
    {"/* block_sync(); */ y = 1; // block_sync();", ""},
    {"cp_async_wait(1);", "drop cp_async_wait(1) -> ; weaken 1 -> 1 + 1"},
    {"wgmma_wait(n + f(1, 2));",
     "drop wgmma_wait(n + f(1, 2)) -> ; weaken n + f(1, 2) -> n + f(1, 2) + 1"},
    {"mbarrier_wait(full + 8 * slot, phase);",
     "drop mbarrier_wait(full + 8 * slot, phase) -> ; weaken phase -> phase ^ 1"},
    {"mbarrier_init(full, 128);",
     "drop mbarrier_init(full, 128) -> ; weaken 128 -> 128 + 1; weaken 128 -> 128 - 1"},
    {"tma_load_2(X, &m, bar, 0, n0);", "weaken 0 -> 0 + 1; weaken n0 -> n0 + 1"},
    {"tma_store_2(&m, X, 0, n0);", "weaken 0 -> 0 + 1; weaken n0 -> n0 + 1"},
    {"const u32 Z = smem + 768;",
     "offset smem + 768 -> smem + 768 + 16; offset smem + 768 -> smem + 768 - 16;"
     " offset smem + 768 -> smem + 768 + 128; offset smem + 768 -> smem + 768 - 128"},
    {"const u32 z = X + slot * 2048;",
     "stride 2048 -> 2048 + 16; stride 2048 -> 2048 - 16; stride 2048 -> 2048 / 2"},
    {"f(Y + (Y_l ^ 16 * k) + 2 * k / 8 * 64, 32);",
     "stride 64 -> 64 + 16; stride 64 -> 64 - 16; stride 64 -> 64 / 2; swizzle 16 * k -> 0"},
    {"f(Y + (tid / 64) * 4);", ""},
    {"const u32 c = (tid % 8 ^ (tid / 8 & 7)) * 16;", "swizzle (tid / 8 & 7) -> 0"},
    {"const u32 c = tid * 64 + (tid >> 2 & 1) * 16;", "swizzle tid >> 2 & 1 -> 0"},
    {"y = a + 1 < b + 2 * c && d ? 16 : 0;",
     "bound b + 2 * c -> b + 2 * c + 1; bound b + 2 * c -> b + 2 * c - 1"},
    {"y = (a >= b) & (c[i + 1] == -d) ? 1 : 0;",
     "bound b -> b + 1; bound b -> b - 1; bound -d -> -d + 1; bound -d -> -d - 1;"
     " bound c[i + 1] == -d -> !(c[i + 1] == -d)"},
    {"y = x == -inf() ? 0.0f : x;", "bound x == -inf() -> !(x == -inf())"},
    {"y = x < 1e-05f ? 0.0f : x;", "bound x < 1e-05f -> !(x < 1e-05f)"},
    {"for (int i = 0; i < 8; i += 2) f(i);", "trip 8 -> 8 + 2; trip 8 -> 8 - 2"},
    {"for (int i = 0; i < 8; i++) { wgmma_hold_f32(&d[i]); }", ""},
    {"for (int i = 0; i < 8; i++) { f(i); wgmma_hold_f32(&d[i]); }",
     "trip 8 -> 8 + 1; trip 8 -> 8 - 1"},
    {"for (int d = 1; d < 32; d *= 2) f(d);", "trip 32 -> 32 / 2"},
    {"for (int i = 0; i <= m2; i++) f(i);", "bound m2 -> m2 + 1; bound m2 -> m2 - 1"},
    {"for (int x = tid; x < 64; x += 128) f(x);", "bound 64 -> 64 + 1; bound 64 -> 64 - 1"},
    {"const int n_end = (N + 63) / 64 * 2;", "place 63 -> 63 + 1; place 63 -> 63 - 1"},
    {"const int fetch = n + 1;", "place 1 -> 1 + 1; place 1 -> 1 - 1"},
    {"const int tid = threadIdx.x; if (tid == 0 && x) f();",
     "bound tid == 0 -> tid == 0 || tid == 0 + 1; bound tid == 0 -> !(tid == 0)"},
    {"if (warp_any((a < b) | (c != 1.0f))) f();", "bound warp_any((a < b) | (c != 1.0f)) -> 0"},
    {"if (N == 0) f();", "bound 0 -> 0 + 1; bound 0 -> 0 - 1; bound N == 0 -> !(N == 0)"},
    {"wgmma_desc(X, 16, 1024, 128);",
     "weaken X -> X + 16; weaken 1024 -> 1024 + 16; weaken 128 -> 128 / 2"},
    {"u32 Q[2][4]; const b16 *p = q + 63; y = a << 2;", ""},
};

/* The mutants of one line of `text`, as rules has them. */
static const char *mutants_of(const SimMutants *m, int line)
{
	Text t = {.arena = arena};

	text_puts(&t, "");
	for (int i = 1; i <= m->n; i++) {
		const char *open, *close;

		if (m->mutant[i].line != line)
			continue;
		close = strstr(m->mutant[i].what, " -> ");
		for (open = close; *open != '['; open--)
			if (open[-1] == ']') /* an index before the place */
				while (*--open != '[')
					;
		close += 4;
		for (int depth = 1; depth; close++)
			depth += (*close == '[') - (*close == ']');
		text_add(&t, "%s%s %.*s", t.len ? "; " : "", sim_mutation_name(m->mutant[i].kind),
		         (int)(close - open - 2), open + 1);
	}
	return t.s;
}

static void which(void)
{
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		char *text = arena_printf(
		    arena,
		    "static void block_sync(void) { if (a < b) c = 1; }\n"
		    "__global__ void k(int N, const b16 *q)\n{\n\tconst u32 smem = smem_base();\n"
		    "\tconst u32 X = smem;\n\tconst u32 Y = smem + 512;\n\t%s\n}\n"
		    "static void k_entry(void **a)\n{\n\tif (a == 0) k(0);\n}\n",
		    rules[i].line);
		SimMutants *m = sim_mutate(arena, text);
		const char *have = mutants_of(m, 7);

		check(!strcmp(have, rules[i].mutants), arena_printf(arena, "mutants of %s", rules[i].line));
		if (strcmp(have, rules[i].mutants))
			printf("  %s\n", have);
		for (int k = 1; k <= m->n; k++)
			if (m->mutant[k].line < 5 || m->mutant[k].line > 7)
				check(0, arena_printf(arena, "a mutant outside the kernel: %s", m->mutant[k].what));
	}
}

/* Shifts reach 16 bytes into the neighbour that the text's table tells of. */
static void places(void)
{
	static const char text[] = "__global__ void k(int N)\n{\n\tconst u32 smem = smem_base();\n"
	                           "\tconst u32 X = smem;\n\tconst u32 Y = smem + 1024;\n}\n"
	                           "const SimPlace sim_places[] = {\n\t{ \"k\", \"X\", 0, 300, 2 },\n"
	                           "\t{ \"other\", \"X\", 0, 1000, 1 },\n"
	                           "\t{ \"k\", \"Y\", 1024, 64, 1 },\n\t{ 0, 0, 0, 0, 0 },\n};\n";
	const SimMutants *m = sim_mutate(arena, text);

	check(!strcmp(mutants_of(m, 4), "offset smem -> smem + 440; offset smem -> smem - 16;"
	                                " offset smem -> smem + 288; offset smem -> smem - 288"),
	      "shifts of the first buffer");
	check(
	    !strcmp(mutants_of(m, 5),
	            "offset smem + 1024 -> smem + 1024 + 16; offset smem + 1024 -> smem + 1024 - 440;"
	            " offset smem + 1024 -> smem + 1024 + 32; offset smem + 1024 -> smem + 1024 - 32"),
	    "shifts of the last buffer");
	check(!strcmp(m->mutant[1].kernel, "k"), "the kernel's name");
}

/* ---- What they do ---- */

/* Rows of 16 bytes through shared memory, two stages, swizzled, each read by the other warp. */
static const char body[] =
    "__global__ void k(const b16 *in, b16 *out, int N)\n{\n"
    "\tconst u32 smem = smem_base();\n"
    "\tconst int tid = (int)threadIdx.x;\n"
    "\tconst u32 A_ring = smem;\n"
    "\tconst u32 B_s = smem + 2048;\n"
    "\tconst u32 A_c = (tid ^ ((tid / 8) & 7)) * 16;\n"
    "\tconst u32 A_l = (tid ^ 63 ^ ((tid ^ 63) / 8 & 7)) * 16;\n"
    "\t// k.lua:3\n"
    "\tcp_async_16(A_ring + A_c, in + 8 * tid, tid < N ? 16 : 0);\n"
    "\tcp_async_commit();\n"
    "\tfor (int n = 0; n < 2; n++) {\n"
    "\t\tif (n < 1) {\n"
    "\t\t\tcp_async_16(A_ring + (n + 1) * 1024 + A_c, in + 512 + 8 * tid, 64 + tid < N ? 16 : 0);\n"
    "\t\t}\n"
    "\t\tcp_async_commit();\n"
    "\t\tcp_async_wait(1);\n"
    "\t\tblock_sync();\n"
    "\t\tu32 r[4];\n"
    "\t\tld_shared_v4(r, A_ring + n * 1024 + A_l);\n"
    "\t\tst_shared_v4(B_s + 16 * tid, r[0], r[1], r[2], r[3]);\n"
    "\t\tblock_sync();\n"
    "\t\tld_shared_v4(r, B_s + 16 * (tid ^ 32));\n"
    "\t\tif (64 * n + (tid ^ 63 ^ 32) < N) {\n"
    "\t\t\tst_global_v4(out + 8 * (64 * n + (tid ^ 63 ^ 32)), r[0], r[1], r[2], r[3]);\n"
    "\t\t}\n"
    "\t}\n}\n";

/* Comparisons some of whose mutants change nothing that a thread does. */
static const char idle[] = "__global__ void k(const b16 *in, b16 *out, int N)\n{\n"
                           "\tconst u32 smem = smem_base();\n"
                           "\tconst int tid = (int)threadIdx.x;\n"
                           "\tconst u32 A = smem;\n"
                           "\tconst u32 zero = tid < 200 ? 0 : 1;\n"
                           "\tst_shared_v4(A + 16 * tid, zero, 0, 0, 0);\n"
                           "\tcp_async_commit();\n"
                           "\tfor (int i = 0; i < 2; i++) {\n"
                           "\t\tif (i >= 1) {\n"
                           "\t\t\tcp_async_wait(0);\n"
                           "\t\t}\n"
                           "\t}\n"
                           "\tif (tid < 32) {\n"
                           "\t\tst_shared_v4(A + 16 * tid, tid < 16 ? 1 : 2, 0, 0, 0);\n"
                           "\t}\n"
                           "\tfor (int n = 0; n < N; n++) {\n"
                           "\t\tif (n == 1000) {\n"
                           "\t\t\tst_shared_v4(A + 16 * tid, 0, 0, 0, 0);\n"
                           "\t\t}\n"
                           "\t}\n}\n";

static const struct {
	const char *what;
	bool closed, same;
} idles[] = {{"tid < [200 -> 200 + 1]", true, true},  {"tid < [32 -> 32 - 1]", true, false},
             {"tid < [16 -> 16 + 1]", true, false},   {"i >= [1 -> 1 - 1]", true, true},
             {"i >= [1 -> 1 + 1]", true, false},      {"i < [2 -> 2 + 1]", true, true},
             {"n == [1000 -> 1000 + 1]", false, true}};

static const char entries[] = "static void k_entry(void **a)\n{\n"
                              "\tk(*(const b16 **)a[0], *(b16 **)a[1], *(int *)a[2]);\n}\n"
                              "const SimEntry sim_entries[] = { { \"k\", k_entry }, { 0, 0 } };\n";

enum { ROWS = 100 };

static uint16_t in[8 * ROWS], out[8 * ROWS];

static bool noticed(Sim *s, int mutant, int rows)
{
	void *pi = in, *po = out, *params[] = {&pi, &po, &rows};
	size_t bytes = (size_t)rows * 16;
	SimBuffer buf[] = {{"in", in, bytes, false, true}, {"out", out, bytes, true, false}};
	SimResult r;

	memset(out, 0xff, sizeof out);
	sim_set_mutant(s, mutant, true);
	sim_run(s, &diag, "k", 1, 64, 2048 + 1024, params, 2, buf, NULL, &r);
	return r.nfindings || memcmp(in, out, bytes);
}

static void effects(void)
{
	char *text = arena_printf(arena, "%s\n%s%s", prims_text(arena, body, true), body, entries);
	SimMutants *m = sim_mutate(arena, text);
	int survivors = 0;
	Sim *s;

	for (int i = 0; i < 8 * ROWS; i++)
		in[i] = (uint16_t)(i * 7 + 1);
	if (DIAG_TRY(&diag)) {
		fprintf(stderr, "mutate_test: %s\n", diag.text);
		exit(diag.status == ST_ENV ? 77 : 1);
	}
	s = sim_load(&diag, m->text, NULL);
	check(sim_sites(s) == 5, "every synchronisation is still numbered");
	check(!noticed(s, 0, ROWS) && !noticed(s, 0, 64) && !noticed(s, 0, 30), "the text as it was");
	check(m->n > 40, "there are mutants");
	for (int i = 1; i <= m->n; i++) {
		if (noticed(s, i, ROWS) || noticed(s, i, 64) || noticed(s, i, 30))
			continue;
		survivors++;
		printf("  survivor: line %d, %s: %s\n", m->mutant[i].line,
		       sim_mutation_name(m->mutant[i].kind), m->mutant[i].what);
	}
	check(!survivors, "all are noticed");
	sim_free(s);
}

/* Of some mutants every thread does the same, and that is seen. */
static void same(void)
{
	char *text = arena_printf(arena, "%s\n%s%s", prims_text(arena, idle, true), idle, entries);
	SimMutants *m = sim_mutate(arena, text);
	SimTrace *was = sim_trace_new();
	size_t found = 0;
	Sim *s;

	if (DIAG_TRY(&diag)) {
		printf("FAIL %s\n", diag.text);
		failed++;
		return;
	}
	s = sim_load(&diag, m->text, NULL);
	sim_trace_record(was);
	noticed(s, 0, ROWS);
	check(sim_trace_end(was), "a trace");
	for (int i = 1; i <= m->n; i++)
		for (size_t k = 0; k < sizeof idles / sizeof *idles; k++) {
			const SimMutant *x = &m->mutant[i];

			if (!strstr(x->what, idles[k].what))
				continue;
			sim_trace_compare(was);
			noticed(s, i, ROWS);
			check(sim_trace_end(was) == idles[k].same && x->closed == idles[k].closed,
			      arena_printf(arena, "the same or not: %s", idles[k].what));
			found++;
		}
	check(found == sizeof idles / sizeof *idles, "they are all mutants");
	sim_trace_free(was);
	sim_free(s);
}

int main(void)
{
	arena = arena_new();
	setenv("AZULEJO_SIM_SECONDS", "2", 1);
	which();
	places();
	effects();
	same();
	arena_free(arena);
	return failed != 0;
}
