/* nvrtc.h -- CUDA text to cubin, through an NVRTC opened at run time. Needs no GPU. */
#ifndef AZ_NVRTC_H
#define AZ_NVRTC_H

#include <stdbool.h>
#include <stddef.h>

#include "../codegen/arena.h"
#include "../codegen/diag.h"

enum { CUBIN_MAX_KERNELS = 8 };

typedef struct CubinKernel {
	char name[96];
	int regs, spill_bytes, smem, stack; /* as ptxas -v says: per thread, stores + loads, static */
} CubinKernel;

typedef struct Cubin {
	void *data; /* a cubin, or PTX when `ptx` */
	size_t size;
	bool ptx, cached;
	double seconds; /* of this compile, or of reading the cache */
	int nkernels;
	CubinKernel kernel[CUBIN_MAX_KERNELS];
} Cubin;

/* What was found: "path (13.0)", or NULL with *why set. Opened once. */
const char *nvrtc_found(const char **why);

/* Compiles for `arch` ("sm_90a"), or finds the result in the cache. With `ptx`, stops at PTX for
 * the driver to finish (the text of an older GPU on a newer one). Throws ST_ENV without NVRTC,
 * ST_USER with the compiler's first error when the text is wrong. The result lives in `a`. */
Cubin *nvrtc_compile(Diag *d, Arena *a, const char *text, const char *name, const char *arch,
                     bool ptx, bool use_cache);

#endif
