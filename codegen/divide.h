/* divide.h -- see divide.c. */
#ifndef AZ_DIVIDE_H
#define AZ_DIVIDE_H

#include "facts.h"

/* What a block may have: registers a thread, bytes of shared memory; how deep its rings are; and
 * whether, where its registers are too few, several warpgroups may keep the states. */
typedef struct Room {
	int registers, shared, stages;
	bool (*widen)(void *user, Facts *f);
	void *user;
	bool always; /* nothing else will do */
} Room;

int divide_registers(Facts *f, int warps);
int divide_shared(Facts *f, int stages); /* bytes, an estimate */
/* The registers of a thread, or those there are where several warpgroups keep the states, which it
 * then sets. */
int divide_place(Facts *f, int warps, const Room *room);
/* How many parts fit, 1: the whole; 0: none do. */
int divide_parts(Facts *f, int warps, const Room *room);
bool divide_axis(Facts *f, int warps, const Room *room);

#endif
