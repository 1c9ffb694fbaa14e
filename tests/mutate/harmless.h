/* harmless.h -- tests/mutate.harmless: mutants that nothing need notice, each with the proof. */
#ifndef AZ_HARMLESS_H
#define AZ_HARMLESS_H

#include "../../runtime/sim_mutate.h"

/* "GPU CASE[, KERNEL]: KIND: LINE" there; a ~ stands for any text. */
typedef struct Entry {
	const char *in, *kind, *what;
	int line, needed;
} Entry;

/* Prints a FAIL for each line that cannot be read, and says how many. */
int harmless_read(Arena *a, const char *path);
/* The entry for a mutant of the text called `name`, or NULL. */
Entry *harmless_find(const char *name, const SimMutant *x);
/* After a whole run: prints a FAIL for each entry that is stale; says how many. */
int harmless_check(void);

#endif
