/* sim_rules.h -- what sim_mutate.c, which changes a text, and sim_rules.c, which says where, share.
 */
#ifndef AZ_SIM_RULES_H
#define AZ_SIM_RULES_H

#include "sim_mutate.h"
#include "sim_sites.h"

/* What is put around a stretch: %d is the mutant's number, %s the form's argument. And how the
 * result is shown: %s is the stretch, then the argument. */
typedef struct Form {
	const char *before, *after, *shown;
} Form;

typedef struct Edit Edit;

typedef struct Maker {
	Arena *a;
	const char *text;
	Tokens t;
	SimMutants *out;
	Edit *edit;
	int nedit, cap;
	bool *base;  /* by token: a name whose value is a place in shared memory */
	bool *fixed; /* by token: no name, or one whose value only the thread's number decides */
	bool closed; /* of mutants made now */
} Maker;

/* One more mutant: form f, with its argument, around tokens [from, to). */
void sim_change(Maker *m, SimMutation kind, int from, int to, const Form *f, const char *by);
/* Text for every mutant before the byte at `at`: where a stretch of `span` bytes begins, or (close)
 * behind the one that ends there. */
void sim_insert(Maker *m, size_t at, int span, bool close, const char *s);
/* Fills m->fixed. sim_fixed.c */
void sim_find_fixed(Maker *m);
/* Everything that may be changed at token i. */
void sim_look(Maker *m, int i);

#endif
