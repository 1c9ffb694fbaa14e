/* api_test.c -- the public library as a caller sees it; the launches need a GPU. */
#define _GNU_SOURCE
#include "../../runtime/azulejo.h"
#include "../../runtime/driver.h"
#include "../../runtime/nvrtc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int failures;

static void check(int ok, const char *name)
{
	printf("%s %s\n", ok ? "ok" : "FAIL", name);
	failures += !ok;
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

static void test_errors(void)
{
	check(!az_open("nothing", NULL, NULL, NULL) && strstr(az_error(), "unknown spec"),
	      "an unknown spec");
	check(!az_open("based_prefill", "z9", "B=1,H=1,N=64", NULL) &&
	          strstr(az_error(), "unknown GPU"),
	      "an unknown GPU");
	check(!az_open("based_prefill", "a100", "B=1,H=1", NULL) && strstr(az_error(), "N"),
	      "a size that is not given");
}

static void test_open(void)
{
	AzKernel *k = az_open("based_prefill", "a100", "B=2,H=3,N=100,D=16,V=64", "s1");
	const int64_t bad[] = {4800, 16, 48, 2}, bnhd[] = {4800, 16, 48, 1};
	const AzArg *q;

	check(k != NULL, "open");
	if (!k) {
		puts(az_error());
		return;
	}
	q = az_arg(k, 0);
	check(az_args(k) > 4 && !strcmp(q->name, "q") && q->rank == 4 && q->size[2] == 100 &&
	          q->stride[2] == 16 && q->dtype == AZ_BF16 && !q->output && q->present,
	      "an argument");
	check(!az_arg(k, 99), "no such argument");
	check(az_set_strides(k, "q", bad) == AZ_USER, "a matrix with a stride");
	check(!az_set_strides(k, "q", bnhd) && q->stride[1] == 16, "strides");
	check(az_set_alignment(k, 3) == AZ_USER && !az_set_alignment(k, 16), "alignment");
	check(az_cuda(k) && strstr(az_cuda(k), "__global__"), "text");
	check(az_set_strides(k, "q", bnhd) == AZ_USER, "strides come before the text");
	az_close(k);
}

static void test_build(void)
{
	AzKernel *k = az_open("based_prefill", "a100", "B=1,H=2,N=8192,C=64,segments=4", NULL);
	AzStage stage = {.blocks = -1};
	AzStatus status;

	if (!k) {
		printf("FAIL open to build: %s\n", az_error());
		failures++;
		return;
	}
	check(az_settings(k) && !strncmp(az_settings(k), "C=64,", 5) &&
	          strstr(az_settings(k), ",schedule=segmented,segments=4,tuned=") &&
	          az_settings(k) == az_settings(k),
	      "the settings chosen");
	check(!az_stage(k, 0, &stage) && stage.blocks == -1, "no stages before a build");
	status = az_build(k);
	if (!nvrtc_found(NULL)) {
		check(status == AZ_ENV && strstr(az_error(), "NVRTC"), "a build without NVRTC");
		puts("skip builds");
	} else {
		check(!status && az_stage(k, 0, &stage) == 3 && stage.blocks == 6 && stage.threads > 0 &&
		          strstr(stage.name, "_local"),
		      "a stage");
		/* where an A100's text is not the device's own, the driver finishes it */
		check(driver_runs("sm_80") ? stage.registers > 16 && !stage.spill_bytes
		                           : stage.registers == -1 && stage.spill_bytes == -1,
		      "its registers");
		stage.blocks = -1;
		check(az_stage(k, 3, &stage) == 3 && stage.blocks == -1, "no fourth stage");
		check(!az_build(k), "a second build");
	}
	az_close(k);
}

static void test_launch(void)
{
	AzKernel *k;
	void *p[AZ_MAX_ARGS] = {0};
	char *back, *first;
	size_t bytes = 2 * 3 * 100 * 64 * 2;
	double t0;
	Diag d;
	int volatile o = 0;
	int i;

	if (!driver_found(NULL)) {
		puts("skip launches");
		return;
	}
	memset(&d, 0, sizeof d);
	k = az_open("based_prefill", NULL, "B=2,H=3,N=100,D=16,V=64", NULL);
	if (!k || az_load(k) || DIAG_TRY(&d)) {
		printf("FAIL load: %s %s\n", az_error(), d.text);
		failures++;
		return;
	}
	for (i = 0; i < az_args(k); i++) {
		const AzArg *a = az_arg(k, i);
		if (!a->present)
			continue;
		p[i] = (void *)(uintptr_t)device_alloc(&d, 1 << 20);
		device_poison(&d, (DevicePtr)(uintptr_t)p[i], 1 << 20);
		o = a->output ? i : o;
	}
	first = calloc(1, bytes);
	back = calloc(1, bytes);
	check(!az_launch(k, p, (void *)(uintptr_t)device_alloc(&d, az_workspace(k)), NULL), "launch");
	device_download(&d, first, (DevicePtr)(uintptr_t)p[o], bytes);
	check(!az_launch(k, p, (void *)(uintptr_t)device_alloc(&d, az_workspace(k)), NULL), "again");
	device_download(&d, back, (DevicePtr)(uintptr_t)p[o], bytes);
	check(first && back && !memcmp(first, back, bytes), "the same bits");
	p[o] = NULL;
	check(az_launch(k, p, NULL, NULL) == AZ_USER, "a missing pointer");
	t0 = now_us();
	for (i = 0; i < 10000; i++)
		az_launch(k, p, NULL, NULL);
	printf("# %.3f us a refused launch\n", (now_us() - t0) / 10000);
	az_close(k);
	free(first);
	free(back);
}

int main(void)
{
	test_errors();
	test_open();
	test_build();
	test_launch();
	return failures != 0;
}
