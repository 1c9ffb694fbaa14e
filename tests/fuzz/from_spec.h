/* from_spec.h -- the specs of specs/, each at anything it allows. */
#ifndef AZ_FUZZ_FROM_SPEC_H
#define AZ_FUZZ_FROM_SPEC_H

#include "case.h"
#include "dice.h"

/* Reads what the specs say of themselves; once, before any case. */
void specs_read(void);
int specs_count(void);
/* A random case of spec i. */
void specs_case(Dice *d, int i, Case *c);
/* "a100", "h100", ...: one GPU of each architecture, the first two more often. */
const char *any_gpu(Dice *d, bool engine); /* engine: one with a copy engine and wgmma */
/* A size of at least 1 near what a chunk of `chunk` makes awkward. */
int awkward_size(Dice *d, int chunk, int most);

#endif
