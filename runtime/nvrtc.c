/* nvrtc.c -- NVRTC, found and opened at run time.
 *
 * Order: AZULEJO_NVRTC, a copy already in the process, pip wheels, CUDA_HOME, /usr/local/cuda*,
 * the loader. Versioned names only. NVRTC opens its builtins by bare versioned name when it
 * compiles, so those beside it are opened first.
 */
#define _GNU_SOURCE
#include "nvrtc.h"
#include "cache.h"
#include "sha256.h"

#include <dlfcn.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct Program *NvrtcProgram;

#define FUNCTIONS(F) \
	F(Version, (int *, int *)) \
	F(CreateProgram, \
	  (NvrtcProgram *, const char *, const char *, int, const char *const *, const char *const *)) \
	F(CompileProgram, (NvrtcProgram, int, const char *const *)) \
	F(DestroyProgram, (NvrtcProgram *)) \
	F(GetProgramLogSize, (NvrtcProgram, size_t *)) \
	F(GetProgramLog, (NvrtcProgram, char *)) \
	F(GetCUBINSize, (NvrtcProgram, size_t *)) \
	F(GetCUBIN, (NvrtcProgram, char *)) \
	F(GetPTXSize, (NvrtcProgram, size_t *)) \
	F(GetPTX, (NvrtcProgram, char *))

static struct {
#define F(name, params) int(*name) params;
	FUNCTIONS(F)
#undef F
	void *lib;
	int tried, major, minor;
	char found[PATH_MAX + 32];
	char why[512];
} nvrtc;

static const char *const sonames[] = {"libnvrtc.so.13", "libnvrtc.so.12", NULL};

static const char *const wheel_dirs[] = {"nvidia/cu13/lib", "nvidia/cuda_nvrtc/lib", NULL};

static bool open_path(const char *path)
{
	char pattern[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t i;
	glob_t g;

	if (slash) {
		snprintf(pattern, sizeof pattern, "%.*s/libnvrtc-builtins.so.*", (int)(slash - path), path);
		if (!glob(pattern, 0, NULL, &g))
			for (i = 0; i < g.gl_pathc; i++)
				dlopen(g.gl_pathv[i], RTLD_NOW | RTLD_GLOBAL);
		globfree(&g);
	}
	nvrtc.lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	return nvrtc.lib != NULL;
}

static bool open_glob(const char *fmt, const char *a, const char *b)
{
	char pattern[PATH_MAX];
	bool ok = false;
	glob_t g;
	size_t i;
	int s;

	for (s = 0; sonames[s] && !ok; s++) {
		int n = snprintf(pattern, sizeof pattern, fmt, a, b);
		if (n < 0 || n + 20 > (int)sizeof pattern)
			continue;
		snprintf(pattern + n, sizeof pattern - (size_t)n, "/%s", sonames[s]);
		if (!glob(pattern, 0, NULL, &g))
			for (i = g.gl_pathc; i-- > 0 && !ok;) /* the newest version sorts last */
				ok = open_path(g.gl_pathv[i]);
		globfree(&g);
	}
	return ok;
}

static bool find_library(void)
{
	const char *env = getenv("AZULEJO_NVRTC"), *home;
	int i;

	if (env && *env) {
		if (open_path(env))
			return true;
		snprintf(nvrtc.why, sizeof nvrtc.why, "AZULEJO_NVRTC: %s", dlerror());
		return false;
	}
	for (i = 0; sonames[i]; i++)
		if ((nvrtc.lib = dlopen(sonames[i], RTLD_NOW | RTLD_NOLOAD)))
			return true;
	for (i = 0; wheel_dirs[i]; i++) {
		if ((home = getenv("VIRTUAL_ENV")) &&
		    open_glob("%s/lib/python3*/site-packages/%s", home, wheel_dirs[i]))
			return true;
		if ((home = getenv("CONDA_PREFIX")) &&
		    open_glob("%s/lib/python3*/site-packages/%s", home, wheel_dirs[i]))
			return true;
		if ((home = getenv("HOME")) &&
		    open_glob("%s/.local/lib/python3*/site-packages/%s", home, wheel_dirs[i]))
			return true;
		if (open_glob("%s/lib/python3*/*-packages/%s", "/usr/local", wheel_dirs[i]) ||
		    open_glob("%s/lib/python3*/*-packages/%s", "/usr", wheel_dirs[i]))
			return true;
	}
	if ((home = getenv("CUDA_HOME")) &&
	    (open_glob("%s/%s", home, "lib64") || open_glob("%s/%s", home, "lib")))
		return true;
	if (open_glob("%s*/%s", "/usr/local/cuda", "lib64") ||
	    open_glob("%s*/%s", "/usr/local/cuda", "lib"))
		return true;
	for (i = 0; sonames[i]; i++)
		if ((nvrtc.lib = dlopen(sonames[i], RTLD_NOW)))
			return true;
	snprintf(nvrtc.why, sizeof nvrtc.why,
	         "NVRTC not found; `pip install nvidia-cuda-nvrtc`, "
	         "install the CUDA toolkit, or point AZULEJO_NVRTC at libnvrtc.so.13");
	return false;
}

static void *symbol(const char *name)
{
	char full[64];

	snprintf(full, sizeof full, "nvrtc%s", name);
	return dlsym(nvrtc.lib, full);
}

const char *nvrtc_found(const char **why)
{
	Dl_info info;

	if (!nvrtc.tried) {
		nvrtc.tried = 1;
		if (find_library()) {
#define F(name, params) \
	if (!(*(void **)&nvrtc.name = symbol(#name))) \
		snprintf(nvrtc.why, sizeof nvrtc.why, "NVRTC is too old: no nvrtc" #name);
			FUNCTIONS(F)
#undef F
		}
		if (!nvrtc.why[0] && !nvrtc.Version(&nvrtc.major, &nvrtc.minor)) {
			if (!dladdr(symbol("Version"), &info))
				info.dli_fname = "libnvrtc";
			snprintf(nvrtc.found, sizeof nvrtc.found, "%s (%d.%d)", info.dli_fname, nvrtc.major,
			         nvrtc.minor);
		}
	}
	if (why)
		*why = nvrtc.why;
	return nvrtc.found[0] ? nvrtc.found : NULL;
}

/* -- ptxas's report ---------------------------------------------------------------------------- */

/* Lines read: "Compiling entry function 'NAME'", "N bytes stack frame, N bytes spill stores, N
 * bytes spill loads", "Used N registers, ... N bytes smem". */
static void read_log(Cubin *c, const char *log)
{
	const char *line, *p;
	CubinKernel *k = NULL;
	int stack, stores, loads;

	for (line = log; line; line = (line = strchr(line, '\n')) ? line + 1 : NULL) {
		const char *end = strchrnul(line, '\n');
		if ((p = strstr(line, "Compiling entry function '")) && p < end) {
			k = c->nkernels < CUBIN_MAX_KERNELS ? &c->kernel[c->nkernels++] : NULL;
			if (k)
				sscanf(p + 26, "%95[^']", k->name);
		} else if (k && (p = strstr(line, "bytes stack frame")) && p < end) {
			p = strpbrk(line, "0123456789");
			if (p && sscanf(p, "%d bytes stack frame, %d bytes spill stores, %d bytes spill loads",
			                &stack, &stores, &loads) == 3) {
				k->stack = stack;
				k->spill_bytes = stores + loads;
			}
		} else if (k && (p = strstr(line, "Used ")) && p < end) {
			sscanf(p, "Used %d registers", &k->regs);
			for (; p && p < end; p = strchr(p + 1, ','))
				if (sscanf(p, ", %d bytes smem", &stack) == 1 &&
				    (size_t)(strstr(p, "smem") - p) < 24)
					k->smem = stack;
		}
	}
}

static const char *first_error(Arena *a, const char *log)
{
	const char *p = strstr(log, "error"), *start, *end;

	if (!p)
		p = log;
	for (start = p; start > log && start[-1] != '\n'; start--)
		;
	end = strchrnul(p, '\n');
	return arena_printf(a, "%.*s", (int)(end - start), start);
}

/* -- compiling, cached ------------------------------------------------------------------------- */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A cache entry is the kernel table followed by the code. */
typedef struct Entry {
	int nkernels;
	CubinKernel kernel[CUBIN_MAX_KERNELS];
} Entry;

static bool from_cache(Cubin *c, Arena *a, const char *key)
{
	void *data;
	size_t size;
	Entry e;

	if (!cache_get(key, &data, &size))
		return false;
	if (size > sizeof e) {
		memcpy(&e, data, sizeof e);
		c->size = size - sizeof e;
		c->data = arena_alloc(a, c->size + 1);
		memcpy(c->data, (char *)data + sizeof e, c->size);
		c->nkernels = e.nkernels;
		memcpy(c->kernel, e.kernel, sizeof e.kernel);
		c->cached = true;
	}
	free(data);
	return c->cached;
}

static void to_cache(const Cubin *c, const char *key)
{
	Entry e;
	char *all = malloc(sizeof e + c->size);

	if (!all)
		return;
	memset(&e, 0, sizeof e);
	e.nkernels = c->nkernels;
	memcpy(e.kernel, c->kernel, sizeof e.kernel);
	memcpy(all, &e, sizeof e);
	memcpy(all + sizeof e, c->data, c->size);
	cache_put(key, all, sizeof e + c->size);
	free(all);
}

static void compile(Cubin *c, Diag *d, Arena *a, const char *text, const char *name,
                    const char *const *option, int noption)
{
	NvrtcProgram p;
	size_t n = 0;
	char *log;
	int bad;

	if (nvrtc.CreateProgram(&p, text, name, 0, NULL, NULL))
		diag_env(d, "NVRTC: out of memory");
	bad = nvrtc.CompileProgram(p, noption, option);
	nvrtc.GetProgramLogSize(p, &n);
	log = arena_alloc(a, n + 1);
	nvrtc.GetProgramLog(p, log);
	n = 0;
	if (!bad) {
		bad = (c->ptx ? nvrtc.GetPTXSize : nvrtc.GetCUBINSize)(p, &n);
		c->size = n;
		c->data = arena_alloc(a, n + 1);
		if (!bad && n)
			bad = (c->ptx ? nvrtc.GetPTX : nvrtc.GetCUBIN)(p, c->data);
	}
	nvrtc.DestroyProgram(&p);
	if (bad || !n)
		diag_fail(d, (Loc){0}, "the generated text does not compile: %s", first_error(a, log));
	read_log(c, log);
}

Cubin *nvrtc_compile(Diag *d, Arena *a, const char *text, const char *name, const char *arch,
                     bool ptx, bool use_cache)
{
	Cubin *c = ARENA_NEW(a, Cubin);
	const char *why, *option[] = {NULL, "--std=c++17", "--ptxas-options=-v"};
	char key[65];
	double t0 = now();
	int i, version[2];
	Sha256 s;

	if (!nvrtc_found(&why))
		diag_env(d, "%s", why);
	version[0] = nvrtc.major;
	version[1] = nvrtc.minor;
	option[0] = ptx ? arena_printf(a, "--gpu-architecture=compute_%s", arch + 3)
	                : arena_printf(a, "--gpu-architecture=%s", arch);
	c->ptx = ptx;
	sha256_init(&s);
	sha256_add(&s, text, strlen(text) + 1);
	for (i = 0; i < 3; i++)
		sha256_add(&s, option[i], strlen(option[i]) + 1);
	sha256_add(&s, version, sizeof version);
	sha256_hex(&s, key);
	if (!use_cache || !from_cache(c, a, key)) {
		compile(c, d, a, text, name, option, ptx ? 2 : 3);
		to_cache(c, key);
	}
	c->seconds = now() - t0;
	return c;
}
