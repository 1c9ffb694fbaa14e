/* prune.c -- what reaches no output: found (ir_live) and removed (ir_prune); and the mistakes
 * that only the whole traced body shows (ir_check).
 *
 * An op is live when a store needs it. A read of a variable or state needs its declaration and
 * every set, decay and update of it; what a loop contains that is live needs the loop, and a
 * loop needs its mask.
 * maintains: order of ops; ids count again from 0 after pruning.
 */
#include "ir.h"

#include <string.h>

typedef struct Live {
	const Kernel *k;
	unsigned char *live; /* by Op.id */
	Op **stack;
	int n;
} Live;

static void need(Live *l, Op *o)
{
	if (o && !l->live[o->id]) {
		l->live[o->id] = 1;
		l->stack[l->n++] = o;
	}
}

static bool changes(const Op *o)
{
	return o->code == OP_set || o->code == OP_decay || o->code == OP_update;
}

/* Calls f for every op of the region and the regions in it. */
static void each_op(Region *r, void (*f)(void *, Op *), void *user)
{
	for (Op *o = r->first, *next; o; o = next) {
		next = o->next;
		if (o->body)
			each_op(o->body, f, user);
		f(user, o);
	}
}

static void need_store(void *user, Op *o)
{
	if (o->code == OP_store)
		need(user, o);
}

typedef struct Changes {
	Live *l;
	const Op *var;
} Changes;

static void need_change(void *user, Op *o)
{
	Changes *c = user;

	if (changes(o) && o->src[0] == c->var)
		need(c->l, o);
}

unsigned char *ir_live(const Kernel *k)
{
	Live l = {k, arena_alloc(k->arena, (size_t)k->nops + 1), NULL, 0};

	l.stack = ARENA_ARRAY(k->arena, Op *, k->nops + 1);
	each_op(k->body, need_store, &l);
	while (l.n) {
		Op *o = l.stack[--l.n];

		for (int i = 0; i < o->nsrc; i++)
			need(&l, o->src[i]);
		need(&l, o->parent->owner);
		need(&l, o->mask);
		if (o->code == OP_var || o->code == OP_state)
			each_op(k->body, need_change, &(Changes){&l, o});
	}
	return l.live;
}

typedef struct Pruning {
	unsigned char *live;
	int id;
} Pruning;

static void unlink_dead(void *user, Op *o)
{
	Pruning *p = user;
	Region *r = o->parent;

	if (p->live[o->id])
		return;
	if (o->prev)
		o->prev->next = o->next;
	else
		r->first = o->next;
	if (o->next)
		o->next->prev = o->prev;
	else
		r->last = o->prev;
}

static void renumber(Region *r, int *id)
{
	for (Op *o = r->first; o; o = o->next) {
		o->id = (*id)++;
		if (o->body)
			renumber(o->body, id);
	}
}

void ir_prune(Kernel *k)
{
	Pruning p = {ir_live(k), 0};

	each_op(k->body, unlink_dead, &p);
	renumber(k->body, &p.id);
	k->nops = p.id;
}

/* -- checks ------------------------------------------------------------------------------- */

/* What is kept two to a register, a matrix from memory or a product's operand: its dtype, or F32.
 */
static Dtype narrow(const Op *o)
{
	Dtype dt = o->code == OP_load && o->rank == 2 ? o->dtype
	           : o->code == OP_dot                ? o->src[0]->dtype
	                                              : DT_F32;

	return dt == DT_BF16 || dt == DT_F16 ? dt : DT_F32;
}

static void find_narrow(void *user, Op *o)
{
	const Op **first = user;

	if (!*first && narrow(o) != DT_F32)
		*first = o;
}

static const Op *first_narrow(const Kernel *k)
{
	const Op *first = NULL;

	each_op(k->body, find_narrow, &first);
	return first;
}

Dtype ir_narrow(const Kernel *k)
{
	const Op *o = first_narrow(k);

	return o ? narrow(o) : DT_BF16;
}

typedef struct Uses {
	Kernel *k;
	const Op *narrow;   /* the first 16-bit matrix or product, or NULL */
	int *use;           /* by Op.id: how many ops have it as a source */
	unsigned char *set; /* by Op.id of a var: something sets it */
} Uses;

static void count_uses(void *user, Op *o)
{
	Uses *u = user;

	for (int i = 0; i < o->nsrc; i++)
		u->use[o->src[i]->id]++;
	if (changes(o))
		u->set[o->src[0]->id] = 1;
}

/* The running sum that x repeats along dimension d, or NULL. */
static const Op *running_sum(const Op *x, int d)
{
	while (x->code == OP_get && x->src[0]->code == OP_var)
		x = x->src[0]->src[0];
	if (x->code != OP_expand || x->axis_dim != d)
		return NULL;
	for (x = x->src[0]; x->code == OP_mul || x->code == OP_neg; x = x->src[0])
		continue;
	return x->code == OP_cumsum ? x : NULL;
}

static void check_op(void *user, Op *o)
{
	Uses *u = user;

	if (u->narrow && narrow(o) != DT_F32 && narrow(o) != narrow(u->narrow))
		diag_fail(u->k->diag, o->loc,
		          "%s: %s beside %s (line %d); matrices and operands of products have one 16-bit "
		          "dtype, p.dtype",
		          op_info[o->code].name, dtype_name(narrow(o)), dtype_name(narrow(u->narrow)),
		          u->narrow->loc.line);
	if (o->code == OP_var && !u->set[o->id])
		diag_fail(u->k->diag, o->loc,
		          "%s is never set; a value that does not change needs no az.var",
		          o->name ? o->name : "this variable");
	if (o->code == OP_loop && o->mask && u->use[o->mask->id] == 0)
		diag_fail(
		    u->k->diag, o->loc,
		    "the mask of this loop is never used, yet it bounds the loop; "
		    "take it (for n, seen in az.tiles) and select with az.where(seen, x, -math.huge)");
	if ((o->code == OP_exp || o->code == OP_exp2) && o->src[0]->code == OP_sub) {
		const Op *x = o->src[0]->src[0], *y = o->src[0]->src[1];

		if ((running_sum(x, 1) && running_sum(y, 0)) || (running_sum(x, 0) && running_sum(y, 1)))
			diag_fail(
			    u->k->diag, o->loc,
			    "%s of a difference of running sums overflows on one side of "
			    "the diagonal, and 0 * inf is not a number; mask first: az.%s(az.causal(c:col() - "
			    "c:row(), -math.huge))",
			    op_info[o->code].name, op_info[o->code].name);
	}
}

void ir_check(Kernel *k)
{
	Uses u = {k, first_narrow(k), ARENA_ARRAY(k->arena, int, k->nops + 1),
	          arena_alloc(k->arena, (size_t)k->nops + 1)};

	each_op(k->body, count_uses, &u);
	each_op(k->body, check_op, &u);
}
