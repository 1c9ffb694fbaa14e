/* subject.h -- a generated text with its mutants, ready to run at the sizes of a case. */
#ifndef AZ_SUBJECT_H
#define AZ_SUBJECT_H

#include "../../runtime/check.h"
#include "../../runtime/sim_mutate.h"

enum { MAX_SIZES = 12, TURNS = 3 };

extern Arena *arena;
extern Diag diag;

/* A line of tests/mutate.cases. */
typedef struct Case {
	const char *line, *name; /* name: without the sizes */
	const char *spec, *set, *with;
	Layout layout;
	int nsizes, align;
	const char *sizes[MAX_SIZES];
} Case;

typedef struct At {
	Cli cli;
	Plan *plan;
	Exec exec;
	void *right[MAX_ARGS]; /* outputs of the text as it was */
} At;

typedef struct Subject {
	const Case *c;
	const char *gpu, *name; /* "a100 retention --set stages=3" */
	SimMutants *m;
	At at[MAX_SIZES];
	int nat;
} Subject;

/* Plans the i-th size; at the first, chooses the settings for all. */
void at_plan(Subject *s, int i);
/* Compiles plan->m->text_sim, and fills the inputs. The text as it was must give the reference's
 * numbers, without findings, in every mode, or this throws. */
void at_load(At *at);
/* Turn 0: copies late, warps in order; 1: copies early, and 2: late, in other orders. */
void at_run(At *at, int mutant, int turn);
bool at_right(const At *at); /* the same bits in every output */
/* A mutant that has survived turn 0 at every size: did its threads do what they do as it was? */
bool subject_same(Subject *s, int mutant);
void subject_close(Subject *s);

#endif
