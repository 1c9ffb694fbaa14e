/* fake_cuda.c -- fake_cuda.h, as libcuda.so.1 beside the test that opens it. What the runtime looks
 * up and this test never calls stands in one list.
 */
#include "fake_cuda.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

extern FakeCuda fake_cuda;

FakeCuda fake_cuda = {"NVIDIA H100 PCIe", 9, 0, 114, 0, 0, 0, 0, 0, 0};

typedef struct Config { /* CUlaunchConfig */
	unsigned grid[3], block[3], smem;
	void *stream;
	struct {
		int id, pad;
		unsigned value[16];
	} * attribute;
	unsigned nattributes;
} Config;

enum { SMS = 16, L2 = 38, MAJOR = 75, MINOR = 76, SMEM_SM = 81, SMEM_BLOCK = 97, CLUSTER = 4 };

#define FAKE(name, ...) \
	int name(__VA_ARGS__); \
	int name(__VA_ARGS__)

FAKE(cuInit, unsigned flags)
{
	return (int)flags;
}

FAKE(cuDriverGetVersion, int *version)
{
	*version = 13000;
	return 0;
}

FAKE(cuGetErrorName, int error, const char **name)
{
	*name = error == FAKE_REFUSES_LOAD ? "NO_BINARY_FOR_GPU" : "LAUNCH_FAILED";
	return 0;
}

FAKE(cuGetErrorString, int error, const char **text)
{
	*text = error ? "refused" : "";
	return 0;
}

FAKE(cuDeviceGetCount, int *count)
{
	*count = 1;
	return 0;
}

FAKE(cuDeviceGet, int *device, int i)
{
	*device = i;
	return 0;
}

FAKE(cuDeviceGetName, char *name, int size, int device)
{
	snprintf(name, (size_t)size, "%s", fake_cuda.name);
	return device;
}

FAKE(cuDeviceGetAttribute, int *value, int which, int device)
{
	*value = which == SMS          ? fake_cuda.sms
	         : which == MAJOR      ? fake_cuda.major
	         : which == MINOR      ? fake_cuda.minor
	         : which == L2         ? 50 << 20
	         : which == SMEM_SM    ? 233472
	         : which == SMEM_BLOCK ? 232448
	                               : 0;
	return device;
}

FAKE(cuDeviceTotalMem_v2, size_t *bytes, int device)
{
	*bytes = (size_t)80 << 30;
	return device;
}

static void *something(void **to)
{
	static char thing[16];

	return *to = thing;
}

FAKE(cuDevicePrimaryCtxRetain, void **context, int device)
{
	something(context);
	return device;
}

FAKE(cuCtxGetCurrent, void **context)
{
	*context = NULL;
	return 0;
}

FAKE(cuCtxSetCurrent, void *context)
{
	return context ? 0 : 201;
}

FAKE(cuModuleLoadDataEx, void **module, const void *image, unsigned n, int *option, void **value)
{
	if (fake_cuda.refuses == FAKE_REFUSES_LOAD) {
		snprintf(value[0], n && option ? 64 : 0, "ptxas says why\nand more");
		return FAKE_REFUSES_LOAD;
	}
	something(module);
	return image ? 0 : 1;
}

FAKE(cuModuleUnload, void *module)
{
	return module ? 0 : 1;
}

FAKE(cuModuleGetFunction, void **function, void *module, const char *name)
{
	something(function);
	return module && name ? 0 : 1;
}

FAKE(cuFuncSetAttribute, void *function, int which, int value)
{
	return function && which == 8 && value <= 232448 ? 0 : 1;
}

static int launch(unsigned blocks, unsigned threads, unsigned smem, unsigned cluster)
{
	if (fake_cuda.refuses == FAKE_REFUSES_LAUNCH)
		return FAKE_REFUSES_LAUNCH;
	if (fake_cuda.refuses == FAKE_REFUSES_CLUSTER && cluster > 1)
		return FAKE_REFUSES_CLUSTER;
	fake_cuda.blocks = blocks;
	fake_cuda.threads = threads;
	fake_cuda.smem = smem;
	fake_cuda.cluster = cluster;
	fake_cuda.launches++;
	return 0;
}

FAKE(cuLaunchKernel, void *f, unsigned x, unsigned y, unsigned z, unsigned bx, unsigned by,
     unsigned bz, unsigned smem, void *stream, void **params, void **extra)
{
	if (!f || y * z * by * bz != 1 || stream || !params || extra)
		return 1;
	return launch(x, bx, smem, 1);
}

FAKE(cuLaunchKernelEx, const Config *c, void *f, void **params, void **extra)
{
	if (!f || !params || extra || c->grid[1] * c->grid[2] * c->block[1] * c->block[2] != 1 ||
	    c->nattributes != 1 || c->attribute->id != CLUSTER || c->attribute->value[1] != 1 ||
	    c->attribute->value[2] != 1 || c->grid[0] % c->attribute->value[0])
		return 1;
	return launch(c->grid[0], c->block[0], c->smem, c->attribute->value[0]);
}

FAKE(cuTensorMapEncodeTiled, void *map, int type, unsigned rank, void *at, const uint64_t *size,
     const uint64_t *stride, const unsigned *box, const unsigned *step, int interleave, int swizzle,
     int promotion, int fill)
{
	for (unsigned i = 0; i < rank; i++)
		if (!size[i] || !box[i] || box[i] > 256 || step[i] != 1 || (i + 1 < rank && stride[i] % 16))
			return 1;
	return map && at && type >= 0 && rank <= 5 && !interleave && swizzle <= 3 && promotion <= 3 &&
	               !fill
	           ? 0
	           : 1;
}

/* NVRTC asks a driver that it finds. */
FAKE(cuGetExportTable, const void **table, const void *id)
{
	*table = NULL;
	return id ? 500 : 1;
}

#define NEVER(F) \
	F(cuCtxSynchronize) \
	F(cuMemAlloc_v2) \
	F(cuMemFree_v2) \
	F(cuMemGetInfo_v2) \
	F(cuMemcpyHtoD_v2) \
	F(cuMemcpyDtoH_v2) \
	F(cuMemcpyDtoDAsync_v2) \
	F(cuMemsetD8_v2) \
	F(cuStreamCreate) \
	F(cuStreamDestroy_v2) \
	F(cuStreamBeginCapture_v2) \
	F(cuStreamEndCapture) \
	F(cuGraphInstantiateWithFlags) \
	F(cuGraphDestroy) \
	F(cuGraphExecDestroy) \
	F(cuGraphLaunch) \
	F(cuEventCreate) \
	F(cuEventDestroy_v2) \
	F(cuEventRecord) \
	F(cuEventSynchronize) \
	F(cuEventElapsedTime)

#define F(name) \
	FAKE(name, void) \
	{ \
		return 801; \
	}
NEVER(F)
