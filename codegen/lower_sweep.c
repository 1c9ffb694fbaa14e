/* lower_sweep.c -- one loop over the rows of streamed matrices, for all that is made of them.
 *
 * requires: a kernel of one step whose loads were asked for ahead (lower_ahead), and what is stored
 * or folded of its matrices made of no fold of them. In a turn, a thread makes its elements of one
 * strip of rows, stores them, and adds them to its parts of every fold, so that they hold registers
 * for that turn alone. Vectors over the whole block are folded before it: their warps' parts then
 * meet at the barrier that the loop needs anyway.
 */
#include "lower.h"

static bool folds_matrix(const Op *x)
{
	if ((op_info[x->code].class == REDUCE || op_info[x->code].class == SCAN) &&
	    x->src[0]->rank == 2)
		return true;
	for (int i = 0; i < x->nsrc; i++)
		if (folds_matrix(x->src[i]))
			return true;
	return false;
}

/* Whether x is computed element by element of streams in layout l. */
static bool is_stream(Lower *L, Op *x, const Layout *l)
{
	Layout own;

	if (x->rank < 2 || x->code == OP_expand)
		return !folds_matrix(x);
	if (x->dim[0].n > 1 && x->dim[1].n > 1) {
		own = lower_stream_layout(L, x);
		if (!layout_same(&own, l))
			return false;
	}
	if (x->code == OP_load)
		return x->dim[0].n > 1 && x->dim[1].n > 1 && lower_is_plain(L, x);
	for (int i = 0; i < x->nsrc && op_is_elementwise(x); i++)
		if (!is_stream(L, x->src[i], l))
			return false;
	return op_is_elementwise(x);
}

/* What ends in op, if that is a store or a fold of a matrix; else NULL. */
static Op *sink(const Op *op)
{
	Op *x = op->code == OP_store                ? lower_stored(op)
	        : op_info[op->code].class == REDUCE ? op->src[0]
	                                            : NULL;

	return x && x->rank == 2 && x->dim[0].n > 1 && x->dim[1].n > 1 ? x : NULL;
}

static bool fits(Lower *L, Op *op, const Layout *l)
{
	return is_stream(L, sink(op), l) && (op->code != OP_store || !lower_store_when(L, op)) &&
	       (op->code == OP_store || L->f->op[op->id].uses);
}

/* Whether matrices go nowhere else. */
static bool ends_here(const Op *o)
{
	if (sink(o) || o->code == OP_expand || op_is_elementwise(o))
		return true;
	for (int i = 0; i < o->nsrc; i++)
		if (o->src[i]->rank == 2 && o->src[i]->dim[0].n > 1 && o->src[i]->dim[1].n > 1)
			return false;
	return true;
}

/* Registers of a thread: what it has asked for as it came, a strip's elements, vectors, the
 * threads' parts of folds, and addresses, of which a second store, and loads in the loop, have
 * their own. */
static int registers(Lower *L, const Layout *l, int strips, int words)
{
	enum { COMMON = 8, MOVING = 4, LEAST = 48 };
	int n = COMMON + strips * words + layout_regs(l) / l->d[0].n;
	Layout own;

	if (strips < l->d[0].n)
		n += MOVING;
	for (Op *o = L->k->body->first; o; o = o->next) {
		if (sink(o))
			n += MOVING;
		if (sink(o) && o->code != OP_store)
			own = layout_drop(*l, o->axis_dim);
		else if (o->code == OP_load && o->rank == 1 && lower_is_plain(L, o))
			own = lower_stream_vector(L, o);
		else
			continue;
		n += layout_regs(&own);
	}
	return n < LEAST ? LEAST : n;
}

Sweep lower_sweep_plan(Lower *L)
{
	enum { AHEAD = 20 }; /* words a stage */
	int n = 0, nfolds = 0, words = 0;
	Sweep s = {0, 0};
	Layout l;

	for (Op *o = L->k->body->first; o; o = o->next)
		if (sink(o)) {
			if (!n++)
				l = lower_stream_layout(L, sink(o));
			if (!fits(L, o, &l))
				return s;
			nfolds += o->code != OP_store;
		} else if (!ends_here(o)) {
			return s;
		}
	if (n < 2 || nfolds > MAX_FOLDS / 2 || l.d[0].n == 1)
		return s;
	for (Op *o = L->k->body->first; o; o = o->next)
		if (o->code == OP_load && o->rank == 2 && lower_is_plain(L, o))
			words += layout_regs(&l) / l.d[0].n * dtype_bytes(o->arg->dtype) / 4;
	if (!words)
		return s;
	s.strips = AHEAD * L->stages / words;
	if (s.strips < 2)
		s.strips = 2;
	if (s.strips > l.d[0].n)
		s.strips = l.d[0].n;
	s.regs = registers(L, &l, s.strips, words);
	L->sweeps = true;
	return s;
}

/* A vector that lies over the block, folded to a number: its parts. */
static void fold_vectors(Lower *L)
{
	for (Op *o = L->k->body->first; o; o = o->next)
		if (op_info[o->code].class == REDUCE && o->rank == 0 && L->f->op[o->id].uses &&
		    o->src[0]->rank == 1 && L->nfolds < MAX_FOLDS && !folds_matrix(o->src[0])) {
			Layout over = lower_thread_layout(L, o->src[0]->dim[0].n);

			lower_comment(L, o);
			lower_ensure(L, o->src[0], &over);
			lower_fold_open(L, &L->folds[L->nfolds], o, &over);
			lower_fold_turn(L, &L->folds[L->nfolds], &over);
			lower_fold_close(L, &L->folds[L->nfolds++]);
		}
}

/* Strips that are not asked for yet take the place of the one that has been used. */
static void ask_more(Lower *L, const Strip *s, Layout l)
{
	Strip later = *s;
	Block *saved = NULL;

	later.var = lower_name(L, "next");
	l.base[0] = arena_printf(L->a, "%d * %s", s->step, later.var);
	for (Version *w = L->versions; w; w = w->next)
		if (w->op && w->op->code == OP_load && w->l.rank == 2 && w->l.d[0].n < s->count) {
			Op *load = (Op *)w->op;

			if (!saved) {
				lower_code(L, "const int %s = %s + %d;", later.var, s->var, w->l.d[0].n);
				saved = lower_open(L, S_IF, false, "%s < %d", later.var, s->count);
				L->strip = &later;
			}
			lower_load_more(L, load, &l, w);
		}
	if (saved)
		L->out = saved;
	L->strip = (Strip *)s;
}

static void sweep(Lower *L, Layout l)
{
	Strip s = {.var = lower_name(L, "step"), .outer = L->out, .outer_scope = L->scope};
	Stmt *loop = ARENA_NEW(L->a, Stmt);
	int first;

	L->swept = true;
	fold_vectors(L);
	first = L->nfolds;
	for (Op *o = L->k->body->first; o; o = o->next)
		if (sink(o) && o->code != OP_store)
			lower_fold_open(L, &L->folds[L->nfolds++], o, &l);
	s.count = l.d[0].n;
	s.step = l.d[0].stride;
	s.base = l.base[0] = arena_printf(L->a, "%d * %s", s.step, s.var);
	l.d[0].n = 1;
	l.far = true;
	*loop = (Stmt){.kind = S_FOR, .unroll = true};
	loop->text = arena_printf(L->a, "int %s = 0; %s < %d; %s++", s.var, s.var, s.count, s.var);
	L->strip = &s;
	loop->body.outer = s.outer;
	L->out = &loop->body;
	L->scope++;
	for (Op *o = L->k->body->first; o; o = o->next)
		if (sink(o) && o->code == OP_store) {
			lower_comment(L, o);
			lower_store_tile(L, o, &l);
		}
	for (int i = first; i < L->nfolds; i++) {
		lower_comment(L, L->folds[i].op);
		lower_ensure(L, L->folds[i].op->src[0], &l);
		lower_fold_turn(L, &L->folds[i], &l);
	}
	ask_more(L, &s, l);
	lower_drop_versions(L, L->scope);
	L->scope--;
	L->strip = NULL;
	L->out = s.outer;
	dev_append(L->out, loop);
	for (int i = first; i < L->nfolds; i++)
		lower_fold_close(L, &L->folds[i]);
}

Fold *lower_swept(Lower *L, const Op *op)
{
	for (int i = 0; i < L->nfolds; i++)
		if (L->folds[i].op == op)
			return &L->folds[i];
	return NULL;
}

bool lower_is_swept(Lower *L, const Op *op)
{
	return L->swept && (op->code == OP_store ? sink(op) != NULL : lower_swept(L, op) != NULL);
}

bool lower_sweep(Lower *L, const Op *op)
{
	if (L->sweeps && !L->swept && sink(op) && L->scope == 0) /* in no condition */
		sweep(L, lower_stream_layout(L, sink(op)));
	return lower_is_swept(L, op);
}
