/* lower_rows.h -- tiles that threads hold a whole row at a time (lower_rows.c), and their way out
 * through shared memory (lower_image.c).
 */
#ifndef AZ_LOWER_ROWS_H
#define AZ_LOWER_ROWS_H

#include "lower.h"

enum { MAX_ROWS = 2 };

typedef struct Rows {
	Lower *L;
	int n;                     /* rows a thread holds */
	int reach;                 /* rows that all threads together hold */
	const char *row[MAX_ROWS]; /* their places in the tile */
	const char *at[MAX_ROWS];  /* and in the arguments, once asked for */
	Block loads;               /* what has to stand before the elements' own text */
	int words;                 /* registers that loads and kept elements take */
	struct Held *held;
} Rows;

/* Whether x can be made row by row, and should be; *grown: it has columns that no memory holds. */
bool rows_fit(Lower *L, const Op *x, const Range *rows, bool *grown);
/* The element, from registers that r->loads fills and, before it, statements at L->out. */
const char *rows_element(Rows *r, Op *x, int row, int col);

#endif
