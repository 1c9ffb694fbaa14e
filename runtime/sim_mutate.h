/* sim_mutate.h -- a generated text in which every mistake worth making can be made.
 *
 * Mutation asks whether a mistake would be noticed: each mutant is the text with one place changed.
 * One text serves them all: a changed place reads the variable sim_mut, which is 0 for the text as
 * it was and i for mutant i. Lines and calls keep their numbers. The text is also made stricter:
 * arrays of registers begin as poison, and an index beyond a constant table traps.
 */
#ifndef AZ_SIM_MUTATE_H
#define AZ_SIM_MUTATE_H

#include "sim.h"

#include "../codegen/arena.h"

/* clang-format off */
#define SIM_MUTATIONS(X) \
	X(drop,    "a barrier, wait, fence or commit left out") \
	X(weaken,  "a wait, count or coordinate that is a little off") \
	X(offset,  "a shared buffer somewhere else") \
	X(stride,  "a step through a shared buffer of another size") \
	X(swizzle, "one side without its swizzle") \
	X(bound,   "a mask, predicate or run-time bound off by one") \
	X(trip,    "a compile-time loop one turn longer or shorter") \
	X(place,   "a chunk's place or number off by one")
/* clang-format on */

typedef enum SimMutation {
#define ROW(name, doc) MUT_##name,
	SIM_MUTATIONS(ROW)
#undef ROW
	    NMUTATIONS
} SimMutation;

typedef struct SimMutant {
	SimMutation kind;
	int line; /* of the text */
	const char *kernel;
	const char *what;   /* that line, with [from -> to] where it changes, and what comes next */
	const char *within; /* the lines before it that open blocks it begins, then a blank; or "" */
	bool closed;        /* a comparison that depends on nothing but the thread's number and turns of
	                       loops counted in numbers: a run at any size tries all its values */
} SimMutant;

typedef struct SimMutants {
	const char *text; /* Module.text_sim with all of them in it */
	int n;
	SimMutant *mutant; /* [0]: none; [1..n] */
} SimMutants;

SimMutants *sim_mutate(Arena *a, const char *text);
const char *sim_mutation_name(SimMutation m);
/* Which mutant the next sim_run of a text made by sim_mutate runs, 0 for none; and what registers
 * hold before they are set: NaN, which arithmetic passes on, or a large number, which a maximum
 * does. */
void sim_set_mutant(Sim *s, int mutant, bool nan);

#endif
