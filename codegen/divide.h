/* divide.h -- see divide.c. */
#ifndef AZ_DIVIDE_H
#define AZ_DIVIDE_H

#include "facts.h"

int divide_registers(Facts *f, int warps);
bool divide_axis(Facts *f, int warps, int limit);

#endif
