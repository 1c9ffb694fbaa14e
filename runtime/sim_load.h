/* sim_load.h -- a text compiled for the simulator. */
#ifndef AZ_SIM_LOAD_H
#define AZ_SIM_LOAD_H

#include "sim.h"

enum { SIM_MAX_KERNELS = 8, SIM_MAX_PARAMS = 160 };

/* As the text declares it. */
typedef struct SimEntry {
	const char *name;
	void (*run)(void **);
	int min_blocks; /* an SM is to hold at once; 0: 1 */
} SimEntry;

/* A buffer in a kernel's shared memory: `stages` copies of `bytes`. As the text declares it, ended
 * by a NULL name; a text may have no such table. */
typedef struct SimPlace {
	const char *kernel, *name;
	int offset, bytes, stages;
} SimPlace;

typedef struct SimKernel {
	SimEntry entry;
	int nparams;
	bool pointer[SIM_MAX_PARAMS];
} SimKernel;

bool sim_is_sync(const char *name, size_t n); /* a barrier, wait, fence or commit */

struct Sim {
	void *lib;
	int nsites, nkernels, nlines;
	char **spec; /* [line]: "copy.lua:21", or NULL */
	SimKernel kernel[SIM_MAX_KERNELS];
};

/* sim_tidy.c: a folder with these files, and children (or, less than 0, groups of them), that a
 * signal removes and ends. A NULL folder: no more. */
enum { SIM_SCRATCH_FILES = 3 };
void sim_scratch(const char *dir, const char *const *name);
void sim_child(long pid, bool alive);

/* The text with its loops made to count in sim_turn; lines stay. NULL: no memory. sim_turns.c */
char *sim_turns(const char *text);
/* The text with its runs of ldmatrix and mma marked; likewise. `mixed`: of both. sim_runs.c */
char *sim_runs(const char *text, bool mixed);

#endif
