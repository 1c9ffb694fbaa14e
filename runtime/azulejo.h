/* azulejo.h -- libazulejo: kernels from specs, prepared once and launched many times.
 *
 *	AzKernel *k = az_open("based_prefill", NULL, "B=8,H=16,N=4096", "s1");
 *	if (!k || az_load(k)) { fprintf(stderr, "%s\n", az_error()); ... }
 *	void *p[AZ_MAX_ARGS];      // device pointers, in the order of az_arg
 *	az_launch(k, p, workspace, stream);
 *	az_close(k);
 *
 * Opening traces the spec and compiles it to CUDA text; it needs neither GPU nor driver. Loading
 * compiles the text for the device of the calling thread's current CUDA context (or the primary
 * context of device 0). Launching takes no allocation, no lookup and no lock: a loaded handle may
 * be launched from several threads at once, and captured in a CUDA graph. Results depend on the
 * text, the settings and the inputs alone, bit for bit.
 *
 * Functions that can fail return a status (0: success) or NULL, and leave one line in az_error().
 */
#ifndef AZULEJO_H
#define AZULEJO_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AZ_MAX_ARGS 24
#define AZ_MAX_AXES 6

typedef enum AzStatus {
	AZ_OK = 0,
	AZ_USER = 2, /* the spec, a setting or an argument is wrong */
	AZ_ENV = 3   /* no driver, no NVRTC, no memory, or the driver refused */
} AzStatus;

typedef enum AzDtype { AZ_F32, AZ_BF16, AZ_F16, AZ_I32 } AzDtype;

/* An argument as declared. Sizes and strides count elements, axes as declared, outermost first. */
typedef struct AzArg {
	const char *name;
	AzDtype dtype;
	int output;  /* written by the kernel */
	int present; /* 0: an optional argument that was not bound; its pointer is ignored */
	int rank;    /* 0: a scalar; az_set_scalar sets it */
	const char *axis[AZ_MAX_AXES];
	int64_t size[AZ_MAX_AXES], stride[AZ_MAX_AXES];
} AzArg;

typedef struct AzKernel AzKernel;

/* spec: a path, or the name of one of the specs inside. gpu: a name that `azulejo gpus` lists;
 * NULL for the device at hand. settings: "K=V,...": sizes (all run-time sizes must be given),
 * compile-time dimensions, tunables, flags, dtype, schedule. bind: "a,b": optional arguments that
 * will be passed; may be NULL. Tunables not set come from the tuning record for this GPU and shape,
 * if there is one, else from the spec's defaults. */
AzKernel *az_open(const char *spec, const char *gpu, const char *settings, const char *bind);
void az_close(AzKernel *k);

int az_args(const AzKernel *k);
const AzArg *az_arg(const AzKernel *k, int i);

/* Before az_load. Strides in elements; dense, axes as declared, until set. A matrix needs stride 1
 * along its last axis; axes written as a group "(G R)" in the spec share memory, so that
 * stride[G] = size[R] * stride[R]. */
AzStatus az_set_strides(AzKernel *k, const char *arg, const int64_t *stride);
/* Before az_load. Base pointers will be multiples of `bytes` (16, the default, 8, 4 or 2). */
AzStatus az_set_alignment(AzKernel *k, int bytes);
/* Any time between launches, but not during one. f32 or i32 by value. */
AzStatus az_set_scalar(AzKernel *k, const char *arg, double value);

/* Compiles the text into the cache on disk and loads nothing: it needs NVRTC but no GPU, so that
 * others (a build machine, parallel processes) can do the slow part of az_load beforehand. */
AzStatus az_build(AzKernel *k);
/* Compiles, or reads the cache, and loads; also settles az_workspace and az_cuda. */
AzStatus az_load(AzKernel *k);
/* Bytes of workspace a launch needs, 256-byte aligned; 0: none. Launches that overlap need one
 * each. */
size_t az_workspace(AzKernel *k);
/* The CUDA text, header-free; it lives as long as the handle. Works without az_load and without a
 * GPU; NULL on error. */
const char *az_cuda(AzKernel *k);
/* What was chosen: "C=64,dtype=bf16,stages=3,warps=4,schedule=onepass,segments=1,tuned=1", tuned:
 * by a record. It lives as long as the handle; NULL on error. */
const char *az_settings(AzKernel *k);

/* One of the CUDA kernels that a launch enqueues. */
typedef struct AzStage {
	const char *name;
	int64_t blocks;             /* 0: not launched at these sizes */
	int threads, smem;          /* of a block; bytes, dynamic */
	int registers, spill_bytes; /* a thread's, as ptxas says; -1 where the driver compiles PTX */
	int cluster;                /* neighbouring blocks placed together, if that divides blocks */
} AzStage;

/* After az_build or az_load, in the order of launching. Fills `out`; returns how many there are, 0
 * before. `i` out of range leaves `out` alone. */
int az_stage(const AzKernel *k, int i, AzStage *out);

/* An output may lie where an input of its shape does (a state updated in place) under a one-pass
 * schedule; where programs would overwrite what others still read, the launch is refused.
 *
 * Enqueues all kernels on `stream` (a CUstream or cudaStream_t; NULL: the default stream).
 * pointer[i] belongs to az_arg(k, i): device memory with the strides set. Returns AZ_ENV when the
 * driver refuses, AZ_USER for a pointer that is missing or less aligned than was promised. */
AzStatus az_launch(const AzKernel *k, void *const *pointer, void *workspace, void *stream);

/* The last error of the calling thread: one line, never NULL. */
const char *az_error(void);

#ifdef __cplusplus
}
#endif
#endif
