/* prims_gpu_test.c -- every primitive gives on the GPU what its meaning in C gives in the
 * simulator: bit for bit, or to 2e-6 where the hardware approximates. Status 77 without a GPU, but
 * the simulated half always runs. Run from the root of the tree. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../codegen/prims.h"
#include "../../runtime/sim.h"

enum { THREADS = 128, APPROX = 18, FIRST = 64, WORDS = (FIRST + APPROX) * THREADS };

static uint32_t in[4 * THREADS], sim_out[WORDS], gpu_out[WORDS];
static Arena *arena;
static Diag diag;

static char *read_text(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *s = arena_alloc(arena, 1 << 16);

	if (!f || !fread(s, 1, (1 << 16) - 1, f)) {
		fprintf(stderr, "prims_gpu_test: cannot read %s\n", path);
		exit(1);
	}
	fclose(f);
	return s;
}

static int simulate(const char *body)
{
	static const char entries[] =
	    "static void probe_entry(void **a)\n{\n"
	    "\tprobe(*(const u32 **)a[0], *(u32 **)a[1]);\n}\n"
	    "const SimEntry sim_entries[] = { { \"probe\", probe_entry }, { 0, 0 } };\n";
	void *pi = in, *po = sim_out, *params[] = {&pi, &po};
	SimBuffer buf[] = {{"in", in, sizeof in, false, true},
	                   {"out", sim_out, sizeof sim_out, true, false}};
	SimResult r;
	Sim *s;

	if (DIAG_TRY(&diag)) {
		printf("skip prims_probe: %s\n", diag.text);
		exit(77);
	}
	s = sim_load(&diag, arena_printf(arena, "%s%s%s", prims_text(arena, body, true), body, entries),
	             NULL);
	sim_run(s, &diag, "probe", 1, THREADS, 4 * 2048, params, 2, buf, NULL, &r);
	sim_free(s);
	for (int i = 0; i < r.nfindings; i++)
		printf("  line %d: %s\n", r.finding[i].line, r.finding[i].text);
	printf("%s prims_probe_sim\n", r.nfindings ? "FAIL" : "ok");
	return r.nfindings;
}

/* ---- The GPU ---- */

static void *need(void *lib, const char *name)
{
	void *p = dlsym(lib, name);

	if (!p) {
		printf("FAIL prims_probe: no %s\n", name);
		exit(1);
	}
	return p;
}

static void must(int rc, const char *what)
{
	if (rc) {
		printf("FAIL prims_probe: %s gives %d\n", what, rc);
		exit(1);
	}
}

static void *open_first(const char *const *names)
{
	void *h = NULL;

	while (!h && *names)
		h = dlopen(*names++, RTLD_NOW);
	return h;
}

#define CALL(lib, name, types, ...) \
	do { \
		int(*call_) types; \
		*(void **)&call_ = need(lib, #name); \
		must(call_(__VA_ARGS__), #name); \
	} while (0)

static char *compile(void *rtc, const char *text, int major, int minor)
{
	const char *opt[] = {arena_printf(arena, "-arch=sm_%d%d", major, minor)};
	void *prog = NULL;
	size_t size = 0;
	char *image;

	CALL(rtc, nvrtcCreateProgram, (void **, const char *, const char *, int, void *, void *), &prog,
	     text, "probe.cu", 0, NULL, NULL);
	CALL(rtc, nvrtcCompileProgram, (void *, int, const char *const *), prog, 1, opt);
	CALL(rtc, nvrtcGetCUBINSize, (void *, size_t *), prog, &size);
	image = arena_alloc(arena, size);
	CALL(rtc, nvrtcGetCUBIN, (void *, char *), prog, image);
	return image;
}

/* False: no GPU here. */
static int launch(const char *text)
{
	static const char *const cudas[] = {"libcuda.so.1", NULL};
	static const char *const rtcs[] = {"libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12",
	                                   "/usr/local/cuda/lib64/libnvrtc.so", NULL};
	void *cu = open_first(cudas), *rtc = open_first(rtcs), *ctx, *mod, *fn;
	uint64_t din, dout;
	void *params[] = {&din, &dout};
	int (*init)(unsigned), dev = 0, major = 0, minor = 0;

	if (!cu || !rtc)
		return 0;
	*(void **)&init = need(cu, "cuInit");
	if (init(0))
		return 0;
	CALL(cu, cuDeviceGet, (int *, int), &dev, 0);
	CALL(cu, cuDeviceGetAttribute, (int *, int, int), &major, 75, dev);
	CALL(cu, cuDeviceGetAttribute, (int *, int, int), &minor, 76, dev);
	CALL(cu, cuDevicePrimaryCtxRetain, (void **, int), &ctx, dev);
	CALL(cu, cuCtxSetCurrent, (void *), ctx);
	CALL(cu, cuModuleLoadData, (void **, const void *), &mod, compile(rtc, text, major, minor));
	CALL(cu, cuModuleGetFunction, (void **, void *, const char *), &fn, mod, "probe");
	CALL(cu, cuMemAlloc_v2, (uint64_t *, size_t), &din, sizeof in);
	CALL(cu, cuMemAlloc_v2, (uint64_t *, size_t), &dout, sizeof gpu_out);
	CALL(cu, cuMemcpyHtoD_v2, (uint64_t, const void *, size_t), din, in, sizeof in);
	CALL(cu, cuMemcpyHtoD_v2, (uint64_t, const void *, size_t), dout, gpu_out, sizeof gpu_out);
	CALL(cu, cuLaunchKernel,
	     (void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void *,
	      void **, void **),
	     fn, 1, 1, 1, THREADS, 1, 1, 4 * 2048, NULL, params, NULL);
	CALL(cu, cuMemcpyDtoH_v2, (void *, uint64_t, size_t), gpu_out, dout, sizeof gpu_out);
	return 1;
}

static int compare(void)
{
	int bad = 0;

	for (int i = 0; i < WORDS; i++) {
		int row = i / THREADS, ok = sim_out[i] == gpu_out[i];
		float x, y;

		memcpy(&x, &sim_out[i], 4);
		memcpy(&y, &gpu_out[i], 4);
		if (row >= FIRST)
			ok = ok || fabsf(x - y) <= 2e-6f * fmaxf(fabsf(x), row < FIRST + 8 ? 8 : 0);
		if (!ok && bad++ < 20)
			printf("  row %d thread %d: sim %08x (%g) gpu %08x (%g)\n", row, i % THREADS,
			       sim_out[i], (double)x, gpu_out[i], (double)y);
	}
	printf("%s prims_probe_gpu\n", bad ? "FAIL" : "ok");
	return bad;
}

int main(void)
{
	char *body;
	int bad;

	arena = arena_new();
	body = read_text("tests/unit/kernels/probe.cu");
	for (uint32_t i = 0, h = 1; i < 4 * THREADS; i++) {
		h = h * 1664525 + 1013904223;
		in[i] = h ^ h >> 13;
	}
	memset(sim_out, 0xee, sizeof sim_out);
	memset(gpu_out, 0xee, sizeof gpu_out);
	bad = simulate(body);
	if (!launch(arena_printf(arena, "%s\nextern \"C\" {\n%s}\n", prims_text(arena, body, false),
	                         body))) {
		printf("skip prims_probe_gpu: no GPU here\n");
		return bad ? 1 : 77;
	}
	return bad + compare() != 0;
}
