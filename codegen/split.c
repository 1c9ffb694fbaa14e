/* split.c -- how the warps divide a kernel's dimensions: one class of them, or two, tried in turn;
 * the one that leaves each warp the fewest products wins. requires: facts. maintains: the kernel.
 * May be called again, with other extents or warps.
 */
#include "facts.h"

typedef struct Cost {
	Facts *f;
	double mmas;
} Cost;

double facts_turns(const Op *op)
{
	double n = 1;

	for (const Region *r = op->parent; r && r->owner; r = r->owner->parent)
		n *= 64;
	return n;
}

/* Instructions one warp issues for a product; dividing the contraction needs a reduction across
 * warps, which no lowering has: it costs as much as not dividing, and more. */
static void cost_op(void *user, Op *op)
{
	Cost *c = user;
	Facts *f = c->f;
	double w = facts_turns(op), m, n, k;

	if (op->code != OP_dot)
		return;
	m = facts_dim(f, op, 0).cores;
	n = facts_dim(f, op, 1).cores;
	k = facts_extent(f, facts_class(f, op->src[0], 1)) / 16.0;
	c->mmas += w * m * n / 2 * k;
	/* an operand in registers whose contraction is divided must be gathered */
	for (int i = 0; i < 2; i++) {
		bool sw = false;
		Op *x = op_base(op->src[i], &sw);
		int d = (i == 0) != sw ? 1 : 0;

		if (f->op[x->id].anchored && facts_dim(f, x, d).warps > 1)
			c->mmas += w * 1e6;
	}
}

static double cost_now(Facts *f)
{
	Cost c = {f, 0};

	ir_walk(f->k->body, cost_op, &c);
	for (int i = 0; i < f->nclasses; i++) /* padding is waste, and dividing short rows too */
		if (f->class[i].parent == i && f->class[i].warps > 1)
			c.mmas += 1e-3 * facts_extent(f, i);
	return c.mmas;
}

void facts_split(Facts *f, int warps)
{
	double best = 1e300;
	int bi = -1, bj = -1, bw = 1;

	for (int i = 0; i < f->nclasses; i++)
		f->class[i].warps = f->class[i].pos = 1;

	for (int w = 1; w <= warps; w++) {
		if (warps % w)
			continue;
		for (int i = 0; i < f->nclasses; i++)
			for (int j = 0; j < f->nclasses; j++) {
				Class *a = &f->class[i], *b = &f->class[j];
				double c;

				if (a->parent != i || b->parent != j || a->grow || b->grow)
					continue;
				if ((i == j) != (w == warps))
					continue;
				a->warps = w;
				a->pos = 1;
				if (i != j) {
					b->warps = warps / w;
					b->pos = w;
				}
				c = cost_now(f);
				if (c < best - 1e-9) {
					best = c;
					bi = i;
					bj = j;
					bw = w;
				}
				a->warps = b->warps = a->pos = b->pos = 1;
			}
	}
	if (bi >= 0) {
		f->class[bi].warps = bw;
		if (bi != bj) {
			f->class[bj].warps = warps / bw;
			f->class[bj].pos = bw;
		}
	}
	for (int i = 0; i < f->nclasses; i++)
		f->class[i].cores = facts_cores(&f->class[i]);
}
