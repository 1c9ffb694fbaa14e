/* simplify.h -- see simplify.c. */
#ifndef AZ_SIMPLIFY_H
#define AZ_SIMPLIFY_H

#include "ir.h"

void simplify_kernel(Kernel *k);

#endif
