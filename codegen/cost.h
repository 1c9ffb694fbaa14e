/* cost.h -- how much work a kernel is, counted on the tile IR. */
#ifndef AZ_COST_H
#define AZ_COST_H

#include "ir.h"

struct Facts;

/* Operations (2 per multiply-add) of all products over the whole launch. Under a loop's mask only
 * the elements seen count, estimated on a sample of them. `scalar` holds rank-0 arguments by
 * Arg.id. */
double kernel_flops(const Kernel *k, const int64_t *axis_size, const float *scalar);

/* The products' work as issued over what the spec asks for: padding, and tiles that several warps
 * or parts of a divided axis each compute whole. Needs the split over `warps`. */
double cost_redundancy(struct Facts *f, int warps);

#endif
