/* sim_wgmma.h -- one product of a warpgroup: m64 nN k16. */
#ifndef AZ_SIM_WGMMA_H
#define AZ_SIM_WGMMA_H

#include "sim_state.h"

enum { WGMMA_M = 64, WGMMA_N = 256, WGMMA_K = 16, LEFT_REGS = 4 };

typedef struct Product {
	int n, f16;
	bool accumulate;
	int ta, tb; /* operand is MN-major */
	u64 da, db; /* descriptors; da: when the left operand is in shared memory */
} Product;

/* Checks the reads of the operands in shared memory, which engine `reader` does for the warpgroup
 * whose first thread is t, and marks them. */
void product_read(const Product *p, u64 at, const Thread *t, int reader, u32 stamp, bool left);
/* value (+)= a b; `a` are the left operand's registers by thread, NULL: it is in shared memory.
 * `value` lies at a multiple of LINE bytes. */
void product_compute(const Product *p, u32 (*a)[LEFT_REGS], float (*value)[WGMMA_N]);

/* ---- sim_sets.c ---- */

/* Registers that products take together: accumulators, or a left operand. */
typedef struct Set {
	int n, inflight;         /* registers a thread, products */
	u32 **reg, *known;       /* [thread * n + register]: where; values at the last fence or wait */
	bool valid;              /* known */
	float (*value)[WGMMA_N]; /* accumulators in flight */
	float *d[GROUP][2];      /* what the accumulators' places were made from */
	const void *low[GROUP], *high[GROUP]; /* all of a thread's registers lie there */
	u64 used, issued;
} Set;

enum { MAX_SETS = 256 };

/* Of one warpgroup. */
typedef struct SetList {
	Set *set[MAX_SETS];
	int n;
	u64 turn;
} SetList;

/* t: the warpgroup's first thread, in which, and the others, the operands are named. */
Set *set_accumulators(SetList *g, const Thread *t, int columns);
Set *set_left(SetList *g, const Thread *t);
void set_note(Set *s); /* its values are known */
void set_take(Set *s); /* out of the registers */
void set_give(Set *s);
void set_poison(const Set *s);
int set_touched(const Set *s); /* the first changed since they were poisoned or given; or all */
void set_free_all(SetList *g);
/* `columns` of sums, out of a warpgroup's registers and into them; d: by thread, of rows g and
 * g + 8. */
void sums_take(float *(*d)[2], int columns, float (*value)[WGMMA_N]);
void sums_give(float *(*d)[2], int columns, float (*value)[WGMMA_N]);

/* ---- Products ---- */

void sim_wgmma_count(u64 at, const Product *p, bool in_registers); /* sim_wgmma.c */

/* sim_asked.c: at the beginning of a block. */
void sim_asked_forget(int group);

#endif
