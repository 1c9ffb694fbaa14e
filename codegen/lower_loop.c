/* lower_loop.c -- regions in program order: loops with their pipelined loads, and the effects that
 * everything else is computed for.
 */
#include "lower.h"

#include <ctype.h>
#include <string.h>

static const char *lowercase(Lower *L, const char *s)
{
	char *r = arena_strdup(L->a, s);

	for (char *p = r; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return r;
}

static void comment(Lower *L, const Op *op)
{
	const char *slash = op->loc.file ? strrchr(op->loc.file, '/') : NULL;
	const char *file = slash ? slash + 1 : op->loc.file;

	if (file)
		dev_add(L->dev, L->out, S_COMMENT, arena_printf(L->a, "%s:%d", file, op->loc.line));
}

static void wait_for(Lower *L, int pending)
{
	dev_add(L->dev, L->out, S_WAIT, NULL)->n = pending;
}

/* -- loads --------------------------------------------------------------------------------- */

/* Whether a load moves with the loop over `r`. */
static bool loop_load(const Op *op, const Range *r)
{
	for (int i = 0; r && i < op->arg->rank; i++)
		if (op->at[i] == r)
			return true;
	return false;
}

static bool feeds_product(Lower *L, const Op *op)
{
	return L->f->ndots > 0 && op->rank == 2 && (op->dtype == DT_BF16 || op->dtype == DT_F16) &&
	       L->f->op[op->id].uses > 0;
}

/* Loads that move with their region's loop go through a ring; others are copied where they stand. */
static bool is_staged_load(Lower *L, const Op *op, bool moving)
{
	const Op *loop = op->parent->owner;

	if (op->code != OP_load || !L->f->op[op->id].uses || loop_load(op, loop ? loop->range : NULL) != moving)
		return false;
	return moving ? op->rank >= 1 : feeds_product(L, op);
}

/* -- variables ----------------------------------------------------------------------------- */

static void fill(Lower *L, Op *op, Version *w)
{
	const char *v[MAX_DIGITS];
	Op *init = op->src[0];
	Block *b;

	if (L->f->op[op->id].unscaled && init->code != OP_const_ && init->code != OP_full) {
		b = lower_nest(L, &w->l, false, v);
		lower_code(L, "%s = 0.0f;", lower_ref(L, w, &w->l, v));
		lower_nest_close(L, b);
		lower_state_load(L, op, w);
		return;
	}
	lower_ensure(L, init, &w->l);
	b = lower_nest(L, &w->l, false, v);
	lower_code(L, "%s = %s;", lower_ref(L, w, &w->l, v), lower_elem(L, init, &w->l, v));
	lower_nest_close(L, b);
}

static void declare_var(Lower *L, Op *op)
{
	Layout l = lower_value_layout(L, op);
	Version *w = lower_declare(L, op, &l, false, NULL);

	fill(L, op, w);
}

static Version *var_version(Lower *L, const Op *var)
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

static void lower_set(Lower *L, Op *op)
{
	Version *w = var_version(L, op->src[0]);
	Op *x = op->src[1];

	if (x->code == OP_add && x->rank == 2)
		for (int p = 1; p >= 0; p--)
			if (fresh_dot(L, x->src[p], &w->l) && !reads(x->src[p], op->src[0])) {
				if (!is_get_of(x->src[1 - p], op->src[0]))
					assign(L, w, "=", x->src[1 - p]);
				add_dot(L, w, x->src[p]);
				return;
			}
	assign(L, w, "=", x);
}

static void lower_update(Lower *L, Op *op)
{
	Version *w = var_version(L, op->src[0]);

	if (fresh_dot(L, op->src[1], &w->l))
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
	Uses u = { x, false };

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
		Version *var = var_version(L, x->src[0]), *w;
		Block *b;

		for (w = L->versions; w; w = w->next)
			if (w->op == x && w->name != var->name)
				return;
			else if (w->op == x)
				w->op = NULL;
		w = lower_declare(L, x, &var->l, false, NULL);
		b = lower_nest(L, &var->l, false, v);
		lower_code(L, "%s = %s;", lower_ref(L, w, &var->l, v), lower_ref(L, var, &var->l, v));
		lower_nest_close(L, b);
	} else if (x->code != OP_expand && x->code != OP_transpose && !lower_find(L, x, &l, false)) {
		lower_need(L, x, &l);
	}
}

static bool is_value(const Op *x)
{
	OpClass c = op_info[x->code].class;

	return x->rank > 0 && (x->code == OP_get || (c != STATE && c != EFFECT && c != REGION));
}

/* Before `var` changes: what reads it and is used later is computed first. */
static void settle_before(Lower *L, Op *effect)
{
	Op *var = effect->src[0];

	if (L->f->op[var->id].unscaled)
		return;
	for (Op *x = effect->parent->first; x && x != effect; x = x->next)
		if (is_value(x) && reads(x, var) && used_from(effect->next, x))
			settle(L, x);
}

static void changed_op(void *user, Op *o)
{
	Uses *u = user;

	if ((o->code == OP_set || o->code == OP_update || o->code == OP_decay) && reads(u->x, o->src[0]))
		u->found = true;
}

/* Before a loop: what it uses from outside is computed once, and what reads a variable that it
 * changes must be. */
static void settle_loop(Lower *L, Op *loop)
{
	for (Op *x = loop->parent->first; x && x != loop; x = x->next) {
		Uses inside = { x, false }, changed = { x, false };

		if (!is_value(x) || x->code == OP_load || (x->code == OP_get && L->f->op[x->src[0]->id].unscaled))
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

/* -- strips -------------------------------------------------------------------------------- */

static bool has_product(Lower *L, const Op *x, const Layout *l)
{
	if (lower_find(L, x, l, false))
		return false;
	if (x->code == OP_dot)
		return true;
	if (!op_is_elementwise(x))
		return false;
	for (int i = 0; i < x->nsrc; i++)
		if (x->src[i]->rank == 2 && has_product(L, x->src[i], l))
			return true;
	return false;
}

void lower_root_strips(Lower *L, Op *op, Op *value, void (*body)(Lower *, Op *, const Layout *))
{
	Layout l = lower_value_layout(L, value);
	Strip s = { 0 };
	Block *outer = L->out;
	Stmt *loop;
	int rows;

	if (value->rank != 2 || l.orient != ORIENT_N || l.d[0].n <= 2 || L->strip || !has_product(L, value, &l)) {
		body(L, op, &l);
		return;
	}
	rows = l.d[0].n;
	s.var = lower_name(L, "m");
	s.base = arena_printf(L->a, "16 * %s", s.var);
	s.outer = outer;
	s.outer_scope = L->scope;
	s.count = rows / 2;
	l.d[0].n = 2;
	l.base[0] = s.base;
	loop = ARENA_NEW(L->a, Stmt);
	loop->kind = S_FOR;
	loop->unroll = true;
	loop->text = arena_printf(L->a, "int %s = 0; %s < %d; %s++", s.var, s.var, s.count, s.var);
	L->strip = &s;
	L->out = &loop->body;
	L->scope++;
	body(L, op, &l);
	L->scope--;
	L->strip = NULL;
	L->out = outer;
	while (L->versions && L->versions->scope > L->scope)
		L->versions = L->versions->next;
	for (Version *w = L->versions; w && w->next;) {
		if (w->next->scope > L->scope)
			w->next = w->next->next;
		else
			w = w->next;
	}
	if (outer->last)
		outer->last->next = loop;
	else
		outer->first = loop;
	outer->last = loop;
}

/* -- loops --------------------------------------------------------------------------------- */

static void drop_versions(Lower *L, int scope)
{
	Version **p = &L->versions;

	while (*p)
		if ((*p)->scope >= scope)
			*p = (*p)->next;
		else
			p = &(*p)->next;
}

static const char *ring_slot(Lower *L, const Staged *s, const char *slot)
{
	return arena_printf(L->a, "%s + %s * %d", s->buf->name, slot, s->buf->bytes);
}

static void lower_loop(Lower *L, Op *op)
{
	const Range *r = op->range;
	const char *axis = lowercase(L, r->axis->name), *n = lower_name(L, axis), *n0, *tiles, *lo, *hi, *end;
	int stages = L->stages, first = L->nstaged, homes = L->nhomes;
	Block *saved, *inner;
	bool any = false;
	const char *slot = NULL, *fill_slot = NULL, *fetch = NULL;

	n0 = lower_name(L, arena_printf(L->a, "%s0", n));
	tiles = arena_printf(L->a, "(%s + %d) / %d", lower_size(L, r, 0), r->n - 1, r->n);
	if (r->n == 1)
		tiles = lower_size(L, r, 0);
	end = lower_name(L, arena_printf(L->a, "%s_end", n));
	L->start[r->id] = n0;
	lower_loop_bounds(L, op, tiles, &lo, &hi);
	lower_code(L, "const int %s = %s;", end, hi);
	if (strcmp(lo, "0")) {
		const char *begin = lower_name(L, arena_printf(L->a, "%s_begin", n));

		lower_code(L, "const int %s = %s;", begin, lo);
		lo = begin;
	}
	for (Op *x = op->body->first; x; x = x->next)
		if (is_staged_load(L, x, true)) {
			lower_stage(L, x, stages);
			any = true;
		}
	if (any && stages > 1) {
		fetch = lower_name(L, "fetch");
		slot = lower_name(L, "slot");
		fill_slot = lower_name(L, "fill");
		for (int s = 0; s < stages - 1; s++) {
			const char *tile = op->reverse ? arena_printf(L->a, "%s - %d", end, s + 1)
			                               : s ? arena_printf(L->a, "%s + %d", lo, s) : lo;

			saved = lower_open(L, S_IF, false, op->reverse ? "%s >= %s" : "%s < %s", tile,
			                   op->reverse ? lo : end);
			for (int i = first; i < L->nstaged; i++)
				lower_issue(L, &L->staged[i], ring_slot(L, &L->staged[i], arena_printf(L->a, "%d", s)), r,
				            arena_printf(L->a, "(%s) * %d", tile, r->n));
			lower_close(L, saved);
			dev_add(L->dev, L->out, S_COMMIT, NULL);
		}
		lower_code(L, "int %s = 0, %s = %d;", slot, fill_slot, stages - 1);
	}
	if (op->reverse)
		saved = lower_open(L, S_FOR, false, "int %s = %s - 1; %s >= %s; %s--", n, end, n, lo, n);
	else
		saved = lower_open(L, S_FOR, false, "int %s = %s; %s < %s; %s++", n, lo, n, end, n);
	saved->last->uniform_loop = true;
	lower_code(L, "const int %s = %s * %d;", n0, n, r->n);
	lower_code(L, "const int %s_live = %s - %s < %d ? %s - %s : %d;", n0, lower_size(L, r, 0), n0, r->n,
	           lower_size(L, r, 0), n0, r->n);
	L->scope++;
	if (any && stages > 1) {
		wait_for(L, stages - 2);
		lower_code(L, "const int %s = %s %s %d;", fetch, n, op->reverse ? "-" : "+", stages - 1);
		inner = lower_open(L, S_IF, false, op->reverse ? "%s >= %s" : "%s < %s", fetch, op->reverse ? lo : end);
		inner->last->atomic = true;
		for (int i = first; i < L->nstaged; i++)
			lower_issue(L, &L->staged[i], ring_slot(L, &L->staged[i], fill_slot), r,
			            arena_printf(L->a, "%s * %d", fetch, r->n));
		lower_close(L, inner);
		dev_add(L->dev, L->out, S_COMMIT, NULL);
		for (int i = first; i < L->nstaged; i++)
			lower_code(L, "const u32 %s = %s;", L->staged[i].base, ring_slot(L, &L->staged[i], slot));
		lower_code(L, "%s = %s + 1 == %d ? 0 : %s + 1;", slot, slot, stages, slot);
		lower_code(L, "%s = %s + 1 == %d ? 0 : %s + 1;", fill_slot, fill_slot, stages, fill_slot);
	} else if (any) {
		for (int i = first; i < L->nstaged; i++)
			lower_issue(L, &L->staged[i], L->staged[i].base, r, n0);
		dev_add(L->dev, L->out, S_COMMIT, NULL);
		wait_for(L, 0);
	}
	lower_region(L, op->body);
	drop_versions(L, L->scope);
	L->scope--;
	L->nstaged = first;
	L->nhomes = homes;
	lower_close(L, saved);
	L->start[r->id] = NULL;
}

/* -- regions ------------------------------------------------------------------------------- */

/* Outputs without the divided axis are every part's alike. */
static bool only_first_part(Lower *L, const Op *op)
{
	if (!L->k->divided)
		return false;
	for (int i = 0; i < op->arg->rank; i++)
		if (op->at[i] == L->k->divided)
			return false;
	return true;
}

static void lower_effect(Lower *L, Op *op)
{
	Block *outer;
	Op *x;

	comment(L, op);
	switch (op->code) {
	case OP_store:
		for (x = op->src[0]; x->code == OP_cast; x = x->src[0])
			;
		outer = L->out;
		if (only_first_part(L, op))
			lower_open(L, S_IF, false, "%s == 0", lower_start(L, L->k->divided));
		if (x->code == OP_get && L->f->op[x->src[0]->id].unscaled)
			lower_state_store(L, op, x, var_version(L, x->src[0]));
		else
			lower_store(L, op);
		L->out = outer;
		break;
	case OP_set:
		settle_before(L, op);
		lower_set(L, op);
		break;
	case OP_decay:
		if (L->f->op[op->src[0]->id].unscaled && op->src[1]->rank == 2 && op->src[1]->dim[0].n > 1)
			lower_cannot(L, op, "a decay for each feature of a state over features");
		settle_before(L, op);
		assign(L, var_version(L, op->src[0]), "*=", op->src[1]);
		break;
	case OP_update:
		settle_before(L, op);
		lower_update(L, op);
		break;
	default:
		break;
	}
	/* a packed or converted copy of the variable is out of date */
	if (op->code != OP_store)
		for (Version *w = L->versions; w; w = w->next)
			if (w->op && w->op->code == OP_get && w->op->src[0] == op->src[0] &&
			    (w->packed || w->name == var_version(L, op->src[0])->name))
				w->op = NULL;
}

void lower_region(Lower *L, Region *r)
{
	bool issued = false, waited = true;

	for (Op *x = r->first; x; x = x->next)
		if (is_staged_load(L, x, false)) {
			lower_stage(L, x, 1);
			lower_issue(L, &L->staged[L->nstaged - 1], L->staged[L->nstaged - 1].base, NULL, NULL);
			issued = true;
		}
	if (issued) {
		dev_add(L->dev, L->out, S_COMMIT, NULL);
		waited = false;
	}
	for (Op *x = r->first; x; x = x->next) {
		bool loads = false;

		if (x->code == OP_loop)
			for (Op *y = x->body->first; y; y = y->next)
				loads |= is_staged_load(L, y, true);
		if (!waited && ((x->code == OP_loop && !loads) || op_info[x->code].class == EFFECT ||
		                op_info[x->code].class == STATE)) {
			wait_for(L, 0);
			waited = true;
		}
		if (x->code == OP_loop) {
			comment(L, x);
			settle_loop(L, x);
			lower_loop(L, x);
			if (!waited) /* the loop may have had no turn */
				wait_for(L, 0);
			waited = true;
		} else if (x->code == OP_var || x->code == OP_state) {
			comment(L, x);
			declare_var(L, x);
		} else if (x->code == OP_get) {
			/* reading a variable is reading its registers */
			Version *w, *var = var_version(L, x->src[0]);

			if (L->f->op[x->src[0]->id].unscaled)
				continue;
			w = ARENA_NEW(L->a, Version);
			*w = *var;
			w->op = x;
			w->scope = L->scope;
			w->next = L->versions;
			L->versions = w;
		} else if (x->code == OP_store || op_info[x->code].class == STATE) {
			lower_effect(L, x);
		}
	}
}
