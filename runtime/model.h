/* model.h -- an estimate of a kernel's time on a GPU that is not at hand, from its description. */
#ifndef AZ_MODEL_H
#define AZ_MODEL_H

#include "nvrtc.h"
#include "plan.h"

/* Blocks of kernel `t` that fit an SM at once; 0 when one does not. */
int model_occupancy(const GpuTarget *g, const KernelText *t, const CubinKernel *k);
/* Milliseconds, all kernels of the module. `c` may be NULL: registers unknown. */
double model_ms(const Plan *p, const Cubin *c);

#endif
