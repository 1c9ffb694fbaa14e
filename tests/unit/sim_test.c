/* sim_test.c -- the simulator: right numbers from right kernels, and a finding, at the right spec
 * line, from each broken one. Run from the root of the tree. */
#define _GNU_SOURCE
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../codegen/prims.h"
#include "../../runtime/sim.h"
#include "small.h"

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
		fprintf(stderr, "sim_test: cannot read %s\n", path);
		exit(1);
	}
	fclose(f);
	return s;
}

/* `defs` lines, the primitives that `body` uses, body, and the entries. */
static Sim *load(const char *defs, const char *body, const char *entries)
{
	char *text =
	    arena_printf(arena, "%s\n%s\n%s\n%s\n", prims_text(arena, body, true), defs, body, entries);

	if (DIAG_TRY(&diag)) {
		fprintf(stderr, "sim_test: %s\n", diag.text);
		exit(diag.status == ST_ENV ? 77 : 1);
	}
	return sim_load(&diag, text, NULL);
}

static const SimFinding *find(const SimResult *r, SimKind kind)
{
	for (int i = 0; i < r->nfindings; i++)
		if (r->finding[i].kind == kind)
			return &r->finding[i];
	return NULL;
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

/* ---- A product with two stages of cp.async ---- */

enum { ROWS = 130, COLS = 128, DEPTH = 96 };

static const char gemm_entries[] =
    "static void gemm_entry(void **a)\n{\n"
    "\tgemm(*(const b16 **)a[0], *(const b16 **)a[1], *(float **)a[2], *(int *)a[3],\n"
    "\t     *(int *)a[4], *(int *)a[5]);\n}\n"
    "const SimEntry sim_entries[] = { { \"gemm\", gemm_entry }, { 0, 0 } };\n";

static uint16_t ga[ROWS * DEPTH], gb[DEPTH * COLS];
static float gc[ROWS * COLS];

/* Relative Frobenius error against fp64. */
static double gemm_run(Sim *s, const SimOptions *o, SimResult *r)
{
	int m = ROWS, n = COLS, k = DEPTH;
	void *pa = ga, *pb = gb, *pc = gc, *params[] = {&pa, &pb, &pc, &m, &n, &k};
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
	sim_run(s, &diag, "gemm", 3 * COLS / 64, 128, 16384, params, 3, buf, o, r);
	for (int i = 0; i < ROWS; i++)
		for (int j = 0; j < COLS; j++) {
			double x = 0;

			for (int l = 0; l < DEPTH; l++)
				x += (double)from_bf16(ga[i * DEPTH + l]) * from_bf16(gb[l * COLS + j]);
			err += (x - gc[i * COLS + j]) * (x - gc[i * COLS + j]);
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

	check(e < 1e-6 && !r.nfindings, "sim_gemm");
	show(&r);
	check(r.counters.mma == 6u * 4 * 3 * 16, "sim_gemm_mma_count");
	check(r.counters.shared_conflicts == 0, "sim_gemm_no_conflicts");
	check(r.counters.async_bytes == 3u * 64 * COLS * 2 * DEPTH / 64 + 2u * ROWS * DEPTH * 2,
	      "sim_gemm_async_bytes");
	check(r.counters.global_store_bytes == sizeof gc, "sim_gemm_store_bytes");
	o.early = true;
	e = gemm_run(s, &o, &r);
	check(e < 1e-6 && !r.nfindings, "sim_gemm_early");
	for (o.seed = 1, o.early = false; o.seed < 5; o.seed++) {
		e = gemm_run(s, &o, &r);
		check(e < 1e-6 && !r.nfindings, "sim_gemm_seed");
		show(&r);
	}
	sim_free(s);
}

/* Every barrier, wait and commit left out in turn. */
static void gemm_mutants(const char *body)
{
	Sim *s = load("", body, gemm_entries);
	SimResult r;

	check(sim_sites(s) == 4, "sim_gemm_sites");
	for (int i = 0; i < sim_sites(s); i++) {
		SimOptions o = {.drop_site = i};

		gemm_run(s, &o, &r);
		check(r.nfindings > 0 && !strncmp(r.finding[0].spec, "gemm.lua:", 9),
		      arena_printf(arena, "sim_gemm_drop_%d", i));
		show(&r);
	}
	sim_free(s);
}

static void gemm_broken(const char *body)
{
	static const struct {
		const char *name, *defs;
		SimKind kind;
		int wrong;
	} broken[] = {
	    {"rows_past_end", "#define LAST_ROW (m + 1)", SIM_BOUNDS, 0},
	    {"wrong_swizzle", "#define SWIZZLE_A(row) ((row) & 3)", NSIMKINDS, 1},
	    {"lanes_collide", "#define SWAP_LANES (lane & 1)", SIM_RACE, 1},
	};
	SimOptions o = {.drop_site = -1};
	SimResult r;

	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		Sim *s = load(broken[i].defs, body, gemm_entries);
		double e = gemm_run(s, &o, &r);

		check((broken[i].kind == NSIMKINDS || find(&r, broken[i].kind)) &&
		          (!broken[i].wrong || !(e < 1e-3)),
		      arena_printf(arena, "sim_%s", broken[i].name));
		show(&r);
		sim_free(s);
	}
}

/* ---- Small kernels, each wrong in one way ---- */

/* "small.lua:7: KIND[ on BUFFER]: ... [line 63]" */
static int said_well(const SimFinding *f)
{
	const char *end = arena_printf(arena, " [line %d]", f->line);
	size_t n = strlen(f->text), k = strlen(end);

	return !strncmp(f->spec, "small.lua:", 10) && !strncmp(f->text, f->spec, strlen(f->spec)) &&
	       !strncmp(f->text + strlen(f->spec), ": ", 2) && n > k && !strcmp(f->text + n - k, end);
}

/* What one launch wrote, the next may read; what it did not, not. */
static void two_launches(void)
{
	static const char body[] =
	    "__global__ void first(float *out)\n{\n\tst_global_f32(out + threadIdx.x, 1);\n}\n"
	    "__global__ void second(float *out)\n{\n\t// two.lua:3\n"
	    "\tst_global_f32(out + 64, ld_global_f32(out + FROM + threadIdx.x % 2));\n}\n";
	static const char entries[] =
	    "static void first_entry(void **a)\n{\n\tfirst(*(float **)a[0]);\n}\n"
	    "static void second_entry(void **a)\n{\n\tsecond(*(float **)a[0]);\n}\n"
	    "const SimEntry sim_entries[] = { { \"first\", first_entry }, { \"second\", second_entry },"
	    " { 0, 0 } };\n";
	static float out[65];

	for (int from = 30; from < 32; from++) {
		unsigned char written[sizeof out / 2 + 1] = {0};
		void *po = out, *params[] = {&po};
		SimBuffer buf[] = {{"out", out, sizeof out, true, false}};
		SimMore more[] = {{SIM_BYTES, written, 2}};
		SimOptions o = {.drop_site = -1, .more = more};
		Sim *s = load(arena_printf(arena, "#define FROM %d", from), body, entries);
		const SimFinding *f;
		SimResult r;

		sim_run(s, &diag, "first", 1, 32, 0, params, 1, buf, &o, &r);
		check(!r.nfindings, "sim_first_launch");
		sim_run(s, &diag, "second", 1, 1 + from % 2, 0, params, 1, buf, &o, &r);
		f = find(&r, SIM_UNINIT);
		check(from == 30 ? !r.nfindings
		                 : f && !strncmp(f->text,
		                                 "two.lua:3: uninitialised read of out: thread 1 of block"
		                                 " 0 reads byte 128, which nothing has written",
		                                 90),
		      "sim_second_launch");
		show(&r);
		sim_free(s);
	}
}

static void small_ones(void)
{
	static const char head[] =
	    "__global__ void k(const float *in, float *out, float *state, int n)\n{\n"
	    "\tfloat x = ld_global_f32(in); u32 s = smem_base();\n\t// small.lua:7  the line\n\t";
	static const char tail[] = "\n\tif (x == -1.5f) st_global_f32(out + 127, x);\n}\n";
	static const char entries[] =
	    "static void k_entry(void **a)\n{\n\tk(*(const float **)a[0], *(float **)a[1],"
	    " *(float **)a[2], *(int *)a[3]);\n}\n"
	    "const SimEntry sim_entries[] = { { \"k\", k_entry }, { 0, 0 } };\n";
	static const char places[] =
	    "const SimPlace sim_places[] = { { \"j\", \"J_s\", 0, 1024, 1 },"
	    " { \"k\", \"V_s\", 0, 128, 2 }, { \"k\", \"W_s\", 512, 512, 1 }, { 0, 0, 0, 0, 0 } };\n";
	static float in[128], out[128], state[64];

	setenv("AZULEJO_SIM_SECONDS", "1", 1);
	for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
		const Small *m = &small[i];
		char *body = arena_printf(arena, "%s%s%s", head, m->body, tail);
		bool placed = !strncmp(m->name, "place_", 6);
		Sim *s = load("", body, placed ? arena_printf(arena, "%s%s", entries, places) : entries);
		void *pi = in, *po = out, *ps = state;
		int n = 128, blocks = !strcmp(m->name, "blocks_race") ? 2 : 1;
		void *params[] = {&pi, &po, &ps, &n};
		SimBuffer buf[] = {{"in", in, sizeof in, false, true},
		                   {"out", out, sizeof out, true, false},
		                   {"state", state, sizeof state, false, true},
		                   {"state_out", state, sizeof state, true, false}};
		SimMore more[] = {{0}, {SIM_F32, NULL, 4}, {0}, {0}};
		SimOptions o = {.drop_site = -1, .more = more};
		SimResult r;
		const SimFinding *f;
		int ok;

		sim_run(s, &diag, "k", blocks, 64, 1024, params, 4, buf, &o, &r);
		f = find(&r, m->kind);
		ok = m->kind == NSIMKINDS ? !r.nfindings
		                          : f && strstr(f->text, m->text) &&
		                                (said_well(f) || !strcmp(m->name, "wild_local"));
		check(ok, arena_printf(arena, "sim_%s", m->name));
		show(&r);
		sim_free(s);
	}
}

/* ---- Ctrl-C ---- */

static int is_empty(const char *dir)
{
	return !system(arena_printf(arena, "test -z \"$(ls -A %s)\"", dir));
}

/* The program, told to stop after `ms`: what it ends by, and whether anything is left. */
static void interrupted(const char *name, const char *dir, const char *cc, int ms, int sig)
{
	static char *const argv[] = {"build/azulejo",
	                             "run",
	                             "flash_attention",
	                             "--device",
	                             "sim",
	                             "--set",
	                             "B=4,G=4,R=4,M=4096,N=4096,D=64,V=64",
	                             "--no-cache",
	                             NULL};
	pid_t pid = fork();
	int status = 0, gone = 0;

	if (!pid) {
		setpgid(0, 0);
		signal(sig, SIG_DFL);
		setenv("TMPDIR", dir, 1);
		if (cc)
			setenv("CC", cc, 1);
		if (!freopen("/dev/null", "w", stderr))
			_exit(1);
		execv(argv[0], argv);
		_exit(127);
	}
	setpgid(pid, pid);
	usleep((useconds_t)ms * 1000);
	kill(pid, sig); /* the program alone */
	waitpid(pid, &status, 0);
	for (int i = 0; i < 100 && !gone; i++, usleep(20000)) {
		while (waitpid(-pid, NULL, WNOHANG) > 0)
			;
		gone = kill(-pid, 0) < 0;
	}
	check(WIFSIGNALED(status) && WTERMSIG(status) == sig && gone && is_empty(dir), name);
}

static void interrupts(void)
{
	char dir[] = "/tmp/sim_test_XXXXXX", cc[64];
	FILE *f;

	if (access("build/azulejo", X_OK) || !mkdtemp(dir))
		return;
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* orphans come to us: an init that never reaps leaves them */
	snprintf(cc, sizeof cc, "%s.cc", dir);
	if (!(f = fopen(cc, "w")))
		return;
	fputs("#!/bin/sh\nsleep 30\n", f);
	fclose(f);
	chmod(cc, 0700);
	interrupted("sim_interrupt_run", dir, NULL, 2500, SIGINT);
	interrupted("sim_terminate_run", dir, NULL, 2500, SIGTERM);
	interrupted("sim_interrupt_compiler", dir, cc, 700, SIGINT);
	unlink(cc);
	rmdir(dir);
}

int main(void)
{
	char *body;

	arena = arena_new();
	body = read_text("tests/unit/kernels/gemm.cu");
	gemm_right(body);
	gemm_mutants(body);
	gemm_broken(body);
	interrupts();
	two_launches();
	small_ones();
	arena_free(arena);
	return failed != 0;
}
