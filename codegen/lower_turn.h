/* lower_turn.h -- what a loop's turns find ready: tiles copied by the threads, tiles turned round,
 * and what a turn makes for the next one.
 */
#ifndef AZ_LOWER_TURN_H
#define AZ_LOWER_TURN_H

#include "lower.h"

/* lower_turn.c */
void lower_turn_tiles(Lower *L, const Region *r);
const Grow *lower_turn_features(Lower *L, const Op *x); /* that update x forms by warps; or NULL */
/* For lower_next.c. Sets up tile x, which is turned a turn ahead, in two copies by turns; false: it
 * cannot be, since a warp turns rows that others have copied. */
bool lower_turn_ahead(Lower *L, const Op *x);
void lower_turn_name(Lower *L, const char *turn);                   /* this turn's copies */
void lower_turn_next(Lower *L, const char *turn, const char *slot); /* makes turn's, from slot */

/* lower_copies.c */
/* A ring that the threads fill themselves, by groups of asynchronous copies. */
typedef struct Copies {
	const Op *loop;
	int first, n, stages; /* the tiles are L->staged[first ..], n of them */
	const char *slot, *fill, *lo, *end;
} Copies;
void lower_wait_copies(Lower *L, int pending); /* groups that may be in flight still */
Stmt *lower_wait_new(Lower *L, int pending);   /* the same, not yet in the text */
void lower_copies_fill(Lower *L, Copies *c);
void lower_copies_turn(Lower *L, const Copies *c, const char *n, const char *n0);

/* lower_next.c */
void lower_next_open(Lower *L, const Op *loop, const char *lo, const char *end);
void lower_next_turn(Lower *L, const char *n);
void lower_next_make(Lower *L, const char *n, const char *slot, const char *end);
void lower_next_close(Lower *L);

#endif
