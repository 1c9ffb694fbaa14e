/* tails.h -- see tails.c. */
#ifndef AZ_TAILS_H
#define AZ_TAILS_H

#include "facts.h"

void tails_mask(Facts *f);

#endif
