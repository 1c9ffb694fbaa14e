/* sim_load.h -- a text compiled for the simulator. */
#ifndef AZ_SIM_LOAD_H
#define AZ_SIM_LOAD_H

#include "sim.h"

enum { SIM_MAX_KERNELS = 8, SIM_MAX_PARAMS = 160 };

/* As the text declares it. */
typedef struct SimEntry {
	const char *name;
	void (*run)(void **);
} SimEntry;

typedef struct SimKernel {
	SimEntry entry;
	int nparams;
	bool pointer[SIM_MAX_PARAMS];
} SimKernel;

struct Sim {
	void *lib;
	int nsites, nkernels, nlines;
	char **spec; /* [line]: "copy.lua:21", or NULL */
	SimKernel kernel[SIM_MAX_KERNELS];
};

/* The text with its loops made to count in sim_turn; lines stay. NULL: no memory. sim_turns.c */
char *sim_turns(const char *text);

#endif
