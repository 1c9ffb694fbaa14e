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
	check(strstr(prims_text(a, "tanh_exact", true), "sim_exp_ops[sim_line]++") != NULL, "prims_sim_half");
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

static void compiles(Arena *a, void *lib)
{
	typedef void *Program;
	int (*create)(Program *, const char *, const char *, int, void *, void *);
	int (*compile)(Program, int, const char *const *);
	int (*log_size)(Program, size_t *);
	int (*log_text)(Program, char *);
	char *body = read_text("tests/unit/kernels/all_prims.cu");
	char *text;
	const Prim *p;
	int n;

	*(void **)&create = dlsym(lib, "nvrtcCreateProgram");
	*(void **)&compile = dlsym(lib, "nvrtcCompileProgram");
	*(void **)&log_size = dlsym(lib, "nvrtcGetProgramLogSize");
	*(void **)&log_text = dlsym(lib, "nvrtcGetProgramLog");
	text = arena_printf(a, "%s\nextern \"C\" {\n%s}\n", prims_text(a, body, false), body);
	p = prims_list(&n);
	for (int i = 1; i < n; i++) {
		char *name = arena_printf(a, "%.*s(", p[i].nname, p[i].name);

		if (!strstr(body, name)) {
			printf("FAIL prims_all_used %s)\n", name);
			failed++;
		}
	}
	for (size_t i = 0; i < sizeof archs / sizeof *archs; i++) {
		const char *opt[] = {arena_printf(a, "-arch=%s", archs[i]), "-default-device"};
		Program prog = NULL;
		size_t size = 0;
		int rc = create(&prog, text, "all_prims.cu", 0, NULL, NULL);

		rc = rc ? rc : compile(prog, 2, opt);
		check(!rc, arena_printf(a, "prims_nvrtc_%s", archs[i]));
		if (rc && prog && !log_size(prog, &size)) {
			char *log = arena_alloc(a, size + 1);

			log_text(prog, log);
			fputs(log, stdout);
		}
	}
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
