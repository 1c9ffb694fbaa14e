/* program.h -- a random tile program: what the generator makes, the shrinker takes apart, and Lua
 * is printed from.
 *
 * A program is a list of nodes in the order of the text. A node's sources come before it and lie in
 * a loop that is open there; two dimensions agree when they are one symbol, so that a node may
 * stand for any other of the same type. What reaches no output is not printed.
 */
#ifndef AZ_FUZZ_PROGRAM_H
#define AZ_FUZZ_PROGRAM_H

#include "../../codegen/ir.h"
#include "case.h"
#include "dice.h"

enum { MAX_NODES = 1200, MAX_SYMS = 12, MAX_PARAMETERS = 20, MAX_FEATURES = 2 };

typedef enum Form {
	FORM_LOAD,
	FORM_FULL,
	FORM_SCALAR, /* a rank-0 argument */
	FORM_SIZE,   /* of a run-time axis */
	FORM_INDEX,
	FORM_MAP, /* an elementwise op by its code; with `has_number`, the last source is a number */
	FORM_CAST,
	FORM_TRANSPOSE,
	FORM_COL,
	FORM_ROW,
	FORM_REDUCE, /* text names it */
	FORM_CUMSUM,
	FORM_FEATURE,
	FORM_DOT,
	FORM_GET,
	FORM_SEEN, /* what a masked loop gives */
	FORM_OUT,  /* of a softmax_state */
	FORM_LSE,
	FORM_LAST_VALUE = FORM_LSE,
	FORM_VAR,
	FORM_STATE,
	FORM_SOFTMAX,
	FORM_SET,
	FORM_ADD,
	FORM_DECAY,
	FORM_STEP,
	FORM_STORE,
	FORM_LOOP,
	FORM_END
} Form;

typedef enum Sort { SORT_F32, SORT_HALF, SORT_I32, SORT_MASK } Sort;

/* A dimension. */
typedef struct Symbol {
	enum { SYM_ONE, SYM_GRID, SYM_LOOP, SYM_AXIS, SYM_FEATURES } kind;
	char axis[16]; /* "N"; of features "F1" */
	char text[24]; /* as an argument of az.full: "g.M", "n1", "p.D" */
	int n;         /* compile-time extent; of ranges, the chunk */
	int loop;      /* SYM_LOOP: the loop's node */
} Symbol;

typedef struct Parameter {
	char name[16], axes[80], dtype[8];
	bool output, optional, scalar;
	double mean, spread;
} Parameter;

/* x -> columns made of x's, over symbol `from`. */
typedef struct Feature {
	int kind, from, to; /* symbols */
} Feature;

typedef struct Node {
	Form form;
	OpCode code;
	Sort sort;
	int rank, dim[2];
	int nsrc, src[3];
	bool has_number, number_first, minus_infinity;
	double number;
	int parameter; /* LOAD, STORE, SCALAR, STATE (-1: none) */
	int carried;   /* GET, SET, ADD, DECAY, STEP, OUT, LSE: the declaration; SEEN: the loop */
	int feature;
	int scope; /* the loop it is in, or -1 */
	int mask;  /* LOOP: 0 none, else which */
	bool reverse;
	const char *text;
	double size; /* about how large its elements are */
	bool dropped, live;
	int uses;
} Node;

typedef struct Program {
	int nnodes, nsyms, nparams, nfeatures;
	Node node[MAX_NODES];
	Symbol sym[MAX_SYMS];
	Parameter param[MAX_PARAMETERS];
	Feature feature[MAX_FEATURES];
	char grid[80], dims[120], lead[16];
	int warps, stages;
	int rows; /* the chunk of the grid's keyed axis, or 0 */
} Program;

/* A random program, and a case that runs it; c->spec is left to the caller. */
void program_make(Dice *d, Program *p, Case *c);
/* What reaches an output. */
void program_mark(Program *p);
/* The Lua text; `head` is the first line. */
void program_print(Program *p, Text *t, const char *head);
int feature_size(const Program *p, const Feature *f);
bool program_visible(const Program *p, int node, int scope); /* in that scope or around it */

#endif
