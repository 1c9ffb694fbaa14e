/* tidy.h -- expressions of the generated text as a person would write them: see tidy.c. */
#ifndef AZ_TIDY_H
#define AZ_TIDY_H

#include "arena.h"

/* One statement, one condition, or the three parts of a for header; as it is where it does not
 * parse. */
const char *tidy_text(Arena *a, const char *text, int warps);

#endif
