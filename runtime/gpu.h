/* gpu.h -- what is known of GPUs: specs/gpus/NAME.yaml, read into GpuTarget. */
#ifndef AZ_GPU_H
#define AZ_GPU_H

#include "../codegen/compile.h"

typedef struct Gpu {
	const char *name;  /* "h100", the file's name */
	const char *title; /* "NVIDIA H100 SXM" */
	int nmatch;
	const char *match[8]; /* parts of the driver's device names */
	GpuTarget target;
} Gpu;

/* Throws on an unknown name (listing the known ones), an unknown key or a bad value. */
const Gpu *gpu_find(Diag *d, Arena *a, const char *name);
/* All of them, sorted by name. */
int gpu_all(Diag *d, Arena *a, const Gpu **out, int max);
/* Of compute capability major.minor. */
bool gpu_is(const Gpu *g, int major, int minor);
/* By the driver's device name and compute capability (an "RTX A1000" is no A100); NULL when no file
 * matches. The longest match wins. */
const Gpu *gpu_match(Diag *d, Arena *a, const char *device, int major, int minor);

#endif
