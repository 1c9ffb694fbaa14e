/* lower_roles.c -- a kernel's warps in two roles: one warpgroup keeps the states, or several where
 * they are large, and one makes outputs, or two that take turns.
 *
 * Where a loop carries states and stores what products make of them, the two halves of a turn do
 * not wait for each other but for what they share: the loop's tiles, which either reads when a
 * stage is full, and each state's rounded copy, which the first publishes and the second reads
 * (lower_publish.c, two copies in turn). Both are ordered by barriers in shared memory; a barrier
 * of sync's inside a role is the role's own. The body is lowered twice, each time for the effects
 * of one role (Lower.live).
 *
 * requires: one loop in the body, its tiles by the copy engine; in it states alone are changed, and
 * read only as right operands.
 */
#include "divide.h"
#include "lower.h"

#include <string.h>

static void mark(bool *live, const Op *x)
{
	if (live[x->id])
		return;
	live[x->id] = true;
	for (int i = 0; i < x->nsrc; i++)
		mark(live, x->src[i]);
	for (const Region *r = x->parent; r && r->owner; r = r->owner->parent)
		mark(live, r->owner);
}

typedef struct Effects {
	bool *live[2];
	const Op *loop;
} Effects;

static void mark_effect(void *user, Op *op)
{
	Effects *e = user;
	bool in_loop = op->parent->owner == e->loop;

	if (op->code == OP_store)
		mark(e->live[in_loop ? ROLE_OUTPUT : ROLE_STATE], op);
	else if (op_info[op->code].class == STATE && (op->code != OP_get || in_loop))
		mark(e->live[ROLE_STATE], op);
}

static Effects effects_of(Lower *L)
{
	Effects e = {{ARENA_ARRAY(L->a, bool, L->f->nops + 1), ARENA_ARRAY(L->a, bool, L->f->nops + 1)},
	             NULL};

	for (const Op *x = L->k->body->first; x; x = x->next)
		if (x->code == OP_loop)
			e.loop = x;
	ir_walk(L->k->body, mark_effect, &e);
	return e;
}

typedef struct Look {
	Lower *L;
	const bool *updates; /* what the states' role does */
	const Op *loop;
	int loops, stores, published, bytes, regs, beside;
	bool unfit;
} Look;

/* Each use of a state's value is as a product's right operand, in the loop, for outputs: who makes
 * the states' copies does not wait for them. */
static void look_op(void *user, Op *op)
{
	Look *k = user;
	bool keeper = k->updates[op->id] && op->parent->owner == k->loop;

	k->loops += op->code == OP_loop;
	k->stores += op->code == OP_store && op->parent->owner == k->loop;
	k->unfit |= op->code == OP_var || op->code == OP_set;
	if (op->code == OP_state)
		k->unfit |= op->rank != 2 || (op->dim[1].n == 1 && !lower_is_beside(k->L, op));
	if (op->code == OP_load && op->rank == 2 && op->parent->owner == k->loop)
		k->unfit |= !lower_tma_fits(k->L, op);
	for (int i = 0; i < op->nsrc; i++)
		if (op->src[i]->code == OP_get && op->parent->owner == k->loop) {
			k->unfit |= op->code != OP_cast && (op->code != OP_dot || i != 1 || keeper);
			k->published += op->code == OP_dot;
		} else if (op->src[i]->code == OP_cast && op->src[i]->src[0]->code == OP_get) {
			k->unfit |= keeper || (op->parent->owner == k->loop && (op->code != OP_dot || i != 1));
			k->published += op->code == OP_dot;
		}
}

/* What roles need beside tiles and states: states of one column, tiles turned round, and columns
 * that fill their panels. */
static void more_bytes(void *user, Op *op)
{
	Lower *L = ((Look *)user)->L;
	int *n = &((Look *)user)->bytes, cols, stages, full = 8;
	bool sw = false;
	const Op *x;
	const Grow *g;

	stages = op->code == OP_state ? 2 : op->code == OP_load && op->parent->owner ? L->depth : 0;
	cols = stages && op->rank == 2 ? facts_extent(L->f, facts_class(L->f, op, 1)) : 0;
	while (full < cols)
		full += full < 64 ? full : 64;
	if (cols > 1)
		*n += stages * 2 * facts_extent(L->f, facts_class(L->f, op, 0)) * (full - cols);
	if (op->code == OP_state && lower_is_thin(L, op))
		*n += 2 * lower_beside_bytes(L, op);
	if (op->code != OP_update || op->src[1]->code != OP_dot || op->src[0]->dim[1].n == 1)
		return;
	x = op_base(op->src[1]->src[0], &sw);
	g = sw ? grow_parse(L->a, x) : NULL;
	for (int q = 0; g && q < g->npieces; q++)
		if (g->piece[q].kind == PIECE_POW2)
			*n += 2 * 2 * facts_extent(L->f, facts_class(L->f, g->piece[q].x, 0)) *
			      facts_extent(L->f, facts_class(L->f, g->piece[q].x, 1));
}

/* A ring of as many stages, and two copies of the states; some room for barriers, ones, alignment.
 */
enum { BARRIERS = 6144 };

static bool shared_fits(Look *k, int stages)
{
	k->bytes = BARRIERS;
	k->L->depth = stages;
	ir_walk(k->L->k->body, more_bytes, k);
	k->L->shared = divide_shared(k->L->f, stages) + divide_shared(k->L->f, 0) + k->bytes;
	return k->L->shared <= k->L->dev->gpu->smem_block;
}

bool lower_roles_fit(Lower *L)
{
	Look k = {.L = L};
	Effects e;
	const Region *body = L->k->body;
	int least;

	if (!L->dev->gpu->wgmma || L->warps != 4 || L->stages < 2 || L->part == PART_LOCAL)
		return false;
	e = effects_of(L);
	k.loop = e.loop;
	k.updates = e.live[ROLE_STATE];
	ir_walk(body, look_op, &k);
	if (!k.loop || k.loops != 1 || k.unfit || !k.stores || !k.published)
		return false;
	if (L->dev->takers > 1 && k.loop->reverse)
		return false;
	/* stages more, so that the roles may be at different turns; at least one, but where there is
	 * no other way */
	least = L->stages + (L->dev->takers > 1 || L->f->keepers == L->warps);
	L->depth = L->stages + L->dev->takers;
	while (L->depth >= least && !shared_fits(&k, L->depth))
		L->depth--;
	return L->depth >= least;
}

/* Registers of the states, for a thread of the first role; `thin`: and of adding up one column. */
static int state_registers(Lower *L, bool thin)
{
	int n = 0;

	for (const Op *x = L->k->body->first; x; x = x->next)
		if (x->code == OP_state && (thin || !lower_is_thin(L, x))) {
			Layout l = lower_value_layout(L, x);

			n += layout_regs(&l) + (lower_is_thin(L, x) ? 8 : 0);
		}
	return n;
}

static bool all_features(Lower *L)
{
	for (const Op *x = L->k->body->first; x; x = x->next)
		if (x->code == OP_state && !L->f->op[x->id].unscaled)
			return false;
	return true;
}

/* The rows that all warps together hold, padding included. */
static int state_rows(Lower *L)
{
	int n = 0;

	for (const Op *x = L->k->body->first; x; x = x->next)
		if (x->code == OP_state && !lower_is_thin(L, x))
			n += facts_extent(L->f, facts_class(L->f, x, 0));
	return n;
}

/* WORK: what a thread of the first role needs beside its states, WIDE the same where a block has an
 * SM for itself, or PLAIN where operands of updates are no features; LEAST what one of the second
 * needs, or BESIDE its largest product; by ptxas on the kernels of specs/. */
enum { WORK = 56, WIDE = 48, PLAIN = 88, LEAST = 104, BESIDE = 72, MOST = 240, SLACK = 16 };

bool lower_one_group(const Lower *L)
{
	return L->role == ROLE_OUTPUT && L->dev->keepers == 4 && L->dev->takers == 1;
}

/* What the launch gives a thread of `groups` warpgroups that have an SM for themselves. */
static int launch_registers(Lower *L, int groups)
{
	return L->dev->gpu->regs_sm / (128 * groups) / 8 * 8;
}

/* More than three steps of a warp: where each finds its features. */
static int wide_registers(Lower *L)
{
	int n = state_rows(L) / 16 / L->f->keepers;

	return WIDE + (n > 3 ? 2 * (n - 3) : 0);
}

/* The most registers of one product of the second role, and what it has beside them: by how many
 * groups of columns the features that it forms are made of. */
static void output_op(void *user, Op *op)
{
	Look *k = user;
	bool sw = false;
	const Grow *g;
	Layout l;

	if (op->code != OP_dot || k->updates[op->id])
		return;
	l = facts_layout(k->L->f, op, ORIENT_N);
	if (layout_regs(&l) > k->regs)
		k->regs = layout_regs(&l);
	g = grow_parse(k->L->a, op_base(op->src[0], &sw));
	if (g && g->pow2 >= 0) {
		int groups = g->piece[g->pow2].groups;

		k->beside = groups < 4 ? 24 + 12 * groups : groups > 6 ? 24 + 8 * groups : BESIDE;
	}
}

static int output_registers(Lower *L)
{
	Effects e = effects_of(L);
	Look k = {.L = L, .updates = e.live[ROLE_STATE], .beside = BESIDE};

	ir_walk(L->k->body, output_op, &k);
	return k.regs + k.beside;
}

static int min(int a, int b)
{
	return a < b ? a : b;
}

/* What a thread of each role has, and the launch gives all of them. */
typedef struct Registers {
	int blocks, each, n[2];
} Registers;

/* One warpgroup of each role: 256 registers together where two blocks share an SM, which is so
 * where the states leave room; else what the compiler takes, of 255. With more warpgroups what is
 * needed is given, and what is left is shared. False: there are too few. */
static bool share_registers(Lower *L, Registers *r)
{
	int keepers = L->dev->keepers / 4, takers = L->dev->takers, groups = keepers + takers;
	int least = output_registers(L), first, spare;

	for (r->blocks = keepers > 1 ? 1 : 2; r->blocks; r->blocks--) {
		r->each = launch_registers(L, r->blocks * groups);
		if (r->blocks * (L->shared - BARRIERS) > L->dev->gpu->smem_sm)
			continue;
		if (groups == 2) {
			first = (state_registers(L, false) + WORK + 7) / 8 * 8;
			r->n[0] = first > r->each ? first : r->each;
			r->n[1] = 2 * r->each - r->n[0];
			if (r->blocks == 2 && r->n[1] >= LEAST)
				return r->n[0] == r->each || L->dev->gpu->setmaxnreg;
			continue;
		}
		first = state_registers(L, true) + (all_features(L) ? wide_registers(L) : PLAIN);
		first = (first + 7) / 8 * 8;
		spare = groups * r->each - keepers * first - takers * least;
		if (spare < 0 || first > MOST || !L->dev->gpu->setmaxnreg)
			continue;
		if (takers > 1 && spare / takers > SLACK) /* those who take turns are seldom waited for */
			first += min((spare - takers * SLACK) / keepers, WIDE) / 8 * 8;
		else if (takers == 1)
			first += spare / (2 * groups) / 8 * 8;
		r->n[0] = min(first, MOST);
		r->n[1] = min((groups * r->each - keepers * r->n[0]) / takers / 8 * 8, MOST);
		return true;
	}
	return false;
}

/* Forming features is what keeps a state's role busy, where one warpgroup of it has the SM for
 * itself anyway. */
static bool is_busy(Lower *L)
{
	Registers r;
	int takers = L->dev->takers;
	bool busy;

	if (!all_features(L))
		return false;
	L->dev->keepers = L->dev->warps;
	L->dev->takers = 1;
	busy = lower_roles_fit(L) && !share_registers(L, &r);
	L->dev->takers = takers;
	return busy;
}

bool lower_roles_widen(Dev *d, Facts *f, int stages, int align, bool must)
{
	Lower *L = lower_new(d, f, stages, align, PART_ALL);
	int best = 0, least = 0, warps = d->warps;

	bool busy = is_busy(L);

	if (!must && !busy)
		return false;
	for (int groups = d->takers > 1 && !busy ? 1 : 2; groups <= 3; groups++) {
		Registers r;
		int rows;

		facts_split(f, warps);
		if ((groups > 1 && !facts_widen(f, 4 * groups)) || !lower_roles_fit(L))
			continue;
		d->keepers = 4 * groups;
		rows = state_rows(L);
		if (share_registers(L, &r) && (!best || rows < least)) {
			best = groups;
			least = rows;
		}
	}
	facts_split(f, warps);
	return best && (best == 1 || facts_widen(f, 4 * best));
}

static void move_registers(Lower *L, Block *role, int each, int n)
{
	Stmt *s = ARENA_NEW(L->a, Stmt);

	s->kind = S_CODE;
	s->text = arena_printf(L->a, n < each ? "regs_lower(%d);" : "regs_raise(%d);", n);
	if (n != each)
		dev_insert(role, NULL, s);
}

/* What the other role has computed, declared and named is not in scope; buffers are. */
void lower_forget(Lower *L, int names)
{
	L->versions = NULL;
	L->nstaged = L->nhomes = L->nlanes = L->nturned = 0;
	L->diagonal[0] = L->diagonal[1] = NULL;
	memset(L->pointer, 0, sizeof L->pointer);
	L->nnames = names;
	for (int i = 0; i < L->dev->nbufs; i++)
		L->names[L->nnames++] = L->dev->buf[i]->name;
	for (int i = 0; i < L->dev->text.nparams; i++)
		L->names[L->nnames++] = L->dev->text.param[i].name;
	for (int i = 0; i < L->dev->ntables; i++)
		L->names[L->nnames++] = L->dev->table[i].name;
}

/* Lowers the body for both roles; what they share is in the prologue. */
void lower_roles(Lower *L)
{
	Stmt *split = ARENA_NEW(L->a, Stmt);
	Block *saved = L->out, *pro = L->pro;
	int names = L->nnames, own_from;
	Registers regs;
	bool shared;
	Effects e = effects_of(L);

	split->kind = S_ROLES;
	split->text = "role == 0";
	split->uniform = true;
	L->dev->roles = 2;
	L->dev->keepers = L->f->keepers;
	shared = share_registers(L, &regs);
	L->dev->min_blocks = shared ? regs.blocks : 1;
	for (int r = ROLE_STATE; r <= ROLE_OUTPUT; r++) {
		Block *into = r == ROLE_STATE ? &split->body : &split->orelse, own = {0}, body = {0};

		L->role = (Role)r;
		L->live = e.live[r];
		L->room = shared ? regs.n[r] : 0;
		L->warps = r == ROLE_STATE ? L->dev->keepers : L->dev->warps;
		L->stride = r == ROLE_STATE ? 1 : L->dev->takers;
		L->who = L->stride > 1 ? "(role - 1)" : "0";
		own_from = L->dev->nbufs;
		L->pro = &own;
		L->out = &body;
		lower_forget(L, names);
		lower_region(L, L->k->body);
		lower_store_end(L);
		lower_splice(into, &own);
		lower_splice(into, &body);
		for (int i = own_from; L->stride > 1 && i < L->dev->nbufs; i++)
			L->dev->buf[i]->copies = L->stride;
		if (shared)
			move_registers(L, into, regs.each, regs.n[r]);
	}
	L->role = ROLE_ALL;
	L->stride = 1;
	L->pro = pro;
	L->room = 0;
	for (int i = 0; i < L->dev->nbufs; i++)
		if (L->dev->buf[i]->barriers)
			dev_access(split, L->dev->buf[i], ACC_READ);
	L->out = saved;
	dev_append(L->out, split);
}
