/* affine.c -- proves by data flow that a loop can be cut in segments.
 *
 * A segment of the loop maps every state S to a S + U. That holds when the carried tiles of the
 * loop are states, and no factor of a decay and no update depends on a carried value; outputs may.
 * Segments then combine by (a1, U1) then (a2, U2) = (a2 a1, a2 U1 + U2).
 */
#include "ir.h"

#include <string.h>

typedef struct Proof {
	const Kernel *k;
	unsigned char *seen; /* by Op.id */
	int states;          /* changed in the loop */
	Loc at;
	const char *why; /* NULL so far */
} Proof;

static const char *called(const Op *o, const char *otherwise)
{
	return o->name ? o->name : otherwise;
}

/* The first carried value that x depends on, or NULL. */
static const Op *carried_value(Proof *p, const Op *x)
{
	const Op *found;

	if (p->seen[x->id])
		return NULL;
	p->seen[x->id] = 1;
	if (x->code == OP_get)
		return x->src[0];
	for (int i = 0; i < x->nsrc; i++)
		if ((found = carried_value(p, x->src[i])))
			return found;
	return NULL;
}

static void refuse(Proof *p, const Op *at, const char *why)
{
	if (p->why)
		return;
	p->at = at->loc;
	p->why = why;
}

static void prove_region(Proof *p, const Region *r)
{
	for (const Op *o = r->first; o && !p->why; o = o->next) {
		const Op *on;

		if (o->body)
			prove_region(p, o->body);
		if (o->code == OP_set)
			refuse(p, o,
			       arena_printf(p->k->arena, "%s is a variable: it may become anything",
			                    called(o->src[0], "what is set here")));
		if (o->code != OP_decay && o->code != OP_update)
			continue;
		p->states++;
		memset(p->seen, 0, (size_t)p->k->nops);
		on = carried_value(p, o->src[1]);
		if (on)
			refuse(p, o,
			       arena_printf(p->k->arena, "the %s of %s depends on %s, which is carried",
			                    o->code == OP_decay ? "decay" : "update",
			                    called(o->src[0], "a state"), called(on, "a tile")));
	}
}

const Op *ir_segment_loop(const Kernel *k, Loc *at, const char **why)
{
	Proof p = {.k = k, .seen = arena_alloc(k->arena, (size_t)k->nops + 1)};
	const Op *loop = NULL;

	for (const Op *o = k->body->first; o; o = o->next) {
		if (o->code == OP_decay || o->code == OP_update)
			refuse(&p, o, "a state changes outside the loop");
		if (o->code != OP_loop)
			continue;
		if (loop)
			refuse(&p, o, "there is more than one loop");
		loop = o;
	}
	if (loop && loop->reverse)
		refuse(&p, loop, "the loop runs backwards");
	if (loop)
		prove_region(&p, loop->body);
	if (!p.why && p.states == 0) {
		p.why = "nothing is carried by a state";
		p.at = loop ? loop->loc : (Loc){k->file, 0};
	}
	if (at)
		*at = p.at;
	if (why)
		*why = p.why;
	return p.why ? NULL : loop;
}
