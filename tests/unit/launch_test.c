/* launch_test.c -- what the runtime asks of the driver, without a GPU: a fake driver stands beside
 * this program and is found before any other.
 */
#define _GNU_SOURCE
#include "../../runtime/azulejo.h"
#include "../../runtime/driver.h"
#include "../../runtime/nvrtc.h"
#include "fake_cuda.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static int failures;
static FakeCuda *fake;

static void check(int ok, const char *name)
{
	printf("%s %s%s%s\n", ok ? "ok" : "FAIL", name, ok ? "" : ": ", ok ? "" : az_error());
	failures += !ok;
}

/* Loads and launches; *text is whether its text says so. */
static AzStatus launch(const char *spec, const char *gpu, const char *settings, AzStage *stage,
                       const char *says, int *said)
{
	void *p[AZ_MAX_ARGS];
	AzKernel *k = az_open(spec, gpu, settings, NULL);
	AzStatus status = k ? AZ_OK : AZ_USER;

	if (!k)
		return status;
	for (uintptr_t i = 0; i < AZ_MAX_ARGS; i++)
		p[i] = (void *)((i + 1) << 32); /* nothing is read there */
	status = az_load(k);
	if (!status) {
		*said = says && strstr(az_cuda(k), says);
		az_stage(k, 0, stage);
		status = az_launch(k, p, p[0], NULL);
	}
	az_close(k);
	return status;
}

static void test_programs(void)
{
	const char *full = "B=400,G=1,R=1,M=1,N=1,D=128,V=128,causal=false";
	AzStage s = {0};
	int said = 0;

	check(!launch("flash_attention", NULL, full, &s, ", 114), threads", &said) && said &&
	          fake->blocks == 114 && s.blocks == 114 && fake->threads == (unsigned)s.threads &&
	          fake->smem == (unsigned)s.smem && fake->cluster == 1,
	      "programs by turns: a block for each SM of the device");
	check(!launch("flash_attention", "h100", full, &s, NULL, &said) && fake->blocks == 132,
	      "of the GPU that is named");
	check(!launch("flash_attention", NULL, "B=50,G=1,R=1,M=1,N=1,D=128,V=128,causal=false", &s,
	              NULL, &said) &&
	          fake->blocks == 50,
	      "no more than there are programs");
}

static void test_clusters(void)
{
	const char *even = "B=1,G=1,R=2,N=100,D=64,V=64,W=64",
	           *odd = "B=1,G=1,R=1,N=150,D=64,V=64,W=64";
	AzStage s = {0};
	int said = 0;

	check(!launch("window_attention", NULL, even, &s, NULL, &said) && s.cluster == 2 &&
	          fake->cluster == 2 && fake->blocks == s.blocks && !(s.blocks % 2),
	      "blocks in clusters");
	check(!launch("window_attention", NULL, odd, &s, NULL, &said) && s.blocks % 2 &&
	          fake->cluster == 1 && fake->blocks == s.blocks,
	      "not where they cannot be divided so");
	fake->refuses = FAKE_REFUSES_CLUSTER;
	check(!launch("window_attention", NULL, even, &s, NULL, &said) && fake->cluster == 1 &&
	          fake->blocks == s.blocks,
	      "nor where the driver has no room for them");
	fake->refuses = 0;
	check(!launch("window_attention", "a100", even, &s, NULL, &said) && s.cluster == 1 &&
	          fake->cluster == 1,
	      "nor in a text for a GPU without");
}

static void test_stages(void)
{
	AzStage s = {0};
	int said = 0, before = fake->launches;

	check(!launch("based_prefill", NULL, "B=1,H=2,N=8192,segments=4", &s, NULL, &said) &&
	          fake->launches == before + 3,
	      "a launch for each stage");
	before = fake->launches;
	check(!launch("based_prefill", NULL, "B=1,H=2,N=8192,segments=1", &s, NULL, &said) &&
	          fake->launches == before + 1,
	      "one pass is one");
}

static void test_refusals(void)
{
	const char *sizes = "B=1,H=2,N=64";
	AzStage s = {0};
	int said = 0;

	fake->refuses = FAKE_REFUSES_LOAD;
	check(launch("retention", NULL, sizes, &s, NULL, &said) == AZ_ENV &&
	          strstr(az_error(), "NO_BINARY_FOR_GPU (refused): ptxas says why") &&
	          !strchr(az_error(), '\n'),
	      "a text that the driver does not load");
	fake->refuses = FAKE_REFUSES_LAUNCH;
	check(launch("retention", NULL, sizes, &s, NULL, &said) == AZ_ENV &&
	          strstr(az_error(), "cuLaunchKernel: LAUNCH_FAILED (refused)"),
	      "a launch that fails");
	fake->refuses = 0;
	check(!launch("retention", NULL, sizes, &s, NULL, &said), "and one after it");
}

int main(void)
{
	void *lib = dlopen("libcuda.so.1", RTLD_NOW);
	const DeviceInfo *info = driver_found(NULL);

	fake = lib ? dlsym(lib, "fake_cuda") : NULL;
	check(fake && info && info->sms == 114, "the fake driver is found first");
	if (!fake)
		return 1;
	if (!nvrtc_found(NULL)) {
		puts("skip launches: no NVRTC");
		return failures != 0;
	}
	test_programs();
	test_clusters();
	test_stages();
	test_refusals();
	return failures != 0;
}
