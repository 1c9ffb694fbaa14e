/* tuned.h -- generated/tuned/GPU.yaml: what the tuner chose, looked up and written. */
#ifndef AZ_TUNED_H
#define AZ_TUNED_H

#include "plan.h"

/* Adds the recorded tunables for this spec, GPU and shape to `set`, except those already there.
 * Never fails: a missing or broken file, or no record that fits, adds nothing. A record fits when
 * its compile-time settings are the same; of those, the one nearest in work wins. */
bool tuned_lookup(Cli *c, const Gpu *gpu, const Plan *p, int *n, SpecSet *set);

typedef struct TunedRecord {
	const char *spec;
	const char *fixed;  /* "D=16,V=64,dtype=bf16,normalize=0": must be equal */
	const char *shape;  /* "B=1,H=2,N=200": the nearest is taken */
	const char *config; /* "C=64,stages=2,warps=4" */
	const char *env;    /* "model" or "device NAME, driver 13.0, nvrtc 13.0" */
	double us, ci;      /* 0 by the model */
	int tried, of;
	bool model;
} TunedRecord;

/* Replaces the record of the same spec, fixed and shape, or adds it; sorted, atomic. */
void tuned_store(Cli *c, const Gpu *gpu, const TunedRecord *r);
/* The settings of a plan that a record must equal, and its run-time sizes. */
const char *tuned_fixed(const Plan *p, Arena *a);
const char *tuned_shape(const Plan *p, Arena *a);

#endif
