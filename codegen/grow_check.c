/* grow_check.c -- features stay among features. Where a product contracts or makes a grown
 * dimension, its fragments hold bare monomials in an order of their own (grow.c), so what meets
 * them there must hold the same: features made alike, or a state over them. Anything else is
 * refused here.
 *
 * Requires: facts. Changes nothing.
 */
#include "facts.h"
#include "ir.h"

/* The author's own columns in the author's order, none of them scaled. */
static bool ordinary(const Grow *g)
{
	for (int i = 0; i < g->npieces; i++)
		if (g->piece[i].kind != PIECE_ELEM || g->piece[i].nslots != g->piece[i].n ||
		    g->piece[i].scale != 1)
			return false;
	return true;
}

static const Grow *grown(const Facts *f, const Op *x)
{
	const Grow *g = x->rank == 2 ? grow_parse(f->arena, x) : NULL;

	return g && !ordinary(g) ? g : NULL;
}

typedef struct Readers {
	const Op *x;
	const Op *stray; /* a reader other than a state's update */
} Readers;

static void reader(void *user, Op *op)
{
	Readers *r = user;

	for (int i = 0; i < op->nsrc; i++)
		if (op->src[i] == r->x && op->code != OP_update)
			r->stray = op;
}

static void check_dot(void *user, Op *op)
{
	const Facts *f = user;
	bool turned[2] = {false, false}, over[2];
	const Op *x[2];

	if (op->code != OP_dot)
		return;
	for (int i = 0; i < 2; i++) {
		x[i] = op_base(op->src[i], &turned[i]);
		over[i] = grown(f, x[i]) && turned[i] == (i == 1);
	}
	for (int i = 0; i < 2; i++)
		if (over[i] && !over[!i] && !(x[!i]->code == OP_get && f->op[x[!i]->src[0]->id].unscaled))
			diag_fail(f->k->diag, op->loc,
			          "dot: %s are features, the other operand is not; contract them with features "
			          "made alike or with a state over them",
			          x[i]->name ? x[i]->name
			          : i        ? "the right operand's rows"
			                     : "the left's columns");
	for (int i = 0; i < 2; i++) {
		Readers r = {op, NULL};

		if (over[i] || !grown(f, x[i]))
			continue;
		ir_walk(f->k->body, reader, &r);
		if (r.stray)
			diag_fail(f->k->diag, r.stray->loc,
			          "%s: a product with features as %s; it can be added to a state, no more",
			          op_info[r.stray->code].name, i ? "columns" : "rows");
	}
}

void grow_check(const Facts *f)
{
	ir_walk(f->k->body, check_dot, (void *)f);
}
