/* lower_roles.c -- a kernel's warps in two roles: one warpgroup keeps the states, one makes
 * outputs.
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
	int loops, stores, published;
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

bool lower_roles_fit(Lower *L)
{
	Look k = {.L = L};
	Effects e;
	const Region *body = L->k->body;

	if (!L->dev->gpu->wgmma || L->warps != 4 || L->stages < 2 || L->part == PART_LOCAL)
		return false;
	e = effects_of(L);
	k.loop = e.loop;
	k.updates = e.live[ROLE_STATE];
	ir_walk(body, look_op, &k);
	/* a stage more, and two copies of the states; some room for barriers and alignment */
	return k.loop && k.loops == 1 && !k.unfit && k.stores && k.published &&
	       divide_shared(L->f, L->stages + 1) + divide_shared(L->f, 0) + 4096 <=
	           L->dev->gpu->smem_block;
}

/* Registers of the states, for a thread of the first role. */
static int state_registers(Lower *L)
{
	int n = 0;

	for (const Op *x = L->k->body->first; x; x = x->next)
		if (x->code == OP_state && !lower_is_thin(L, x)) {
			Layout l = lower_value_layout(L, x);

			n += layout_regs(&l);
		}
	return n;
}

/* WORK: what a thread of the first role needs beside its states; LEAST what one of the second
 * needs; by ptxas on the kernels of specs/. */
enum { WORK = 56, LEAST = 104, MOST = 240 };

static int keeper_registers(Lower *L)
{
	return (state_registers(L) + WORK + 7) / 8 * 8;
}

/* What the launch gives a thread of `groups` warpgroups that have an SM for themselves. */
static int launch_registers(Lower *L, int groups)
{
	return L->dev->gpu->regs_sm / (128 * groups) / 8 * 8;
}

bool lower_roles_widen(const Kernel *k, Facts *f, const GpuTarget *g, int warps, int stages,
                       int align)
{
	
	Dev *d = ARENA_NEW(k->arena, Dev);
	Lower *L;

	d->k = k;
	d->gpu = g;
	d->arena = k->arena;
	d->name = k->name;
	d->warps = warps;
	L = lower_new(d, f, stages, align, PART_ALL);
	for (int groups = 2; groups <= 3; groups++) {
		int all;

		facts_split(f, warps);
		if (!facts_widen(f, 4 * groups) || !lower_roles_fit(L))
			continue;
		all = launch_registers(L, groups + 1) * (groups + 1);
		if (all - groups * keeper_registers(L) >= LEAST)
			return true;
	}
	facts_split(f, warps);
	return false;
}

/* A thread of one warpgroup of each role has 256 registers together where two blocks share an SM,
 * which is so where the states leave room; several warpgroups of states have the SM for themselves.
 * The launch gives all threads the same. */
static void share_registers(Lower *L, Stmt *split)
{
	int keepers = L->dev->keepers / 4, groups = keepers + L->dev->warps / 4;
	int blocks = keepers > 1 ? 1 : 2, each = launch_registers(L, blocks * groups);
	int n[2] = {keeper_registers(L)};
	Block *const role[2] = {&split->body, &split->orelse};

	if (n[0] < each)
		n[0] = each;
	n[1] = groups * each - keepers * n[0];
	if ((blocks > 1 && n[1] < LEAST) || (n[0] > each && !L->dev->gpu->setmaxnreg))
		return;
	L->dev->min_blocks = blocks;
	for (int i = 0; n[0] != each && i < 2; i++) {
		Stmt *s = ARENA_NEW(L->a, Stmt);

		s->kind = S_CODE;
		s->text = arena_printf(L->a, n[i] < each ? "regs_lower(%d);" : "regs_raise(%d);", n[i]);
		dev_insert(role[i], NULL, s);
	}
}

/* What the other role has computed, declared and named is not in scope; buffers are. */
static void forget(Lower *L, int names)
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
	int names = L->nnames;
	Effects e = effects_of(L);

	split->kind = S_ROLES;
	split->text = "role == 0";
	split->uniform = true;
	L->dev->keepers = L->f->keepers;
	for (int r = ROLE_STATE; r <= ROLE_OUTPUT; r++) {
		Block *into = r == ROLE_STATE ? &split->body : &split->orelse, own = {0}, body = {0};

		L->role = (Role)r;
		L->live = e.live[r];
		L->warps = r == ROLE_STATE ? L->dev->keepers : L->dev->warps;
		L->pro = &own;
		L->out = &body;
		forget(L, names);
		lower_region(L, L->k->body);
		lower_store_end(L);
		lower_splice(into, &own);
		lower_splice(into, &body);
	}
	L->role = ROLE_ALL;
	L->pro = pro;
	share_registers(L, split);
	for (int i = 0; i < L->dev->nbufs; i++)
		if (L->dev->buf[i]->barriers)
			dev_access(split, L->dev->buf[i], ACC_READ);
	L->out = saved;
	dev_append(L->out, split);
}
