/* cost.h -- how much work a kernel is, counted on the tile IR. */
#ifndef AZ_COST_H
#define AZ_COST_H

#include "ir.h"

/* Operations (2 per multiply-add) of all products over the whole launch. A masked loop counts
 * half: masks are causal more often than not. */
double kernel_flops(const Kernel *k, const int64_t *axis_size);

#endif
