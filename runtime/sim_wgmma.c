/* sim_wgmma.c -- products of a warpgroup in the background (PTX ISA, wgmma): issue, fence, commit,
 * wait. What a product computes is in sim_product.c.
 *
 * From its issue until the wait that retires its group a product owns its accumulators, its left
 * operand's registers and its operands in shared memory. So accumulators hold NaN until then, all
 * is read then, and the registers are compared: with the poison, and with what the left operand was
 * at the issue. With `early` the product is computed at its issue, and accumulators are compared
 * with its result. Registers are known by the addresses of the kernel's variables. The text names
 * (wgmma_hold) what a wait has freed, so that a register named in flight is a wait too few.
 *
 * A fence is missing where a register that a product takes has changed since the last fence. That
 * is decided for registers that an earlier product of the warpgroup took; and for its first
 * product.
 */
#include "sim_wgmma.h"

#include <stdlib.h>
#include <string.h>

#define M (&sim_machine)

typedef struct Op {
	Product p;
	Set *acc, *left; /* left: NULL when in shared memory */
	u32 a[GROUP][LEFT_REGS];
	u64 at;
	u32 group, stamp;
} Op;

typedef struct Group {
	SetList sets;
	Op *op;
	int nop, cap;
	u32 open; /* group of products */
	bool fenced;
} Group;

static Group groups[MAX_GROUPS];

static Group *mine(void)
{
	return &groups[M->cur->id / GROUP];
}

static Thread *threads(const Group *g)
{
	return &M->thread[(g - groups) * GROUP];
}

static int engine(const Group *g)
{
	return sim_engine(ENGINE_WGMMA + (int)(g - groups));
}

void sim_wgmma_begin(void)
{
	for (int i = 0; i < MAX_GROUPS; i++) {
		Group *g = &groups[i];

		set_free_all(&g->sets);
		g->nop = 0;
		sim_asked_forget(i);
		g->open = 0;
		g->fenced = false;
	}
}

/* A warpgroup that is not whole can do nothing. */
static void need_group(u64 at)
{
	SimFinding *f;

	if (M->cur->id / GROUP * GROUP + GROUP <= M->nthreads)
		return;
	if ((f = sim_find(SIM_DIVERGENT, at)))
		sim_say(f, "thread %d of a block of %d is in no whole warpgroup", M->cur->id, M->nthreads);
	sim_abandon();
}

/* ---- Checks ---- */

static void check_fence(const Group *g, const Set *s, u64 at, const char *what)
{
	SimFinding *f;
	int k = 0;

	while (s->valid && k < GROUP * s->n && *s->reg[k] == s->known[k])
		k++;
	if (s->valid && k < GROUP * s->n && (f = sim_find(SIM_FENCE, at)))
		sim_say(f,
		        "thread %d wrote register %d of the product's %s, and no wgmma_fence lies between",
		        threads(g)[k / s->n].id, k % s->n, what);
}

/* The accumulators are as the products in flight left them. */
static void check_accumulators(const Group *g, const Set *s, u64 issue, u64 then, const char *what)
{
	int k = set_touched(s);
	SimFinding *f;

	if (k == GROUP * s->n || !(f = sim_find(SIM_OPERAND, issue)))
		return;
	sim_say(f, "thread %d wrote accumulator %d of the product (line %d) before %s (line %d)",
	        threads(g)[k / s->n].id, k % s->n, (int)(u32)issue, what, (int)(u32)then);
}

static void check_left(const Group *g, const Op *o, u64 wait)
{
	SimFinding *f;

	for (int k = 0; o->left && k < GROUP * LEFT_REGS; k++) {
		if (*o->left->reg[k] == o->a[k / LEFT_REGS][k % LEFT_REGS])
			continue;
		if ((f = sim_find(SIM_OPERAND, o->at)))
			sim_say(f,
			        "thread %d wrote register a%d of the product (line %d) before its wait (line"
			        " %d)",
			        threads(g)[k / LEFT_REGS].id, k % LEFT_REGS, (int)(u32)o->at, (int)(u32)wait);
		return;
	}
}

/* ---- Issue ---- */

static Op *new_op(Group *g)
{
	if (g->nop == g->cap) {
		g->cap = g->cap * 2 + 16;
		g->op = realloc(g->op, (size_t)g->cap * sizeof *g->op);
		if (!g->op)
			abort();
	}
	return &g->op[g->nop++];
}

/* Registers of another shape that are in flight may not be taken. */
static void check_overlap(const Group *g, const Set *s, u64 at)
{
	SimFinding *f;

	for (int i = 0; i < g->sets.n; i++) {
		const Set *o = g->sets.set[i]; /* by the first thread's registers */
		bool meet = false;

		for (int r = 0; o != s && o->inflight && (o->value || s->value) && r < s->n; r++)
			for (int k = 0; k < o->n; k++)
				meet |= s->reg[r] == o->reg[k];
		if (meet && (f = sim_find(SIM_OPERAND, at)))
			sim_say(f, "the product takes registers that another product in flight owns");
	}
}

void sim_wgmma_count(u64 at, const Product *p, bool in_registers)
{
	sim_count_work(at, p->f16 ? WORK_wgmma_f16 : WORK_wgmma_bf16, 1);
	sim_count_work(at, WORK_tensor_flops, 2 * 64 * 16 * (u64)p->n);
	sim_count_work(at, WORK_wgmma_shared_bytes, 2 * 16 * (u64)(p->n + (in_registers ? 0 : 64)));
}

static void issue(Group *g, u64 at, const Product *p, bool in_registers)
{
	Op *o = new_op(g);
	SimFinding *f;

	*o = (Op){.p = *p, .at = at, .group = g->open, .stamp = ++M->clock};
	o->acc = set_accumulators(&g->sets, threads(g), p->n);
	if (!g->fenced && (f = sim_find(SIM_FENCE, at)))
		sim_say(f, "the first product of warpgroup %d, and no wgmma_fence lies before",
		        (int)(g - groups));
	if (in_registers) {
		o->left = set_left(&g->sets, threads(g));
		if (!o->left->inflight++)
			check_fence(g, o->left, at, "left operand");
		check_overlap(g, o->left, at);
		set_note(o->left);
		memcpy(o->a, o->left->known, sizeof o->a);
	}
	product_read(&o->p, at, threads(g), engine(g), o->stamp, !in_registers);
	if (o->acc->inflight++) {
		check_accumulators(g, o->acc, o->acc->issued, at, "the next");
	} else {
		check_fence(g, o->acc, at, "accumulators");
		check_overlap(g, o->acc, at);
		set_take(o->acc);
		if (!M->early)
			set_poison(o->acc);
	}
	o->acc->issued = at;
	if (M->early) {
		product_compute(&o->p, in_registers ? o->a : NULL, o->acc->value);
		set_give(o->acc);
	}
	sim_wgmma_count(at, p, in_registers);
}

void sim_do_wgmma(u64 at, int n, int f16, float *d0, float *d1, u32 *const *a, u64 da, u64 db,
                  int accumulate, int ta, int tb)
{
	Product p = {n, f16, accumulate != 0, ta, tb, da, db};
	Thread *t = M->cur;
	Group *g = mine();

	need_group(at);
	sim_dense();
	t->wgmma_d[0] = d0;
	t->wgmma_d[1] = d1;
	if (a)
		memcpy(t->wgmma_a, a, sizeof t->wgmma_a);
	if (!sim_group_meet(at, WAIT_WGMMA))
		return;
	issue(g, at, &p, a != NULL);
	sim_group_go();
}

/* ---- Fence, commit, wait ---- */

void sim_do_wgmma_fence(u64 at, int site)
{
	Group *g = mine();

	M->cur->at = at;
	if (site == M->drop_site)
		return;
	need_group(at);
	if (!sim_group_meet(at, WAIT_WGMMA_FENCE))
		return;
	g->fenced = true;
	for (int i = 0; i < g->sets.n; i++)
		if (!g->sets.set[i]->inflight)
			set_note(g->sets.set[i]);
	sim_group_go();
}

void sim_do_wgmma_commit(u64 at, int site)
{
	M->cur->at = at;
	if (site == M->drop_site)
		return;
	need_group(at);
	if (!sim_group_meet(at, WAIT_WGMMA_COMMIT))
		return;
	mine()->open++;
	sim_group_go();
}

static void retire(Group *g, Op *o, u64 wait)
{
	Set *s = o->acc;

	check_left(g, o, wait);
	if (o->left)
		o->left->inflight--;
	if (!M->early)
		product_compute(&o->p, o->left ? o->a : NULL, s->value);
	if (--s->inflight)
		return;
	check_accumulators(g, s, o->at, wait, "its wait");
	set_give(s);
	set_note(s);
}

void sim_do_wgmma_wait(u64 at, int site, int n)
{
	Group *g = mine();
	int kept = 0;
	u32 seen;

	M->cur->at = at;
	if (site == M->drop_site)
		return;
	need_group(at);
	sim_dense();
	if (!sim_group_meet(at, WAIT_WGMMA_WAIT))
		return;
	seen = ++M->clock;
	for (int i = 0; i < g->nop; i++) {
		Op *o = &g->op[i];

		if (o->group >= g->open || g->open - o->group <= (u32)n) {
			seen = o->stamp < seen ? o->stamp : seen;
			g->op[kept++] = *o;
		} else {
			retire(g, o, at);
		}
	}
	g->nop = kept;
	for (int i = 0; i < GROUP; i++)
		threads(g)[i].seen[engine(g)] = seen;
	sim_group_go();
}

/* The product in flight that owns this register of thread `t` of the warpgroup, or NULL. */
static const Op *owner(const Group *g, int t, const void *reg)
{
	for (int i = 0; i < g->nop; i++) {
		const Set *const sets[] = {g->op[i].acc, g->op[i].left};

		for (int k = 0; k < 2 && sets[k]; k++) {
			const Set *s = sets[k];

			if (reg < s->low[t] || reg > s->high[t])
				continue;
			for (int r = 0; r < s->n; r++)
				if (s->reg[t * s->n + r] == reg)
					return &g->op[i];
		}
	}
	return NULL;
}

/* What is kept where it is must be free: the wait that frees it lies before. */
void sim_do_wgmma_hold(u64 at, const void *reg)
{
	const Group *g = mine();
	const Op *o = owner(g, M->cur->id % GROUP, reg);
	SimFinding *f;

	if (o && (f = sim_find(SIM_OPERAND, at)))
		sim_say(f, "thread %d holds a register that the product of line %d in flight owns",
		        M->cur->id, (int)(u32)o->at);
}

void sim_wgmma_exit(const Thread *t)
{
	const Group *g = &groups[t->id / GROUP];
	SimFinding *f;

	if (g->nop && (f = sim_find(SIM_PENDING, g->op[0].at)))
		sim_say(f, "thread %d returns while the product of line %d is in flight: %s", t->id,
		        (int)(u32)g->op[0].at,
		        g->op[0].group < g->open ? "wgmma_wait is missing" : "it was not committed");
}
