/* divide.h -- see divide.c. */
#ifndef AZ_DIVIDE_H
#define AZ_DIVIDE_H

#include "facts.h"

/* What a block may have: registers a thread, bytes of shared memory; how deep its rings are. */
typedef struct Room {
	int registers, shared, stages;
} Room;

int divide_registers(Facts *f, int warps);
int divide_shared(Facts *f, int stages); /* bytes, an estimate */
bool divide_axis(Facts *f, int warps, const Room *room);

#endif
