/* lower_ones.c -- sums as products of warpgroups, with ones: a column of eight, zeros beside.
 *
 * The ones lie in shared memory from the start, in rows of eight elements: each eighth row is ones,
 * the others are zeros. Without a swizzle any eight rows together are a core of a K-major operand
 * [16, 8], rows its columns, and the eight behind them are its other core. So the place where the
 * operand begins says which of its columns is ones.
 *
 * A product by ones follows each product that the same left operand is for: it keeps no warp
 * waiting, as mma.sync does, behind products that are in the tensor cores before it.
 */
#include "lower_dot.h"

#include <string.h>

typedef struct Count {
	const Op *x;
	int n;
} Count;

enum { COLUMNS = 8, ROW = 16 /* bytes */, ROWS = 3 * COLUMNS - 1 };

/* The descriptor of the operand whose column 0 is ones; that less c has them in column c. */
const char *lower_ones(Lower *L)
{
	const char *name = lower_name(L, "ones_d"), *one = L->f16 ? "3c00" : "3f80";
	Buffer *b = L->ones;

	if (!b) {
		b = L->ones = dev_buffer(L->dev, lower_name(L, "ones"), 1, ROWS * ROW / 4, 4, 1);
		b->fill = arena_printf(L->a, "x %% %d == %d ? 0x%s%su : 0", COLUMNS, COLUMNS - 1, one, one);
	}
	dev_access(lower_code(L, "const u64 %s = wgmma_desc(%s + %d, %d, %d, 0);", name, b->name,
	                      (COLUMNS - 1) * ROW, COLUMNS * ROW, COLUMNS * ROW),
	           b, ACC_PROXY);
	return name;
}

void lower_ones_step(Product *p, const char *lo, const char *hi, const char *const *a,
                     const char *desc, const char *column, const char *adds)
{
	Lower *L = p->L;

	if (strcmp(column, "0"))
		desc = arena_printf(L->a, "%s - %s", desc, column);
	lower_code(L, "wgmma_%s_rs_n8(%s, %s, %s, %s, %s, %s, %s, %s, 0);", p->ty, lo, hi, a[0], a[1],
	           a[2], a[3], desc, adds);
}

/* -- row sums of a left operand ----------------------------------------------------------------
 */

static void reader_op(void *user, Op *op)
{
	Count *c = user;

	for (int i = 0; i < op->nsrc; i++)
		c->n += op->src[i] == c->x;
}

static Op *only_reader(Lower *L, const Op *x)
{
	Count c = {x, 0};
	Op *found = NULL;

	ir_walk(L->k->body, reader_op, &c);
	for (Op *o = x->parent->first; c.n == 1 && o; o = o->next)
		for (int i = 0; i < o->nsrc; i++)
			if (o->src[i] == x)
				found = o;
	return found;
}

/* What was begun inside a condition is not known outside; neither are the sums that it took. */
static Version *begun(Lower *L)
{
	for (Version *w = L->versions; w; w = w->next)
		if (w == L->begun)
			return w;
	return NULL;
}

/* The product of a thin state whose only use is to be added to the row sums x, or NULL. */
static Op *joined(Lower *L, const Op *x)
{
	Op *add = only_reader(L, x), *sum;

	if (!add || add->code != OP_add || add->src[0] == add->src[1])
		return NULL;
	sum = add->src[add->src[0] == x];
	if (sum->code != OP_sum || sum->axis_dim != 1 || only_reader(L, sum) != add ||
	    sum->src[0]->rank != 2 || sum->src[0]->dim[1].n != 1 ||
	    only_reader(L, sum->src[0]) != sum || sum->src[0]->parent != x->parent ||
	    !lower_beside_reads(L, sum->src[0]))
		return NULL;
	return sum->src[0];
}

/* x, the row sums of p's left operand, which is in registers, begins the accumulators of the
 * product that it is added to, along with p's own steps. What is left to be added is nothing. */
bool lower_ones_rows(Product *p, Op *x)
{
	Lower *L = p->L;
	Op *dot = joined(L, x);
	const char *v[MAX_DIGITS];
	Layout l, drop;
	Version *none;
	Block *b;

	if (!dot || begun(L))
		return false;
	for (const Version *w = L->versions; w; w = w->next)
		if (w->op == dot)
			return false;
	l = lower_beside_read_layout(p, dot);
	if (l.d[0].n != p->l.d[0].n || p->a.swapped)
		return false;
	p->sums = lower_declare(L, dot, &l, false, NULL);
	p->sums->op = NULL;
	L->begun = p->sums;
	L->begun_dot = dot;
	drop = layout_drop(l, 1);
	none = lower_declare(L, x, &drop, false, NULL);
	b = lower_nest(L, &drop, false, v);
	lower_code(L, "%s = -0.0f;", lower_ref(L, none, &drop, v));
	lower_nest_close(L, b);
	return true;
}

/* The accumulators that `dot` begins with, or NULL. */
Version *lower_ones_begun(Lower *L, const Op *dot)
{
	Version *w = begun(L);

	if (!w || dot != L->begun_dot)
		return NULL;
	w->op = dot;
	L->begun = NULL;
	return w;
}
