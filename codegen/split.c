/* split.c -- how the warps divide a kernel's dimensions: one class of them, or two, tried in turn;
 * the one that leaves each warp the fewest products wins. requires: facts. maintains: the kernel.
 * May be called again, with other extents or warps.
 */
#include "facts.h"

double facts_turns(const Op *op)
{
	double n = 1;

	for (const Region *r = op->parent; r && r->owner; r = r->owner->parent)
		n *= 64;
	return n;
}

/* In units of one mma, from instruction counts: a core formed of features where its pairs lie along
 * them, and where they do not (shuffles); an elementwise operation on a core; a core published, and
 * one read back. */
static const double FORM = 0.6, FORM_TURNED = 1.5, EACH = 0.5, PUBLISH = 1, READ_BACK = 0.2,
                    MEETING = 16;

static double cores_along(Facts *f, const Op *x, int d)
{
	return facts_extent(f, facts_class(f, x, d)) / 8.0;
}

/* An operand that the warps hold in parts of its contraction: a right one is published; a left one
 * would have to be gathered, which nothing does. */
static double cost_operand(Facts *f, const Op *op, int i)
{
	bool sw = i == 1, turned = false;
	Op *x = op_base(op->src[i], &sw);
	Split m = facts_dim(f, op, 0), n = facts_dim(f, op, 1);
	int d = sw ? 0 : 1;

	op_base(op->src[i], &turned);
	if (f->class[facts_class(f, op->src[i], 1 - i)].grow && !f->op[x->id].anchored && i == 0)
		return m.cores * cores_along(f, op->src[0], 1) * FORM;
	if (f->class[facts_class(f, op->src[i], i)].grow && !f->op[x->id].anchored && turned && i == 0)
		return m.cores * cores_along(f, op->src[0], 1) * FORM_TURNED;
	if (!f->op[x->id].anchored)
		return 0;
	if (i == 1 && (facts_dim(f, x, d).warps > 1 ||
	               (x->code == OP_get && x->src[0]->code == OP_state && x->dim[1].n > 1)))
		return facts_dim(f, x, 0).cores * facts_dim(f, x, 1).cores * PUBLISH +
		       m.cores / 2.0 * cores_along(f, op->src[1], 0) * n.cores * READ_BACK + MEETING;
	return facts_dim(f, x, d).warps > 1 ? 1e6 : 0;
}

static double cost_op(Facts *f, const Op *op)
{
	double w = facts_turns(op), m = facts_dim(f, op, 0).cores, n = facts_dim(f, op, 1).cores, cost;

	if (op->code != OP_dot)
		return w * m * n * EACH;
	cost = w * m * n / 2 * cores_along(f, op->src[0], 1) / 2;
	for (int i = 0; i < 2; i++)
		cost += w * cost_operand(f, op, i);
	return cost;
}

/* Ops that cost something, and those that keep two classes of one tile in registers. */
typedef struct Weighed {
	Facts *f;
	int n, nmeet;
	Op **op, **meet;
} Weighed;

static void count_op(void *user, Op *op)
{
	Weighed *x = user;
	bool each = op_is_elementwise(op), anchored = x->f->op[op->id].anchored;

	if (op->rank != 2)
		return;
	if (op->code == OP_dot || (each && anchored)) {
		if (x->op)
			x->op[x->n] = op;
		x->n++;
	}
	if (anchored && !each) {
		if (x->meet)
			x->meet[x->nmeet] = op;
		x->nmeet++;
	}
}

static Weighed weighed(Facts *f)
{
	Weighed x = {.f = f};

	ir_walk(f->k->body, count_op, &x);
	x.op = ARENA_ARRAY(f->arena, Op *, x.n + 1);
	x.meet = ARENA_ARRAY(f->arena, Op *, x.nmeet + 1);
	x.n = x.nmeet = 0;
	ir_walk(f->k->body, count_op, &x);
	return x;
}

/* With classes i and j divided. */
static double cost_now(const Weighed *x, int i, int j)
{
	Facts *f = x->f;
	double cost = 0;

	for (int k = 0; k < x->n; k++)
		cost += cost_op(f, x->op[k]);
	if (f->class[i].warps > 1) /* padding is waste, and dividing short rows too */
		cost += 1e-3 * facts_extent(f, i);
	if (i != j && f->class[j].warps > 1)
		cost += 1e-3 * facts_extent(f, j);
	return cost;
}

/* Divides class i by w, and class j by the rest; or both by all, where no tile in registers has
 * both. */
static void try(Facts *f, int i, int j, int w, int rest, int pos)
{
	f->class[i].warps = w;
	f->class[i].pos = 1;
	if (i != j) {
		f->class[j].warps = rest;
		f->class[j].pos = pos;
	}
}

static bool meet(const Weighed *x, int i, int j)
{
	for (int k = 0; k < x->nmeet; k++) {
		int a = facts_class(x->f, x->meet[k], 0), b = facts_class(x->f, x->meet[k], 1);

		if ((a == i && b == j) || (a == j && b == i))
			return true;
	}
	return false;
}

void facts_split(Facts *f, int warps)
{
	Weighed x = weighed(f);
	double best = 1e300;
	int bi = -1, bj = -1, bw = 1, brest = 1, bpos = 1;

	f->keepers = warps;
	for (int i = 0; i < f->nclasses; i++)
		f->class[i].warps = f->class[i].pos = 1;
	for (int i = 0; i < f->nclasses; i++)
		for (int j = 0; j < f->nclasses; j++) {
			if (f->class[i].parent != i || f->class[j].parent != j)
				continue;
			for (int w = 1; w <= warps; w++) {
				bool both = i != j && w == warps;
				double c;

				if (warps % w || (i == j && w != warps) || (i > j && both))
					continue;
				if (both && meet(&x, i, j))
					continue;
				try(f, i, j, w, both ? warps : warps / w, both ? 1 : w);
				c = cost_now(&x, i, j);
				if (c < best - 1e-9) {
					best = c;
					bi = i;
					bj = j;
					bw = w;
					brest = f->class[j].warps;
					bpos = f->class[j].pos;
				}
				try(f, i, j, 1, 1, 1);
			}
		}
	if (bi >= 0)
		try(f, bi, bj, bw, brest, bpos);
	for (int i = 0; i < f->nclasses; i++)
		f->class[i].cores = facts_cores(&f->class[i]);
}

typedef struct Kept {
	Facts *f;
	int cls; /* of the states' rows; -1: none yet, -2: several */
} Kept;

static void kept_op(void *user, Op *op)
{
	Kept *x = user;
	int c;

	if (op->code != OP_state || op->rank != 2 || op->dim[1].n == 1)
		return;
	c = facts_class(x->f, op, 0);
	x->cls = x->cls == -1 || x->cls == c ? c : -2;
}

/* Rows that are no features exist as multiples of what tails take for padding (facts_ragged). */
bool facts_widen(Facts *f, int keepers)
{
	Kept x = {f, -1};
	Class *c;

	ir_walk(f->k->body, kept_op, &x);
	if (x.cls < 0)
		return false;
	c = &f->class[x.cls];
	if (c->warps != f->keepers || c->pos != 1 || (!c->grow && c->n % (16 * keepers)))
		return false;
	f->keepers = c->warps = keepers;
	c->cores = facts_cores(c);
	return true;
}

/* -- squares ----------------------------------------------------------------------------------- */

/* What a warp's tiles cost where right operands come from shared memory by mma.sync, in cycles of
 * an SM: a core read takes one of its shared memory, an mma two of its tensor cores; and in issue
 * slots what is made of a core of an elementwise value, or of features. */
static const double READ = 1, MMA = 2, MADE = 0.5, TURNED = 1.5;

typedef struct Square {
	Facts *f;
	double cycles;
	int carried, most; /* registers: of variables, of a product and its left operand */
} Square;

static bool is_update(const Op *dot)
{
	for (const Op *x = dot->next; x; x = x->next)
		if (x->code == OP_update && x->src[1] == dot)
			return true;
	return false;
}

static void square_op(void *user, Op *op)
{
	Square *s = user;
	Facts *f = s->f;
	double w = facts_turns(op), k;
	bool sw = false;
	int m, n, regs;
	Op *x;

	if (op->code == OP_state && (op->rank == 1 || op->dim[1].n < 8))
		s->carried += 2 * facts_dim(f, op, 0).cores; /* and what it is read by */
	if (op->rank != 2 || op->dim[0].n == 1 || op->dim[1].n == 1)
		return;
	m = facts_dim(f, op, 0).cores;
	n = facts_dim(f, op, 1).cores;
	if (op->code == OP_state || op->code == OP_var)
		s->carried += 2 * m * n;
	if (op->code != OP_dot) {
		s->cycles += op_is_elementwise(op) && f->op[op->id].anchored ? w * m * n * MADE : 0;
		return;
	}
	k = cores_along(f, op->src[0], 1);
	s->cycles += w * m * n * k / 4 * MMA;
	/* read once for a whole tile, or for each strip of it */
	s->cycles += w * k * n * READ * (is_update(op) || m <= 4 ? 1 : m / 2);
	x = op_base(op->src[0], &sw);
	if (f->class[facts_class(f, op->src[0], sw ? 0 : 1)].grow && !f->op[x->id].anchored)
		s->cycles += w * m * k * MADE;
	if (!f->op[x->id].anchored)
		s->cycles += w * m * k * READ * (sw ? TURNED : 1);
	regs = 2 * m * n + (f->op[x->id].anchored ? 0 : (int)(m * k)) / 2 + m * n;
	if (!is_update(op) && regs > s->most)
		s->most = regs;
}

static Square square_now(Facts *f)
{
	Square s = {f, 0, 0, 0};

	for (int i = 0; i < f->nclasses; i++)
		f->class[i].cores = facts_cores(&f->class[i]);
	ir_walk(f->k->body, square_op, &s);
	return s;
}

/* Where two classes are divided by all warps, which then read right operands over all columns: by
 * half of them, and a third class, the columns, by the other half, if that costs less and a warp's
 * rows are no more than two pairs of cores, for which a right operand is read at once. */
void facts_squares(Facts *f, int warps, int registers)
{
	enum { OTHER = 60 };
	int by[2], n = 0, best = -1;
	double least;

	for (int i = 0; i < f->nclasses; i++)
		if (f->class[i].parent == i && f->class[i].warps > 1) {
			if (n == 2 || f->class[i].warps != warps)
				return;
			by[n++] = i;
		}
	if (n != 2 || warps % 2 || warps < 4)
		return;
	least = square_now(f).cycles;
	for (int c = 0; c < f->nclasses; c++) {
		Square s;

		if (f->class[c].parent != c || c == by[0] || c == by[1])
			continue;
		try(f, by[0], c, warps / 2, 2, warps / 2);
		f->class[by[1]].warps = warps / 2;
		s = square_now(f);
		if (s.cycles < least && s.carried + s.most + OTHER <= registers) {
			least = s.cycles;
			best = c;
		}
		try(f, c, c, 1, 1, 1);
	}
	for (int i = 0; i < 2; i++)
		f->class[by[i]].warps = best < 0 ? warps : warps / 2;
	if (best >= 0) {
		f->class[best].warps = 2;
		f->class[best].pos = warps / 2;
	}
	for (int i = 0; i < f->nclasses; i++)
		f->class[i].cores = facts_cores(&f->class[i]);
}
