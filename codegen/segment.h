/* segment.h -- the segmented schedule: see segment.c (lowering) and segment_scan.c. */
#ifndef AZ_SEGMENT_H
#define AZ_SEGMENT_H

#include "lower.h"

enum { MAX_CARRIED = 16 };

/* The product of a state's decay factors over a segment: absent (1), one number, or one for each
 * of the state's registers. */
typedef enum DecayKind { DECAY_NONE, DECAY_ONE, DECAY_EACH } DecayKind;

typedef struct Carried {
	const Op *state;
	DecayKind kind;
	int drop;             /* DECAY_EACH: the dimension along which factors repeat, or -1 */
	int first, regs;      /* its registers among those of all states */
	int at;               /* its decay's place in a slot of the decays, in floats */
	const Version *decay; /* in the kernel being lowered */
} Carried;

struct Segments {
	const Op *loop;
	int n, regs, floats; /* of all states: registers, floats of decays */
	Carried state[MAX_CARRIED];
	/* names in the kernel being lowered */
	const char *count, *seg, *program, *states, *decays;
};

Segments *segment_new(const Kernel *k, const Op *loop);
Dev *segment_scan(const Segments *s, const Dev *full);
void segment_work(const Segments *s, const Dev *full, Module *m);
/* How many segments, from the kernel's blocks without any; the axis' size and chunk. */
int segment_count(const GpuTarget *g, const KernelText *t, int64_t blocks, int64_t size, int chunk);

/* What lowering asks, in the order of the text. */
void segment_lower(Lower *L, Segments *s);
const char *segment_program(Lower *L); /* the program's index; declares the segment's */
void segment_start(Lower *L, Op *state, Version *w, void (*fill)(Lower *, Op *, Version *));
void segment_bounds(Lower *L, const char *n, const char **lo, const char **hi);
void segment_decay(Lower *L, Op *decay);
void segment_end(Lower *L);
const char *segment_store_when(Lower *L, const Op *store); /* the condition for it, or NULL */

#endif
