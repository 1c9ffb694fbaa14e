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
/* value (+)= a b; `a` are the left operand's registers by thread, NULL: it is in shared memory. */
void product_compute(const Product *p, u32 (*a)[LEFT_REGS], float (*value)[WGMMA_N]);

/* sim_wgmma.c: by the last thread of the current warpgroup that asks. */
void sim_wgmma_issue(u64 at, const Product *p, bool in_registers);
void sim_wgmma_committed(void);

/* sim_asked.c: after a wait, and at the beginning of a block. */
void sim_asked_forget(int group);

#endif
