/* lower_late.c -- a product in flight over a loop's back edge.
 *
 * What a turn adds last to an accumulator, acc = f(acc) + dot(x, tile), is left to the next turn:
 * x stays in registers and the tile in its stage of the ring. It is issued behind the next turn's
 * first product, to run while that turn works on the first one's result, and is waited for before
 * acc changes again; then its stage is empty. The last turn's is issued behind the loop.
 *
 * requires: the loop's tiles by the copy engine, three stages at least: this turn's, the last
 * turn's, and one to be filled.
 * maintains: the order in which acc changes, so the same bits.
 */
#include "lower_dot.h"

#include <ctype.h>
#include <string.h>

struct Late {
	Op *effect;
	Product p;
	Staged tile;             /* the last turn's */
	const char *done, *when; /* its stage's barrier; whether there was a last turn */
	const char *empty;
	const char *never; /* a condition that does not hold, which only a launch can tell */
	bool issued;
};

static bool needs_product(const Op *x, const Op *loop)
{
	if (x->code == OP_dot && x->parent->owner == loop)
		return true;
	for (int i = 0; i < x->nsrc; i++)
		if (op_info[x->code].class != STATE && needs_product(x->src[i], loop))
			return true;
	return false;
}

/* The product that ends effect e, if nothing behind it in the loop reads the variable. */
static Op *last_product(Lower *L, Op *e)
{
	Op *x = e->nsrc > 1 ? e->src[1] : NULL, *dot = NULL;
	bool sw = false;

	if ((e->code != OP_set && e->code != OP_update) || L->f->op[e->src[0]->id].unscaled ||
	    e->src[0]->rank != 2)
		return NULL;
	if (e->code == OP_update)
		dot = x;
	else if (x->code == OP_add)
		dot = x->src[1]->code == OP_dot ? x->src[1] : x->src[0];
	if (!dot || dot->code != OP_dot || L->f->op[dot->id].uses != 1)
		return NULL;
	for (const Op *y = e->next; y; y = y->next)
		if (y->nsrc && y->src[0] == e->src[0])
			return NULL;
	return op_base(dot->src[1], &sw)->code == OP_load &&
	               needs_product(dot->src[0], e->parent->owner)
	           ? dot
	           : NULL;
}

/* Whether the loop's first product is one of warpgroups, in one strip. */
static bool first_flies(Lower *L, const Op *loop, const Op *last)
{
	for (Op *x = loop->body->first; x; x = x->next)
		if (x->code == OP_dot && x != last) {
			Layout l = lower_value_layout(L, x);
			Product p;

			return l.d[0].n == 2 && lower_dot_flies(L, x, &l, &p);
		}
	return false;
}

const char *lower_run_time_size(Lower *L)
{
	const Grid *grid = &L->k->grid;

	for (int i = 0; i < grid->n; i++) {
		const char *size = lower_size(L, grid->range[i], 0);

		if (!isdigit((unsigned char)*size))
			return size;
	}
	return NULL;
}

/* Finds the loop's late product, once its tiles are staged; NULL: there is none. */
Late *lower_late_find(Lower *L, const Op *loop)
{
	Late *t;

	if (L->role != ROLE_ALL || L->stages < 3 || L->part != PART_ALL || L->strip ||
	    !lower_run_time_size(L))
		return NULL;
	for (Op *e = loop->body->first; e; e = e->next) {
		Op *dot = last_product(L, e);
		Layout l;

		if (!dot)
			continue;
		t = ARENA_NEW(L->a, Late);
		t->effect = e;
		l = lower_value_layout(L, e->src[0]);
		if (l.d[0].n == 2 && lower_dot_flies(L, dot, &l, &t->p) && t->p.a.kind == ARRAY &&
		    !t->p.a.array && !t->p.a.swapped && first_flies(L, loop, dot))
			return t;
	}
	return NULL;
}

/* Before the loop: what outlives a turn. */
void lower_late_open(Lower *L, const Ring *r)
{
	Late *t = L->late;
	Operand *a = &t->p.a;

	t->p.acc = lower_var_version(L, t->effect->src[0]);
	t->p.wgmma = true;
	product_count(&t->p);
	a->array = lower_declare(L, a->x, &a->own, true,
	                         arena_printf(L->a, "%s_last", a->x->name ? a->x->name : "x"));
	a->array->op = NULL;
	t->tile = *t->p.b.staged;
	t->tile.base = lower_name(L, arena_printf(L->a, "%s_last", t->p.b.staged->base));
	t->p.b.staged = &t->tile;
	t->never = lower_name(L, "never");
	lower_code(L, "const bool %s = %s < 0;", t->never, lower_run_time_size(L));
	t->done = lower_name(L, "done_last");
	t->empty = r->empty->name;
	lower_code(L, "u32 %s = %s, %s = %s;", t->tile.base, t->tile.buf->name, t->done, t->empty);
}

/* At the start of a turn; `when`: it is not the first. */
void lower_late_turn(Lower *L, const char *when)
{
	L->late->when = when;
	L->late->issued = false;
}

static Stmt *issue(Lower *L)
{
	Late *t = L->late;
	Block *saved = lower_open(L, S_IF, false, "%s", t->when);
	Stmt *s = saved->last;

	s->uniform = true;
	t->issued = true;
	lower_wgmma_issue(&t->p);
	lower_wgmma_commit(L);
	lower_close(L, saved);
	return s;
}

/* Behind the turn's first product, whose group is closed; that one is waited for here, since how
 * many groups are younger depends on the turn. (A group closed where it is empty would cost a
 * product of its own: so ptxas compiles it.) */
void lower_late_issue(Lower *L)
{
	Block *saved = L->out;
	Stmt *s;

	if (!L->late || L->late->issued)
		return;
	s = issue(L);
	L->out = &s->body;
	lower_code(L, "wgmma_wait(1);");
	L->out = &s->orelse;
	lower_code(L, "wgmma_wait(0);");
	L->out = saved;
	lower_wgmma_over(L, L->group - 2);
}

bool lower_is_late(const Lower *L, const Op *effect)
{
	return L->late && L->late->effect == effect;
}

/* Before the accumulators change: the last turn's product is over, and its stage read. What the
 * product is to run beside is done before: ptxas (CUDA 13.0) would move the wait in front of it. */
void lower_late_land(Lower *L)
{
	Late *t = L->late;
	Block *saved;

	lower_need_packed(L, t->p.a.x, &t->p.a.own); /* what it is made of may be this turn's product */
	lower_late_issue(L);
	lower_code(L, "scheduler_fence(%s);", t->never);
	lower_wgmma_land(L, t->p.acc->name);
	dev_add(L->dev, L->out, S_WARP, NULL);
	saved = lower_open(L, S_IF, false, "lane == 0 && %s", t->when);
	lower_code(L, "mbarrier_arrive(%s);", t->done);
	lower_close(L, saved);
}

/* Instead of the product: its operands are kept. */
void lower_late_keep(Lower *L, const Ring *r)
{
	Late *t = L->late;
	Operand *a = &t->p.a;
	Version *w = lower_need_packed(L, a->x, &a->own);
	Staged *now = lower_staged(L, t->p.b.x);
	const char *v[MAX_DIGITS];
	Block *b = lower_nest(L, &a->own, true, v);

	lower_code(L, "wgmma_replace_b32(&%s[%s][%s], %s ? ~0u : 0, %s[%s][%s]);", a->array->name, v[0],
	           v[1], t->never, w->name, v[0], v[1]);
	lower_nest_close(L, b);
	lower_code(L, "%s = %s;", t->tile.base, now->base);
	lower_code(L, "%s = %s;", t->done, r->done);
}

/* Behind the loop; `when`: it had a turn. */
void lower_late_close(Lower *L, const char *when)
{
	lower_late_turn(L, when);
	issue(L);
	lower_wgmma_settle(L);
	if (L->keep) { /* the next program's tiles come in its place */
		Block *saved;

		dev_add(L->dev, L->out, S_WARP, NULL);
		saved = lower_open(L, S_IF, false, "lane == 0 && %s", when);
		lower_code(L, "mbarrier_arrive(%s);", L->late->done);
		lower_close(L, saved);
	}
	L->late = NULL;
}
