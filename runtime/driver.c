/* driver.c -- the CUDA driver API through dlopen: our own declarations of what is used, since a
 * machine that builds this has no cuda.h. Names with a version suffix are the ABI that
 * cuda.h's macros select.
 */
#define _GNU_SOURCE
#include "driver.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int Device;
typedef struct CuContext *Context;
typedef struct CuGraph *Graph;

/* CUlaunchAttribute and CUlaunchConfig of cuda.h. */
typedef struct LaunchAttribute {
	int id, pad;
	unsigned value[16];
} LaunchAttribute;

typedef struct LaunchConfig {
	unsigned grid[3], block[3], smem;
	DeviceStream stream;
	LaunchAttribute *attribute;
	unsigned nattributes;
} LaunchConfig;

#define FUNCTIONS(F) \
	F(Init, "cuInit", (unsigned)) \
	F(DriverGetVersion, "cuDriverGetVersion", (int *)) \
	F(GetErrorName, "cuGetErrorName", (int, const char **)) \
	F(GetErrorString, "cuGetErrorString", (int, const char **)) \
	F(DeviceGetCount, "cuDeviceGetCount", (int *)) \
	F(DeviceGet, "cuDeviceGet", (Device *, int)) \
	F(DeviceGetName, "cuDeviceGetName", (char *, int, Device)) \
	F(DeviceGetAttribute, "cuDeviceGetAttribute", (int *, int, Device)) \
	F(DeviceTotalMem, "cuDeviceTotalMem_v2", (size_t *, Device)) \
	F(PrimaryRetain, "cuDevicePrimaryCtxRetain", (Context *, Device)) \
	F(CtxGetCurrent, "cuCtxGetCurrent", (Context *)) \
	F(CtxSetCurrent, "cuCtxSetCurrent", (Context)) \
	F(CtxSynchronize, "cuCtxSynchronize", (void)) \
	F(MemAlloc, "cuMemAlloc_v2", (DevicePtr *, size_t)) \
	F(MemFree, "cuMemFree_v2", (DevicePtr)) \
	F(MemGetInfo, "cuMemGetInfo_v2", (size_t *, size_t *)) \
	F(MemcpyHtoD, "cuMemcpyHtoD_v2", (DevicePtr, const void *, size_t)) \
	F(MemcpyDtoH, "cuMemcpyDtoH_v2", (void *, DevicePtr, size_t)) \
	F(MemcpyDtoDAsync, "cuMemcpyDtoDAsync_v2", (DevicePtr, DevicePtr, size_t, DeviceStream)) \
	F(MemsetD8, "cuMemsetD8_v2", (DevicePtr, unsigned char, size_t)) \
	F(ModuleLoadDataEx, "cuModuleLoadDataEx", \
	  (DeviceModule *, const void *, unsigned, int *, void **)) \
	F(ModuleUnload, "cuModuleUnload", (DeviceModule)) \
	F(ModuleGetFunction, "cuModuleGetFunction", (DeviceFunction *, DeviceModule, const char *)) \
	F(FuncSetAttribute, "cuFuncSetAttribute", (DeviceFunction, int, int)) \
	F(LaunchKernel, "cuLaunchKernel", \
	  (DeviceFunction, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, \
	   DeviceStream, void **, void **)) \
	F(StreamCreate, "cuStreamCreate", (DeviceStream *, unsigned)) \
	F(StreamDestroy, "cuStreamDestroy_v2", (DeviceStream)) \
	F(StreamBeginCapture, "cuStreamBeginCapture_v2", (DeviceStream, int)) \
	F(StreamEndCapture, "cuStreamEndCapture", (DeviceStream, Graph *)) \
	F(GraphInstantiate, "cuGraphInstantiateWithFlags", (DeviceGraph *, Graph, unsigned long long)) \
	F(GraphDestroy, "cuGraphDestroy", (Graph)) \
	F(GraphExecDestroy, "cuGraphExecDestroy", (DeviceGraph)) \
	F(GraphLaunch, "cuGraphLaunch", (DeviceGraph, DeviceStream)) \
	F(EventCreate, "cuEventCreate", (DeviceEvent *, unsigned)) \
	F(EventDestroy, "cuEventDestroy_v2", (DeviceEvent)) \
	F(EventRecord, "cuEventRecord", (DeviceEvent, DeviceStream)) \
	F(EventSynchronize, "cuEventSynchronize", (DeviceEvent)) \
	F(EventElapsedTime, "cuEventElapsedTime", (float *, DeviceEvent, DeviceEvent))

static struct {
#define F(name, symbol, params) int(*name) params;
	FUNCTIONS(F)
#undef F
	int (*LaunchKernelEx)(const LaunchConfig *, DeviceFunction, void **, void **); /* or NULL */
	int tried;
	bool ok;
	Device device;
	DeviceInfo info;
	char why[256];
} cu;

/* CUdevice_attribute, CUjit_option, CUfunction_attribute: values of cuda.h. */
enum {
	ATTR_SMS = 16,
	ATTR_L2 = 38,
	ATTR_MAJOR = 75,
	ATTR_MINOR = 76,
	ATTR_SMEM_SM = 81,
	ATTR_SMEM_OPTIN = 97,
	JIT_ERROR_LOG = 5,
	JIT_ERROR_LOG_SIZE = 6,
	FUNC_MAX_DYNAMIC_SMEM = 8,
	LAUNCH_CLUSTER = 4
};

const char *driver_error(int status)
{
	static char text[256];
	const char *name = NULL, *what = NULL;

	if (!cu.GetErrorName || cu.GetErrorName(status, &name) || !name)
		name = "unknown error";
	if (!cu.GetErrorString || cu.GetErrorString(status, &what) || !what)
		what = "";
	snprintf(text, sizeof text, "%s (%s)", name, what);
	return text;
}

static void check(Diag *d, int status, const char *call)
{
	if (status)
		diag_env(d, "%s: %s", call, driver_error(status));
}

static const char *open_driver(void)
{
	void *lib = dlopen("libcuda.so.1", RTLD_NOW);
	int n = 0, e;

	if (!lib)
		return "no CUDA driver (libcuda.so.1 not found)";
#define F(name, symbol, params) \
	if (!(*(void **)&cu.name = dlsym(lib, symbol))) \
		return "the CUDA driver is too old: no " symbol;
	FUNCTIONS(F)
#undef F
	*(void **)&cu.LaunchKernelEx = dlsym(lib, "cuLaunchKernelEx"); /* CUDA 11.8 on */
	if ((e = cu.Init(0)) || (e = cu.DeviceGetCount(&n)))
		return driver_error(e);
	if (!n)
		return "a CUDA driver, but no device";
	if ((e = cu.DeviceGet(&cu.device, 0)) ||
	    (e = cu.DeviceGetName(cu.info.name, sizeof cu.info.name, cu.device)) ||
	    (e = cu.DeviceGetAttribute(&cu.info.major, ATTR_MAJOR, cu.device)) ||
	    (e = cu.DeviceGetAttribute(&cu.info.minor, ATTR_MINOR, cu.device)) ||
	    (e = cu.DeviceGetAttribute(&cu.info.sms, ATTR_SMS, cu.device)) ||
	    (e = cu.DeviceGetAttribute(&cu.info.l2_bytes, ATTR_L2, cu.device)) ||
	    (e = cu.DeviceGetAttribute(&cu.info.smem_sm, ATTR_SMEM_SM, cu.device)) ||
	    (e = cu.DeviceGetAttribute(&cu.info.smem_block, ATTR_SMEM_OPTIN, cu.device)) ||
	    (e = cu.DeviceTotalMem(&cu.info.memory, cu.device)) ||
	    (e = cu.DriverGetVersion(&cu.info.driver)))
		return driver_error(e);
	cu.ok = true;
	return "";
}

const DeviceInfo *driver_found(const char **why)
{
	if (!cu.tried) {
		cu.tried = 1;
		snprintf(cu.why, sizeof cu.why, "%s", open_driver());
	}
	if (why)
		*why = cu.why;
	return cu.ok ? &cu.info : NULL;
}

/* "sm_90a" runs on 9.0 alone, "sm_80" on 8.x. */
bool driver_runs(const char *arch)
{
	const DeviceInfo *info = driver_found(NULL);
	int cc = atoi(arch + 3);

	if (!info)
		return true;
	if (arch[strlen(arch) - 1] == 'a')
		return cc == info->major * 10 + info->minor;
	return cc / 10 == info->major && cc % 10 <= info->minor;
}

void driver_use(Diag *d, bool adopt)
{
	static Context primary;
	Context now = NULL;
	const char *why;

	if (!driver_found(&why))
		diag_env(d, "%s", why);
	check(d, cu.CtxGetCurrent(&now), "cuCtxGetCurrent");
	if (now && adopt)
		return;
	if (!primary)
		check(d, cu.PrimaryRetain(&primary, cu.device), "cuDevicePrimaryCtxRetain");
	if (now != primary)
		check(d, cu.CtxSetCurrent(primary), "cuCtxSetCurrent");
}

DevicePtr device_alloc(Diag *d, size_t bytes)
{
	DevicePtr p = 0;
	int e = cu.MemAlloc(&p, bytes ? bytes : 1);

	if (e)
		diag_env(d, "cuMemAlloc of %zu bytes: %s", bytes, driver_error(e));
	return p;
}

void device_free(DevicePtr p)
{
	if (p)
		cu.MemFree(p);
}

void device_upload(Diag *d, DevicePtr to, const void *from, size_t bytes)
{
	if (bytes)
		check(d, cu.MemcpyHtoD(to, from, bytes), "cuMemcpyHtoD");
}

void device_download(Diag *d, void *to, DevicePtr from, size_t bytes)
{
	if (bytes)
		check(d, cu.MemcpyDtoH(to, from, bytes), "cuMemcpyDtoH");
}

void device_copy(Diag *d, DevicePtr to, DevicePtr from, size_t bytes)
{
	if (bytes)
		check(d, cu.MemcpyDtoDAsync(to, from, bytes, NULL), "cuMemcpyDtoDAsync");
}

void device_poison(Diag *d, DevicePtr p, size_t bytes)
{
	if (bytes)
		check(d, cu.MemsetD8(p, 0xff, bytes), "cuMemsetD8");
}

size_t device_free_memory(Diag *d)
{
	size_t unused = 0, total = 0;

	check(d, cu.MemGetInfo(&unused, &total), "cuMemGetInfo");
	return unused;
}

DeviceModule device_load(Diag *d, const Cubin *c)
{
	char log[2048] = "";
	int option[] = {JIT_ERROR_LOG, JIT_ERROR_LOG_SIZE};
	void *value[] = {log, (void *)(uintptr_t)sizeof log};
	DeviceModule m = NULL;
	int e = cu.ModuleLoadDataEx(&m, c->data, 2, option, value);

	log[sizeof log - 1] = 0;
	log[strcspn(log, "\n")] = 0;
	if (e)
		diag_env(d, "cuModuleLoadData: %s%s%s", driver_error(e), log[0] ? ": " : "", log);
	return m;
}

void device_unload(DeviceModule m)
{
	if (m)
		cu.ModuleUnload(m);
}

DeviceFunction device_function(Diag *d, DeviceModule m, const char *name, int smem)
{
	DeviceFunction f = NULL;
	int e = cu.ModuleGetFunction(&f, m, name);

	if (e)
		diag_env(d, "cuModuleGetFunction %s: %s", name, driver_error(e));
	if (smem > 48 << 10 && (e = cu.FuncSetAttribute(f, FUNC_MAX_DYNAMIC_SMEM, smem)))
		diag_env(d, "%s: %d bytes of shared memory: %s", name, smem, driver_error(e));
	return f;
}

/* Clusters are asked for at the launch and not in the text, where they would have to divide every
 * count of blocks; and where a GPU has no room for them side by side it is done without. */
int device_launch_raw(DeviceFunction f, const Launch *l, DeviceStream stream, void **params)
{
	unsigned blocks = (unsigned)l->blocks, threads = (unsigned)l->threads, smem = (unsigned)l->smem;
	LaunchAttribute a = {LAUNCH_CLUSTER, 0, {(unsigned)l->cluster, 1, 1}};
	LaunchConfig c = {{blocks, 1, 1}, {threads, 1, 1}, smem, stream, &a, 1};

	if (l->cluster > 1 && l->blocks % l->cluster == 0 && cu.LaunchKernelEx &&
	    !cu.LaunchKernelEx(&c, f, params, NULL))
		return 0;
	return cu.LaunchKernel(f, blocks, 1, 1, threads, 1, 1, smem, stream, params, NULL);
}

void device_launch(Diag *d, DeviceFunction f, const Launch *l, DeviceStream stream, void **params)
{
	if (l->blocks < 1 || l->blocks > INT32_MAX)
		diag_fail(d, (Loc){0}, "%lld blocks; a launch takes 1 to 2147483647", (long long)l->blocks);
	check(d, device_launch_raw(f, l, stream, params), "cuLaunchKernel");
}

DeviceStream device_capture(Diag *d)
{
	DeviceStream s = NULL;

	check(d, cu.StreamCreate(&s, 1 /* does not wait for the default stream */), "cuStreamCreate");
	check(d, cu.StreamBeginCapture(s, 1 /* this thread's calls alone */), "cuStreamBeginCapture");
	return s;
}

DeviceGraph device_captured(Diag *d, DeviceStream s)
{
	DeviceGraph exec = NULL;
	Graph g = NULL;

	check(d, cu.StreamEndCapture(s, &g), "cuStreamEndCapture");
	check(d, cu.GraphInstantiate(&exec, g, 0), "cuGraphInstantiate");
	cu.GraphDestroy(g);
	cu.StreamDestroy(s);
	return exec;
}

void device_replay(Diag *d, DeviceGraph g)
{
	check(d, cu.GraphLaunch(g, NULL), "cuGraphLaunch");
}

void device_graph_free(DeviceGraph g)
{
	if (g)
		cu.GraphExecDestroy(g);
}

void device_wait(Diag *d)
{
	check(d, cu.CtxSynchronize(), "kernel");
}

DeviceEvent device_event(Diag *d)
{
	DeviceEvent e = NULL;

	check(d, cu.EventCreate(&e, 0), "cuEventCreate");
	return e;
}

void device_event_free(DeviceEvent e)
{
	if (e)
		cu.EventDestroy(e);
}

void device_record(Diag *d, DeviceEvent e)
{
	check(d, cu.EventRecord(e, NULL), "cuEventRecord");
}

float device_elapsed_ms(Diag *d, DeviceEvent from, DeviceEvent to)
{
	float ms = 0;

	check(d, cu.EventSynchronize(to), "kernel");
	check(d, cu.EventElapsedTime(&ms, from, to), "cuEventElapsedTime");
	return ms;
}
