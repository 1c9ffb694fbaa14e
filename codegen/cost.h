/* cost.h -- how much work a kernel is, counted on the tile IR. */
#ifndef AZ_COST_H
#define AZ_COST_H

#include "ir.h"

/* Operations (2 per multiply-add) of all products over the whole launch. Under a loop's mask only
 * the elements seen count, estimated on a sample of them. `scalar` holds rank-0 arguments by
 * Arg.id. */
double kernel_flops(const Kernel *k, const int64_t *axis_size, const float *scalar);

#endif
