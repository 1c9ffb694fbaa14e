/* lower_rows.h -- tiles that threads hold a whole row at a time (lower_rows.c), and their way out
 * through shared memory (lower_image.c).
 */
#ifndef AZ_LOWER_ROWS_H
#define AZ_LOWER_ROWS_H

#include "lower.h"

enum { MAX_ROWS = 2, MAX_INPUTS = 4 };

/* Rows of an argument in shared memory, one after the other as they stand in global memory. */
typedef struct Image {
	const Op *io;          /* the load or store */
	int elem, cols, bytes; /* of an element, in a row */
	int width, pitch;      /* bytes of a thread's accesses; from row to row */
	bool vectors;          /* rows of 16-byte units: each is moved by itself */
	Buffer *buf;
	const char *base;     /* address of the part's first row, but for the shift */
	const char *to, *run; /* where that row is in global memory; the same as bytes */
	const char *shift;    /* of the image, in bytes; NULL: none */
	const char *unit;     /* address of the thread's own rows */
} Image;

/* How threads divide a tile's rows. */
typedef struct Cut {
	int nrows;                /* of the tile */
	int per, lanes;           /* rows a unit, units a group */
	int groups, parts, turns; /* of units; at once; one after the other */
	int splits;               /* of the columns, over warps */
	bool own;                 /* each warp has a part to itself */
	const char *row, *live;   /* the part's first row in the tile; how many of its rows exist */
	int words;                /* registers of a thread's sources, most of all splits */
	Image out, in[MAX_INPUTS];
	int nin;
} Cut;

typedef struct Rows {
	Lower *L;
	const Cut *cut;
	int reach;                 /* rows that all threads together hold */
	const char *row[MAX_ROWS]; /* the thread's rows: their places in the tile */
	const char *at[MAX_ROWS];  /* and in the arguments, once asked for */
	Block loads;               /* what has to stand before the elements' own text */
	int words;                 /* registers that loads and kept elements take */
	struct Held *held;
} Rows;

/* Whether x can be made row by row, and should be. */
typedef struct RowsFit {
	bool grown;                   /* it has columns that no memory holds */
	const Op *ragged[MAX_INPUTS]; /* loads whose rows cannot be read by wide accesses */
	int nragged;
} RowsFit;
bool rows_fit(Lower *L, const Op *x, const Range *rows, RowsFit *fit);
/* The element, from registers that r->loads fills and, before it, statements at L->out. */
const char *rows_element(Rows *r, Op *x, int row, int col);

/* lower_run.c */
void image_open(Lower *L, const Cut *c, Image *m, const char *part);
int image_step(const Cut *c, const Image *m); /* bytes from part to part that are warps' own */
int image_bytes(const Cut *c, const Image *m);
void image_move(Lower *L, const Cut *c, Image *m); /* into shared memory, or out of it */
/* Says what the statement does to the image, where sync has to know. */
void image_access(const Cut *c, const Image *m, Stmt *st, AccessKind k);

#endif
