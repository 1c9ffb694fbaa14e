/* make.h -- shared by make.c, the parts of a program, want.c, the expressions in them, and
 * node.c, what both are made of. */
#ifndef AZ_FUZZ_MAKE_H
#define AZ_FUZZ_MAKE_H

#include "program.h"

typedef struct Make {
	Dice *d;
	Program *p;
	int scope;                  /* the innermost open loop, or -1 */
	int budget;                 /* nodes left to spend on expressions */
	int rows;                   /* the symbol of the grid's keyed axis, or -1 */
	int loops[2], nloops;       /* symbols of the open loops' ranges */
	int D, V;                   /* symbols */
	bool heads, groups, states; /* states: nothing but states is carried */
	bool linear;                /* states are read as right operands of products, no otherwise */
	bool engine;                /* a GPU with a copy engine, and tiles of its and wgmma's sizes */
} Make;

int node_add(Make *m, Form f, Sort sort, int rank, const int *dim);
int node_source(Make *m, int node, int source);
int parameter_add(Make *m, const char *dtype, const char *axes, bool output);
/* "B H N D": the lead and the axes of these dimensions. False where one stands twice. */
bool axes_text(const Make *m, const char *lead, int rank, const int *dim, char *out, size_t size);
bool in_reach(const Make *m, int sym); /* may a tile have this dimension here */
bool is_range(const Make *m, int sym);

/* Leaves: a constant tile, a load, a scalar argument, a tile that is there (late ones more often),
 * the value of a carried tile. -1: there is none such. */
int leaf_full(Make *m, int rank, const int *dim);
int leaf_load(Make *m, int rank, const int *dim);
int leaf_scalar(Make *m);
int leaf_existing(Make *m, int rank, const int *dim, bool mask);
int leaf_get(Make *m, int rank, const int *dim);

/* A tile of numbers of these dimensions; always succeeds. */
int want(Make *m, int rank, const int *dim, int depth);
int want_mask(Make *m, const int *dim, int depth);
int map_node(Make *m, OpCode c, int x, int y);
int map_number(Make *m, OpCode c, int x, double y, bool first);
/* The same scaled where it is larger than `most`. */
int tame(Make *m, int x, double most);
/* The same as an operand of a product, which is not i32. */
int factor(Make *m, int x, double most);
int transposed(Make *m, int x);
/* The product of two tiles, of these dimensions; dot_of: scaled where it is large. */
int product_of(Make *m, int rank, const int *dim, int x, int y);
int dot_of(Make *m, int rank, const int *dim, int x, int y);
int select_seen(Make *m, int seen, int x, bool infinite);

#endif
