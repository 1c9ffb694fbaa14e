/* bench.h -- timing on the GPU: events around batches of launches, inputs and outputs rotating over
 * at least four times the L2 so that no launch finds its data there.
 */
#ifndef AZ_BENCH_H
#define AZ_BENCH_H

#include "exec.h"

typedef struct Timing {
	double ms, lo, hi; /* median of the samples and its 95% interval, per launch */
	int samples, batch, copies;
} Timing;

typedef struct Rotation {
	int copies;
	uint64_t (*base)[MAX_ARGS]; /* copies of every buffer; [0] is the Exec's own */
} Rotation;

/* Copies of all buffers, as many as four times the L2 takes and memory allows. */
void bench_rotate(Exec *x, Rotation *r);
void bench_free(Exec *x, Rotation *r);
/* Samples for about `seconds`, 5 at least. */
void bench_time(Exec *x, const Rotation *r, double seconds, Timing *out);
/* GB/s, read plus written, of a device-to-device copy of 256 MiB, right now. */
double bench_copy_rate(Diag *d);

#endif
