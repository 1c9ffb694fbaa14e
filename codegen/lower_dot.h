/* lower_dot.h -- a product being lowered, for the files that lower kinds of it. */
#ifndef AZ_LOWER_DOT_H
#define AZ_LOWER_DOT_H

#include "lower.h"

typedef enum OperandKind { ARRAY, STREAM, MADE, FORMED, THIN } OperandKind;

typedef struct Operand {
	OperandKind kind;
	Op *x;        /* behind casts and transposes */
	bool swapped; /* x's dimension 0 is the operand's dimension 1 */
	bool left;
	Layout need; /* of the operand [m, k] or [k, n] */
	Layout own;  /* the same in terms of x */
	Version *array;
	Staged *staged;
	Buffer *thin;
	const Staged *more; /* a panel of which eight columns follow its own 64 */
	const char *frag;   /* STREAM: array of this k step's cores, [outer][2] */
	const Grow *grow;
	int outer, k; /* cores per warp */
} Operand;

/* A thin state that is updated along with a wide one, w NULL: none. */
typedef struct Beside {
	Version *w;
	Op *ones;
	Layout col;       /* of its right operand */
	const char *g;    /* which column of it is the lane's */
	const char *desc; /* as a warpgroup's product: the ones' descriptor, else NULL */
} Beside;

typedef struct Product {
	Lower *L;
	Op *op;
	Version *acc;
	Layout l;
	bool flip;
	Operand a, b; /* left, right */
	const char *ty;
	bool fresh; /* begins its accumulators */
	bool wgmma; /* lower_wgmma.c: the right operand's descriptor */
	const char *b_desc;
	Beside beside;
	struct Product *along; /* another by the same left operand, step by step */
	Version *sums;         /* a third: sums over the left operand's columns */
} Product;

/* lower_dot.c: pieces of text. Indices count cores (i, j) or k16 steps (k), as C expressions. */
Block *product_loop(Lower *L, const char *v, int n, const char **out);   /* *out: "0" or v */
const char *product_twice(Lower *L, int half, const char *i);            /* 2 i + half */
const char *product_acc(const Product *p, const char *i, const char *j); /* a core's pair */
const char *product_core(Product *p, Operand *o, const char *outer, const char *k);
const char *product_frag(Product *p, Operand *o, const char *outer, int half, const char *k);
void product_array(Product *p, Operand *o);
void product_count(Product *p); /* for Dev.products */
/* Whether op, its result in layout l, is a product of warpgroups as it stands; opened in *p. */
bool lower_dot_flies(Lower *L, Op *op, const Layout *l, Product *p);
/* Loads the k16 step's cores of a STREAM operand. */
void product_stream(Product *p, Operand *o, const char *k);

/* The mma over all tiles of the result for one k step. */
void product_step(Product *p, const char *k);
Product lower_product_open(Lower *L, Op *op, const Layout *l);

bool product_thin(const Product *p, Product *q, Op *op, const Layout *l);

/* lower_features.c: a grown left operand, along the contraction or along the result's rows. */
void lower_over_features(Product *p);
void lower_to_features(Product *p);
/* acc cores (row0, j) and (row1, j) += the formed cores f times the k step's of the right. */
void lower_features_add(Product *p, const char *f, const char *row0, const char *row1,
                        const char *k);

/* lower_share.c: the second, where the warps divide the features. */
typedef struct Share {
	int warps, pos, n; /* how many parts, from which place of the warp's number; steps of each */
	const char *w;     /* which part this warp's is, 0 .. warps-1 */
} Share;
/* How the warps divide a piece's steps, and what a warp looks up for them. */
typedef struct Steps {
	Share s;
	/* by step u, where the piece's tile is turned: from bit 0 the place of the rows of the first
	 * factor and of the second's first half, from bit 16 that of its second half; else bits 0-4 and
	 * 8-12 the lanes that hold the factors (of half 0 the second; of half 1 it is 8 on), 16-23 and
	 * 24-31 their column cores */
	const char *look;
	const Turned *turned;
	signed char *same[2];    /* by step u: the first one with the same factors */
	const char *cores, *row; /* the tile's cores, where they are in registers */
	bool again;              /* rows that one step reads serve another */
	const char *kept;        /* then the rows read of all steps */
	const char *ahead;       /* the step's rows of the turned tile, read before */
} Steps;
void lower_share(Product *p, const Share *h);
/* One k16 step at a time, its right operand's cores read by the caller. */
Steps *lower_share_open(Product *p, const Share *h);
void lower_share_step(Product *p, const Steps *each, const char *k);
/* lower_lookup.c; `again` of the steps is set too. */
void lower_share_lookup(Product *p, Steps *h, const Piece *pc);
int lower_share_piece(const Grow *g); /* the one that has slots, when it is of pairs; else -1 */
/* The first step from u on that finds factors already read; else the number of steps. */
int lower_share_again(const Steps *h, int u);
Steps *lower_features_open(Product *p); /* NULL: the warps do not divide the features */

/* lower_both.c: the product of an update to come, step by step along with p. */
typedef struct Both {
	Product q;
	Op *update;
	Steps *each;
} Both;
bool lower_both_open(Both *b, const Product *p);
void lower_both_step(Both *b, const Product *p, const char *k);
void lower_both_close(const Both *b);

/* lower_beside.c: for the product that updates a wide state. */
void lower_beside_open(Product *p);
void lower_beside_step(Product *p, const char *f, const char *u, const char *k);
void lower_beside_issue(Product *p, const char *f, const char *u);
/* For the product that reads a wide state: q is that which reads a thin one by the same features.
 */
bool lower_beside_reads(Lower *L, const Op *dot);
bool lower_beside_same(Lower *L, const Op *dot, const Op *then); /* by the same features */
Layout lower_beside_read_layout(Product *p, const Op *dot);
bool lower_beside_read(Product *p, Product *q);

/* lower_ones.c */
const char *lower_ones(Lower *L);
/* sums (+)= a times the ones of `column`; sums are two cores' pairs, a the left operand's cores. */
void lower_ones_step(Product *p, const char *lo, const char *hi, const char *const *a,
                     const char *desc, const char *column, const char *adds);
bool lower_ones_rows(Product *p, Op *sum);
bool lower_ones_join(Product *p, const Op *then);
Version *lower_ones_begun(Lower *L, const Op *dot);

/* lower_wgmma.c */
bool lower_wgmma_fits(Product *p);
void lower_wgmma_plain(Product *p);
void lower_wgmma_issue(Product *p); /* in the group now open */
void lower_wgmma_open(Product *p);
void lower_wgmma_take(Lower *L, const Version *sums); /* accumulators that the next group adds to */
void lower_wgmma_note(Lower *L, const Version *w);    /* the group now open owns its registers */
void lower_wgmma_over(Lower *L, int group);
void lower_wgmma_commit(Lower *L);
const char *lower_wgmma_batch(Lower *L, const char *want, const int *n, int dims);
void lower_wgmma_reuse(Lower *L, const char *array, int n, int behind);
void lower_wgmma_formed(Lower *L, const char *array, int n);
void lower_wgmma_own(Lower *L, const char *array, const int *n, int dims);
void lower_wgmma_trim(Lower *L);
void lower_wgmma_close(Lower *L, const Version *sums);
void lower_wgmma_step(Product *p, const char *a, bool turned, const char *i, const char *k);

#endif
