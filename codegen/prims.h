/* prims.h -- the device primitives of templates/: which ones a text uses, and their own text. */
#ifndef AZ_PRIMS_H
#define AZ_PRIMS_H

#include <stdbool.h>

#include "arena.h"

/* The text of every primitive whose name occurs as an identifier in `body`, and of those that
 * these use in turn, each after what it uses: its PTX, or its meaning in C for the simulator. */
const char *prims_text(Arena *a, const char *body, bool sim);

enum { PRIM_VARS = 2 };

/* What a member of a family has for a variable of it. */
typedef struct PrimVar {
	const char *name, *value;
	int nname;
} PrimVar;

/* One primitive as written in templates/; the pieces lie in the embedded text, unterminated, and
 * those of a family's member (nvar > 0) have its variables yet to be replaced, but for the name. */
typedef struct Prim {
	const char *name, *doc, *needs, *half[2]; /* half[0] CUDA, half[1] simulator */
	int nname, ndoc, nneeds, nhalf[2];
	PrimVar var[PRIM_VARS];
	int nvar;
} Prim;

/* All of them in file order, each member of a family. */
const Prim *prims_list(int *n);

#endif
