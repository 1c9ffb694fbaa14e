/* verify.c -- the invariants of ir.h, checked after tracing and after every pass on tile IR. */
#include "ir.h"

static void verify_dims(const Op *o, const Op *x)
{
	if (x->rank == 0)
		return;
	if (x->rank != o->rank)
		bug("%%%d %s: source %%%d has rank %d, not %d", o->id, op_info[o->code].name, x->id,
		    x->rank, o->rank);
	for (int i = 0; i < x->rank; i++) {
		if (x->dim[i].n != o->dim[i].n && x->dim[i].n != 1)
			bug("%%%d %s: dimension %d of source %%%d", o->id, op_info[o->code].name, i, x->id);
		if (x->dim[i].n == o->dim[i].n && x->dim[i].range && x->dim[i].range != o->dim[i].range)
			bug("%%%d %s: range of dimension %d of source %%%d", o->id, op_info[o->code].name, i,
			    x->id);
	}
}

/* `o` and what encloses it come after `x`, or `x` is in no enclosing region. */
static void verify_order(const Op *o, const Op *x)
{
	const Op *at = o;

	while (at && at->parent != x->parent)
		at = at->parent->owner;
	if (!at)
		bug("%%%d %s uses %%%d, which is not in scope", o->id, op_info[o->code].name, x->id);
	for (const Op *y = at->prev; y; y = y->prev)
		if (y == x)
			return;
	bug("%%%d %s uses %%%d before it is made", o->id, op_info[o->code].name, x->id);
}

static void verify_op(const Kernel *k, const Op *o)
{
	const OpInfo *info = &op_info[o->code];

	if (o->code >= NOPS || (info->nsrc >= 0 && o->nsrc != info->nsrc) || o->nsrc > MAX_SRC)
		bug("%%%d: %d sources", o->id, o->nsrc);
	if (o->rank < 0 || o->rank > MAX_RANK)
		bug("%%%d %s: rank %d", o->id, info->name, o->rank);
	for (int i = 0; i < o->rank; i++)
		if (o->dim[i].n < 1 || (o->dim[i].range && o->dim[i].range->n != o->dim[i].n))
			bug("%%%d %s: extent %d of dimension %d", o->id, info->name, o->dim[i].n, i);
	for (int i = 0; i < o->nsrc; i++)
		verify_order(o, o->src[i]);
	if (info->class == UNARY || info->class == BINARY || info->class == COMPARE ||
	    info->class == SELECT)
		for (int i = 0; i < o->nsrc; i++)
			verify_dims(o, o->src[i]);
	if (o->code == OP_dot &&
	    (o->src[0]->dim[1].n != o->src[1]->dim[0].n || o->src[0]->dtype != o->src[1]->dtype))
		bug("%%%d dot: operands", o->id);
	if ((o->code == OP_get || o->code == OP_set) && o->src[0]->code != OP_var &&
	    o->src[0]->code != OP_state)
		bug("%%%d %s of %%%d", o->id, info->name, o->src[0]->id);
	if (o->arg && (o->arg->id >= k->nargs || k->args[o->arg->id] != o->arg))
		bug("%%%d %s: argument", o->id, info->name);
}

static void verify_region(const Kernel *k, const Region *r)
{
	const Op *prev = NULL;

	for (const Op *o = r->first; o; prev = o, o = o->next) {
		if (o->prev != prev || o->parent != r)
			bug("%%%d %s: links", o->id, op_info[o->code].name);
		verify_op(k, o);
		if ((o->code == OP_loop) != (o->body != NULL))
			bug("%%%d %s: body", o->id, op_info[o->code].name);
		if (o->body) {
			if (o->body->owner != o)
				bug("%%%d loop: owner", o->id);
			verify_region(k, o->body);
		}
	}
	if (r->last != prev)
		bug("region: last");
}

void ir_verify(const Kernel *k)
{
	verify_region(k, k->body);
}
