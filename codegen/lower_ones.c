/* lower_ones.c -- sums as products of warpgroups, with ones.
 *
 * Sixteen rows of 64 lie in shared memory from the start: of their columns 8 c .. 8 c + 7 the c-th
 * is ones, the others are zeros. So each eight are a right operand whose product adds up the left
 * one's columns, in the column of eight that is wanted.
 *
 * Such a product follows another by the same left operand, and keeps no warp waiting, as mma.sync
 * does, behind what is in the tensor cores before it. Or it is that product's own: where the right
 * operand is one panel of 64 columns, eight more are those of another panel, wherever it is, which
 * the descriptor's leading offset says (Operand.more). So a product of P and V sums P, and one that
 * reads a wide state reads a thin one.
 */
#include "lower_dot.h"

#include <string.h>

typedef struct Count {
	const Op *x;
	int n;
} Count;

enum { PANEL = 64, ROWS = 16 };

static Staged *ones(Lower *L)
{
	Staged *s = L->ones;

	if (s)
		return s;
	s = L->ones = ARENA_NEW(L->a, Staged);
	s->base = lower_name(L, "ones");
	s->buf = dev_buffer(L->dev, s->base, ROWS, PANEL, 2, 1);
	s->buf->used_cols = 0;
	return s;
}

void lower_ones_fill(Lower *L)
{
	const Staged *s = L->ones;
	Block *saved;

	if (!s)
		return;
	saved = lower_open(L, S_FOR, false, "int x = %s; x < %d; x += %d",
	                   L->dev->roles > 1 ? "(int)threadIdx.x" : "tid", s->buf->bytes / 16,
	                   dev_threads(L->dev));
	saved->last->atomic = true;
	dev_access(lower_code(L, "st_shared_v4(%s + 16 * x, 0, 0, 0, 0);", s->base), s->buf, ACC_WRITE);
	lower_code(L, "st_shared_b16(%s + 16 * x + 2 * ((x ^ x / 8) %% 8), %s);", s->base,
	           L->f16 ? "0x3c00" : "0x3f80");
	L->out = saved;
}

/* The descriptor of the operand whose column 0 is ones; c more, and column c is. */
const char *lower_ones(Lower *L)
{
	const Staged *s = ones(L);
	const char *name = lower_name(L, arena_printf(L->a, "%s_d", s->base));

	dev_access(lower_code(L, "const u64 %s = wgmma_desc(%s, 16, %d, %d);", name, s->base,
	                      8 * s->buf->pbytes, s->buf->pbytes),
	           s->buf, ACC_PROXY);
	return name;
}

void lower_ones_step(Product *p, const char *lo, const char *hi, const char *const *a,
                     const char *desc, const char *column, const char *adds)
{
	Lower *L = p->L;

	if (strcmp(column, "0"))
		desc = arena_printf(L->a, "%s + %s", desc, column);
	lower_code(L, "wgmma_%s_rs_n8(%s, %s, %s, %s, %s, %s, %s, %s, 1);", p->ty, lo, hi, a[0], a[1],
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
	L->begun = lower_declare(L, dot, &l, false, NULL);
	L->begun->op = NULL;
	L->begun_dot = dot;
	if (!p->acc->more)
		p->sums = L->begun;
	drop = layout_drop(l, 1);
	none = lower_declare(L, x, &drop, false, NULL);
	b = lower_nest(L, &drop, false, v);
	lower_code(L, "%s = -0.0f;", lower_ref(L, none, &drop, v));
	lower_nest_close(L, b);
	return true;
}

static const Buffer *published(Lower *L, const Op *dot)
{
	bool sw = false;
	const Op *get = op_base(dot->src[1], &sw);

	for (const Published *q = L->published; q < L->published + L->npublished; q++)
		if (q->op == get)
			return q->buf;
	return NULL;
}

static bool one_panel(const Buffer *b)
{
	return b && b->cols == PANEL && b->pcols == PANEL;
}

/* Whether p, which begins accumulators that `then` adds to, takes the sums of its left operand
 * along as eight columns more, and `then` what is to be added to those. */
bool lower_ones_join(Product *p, const Op *then)
{
	Lower *L = p->L;
	const Op *dot = NULL;
	const Buffer *wide, *thin;

	if (!then || L->role != ROLE_OUTPUT || p->b.swapped || 8 * p->l.d[1].n != PANEL ||
	    !one_panel(p->b.staged->buf) || begun(L))
		return false;
	for (Op *x = p->op->parent->first; x && !dot; x = x->next)
		if (x->code == OP_sum && x->axis_dim == 1 && x->src[0] == p->a.x && L->live[x->id])
			dot = joined(L, x);
	if (!dot || !lower_beside_same(L, dot, then))
		return false;
	wide = published(L, then);
	thin = published(L, dot);
	if (!one_panel(wide) || !thin || thin->id < wide->id)
		return false;
	p->b.more = ones(L);
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
