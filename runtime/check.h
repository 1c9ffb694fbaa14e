/* check.h -- outputs against the spec's fp64 reference, on sampled rows.
 *
 * Limits: relative Frobenius error over the sampled rows (64 and more) at most 3e-3 in bf16, 5e-4
 * in f16; each row at most 1e-2, 1.5e-3. Under 64 rows only the latter. Rows 0, C-1, C and the
 * last of the first and the last program are always among them. A vector output's rows are single
 * numbers and are measured against the tensor's root mean square.
 */
#ifndef AZ_CHECK_H
#define AZ_CHECK_H

#include "exec.h"

typedef struct CheckOutput {
	const Arg *arg;
	int rows;
	double error, worst; /* Frobenius over all rows; the worst row's */
	int64_t worst_at[MAX_AXES];
	int64_t unwritten;
	bool ok;
} CheckOutput;

typedef struct CheckResult {
	int noutputs;
	CheckOutput output[MAX_ARGS];
	bool ok;
	double error; /* the largest of the outputs' */
	double seconds;
	char verdict[256]; /* "ok", or what is wrong in one line */
} CheckResult;

/* `rows`: about how many to sample for each output; fewer where the reference is costly. */
void check_outputs(Exec *x, int rows, CheckResult *out);

#endif
