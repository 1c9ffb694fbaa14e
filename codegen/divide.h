/* divide.h -- see divide.c. */
#ifndef AZ_DIVIDE_H
#define AZ_DIVIDE_H

#include "facts.h"

int divide_registers(Facts *f);
bool divide_axis(Facts *f, int warps, int limit);

#endif
