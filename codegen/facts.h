/* facts.h -- what the passes know of a kernel's tiles: see facts.c. */
#ifndef AZ_FACTS_H
#define AZ_FACTS_H

#include "compile.h"
#include "layout.h"

/* A grown inner dimension, piece by piece. The interface has `n` elements in the author's order;
 * fragments use `slots`, a multiple of 16 in an order that is cheap to form in registers:
 *
 * PIECE_POW2  x_i x_j of a D-vector in pairs (I <= J) of groups of four, first the diagonal ones
 * (I == J), then the others: slot 16 p + 8 b1 + 2 a + b0 is x[4I + a] x[4J + 2 b1 + b0]. In a
 *             diagonal pair the slots a > b repeat a < b and weigh nothing.
 * PIECE_ELEM  columns of an ordinary tile, padded to 16. When it is the D-vector itself, its
 * columns take dead slots of the diagonal pairs: x[4I + c] that of a = 2 + c / 2, b = c % 2 of pair
 * (I, I). PIECE_CONST one column of a constant. It takes the dead slot a = 1, b = 0 of a POW2
 * piece's first pair when there is one.
 *
 * Fragments hold the bare monomials; `scale` is what the author multiplied them by. */
typedef enum PieceKind { PIECE_CONST, PIECE_ELEM, PIECE_POW2 } PieceKind;

typedef struct Piece {
	PieceKind kind;
	Op *x;        /* the tile it is made of; NULL for PIECE_CONST */
	double scale; /* author's factor (for POW2 without the sqrt(2) of i < j) */
	int lo, n;    /* columns in the author's order */
	int slot, nslots;
	int groups; /* POW2: D / 4 */
} Piece;

typedef struct Grow {
	int npieces, n, slots;
	int const_slot; /* where a folded constant sits, or -1 */
	int linear;     /* the ELEM piece folded into a POW2 piece, or -1 */
	int pow2;       /* that piece, or -1 */
	double const_value;
	Piece piece[MAX_SRC];
} Grow;

/* Dimensions that must be laid out alike: those that meet in an elementwise op, a product, a
 * variable, or that cover the same range. */
typedef struct Class {
	int parent;
	int n;            /* logical extent */
	Range *range;     /* NULL: plain */
	bool contracted;  /* some product contracts it */
	int gran;         /* 8 or 16: cores come in ones or pairs */
	int warps, pos;   /* how the warps divide it */
	int cores;        /* per warp */
	const Grow *grow; /* inner order of a grown dimension, from the first tile found with one */
} Class;

typedef struct Fact {
	int cls[MAX_RANK];
	int uses;
	bool anchored; /* a product's result, or made from one: lives in accumulator registers */
	bool row;      /* the same of one row: formed as its reader asks */
	int group;     /* orientation group (union-find), meaningful when anchored */
	Orient orient;
	bool unscaled;        /* a state over a grown dimension kept without the features' scales */
	bool risky[MAX_RANK]; /* tails.c: what is carried may be inf or NaN where no element exists */
} Fact;

typedef struct Facts {
	const Kernel *k;
	Arena *arena;
	int nops, nclasses, ndots;
	int keepers; /* how many warps keep the states: all, or those of a role of their own */
	Fact *op;    /* by Op.id */
	Class *class;
} Facts;

typedef void FactsVisit(void *user, Op *op);

Facts *facts_new(const Kernel *k);
void facts_split(Facts *f, int warps); /* choose how warps divide the classes */
/* Without products of warpgroups: pairs of columns of warps, where that is less to read. */
void facts_squares(Facts *f, int warps, int registers);
/* The states' rows over `keepers` warps instead, which do nothing else; false: they cannot be. */
bool facts_widen(Facts *f, int keepers);
int facts_class(const Facts *f, const Op *op, int d);
Split facts_dim(const Facts *f, const Op *op, int d);
Layout facts_layout(const Facts *f, const Op *op, Orient o);
int facts_cores(const Class *c);           /* cores per warp, padded */
double facts_turns(const Op *op);          /* how often an op runs, a loop taken for 64 turns */
int facts_extent(const Facts *f, int cls); /* padded: elements the fragments cover */
/* Whether some elements of the dimension may not exist: a run-time tail, or padding. */
bool facts_ragged(const Op *op, int d);
/* Whether, as an operand of a product, it has the dimension in slots, of which none is too many. */
bool facts_in_slots(const Facts *f, const Op *op, int d);
const Grow *grow_parse(Arena *a, const Op *op); /* NULL: not a grown tile */
/* Place of the pair (I, J) of `groups` groups in a POW2 piece. */
int grow_pair(int groups, int I, int J);
bool grow_same(const Grow *a, const Grow *b);
void grow_check(const Facts *f); /* grow_check.c: features meet features alone; throws */
/* Through casts and transposes to the tile itself; *swapped is flipped by each transpose. */
Op *op_base(Op *x, bool *swapped);
void ir_walk(const Region *r, FactsVisit *f, void *user);
bool op_is_elementwise(const Op *x);
bool op_is_tri(const Op *mask); /* i >= j (or >) of one range, possibly among other conditions */
bool op_is_const(const Op *x, double *v);

#endif
