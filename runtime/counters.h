/* counters.h -- what the simulator counted, for people and for programs: by kernel, by spec line
 * (its text beside it), and, as JSON, by generated line.
 */
#ifndef AZ_COUNTERS_H
#define AZ_COUNTERS_H

#include "exec.h"
#include "json.h"

/* A table a kernel: spec lines down, what is not zero somewhere across. */
void counters_print(const Exec *x, FILE *f);
/* "counters": the totals. */
void counters_json(const Exec *x, Json *j);
/* "kernels": [{"name", "blocks", "threads", "counters", "spec_lines", "generated_lines"}]; zeros
 * are left out of the latter three. */
void counters_json_lines(const Exec *x, Json *j);

#endif
