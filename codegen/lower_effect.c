/* lower_effect.c -- variables and states, and the effects that everything else is computed for.
 */
#include "segment.h"

#include <string.h>

/* -- variables ----------------------------------------------------------------------------- */

static void fill(Lower *L, Op *op, Version *w)
{
	const char *v[MAX_DIGITS];
	Op *init = op->src[0];
	Block *b;

	if (L->f->op[op->id].unscaled && init->code != OP_const_ && init->code != OP_full) {
		if (!lower_state_whole(L, op, &w->l)) {
			b = lower_nest(L, &w->l, false, v);
			lower_code(L, "%s = 0.0f;", lower_ref(L, w, &w->l, v));
			lower_nest_close(L, b);
		}
		lower_state_load(L, op, w);
		return;
	}
	lower_ensure(L, init, &w->l);
	b = lower_nest(L, &w->l, false, v);
	lower_code(L, "%s = %s;", lower_ref(L, w, &w->l, v), lower_elem(L, init, &w->l, v));
	lower_nest_close(L, b);
}

void lower_var(Lower *L, Op *op)
{
	Layout l = lower_value_layout(L, op);
	Version *w = lower_declare(L, op, &l, false, NULL);

	if (op->code == OP_state && L->part != PART_ALL)
		segment_start(L, op, w, fill);
	else
		fill(L, op, w);
}

Version *lower_var_version(Lower *L, const Op *var)
{
	for (Version *w = L->versions; w; w = w->next)
		if (w->op == var && !w->packed)
			return w;
	bug("a variable without registers");
}

/* -- effects ------------------------------------------------------------------------------- */

/* x = expr over the variable's own registers, which expr may read at the same place. */
static void assign(Lower *L, Version *w, const char *how, Op *x)
{
	const char *v[MAX_DIGITS];
	Block *b;

	lower_wgmma_land(L, w->name);
	lower_ensure(L, x, &w->l);
	b = lower_nest(L, &w->l, false, v);
	lower_code(L, "%s %s %s;", lower_ref(L, w, &w->l, v), how, lower_elem(L, x, &w->l, v));
	lower_nest_close(L, b);
}

static void add_dot(Lower *L, Version *w, Op *dot)
{
	if (lower_is_thin(L, w->op)) {
		lower_thin_update(L, w, dot);
		return;
	}
	if (w->l.rank != 2)
		lower_cannot(L, dot, "a product added to a vector");
	lower_dot(L, dot, &w->l, w);
}

static bool fresh_dot(Lower *L, const Op *x, const Layout *l)
{
	return x->code == OP_dot && L->f->op[x->id].uses == 1 && !lower_find(L, x, l, false);
}

static bool is_get_of(const Op *x, const Op *var)
{
	return x->code == OP_get && x->src[0] == var;
}

static bool reads(const Op *x, const Op *var)
{
	if (is_get_of(x, var))
		return true;
	for (int i = 0; i < x->nsrc; i++)
		if (op_info[x->code].class != STATE && reads(x->src[i], var))
			return true;
	return false;
}

/* Whether x is computed from what the loop's variables are. */
static bool runs(const Op *x, const Op *loop)
{
	if (x->code == OP_get)
		return x->parent->owner == loop;
	for (int i = 0; i < x->nsrc; i++)
		if (op_info[x->code].class != STATE && runs(x->src[i], loop))
			return true;
	return false;
}

/* w = x, where x is mostly w's variable times a row's factor that follows a variable, such as a
 * running maximum: it is 1 wherever that has not changed, and where it is 1 in all of a warp's rows
 * there is nothing to do. */
static void rescale(Lower *L, Version *w, Op *op, Op *x)
{
	Layout rows = layout_drop(w->l, 1);
	Text when = {.arena = L->a};
	const char *v[MAX_DIGITS];
	Op *f = NULL;
	Block *saved = NULL;

	if (x->code == OP_mul)
		f = is_get_of(x->src[0], op->src[0]) ? x->src[1] : x->src[0];
	if (f && f->code == OP_expand && f->src[0]->rank == 1 && f->dim[1].n == 1 &&
	    (is_get_of(x->src[0], op->src[0]) || is_get_of(x->src[1], op->src[0])) &&
	    op->parent->owner && runs(f, op->parent->owner) && rows.nd && rows.d[0].hw == HW_REG &&
	    rows.d[0].n <= 4 && w->l.d[1].n >= 8) {
		lower_wgmma_land(L, w->name);
		lower_need(L, f->src[0], &rows);
		for (int i = 0; i < rows.d[0].n; i++) {
			v[0] = arena_printf(L->a, "%d", i);
			text_add(&when, i ? " | (%s != 1.0f)" : "(%s != 1.0f)",
			         lower_elem(L, f->src[0], &rows, v));
		}
		saved = lower_open(L, S_IF, false, "warp_any(%s)", when.s);
		saved->last->atomic = true;
	}
	assign(L, w, "=", x);
	if (saved)
		lower_close(L, saved);
}

/* v = v f + sum of a matrix, from 0: every lane can keep its own part, if the factor is the same in
 * all lanes of a row and nobody reads v in the loop. */
Op *lower_kept_parts(Lower *L, const Op *set)
{
	const Op *loop = set->parent->owner, *var = set->nsrc ? set->src[0] : NULL;
	Op *x = set->nsrc > 1 ? set->src[1] : NULL, *sum;
	Layout l;

	if (set->code != OP_set || !loop || var->rank != 1 || x->code != OP_add || L->strip ||
	    L->part != PART_ALL || L->role != ROLE_ALL || loop->parent->owner ||
	    var->src[0]->code != OP_full || var->src[0]->value != 0 || L->f->op[x->id].uses != 1)
		return NULL;
	sum = x->src[x->src[1]->code == OP_sum];
	if (sum->code != OP_sum || L->f->op[sum->id].uses != 1 || reads(sum, var))
		return NULL;
	x = x->src[x->src[1]->code != OP_sum];
	if (x->code == OP_mul && L->f->op[x->id].uses == 1)
		x = x->src[!is_get_of(x->src[0], var)];
	if (!is_get_of(x, var) || L->f->op[x->id].uses != 1)
		return NULL;
	for (const Op *y = loop->body->first; y; y = y->next)
		if (y != x && y != set && y->nsrc && y->src[0] == var)
			return NULL;
	l = lower_value_layout(L, var);
	return lower_reduce_parts(L, sum, &l) ? sum : NULL;
}

static void lower_set(Lower *L, Op *op)
{
	Version *w = lower_var_version(L, op->src[0]);
	Op *x = op->src[1];

	if (x->code == OP_add && x->rank == 2)
		for (int p = 1; p >= 0; p--)
			if (fresh_dot(L, x->src[p], &w->l) && !reads(x->src[p], op->src[0])) {
				if (lower_is_late(L, op))
					lower_late_land(L);
				if (!is_get_of(x->src[1 - p], op->src[0]))
					rescale(L, w, op, x->src[1 - p]);
				if (lower_is_late(L, op))
					lower_late_keep(L, &L->ring);
				else
					add_dot(L, w, x->src[p]);
				return;
			}
	L->parts = lower_kept_parts(L, op);
	assign(L, w, "=", x);
	L->parts = NULL;
}

static void lower_update(Lower *L, Op *op)
{
	Version *w = lower_var_version(L, op->src[0]);

	if (lower_is_thin(L, op->src[0]) && lower_is_beside(L, op->src[0]))
		return; /* done with the wide state's */
	if (lower_is_late(L, op)) {
		lower_late_land(L);
		lower_late_keep(L, &L->ring);
	} else if (fresh_dot(L, op->src[1], &w->l))
		add_dot(L, w, op->src[1]);
	else if (L->f->op[op->src[0]->id].unscaled)
		lower_cannot(L, op, "a state over features updated by something other than a product");
	else
		assign(L, w, "+=", op->src[1]);
}

typedef struct Uses {
	const Op *x;
	bool found;
} Uses;

static void uses_op(void *user, Op *o)
{
	Uses *u = user;

	for (int i = 0; i < o->nsrc; i++)
		u->found |= o->src[i] == u->x;
}

static bool used_from(Op *from, const Op *x)
{
	Uses u = {x, false};

	for (; from && !u.found; from = from->next) {
		uses_op(&u, from);
		if (from->body)
			ir_walk(from->body, uses_op, &u);
	}
	return u.found;
}

/* Gives x registers of its own now. */
static void settle(Lower *L, Op *x)
{
	Layout l = lower_value_layout(L, x);

	if (x->code == OP_get) {
		const char *v[MAX_DIGITS];
		Version *var = lower_var_version(L, x->src[0]), *w;
		Block *b;

		for (w = L->versions; w; w = w->next)
			if (w->op == x && w->name != var->name)
				return;
			else if (w->op == x)
				w->op = NULL;
		lower_wgmma_land(L, var->name);
		w = lower_declare(L, x, &var->l, false, NULL);
		b = lower_nest(L, &var->l, false, v);
		lower_code(L, "%s = %s;", lower_ref(L, w, &var->l, v), lower_ref(L, var, &var->l, v));
		lower_nest_close(L, b);
	} else if (x->code != OP_expand && x->code != OP_transpose && !lower_find(L, x, &l, false)) {
		lower_need(L, x, &l);
	}
}

static bool is_value(Lower *L, const Op *x)
{
	OpClass c = op_info[x->code].class;

	if (L->live && !L->live[x->id])
		return false;
	return x->rank > 0 && (x->code == OP_get || (c != STATE && c != EFFECT && c != REGION));
}

/* Before `var` changes: what reads it and is used later is computed first. */
static void settle_before(Lower *L, Op *effect)
{
	Op *var = effect->src[0];

	if (L->f->op[var->id].unscaled)
		return;
	for (Op *x = effect->parent->first; x && x != effect; x = x->next)
		if (is_value(L, x) && reads(x, var) && used_from(effect->next, x))
			settle(L, x);
}

static void changed_op(void *user, Op *o)
{
	Uses *u = user;

	if ((o->code == OP_set || o->code == OP_update || o->code == OP_decay) &&
	    reads(u->x, o->src[0]))
		u->found = true;
}

/* Before a loop: what it uses from outside is computed once, and what reads a variable that it
 * changes must be. */
void lower_settle_loop(Lower *L, Op *loop)
{
	for (Op *x = loop->parent->first; x && x != loop; x = x->next) {
		Uses inside = {x, false}, changed = {x, false};

		if (!is_value(L, x) || x->code == OP_load ||
		    (x->code == OP_get && L->f->op[x->src[0]->id].unscaled))
			continue;
		ir_walk(loop->body, uses_op, &inside);
		ir_walk(loop->body, changed_op, &changed);
		if (changed.found && (inside.found || used_from(loop->next, x)))
			settle(L, x);
		else if (inside.found && x->code != OP_get && !lower_trivial(x) &&
		         (x->rank == 1 || L->f->op[x->id].anchored))
			settle(L, x);
	}
}

/* What must hold for a store to happen, or NULL. Outputs without the divided axis are every part's
 * alike, and the first part stores them. */
const char *lower_store_when(Lower *L, const Op *op)
{
	const char *when = segment_store_when(L, op);
	bool alike = L->k->divided != NULL;

	for (int i = 0; alike && i < op->arg->rank; i++)
		alike = op->at[i] != L->k->divided;
	if (!alike)
		return when;
	return arena_printf(L->a, "%s == 0%s%s", lower_start(L, L->k->divided), when ? " && " : "",
	                    when ? when : "");
}

static Block *settled_open(Lower *L, const char *condition)
{
	lower_wgmma_settle(L);
	return lower_open(L, S_IF, false, "%s", condition);
}

/* What is computed inside a condition is not known outside. */
When lower_when_open(Lower *L, const char *condition)
{
	When w = {L->nhomes, L->nstaged, settled_open(L, condition)};

	w.outer->last->uniform = true;
	L->scope++;
	return w;
}

void lower_when_close(Lower *L, When w)
{
	lower_wgmma_settle(L);
	lower_drop_versions(L, L->scope);
	L->scope--;
	L->nhomes = w.homes;
	L->nstaged = w.staged;
	lower_close(L, w.outer);
}

static void lower_any_store(Lower *L, Op *op)
{
	const char *condition = lower_store_when(L, op);
	Op *x = op->src[0];
	When w;

	if (condition)
		w = lower_when_open(L, condition);
	if (!op->parent->owner && !L->pointer[op->arg->id]) {
		L->store = L->out;
		L->store_at = L->out->last;
	}
	while (x->code == OP_cast)
		x = x->src[0];
	if (x->code == OP_get && L->f->op[x->src[0]->id].unscaled)
		lower_state_store(L, op, x, lower_var_version(L, x->src[0]));
	else
		lower_store(L, op);
	if (L->store)
		L->pointer[op->arg->id] = NULL; /* it may be in a scope that ends */
	L->store = NULL;
	if (condition)
		lower_when_close(L, w);
}

/* A packed or converted copy of the variable is out of date. */
static void forget_copies(Lower *L, const Op *var)
{
	for (Version *w = L->versions; w; w = w->next)
		if (w->op && w->op->code == OP_get && w->op->src[0] == var &&
		    (w->packed || w->name == lower_var_version(L, var)->name))
			w->op = NULL;
}

void lower_effect(Lower *L, Op *op)
{
	if (op == L->early) { /* made with an earlier product */
		L->early = NULL;
		forget_copies(L, op->src[0]);
		return;
	}
	if (lower_is_swept(L, op))
		return;
	lower_comment(L, op);
	switch (op->code) {
	case OP_store:
		lower_any_store(L, op);
		break;
	case OP_set:
		settle_before(L, op);
		lower_set(L, op);
		break;
	case OP_decay:
		if (L->f->op[op->src[0]->id].unscaled && op->src[1]->rank == 2 && op->src[1]->dim[0].n > 1)
			lower_cannot(L, op, "a decay for each feature of a state over features");
		settle_before(L, op);
		assign(L, lower_var_version(L, op->src[0]), "*=", op->src[1]);
		if (L->part == PART_LOCAL)
			segment_decay(L, op);
		break;
	case OP_update:
		settle_before(L, op);
		lower_update(L, op);
		break;
	default:
		break;
	}
	if (op->code != OP_store) {
		forget_copies(L, op->src[0]);
		L->stored = NULL; /* what the next turn reads is made behind it (lower_next.c) */
	}
}
