/* sim.h -- the simulator: runs the generated text on the CPU and says what is wrong with it.
 *
 * sim_load compiles Module.text_sim with the host C compiler into a shared object and opens it.
 * sim_run executes one kernel: every block, its threads as fibers, warp collectives as
 * rendezvous of 32 fibers, cp.async landing as late as is legal (destination NaN-poisoned until
 * then). Findings are de-duplicated by (kind, spec line), most important first.
 */
#ifndef AZ_SIM_H
#define AZ_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../codegen/diag.h"

typedef struct Sim Sim;

/* A global buffer a kernel may touch. Reads of bytes never written are findings unless
 * `initialised`; accesses outside any buffer, or past its end, are findings. */
typedef struct SimBuffer {
	const char *name;
	void *data;
	size_t bytes;
	bool writable, initialised;
} SimBuffer;

typedef enum SimKind {
	SIM_DEADLOCK,
	SIM_MBARRIER, /* wrong use of one: counts, bytes, initialisation */
	SIM_DIVERGENT,
	SIM_RACE,
	SIM_BOUNDS,
	SIM_ALIGN,
	SIM_UNINIT,
	SIM_READONLY,
	SIM_PENDING, /* a read of an asynchronous copy's destination before its wait; never waited for
	              */
	SIM_FENCE,   /* a missing proxy fence or wgmma fence */
	SIM_OPERAND, /* a register touched while a product in flight owns it */
	SIM_MAP,     /* a wrong tensor map, matrix descriptor or register budget */
	NSIMKINDS
} SimKind;

typedef struct SimFinding {
	SimKind kind;
	int line;       /* of the generated text */
	char spec[128]; /* "copy.lua:21", or "" */
	char text[512]; /* one line, names the buffer and the two threads */
	long count;
} SimFinding;

/* Counted over the whole run. Loads and stores in bytes asked for, without async_bytes; sectors of
 * 32 bytes, asynchronous ones too; exp_ops by lane, mma and shuffles by warp, barriers by block. */
typedef struct SimCounters {
	uint64_t global_load_bytes, global_store_bytes, global_sectors;
	uint64_t shared_wavefronts,
	    shared_conflicts; /* conflicts: wavefronts beyond the least possible */
	uint64_t async_bytes, mma, barriers, exp_ops, shuffles;
} SimCounters;

typedef struct SimOptions {
	uint64_t seed; /* of the warp order; 0: in order */
	bool early;    /* asynchronous copies land as early as possible instead */
	int threads;   /* host worker processes or threads; 0: as many as cores */
	int drop_site; /* mutation: skip the synchronising primitive call with this number; -1: none */
} SimOptions;

enum { SIM_MAX_FINDINGS = 32 };

typedef struct SimResult {
	int nfindings;
	SimFinding finding[SIM_MAX_FINDINGS];
	SimCounters counters;
	double seconds;
} SimResult;

/* `text` is Module.text_sim: primitives, kernels, and at its end for each kernel
 *     static void NAME_entry(void **a) { NAME(*(TYPE *)a[0], ...); }
 *     const SimEntry sim_entries[] = { { "NAME", NAME_entry }, { 0, 0 } };
 * A comment "// name.lua:21" gives its line and those below it their place in the spec. Throws: no
 * host compiler (ST_ENV). `cache` is a folder for the compiled object, keyed by the text's hash;
 * NULL: none. */
Sim *sim_load(Diag *d, const char *text, const char *cache);
void sim_free(Sim *s);
/* Sites that can be dropped in this text (barriers, waits, commits). */
int sim_sites(const Sim *s);
/* One launch of kernel `name` over `blocks` blocks. params[i] points to the i-th parameter. */
void sim_run(Sim *s, Diag *d, const char *name, int64_t blocks, int threads, int smem,
             void **params, int nbuf, const SimBuffer *buf, const SimOptions *o, SimResult *out);

#endif
