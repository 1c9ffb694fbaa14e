/* tidy.h -- expressions of the generated text as a person would write them: see tidy.c. */
#ifndef AZ_TIDY_H
#define AZ_TIDY_H

#include "arena.h"

/* One statement, one condition, or the three parts of a for header; as it is where it does not
 * parse. */
const char *tidy_text(Arena *a, const char *text, int warps);

/* text[0..n) where it is one expression; as it is where it is none. */
void tidy_expression(Arena *a, const char *text, size_t n, int warps, Text *out);

#endif
