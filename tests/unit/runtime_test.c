/* runtime_test.c -- hashing, cache, random values, .npy files, YAML, GPU descriptions, JSON. */
#define _GNU_SOURCE
#include "../../runtime/cache.h"
#include "../../runtime/embed.h"
#include "../../runtime/gpu.h"
#include "../../runtime/npy.h"
#include "../../runtime/nvrtc.h"
#include "../../runtime/random.h"
#include "../../runtime/sha256.h"
#include "../../runtime/yamlfile.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failures;
static char folder[] = "/tmp/azulejo-test-XXXXXX";

static void check(int ok, const char *name)
{
	printf("%s %s\n", ok ? "ok" : "FAIL", name);
	failures += !ok;
}

static void test_sha256(void)
{
	char hex[65], big[200];
	Sha256 s;

	sha256_init(&s);
	sha256_add(&s, "abc", 3);
	sha256_hex(&s, hex);
	check(!strcmp(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
	      "sha256 abc");
	memset(big, 'a', sizeof big);
	sha256_init(&s);
	sha256_add(&s, big, 70);
	sha256_add(&s, big + 70, 130);
	sha256_hex(&s, hex);
	check(!strcmp(hex, "c2a908d98f5df987ade41b5fce213067efbcc21ef2240212a41e54b5e7c28ae5"),
	      "sha256 in pieces");
}

static void test_cache(void)
{
	const char key[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	char path[256];
	void *data;
	size_t size;
	FILE *f;

	check(!cache_get(key, &data, &size), "cache misses what it never had");
	cache_put(key, "hello", 5);
	check(cache_get(key, &data, &size) && size == 5 && !memcmp(data, "hello", 5),
	      "cache returns it");
	free(data);
	snprintf(path, sizeof path, "%s/%s.bin", cache_dir(), key);
	f = fopen(path, "r+b");
	fseek(f, 42, SEEK_SET);
	fputc('!', f);
	fclose(f);
	check(!cache_get(key, &data, &size), "a corrupt entry is not trusted");
	check(access(path, F_OK) != 0, "and is removed");
}

static void test_random(void)
{
	uint64_t key = random_key(1, "q");
	double sum = 0, sq = 0, x;
	int i, n = 200000, high = 0;

	for (i = 0; i < n; i++) {
		x = random_value(key, (uint64_t)i, 1, 0);
		sum += x;
		sq += x * x;
		high += x > 1;
	}
	check(fabs(sum / n) < 0.01, "random mean 0");
	check(fabs(sq / n - 1) < 0.02, "random variance 1");
	check(fabs((double)high / n - 0.1587) < 0.01, "random tail like the normal's");
	check(random_value(key, 7, 1, 0) == random_value(key, 7, 1, 0), "random is a function");
	check(random_key(1, "q") != random_key(1, "k") && random_key(1, "q") != random_key(2, "q"),
	      "random keys differ");
	check(random_value(key, 7, 0.5f, 2) == 2 + 0.5f * random_value(key, 7, 1, 0), "scale and bias");
}

static void test_rounding(void)
{
	struct {
		Dtype dt;
		float in;
		double out;
	} t[] = {
	    {DT_BF16, 1.00390625f, 1.0},
	    {DT_BF16, 1.01171875f, 1.015625},
	    {DT_F16, 1.00048828125f, 1.0},
	    {DT_F16, 65519, 65504},
	    {DT_F16, 65520, INFINITY},
	    {DT_F16, 5.9604645e-8f, 5.9604644775390625e-8},
	    {DT_F16, 2.9802322e-8f, 0},
	    {DT_F16, 6.1e-5f, 1023.0 / 16777216},
	    {DT_I32, 2.5f, 2},
	    {DT_F32, 0.1f, 0.1f},
	};
	size_t i, bad = 0;
	uint16_t h;

	for (i = 0; i < sizeof t / sizeof *t; i++)
		bad += fabs(dtype_round(t[i].dt, t[i].in) - t[i].out) > 1e-12 * fabs(t[i].out);
	check(!bad, "rounding");
	for (i = 0, bad = 0; i < 0x10000; i++) { /* every f16 survives a round trip */
		uint16_t in = (uint16_t)i;
		float f = (float)dtype_load(DT_F16, &in, 0);
		dtype_store(DT_F16, &h, 0, f);
		bad += h != in && !isnan(f);
	}
	check(!bad, "f16 round trip");
}

static void test_npy(void)
{
	int64_t shape[] = {2, 3, 4};
	float data[24];
	char path[256], cut[300];
	Diag d;
	Npy n;
	FILE *f;
	int i;

	for (i = 0; i < 24; i++)
		data[i] = (float)i;
	snprintf(path, sizeof path, "%s/x.npy", folder);
	memset(&d, 0, sizeof d);
	if (DIAG_TRY(&d)) {
		check(0, d.text);
		return;
	}
	npy_write(&d, path, DT_F32, 3, shape, data);
	npy_read(&d, path, &n);
	check(n.dtype == DT_F32 && n.rank == 3 && n.shape[2] == 4 && !memcmp(n.data, data, 96),
	      "npy round trip");
	free(n.data);
	snprintf(cut, sizeof cut, "%s@1:3", path);
	npy_read(&d, cut, &n);
	check(n.rank == 3 && n.shape[1] == 2 && n.bytes == 64 && ((float *)n.data)[0] == 4 &&
	          ((float *)n.data)[8] == 16,
	      "npy rows i:j");
	free(n.data);
	snprintf(cut, sizeof cut, "%s@-1", path);
	npy_read(&d, cut, &n);
	check(n.rank == 2 && n.shape[0] == 2 && n.shape[1] == 4 && ((float *)n.data)[4] == 20,
	      "npy one row");
	free(n.data);
	npy_write(&d, path, DT_BF16, 0, shape, data);
	npy_head(&d, path, &n);
	check(n.dtype == DT_BF16 && n.rank == 0 && n.bytes == 2, "npy of rank 0");
	f = fopen(path, "wb");
	fputs("\x93NUMPY\x01", f);
	fclose(f);
	if (!DIAG_TRY(&d)) {
		npy_read(&d, path, &n);
		check(0, "npy truncated");
	} else {
		check(strstr(d.text, "not a .npy file") != NULL, "npy truncated");
	}
	f = fopen(path, "wb");
	fwrite("\x93NUMPY\x01\x00\x40\x00{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }"
	       "       \n",
	       1, 74, f);
	fclose(f);
	if (!DIAG_TRY(&d)) {
		npy_read(&d, path, &n);
		check(0, "npy of float64");
	} else {
		check(strstr(d.text, "dtype") != NULL, "npy of float64");
	}
}

static void test_yaml(void)
{
	Arena *a = arena_new();
	const Yaml *y;
	Diag d;

	memset(&d, 0, sizeof d);
	if (!DIAG_TRY(&d)) {
		y = yaml_read(&d, a, "a: 1\nb: [x, y]\nc:\n- d: 2\n  e: 3\n", "t.yaml");
		check(yaml_number(&d, yaml_get(y, "a")) == 1, "yaml number");
		check(!strcmp(yaml_get(y, "b")->first->next->value, "y"), "yaml list");
		check(yaml_number(&d, yaml_get(yaml_get(y, "c")->first, "e")) == 3 &&
		          yaml_get(yaml_get(y, "c")->first, "e")->loc.line == 5,
		      "yaml nesting and lines");
		yaml_read(&d, a, "a: [1\nb: 2\n", "t.yaml");
		check(0, "yaml syntax");
	} else {
		check(!strncmp(d.text, "t.yaml:", 7), "yaml syntax");
	}
	arena_free(a);
}

static void test_gpus(void)
{
	Arena *a = arena_new();
	const Gpu *all[64], *g;
	Diag d;
	int n;

	memset(&d, 0, sizeof d);
	if (DIAG_TRY(&d)) {
		check(0, d.text);
		arena_free(a);
		return;
	}
	n = gpu_all(&d, a, all, 64);
	check(n >= 7, "seven GPUs and more");
	g = gpu_match(&d, a, "NVIDIA A100-SXM4-80GB", 8, 0);
	check(g && !strcmp(g->name, "a100"), "the longest match names the GPU");
	g = gpu_match(&d, a, "NVIDIA RTX A1000", 8, 6);
	check(g && !strcmp(g->name, "a10"), "of another architecture it is another GPU");
	check(!gpu_match(&d, a, "Voodoo 2", 8, 0), "an unknown GPU matches nothing");
	g = gpu_find(&d, a, "h100");
	check(!strcmp(g->target.arch, "sm_90a") && g->target.mma_sync && g->target.smem_block == 232448,
	      "h100");
	arena_free(a);
}

static void test_nvrtc(void)
{
	Arena *a = arena_new();
	Cubin *c;
	Diag d;

	memset(&d, 0, sizeof d);
	if (!nvrtc_found(NULL)) {
		printf("skip nvrtc\n");
		arena_free(a);
		return;
	}
	if (DIAG_TRY(&d)) {
		check(strstr(d.text, "does not compile") != NULL, "nvrtc names the first error");
		arena_free(a);
		return;
	}
	c = nvrtc_compile(&d, a, random_cuda, "fill", "sm_90", false, false);
	check(c->nkernels == 1 && !strcmp(c->kernel[0].name, "fill") && c->kernel[0].regs > 8 &&
	          !c->kernel[0].spill_bytes && c->size > 1000,
	      "nvrtc compiles, ptxas reports");
	c = nvrtc_compile(&d, a, random_cuda, "fill", "sm_90", false, true);
	check(c->cached && c->kernel[0].regs > 8, "nvrtc through the cache");
	c = nvrtc_compile(&d, a, random_cuda, "fill", "sm_80", true, false);
	check(c->ptx && strstr(c->data, ".target sm_80") != NULL, "nvrtc to PTX");
	nvrtc_compile(&d, a, "__global__ void f() { x; }", "bad", "sm_80", false, false);
	check(0, "nvrtc names the first error");
}

int main(void)
{
	if (!mkdtemp(folder) || setenv("AZULEJO_CACHE", folder, 1))
		return 1;
	check(embed_find("specs/gpus/h100.yaml", NULL) != NULL && !embed_find("specs/none", NULL),
	      "embedded files");
	test_sha256();
	test_cache();
	test_random();
	test_rounding();
	test_npy();
	test_yaml();
	test_gpus();
	test_nvrtc();
	return failures != 0;
}
