/* sim_trace.h -- what each thread of a run did, call by call, to tell whether another run did the
 * same. Of a mutant that nothing noticed this is a proof: memory, other threads and the engines
 * were given the same.
 */
#ifndef AZ_SIM_TRACE_H
#define AZ_SIM_TRACE_H

#include <stdbool.h>

/* What runs record, or compare themselves with. Runs of the same kernels at the same sizes. */
typedef struct SimTrace SimTrace;

SimTrace *sim_trace_new(void); /* NULL: no memory */
/* Runs from now on record. Once for a trace. */
void sim_trace_record(SimTrace *t);
/* Runs from now on are compared with what was recorded. */
void sim_trace_compare(SimTrace *t);
/* No more runs. After a comparison: were they the same? More waits, fences and commits, which only
 * make a thread wait longer, count as the same. */
bool sim_trace_end(SimTrace *t);
void sim_trace_free(SimTrace *t);

/* sim_service.c, in a worker: its services note what they are asked for. */
void sim_trace_bind(void *lib);

#endif
