/* prims_test.c -- every primitive's CUDA half compiles with NVRTC, header-free, for every arch,
 * and both halves are picked by name with what they use. Run from the root of the tree. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../codegen/prims.h"

static int failed;

static void check(int ok, const char *name)
{
	printf("%s %s\n", ok ? "ok" : "FAIL", name);
	failed += !ok;
}

static char *read_text(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *s = calloc(1, 1 << 16);

	if (!f || !s || !fread(s, 1, (1 << 16) - 1, f)) {
		fprintf(stderr, "prims_test: cannot read %s\n", path);
		exit(1);
	}
	fclose(f);
	return s;
}

static void picking(Arena *a)
{
	const char *t = prims_text(a, "x = sigmoid(y); // mma_m16n8k16_bf16", false);
	int n;
	const Prim *p = prims_list(&n);

	check(strstr(t, "recip_fast(float x)") && strstr(t, "exp2_fast(float x)") &&
	          strstr(t, "exp2_fast(float x)") < strstr(t, "sigmoid(float x)"),
	      "prims_uses_come_first");
	check(!strstr(t, "mma_m16n8k16"), "prims_comments_use_nothing");
	check(strstr(prims_text(a, "tanh_exact", true), "sim_exp_ops[sim_line]++") != NULL,
	      "prims_sim_half");
	t = prims_text(a, "wgmma_f16_ss_n24(d, d, a, b, 1, 0, 0)", false);
	check(strstr(t, "m64n24k16.f32.f16.f16") && strstr(t, "\"%8, %9, %10, %11\"") &&
	          strstr(t, "\"+f\"((d1)[2][1]) \\") && !strstr(t, "$("),
	      "prims_family");
	for (int i = 1; i < n; i++)
		if (!p[i].ndoc) {
			printf("FAIL prims_doc %.*s\n", p[i].nname, p[i].name);
			failed++;
		}
}

/* ---- NVRTC ---- */

static const char *const archs[] = {"sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_120a"};

static void *nvrtc_open(void)
{
	static const char *const names[] = {"libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12",
	                                    "/usr/local/cuda/lib64/libnvrtc.so"};
	void *h = NULL;

	for (size_t i = 0; !h && i < sizeof names / sizeof *names; i++)
		h = dlopen(names[i], RTLD_NOW);
	return h;
}

typedef struct Nvrtc {
	int (*create)(void **, const char *, const char *, int, void *, void *);
	int (*compile)(void *, int, const char *const *);
	int (*log_size)(void *, size_t *);
	int (*log_text)(void *, char *);
} Nvrtc;

static void compile(Arena *a, const Nvrtc *v, const char *body, const char *arch, const char *name)
{
	const char *opt[] = {arena_printf(a, "-arch=%s", arch), "-default-device"};
	char *text = arena_printf(a, "%s\nextern \"C\" {\n%s}\n", prims_text(a, body, false), body);
	void *prog = NULL;
	size_t size = 0;
	int rc = v->create(&prog, text, "prims.cu", 0, NULL, NULL);

	rc = rc ? rc : v->compile(prog, 2, opt);
	check(!rc, arena_printf(a, "prims_nvrtc_%s_%s", name, arch));
	if (rc && prog && !v->log_size(prog, &size)) {
		char *log = arena_alloc(a, size + 1);

		v->log_text(prog, log);
		fputs(log, stdout);
	}
}

/* Needs no more than what sm_80 has. */
static int is_old(const Prim *p)
{
	return !p->nneeds || !strncmp(p->needs, "mma_sync", 8) || !strncmp(p->needs, "cp_async", 8);
}

/* A kernel that calls a member of a family of products. */
static void call_product(Text *body, const Prim *p)
{
	const char *rs = strstr(p->name, "_rs_");
	int n = atoi(strrchr(p->name, 'n') + 1);

	text_add(
	    body,
	    "__global__ void k_%s(float *out, const u32 *r, u64 a, u64 b)\n{\n"
	    "\tfloat d0[%d][2] = {}, d1[%d][2] = {};\n\twgmma_fence();\n\t%s(d0, d1, %s, 0, %s1);\n"
	    "\twgmma_commit();\n\twgmma_wait(0);\n\tfor (int j = 0; j < %d; j++)\n"
	    "\t\tout[j] += d0[j][0] + d0[j][1] + d1[j][0] + d1[j][1];\n}\n",
	    p->name, n / 8, n / 8, p->name, rs ? "r[0], r[1], r[2], r[3], b" : "a, b", rs ? "" : "0, ",
	    n / 8);
}

static void compiles(Arena *a, void *lib)
{
	char *old = read_text("tests/unit/kernels/all_prims.cu");
	char *new = read_text("tests/unit/kernels/hopper_prims.cu");
	Text products = {.arena = a};
	Nvrtc v;
	const Prim *p;
	int n;

	*(void **)&v.create = dlsym(lib, "nvrtcCreateProgram");
	*(void **)&v.compile = dlsym(lib, "nvrtcCompileProgram");
	*(void **)&v.log_size = dlsym(lib, "nvrtcGetProgramLogSize");
	*(void **)&v.log_text = dlsym(lib, "nvrtcGetProgramLog");
	p = prims_list(&n);
	for (int i = 1; i < n; i++) {
		char *name = arena_printf(a, "%.*s", p[i].nname, p[i].name);

		if (p[i].nvar && atoi(p[i].var[1].value) % 72 != 8)
			continue; /* a sample: one text serves all N */
		if (p[i].nvar)
			call_product(&products, &p[i]);
		else if (!strstr(is_old(&p[i]) ? old : new, name)) {
			printf("FAIL prims_all_used %s\n", name);
			failed++;
		}
	}
	for (size_t i = 0; i < sizeof archs / sizeof *archs; i++)
		compile(a, &v, old, archs[i], "old");
	compile(a, &v, new, "sm_90a", "hopper");
	compile(a, &v, products.s, "sm_90a", "products");
	compile(a, &v, read_text("tests/unit/kernels/hopper_gemm.cu"), "sm_90a", "gemm");
	compile(a, &v, read_text("tests/unit/kernels/hopper_probe.cu"), "sm_90a", "probe");
}

int main(void)
{
	Arena *a = arena_new();
	void *lib = nvrtc_open();

	picking(a);
	if (lib)
		compiles(a, lib);
	else
		printf("skip prims_nvrtc: no NVRTC here\n");
	arena_free(a);
	return failed != 0;
}
