/* shrink.h -- a failing case made small. */
#ifndef AZ_FUZZ_SHRINK_H
#define AZ_FUZZ_SHRINK_H

#include "program.h"

typedef struct Suspect {
	Case c;
	Program p; /* of a generated case */
	Outcome o;
	unsigned long index;
	int count; /* how many failed like it */
} Suspect;

/* The message without what differs from case to case: places, numbers, names. */
void signature(const Outcome *o, char *out, size_t size);
/* Writes the program to `path` (NULL: stdout), with the line that runs it on top. */
void suspect_write(Suspect *s, const char *path);
/* Drops and simplifies for at most `seconds` while the case fails in the same way; `path` is where
 * a program's text lies meanwhile. `slot` is shared memory. */
void shrink(Suspect *s, const char *path, double seconds, Outcome *slot);

#endif
