/* spec.h -- a spec file: opened once, traced once for each choice of settings, and asked for
 * reference rows. Wraps the sandboxed Lua state. All failures go through the Diag given.
 */
#ifndef AZ_SPEC_H
#define AZ_SPEC_H

#include "ir.h"

typedef struct Spec Spec;

/* A declared dimension: from `dims`. */
typedef struct SpecDim {
	const char *name;
	bool has_default; /* compile-time when it has a default or is listed as static */
	bool derived;     /* computed from other dimensions; cannot be set */
	int64_t value;    /* its value under the current settings, 0 while unknown */
} SpecDim;

/* A tunable or a compile-time flag: the values to choose from; the first is the default. */
typedef struct SpecTune {
	const char *name;
	int n;
	double value[16];
} SpecTune;

typedef struct SpecInfo {
	const char *name, *doc, *file;
	int ndims, ntune, nflags;
	SpecDim dims[MAX_DIMS];
	SpecTune tune[MAX_DIMS];  /* sorted by name */
	SpecTune flags[MAX_DIMS]; /* boolean or small-integer options such as normalize, causal */
	const char
	    *smoke[16]; /* the spec's own small test settings, "B=1,H=2,N=200"; NULL-terminated */
} SpecInfo;

/* NAME=VALUE pairs as given by --set. Unknown names are an error that lists the legal ones. */
typedef struct SpecSet {
	const char *name, *value;
} SpecSet;

Spec *spec_open(Diag *d, const char *path, const char *shown);
void spec_close(Spec *s);
const SpecInfo *spec_info(const Spec *s);

/* Traces the body under these settings; unset dims keep their defaults, unset tune entries their
 * first value, optional arguments are present when named in `bind` ("s0,s1"; NULL: none).
 * The kernel lives in `a`. */
Kernel *spec_trace(Spec *s, Diag *d, Arena *a, int nset, const SpecSet *set, const char *bind);

/* The reference. The caller supplies element access to the inputs; `at` holds the index of each
 * of output's axes but the last; the row (last axis) is written to out as doubles. An output
 * whose last axis is known only at launch ("B H N") has rows of one number: then `at` holds the
 * index of every axis and nout is 1. */
typedef double SpecFetch(void *user, const Arg *arg, const int64_t *index);
void spec_reference(Spec *s, Diag *d, const Kernel *k, const int64_t *axis_size /* by Axis.id */,
                    const Arg *output, const int64_t *at, SpecFetch *fetch, void *user, double *out,
                    int nout);

#endif
