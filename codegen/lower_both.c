/* lower_both.c -- two products by the same right operand in one walk over it.
 *
 * A chunk's values are the right operand of its own scores' product and of a state's update, both
 * along the chunk's rows. So while the first is made, each k16 step's cores that were read from
 * shared memory serve the update too, which comes earlier than the author wrote it: sound where
 * nothing between changes a variable, and whoever reads the state reads its published copy.
 * requires: products by mma.sync, whose right operands are read by every warp for itself.
 */
#include "lower_dot.h"

typedef struct Reads {
	const Op *get;
	int n; /* as a product's right operand */
} Reads;

static void read_op(void *user, Op *op)
{
	Reads *r = user;
	bool sw = false;

	r->n += op->code == OP_dot && op_base(op->src[1], &sw) == r->get;
}

/* Whether the update may come now: nobody reads the state's registers from here on. */
static bool may_come(Lower *L, const Op *update)
{
	const Op *state = update->src[0];

	for (const Op *x = update->parent->first; x && x != update; x = x->next) {
		Reads r = {x, 0};

		if (x->code != OP_get || x->src[0] != state)
			continue;
		ir_walk(update->parent, read_op, &r);
		if (!lower_staged(L, x) || r.n != L->f->op[x->id].uses)
			return false;
	}
	return !lower_is_thin(L, state);
}

/* The next change of a variable in the region, if it adds a product by p's right operand and none
 * is read before. */
static Op *next_update(Lower *L, const Product *p)
{
	bool sw = false;

	for (Op *x = L->at->next; x; x = x->next) {
		if (x->code == OP_get || x->code == OP_set || x->code == OP_decay || x->body)
			return NULL;
		if (x->code != OP_update)
			continue;
		if (x->src[1]->code != OP_dot || L->f->op[x->src[1]->id].uses != 1 ||
		    op_base(x->src[1]->src[1], &sw) != p->b.x || sw != p->b.swapped || !may_come(L, x))
			return NULL;
		return x;
	}
	return NULL;
}

enum { MAX_SUMS = 200 /* registers of both products' sums: beyond, their cores spill */ };

bool lower_both_open(Both *b, const Product *p)
{
	Lower *L = p->L;
	Version *w;
	Op *x;

	if (L->dev->gpu->wgmma || p->flip || p->b.kind != STREAM || L->out != L->body ||
	    L->role != ROLE_ALL || L->early || L->live || !(x = next_update(L, p)))
		return false;
	w = lower_var_version(L, x->src[0]);
	if (layout_regs(&w->l) + layout_regs(&p->acc->l) > MAX_SUMS)
		return false;
	*b = (Both){.q = lower_product_open(L, x->src[1], &w->l), .update = x};
	if (b->q.flip || b->q.b.kind != STREAM || !layout_same(&b->q.b.own, &p->b.own))
		return false;
	b->q.acc = w;
	if (b->q.a.kind == FORMED && !(b->q.a.swapped && (b->each = lower_features_open(&b->q))))
		return false;
	L->early = x; /* nor by a product that its left operand is made of */
	product_array(&b->q, &b->q.a);
	product_count(&b->q);
	return true;
}

void lower_both_step(Both *b, const Product *p, const char *k)
{
	Lower *L = p->L;

	lower_comment(L, b->update);
	b->q.b.frag = p->b.frag;
	if (b->q.a.kind == STREAM)
		product_stream(&b->q, &b->q.a, k);
	if (b->each)
		lower_share_step(&b->q, b->each, k);
	else
		product_step(&b->q, k);
}

/* What follows begins behind the walk: ptxas would have its reads between, and no registers left
 * (CUDA 13.0, sm_90: 8 spilled). */
void lower_both_close(const Both *b)
{
	Lower *L = b->q.L;
	const char *size = lower_run_time_size(L);

	lower_comment(L, L->at);
	if (size && !L->next)
		lower_code(L, "scheduler_fence(%s < 0);", size);
}
