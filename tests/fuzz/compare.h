/* compare.h -- a run's outputs against the traced body done in fp64 (tests/unit/eval.h). */
#ifndef AZ_FUZZ_COMPARE_H
#define AZ_FUZZ_COMPARE_H

#include "../../runtime/exec.h"
#include "case.h"

void compare_outputs(Exec *x, Outcome *o);

#endif
