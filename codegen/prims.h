/* prims.h -- the device primitives of templates/: which ones a text uses, and their own text. */
#ifndef AZ_PRIMS_H
#define AZ_PRIMS_H

#include <stdbool.h>

#include "arena.h"

/* The text of every primitive whose name occurs as an identifier in `body`, and of those that
 * these use in turn, each after what it uses: its PTX, or its meaning in C for the simulator. */
const char *prims_text(Arena *a, const char *body, bool sim);

/* One primitive as written in templates/; the pieces lie in the embedded text, unterminated. */
typedef struct Prim {
	const char *name, *doc, *needs, *half[2]; /* half[0] CUDA, half[1] simulator */
	int nname, ndoc, nneeds, nhalf[2];
} Prim;

/* All of them in file order. */
const Prim *prims_list(int *n);

#endif
