/* segment.c -- the segmented schedule of a kernel whose loop may be cut (affine.c): three kernels
 * derived from the one body, which fill the GPU when the grid does not.
 *
 * NAME_local   each segment but the last, from zero (the first from the author's start): the states
 *              it ends with, U, and the product of its decays, a. Only what the updates need.
 * NAME_scan    the state at the start of each segment, in place: start[i + 1] = a[i] start[i] +
 * U[i]. NAME         the whole body over one segment, from its start.
 *
 * States pass through the workspace as the threads hold them: a slot for each program and segment
 * but the last, of `regs` registers of every thread, neighbours in a warp neighbours in memory; no
 * layout changes, and replicas travel along. Products of decays only run forward; nothing is
 * divided. The bits depend on the sizes and the number of segments alone. An empty segment changes
 * nothing (U = 0, a = 1); the last one stores what the author stores after the loop.
 *
 * requires: place. maintains: the tile IR.
 */
#include "segment.h"

#include <string.h>

/* -- what is carried ----------------------------------------------------------------------- */

static void decay_kind(Carried *c, const Region *r)
{
	for (const Op *o = r->first; o; o = o->next) {
		const Op *x = o->code == OP_decay && o->src[0] == c->state ? o->src[1] : NULL;

		if (o->body)
			decay_kind(c, o->body);
		if (!x)
			continue;
		if (x->rank == 0) {
			c->kind = c->kind == DECAY_NONE ? DECAY_ONE : c->kind;
		} else {
			int drop = x->code == OP_expand ? x->axis_dim : -1;

			c->drop = c->kind == DECAY_EACH && c->drop != drop ? -1 : drop;
			c->kind = DECAY_EACH;
		}
	}
}

static bool is_changed(const Region *r, const Op *state)
{
	for (const Op *o = r->first; o; o = o->next)
		if (((o->code == OP_decay || o->code == OP_update) && o->src[0] == state) ||
		    (o->body && is_changed(o->body, state)))
			return true;
	return false;
}

Segments *segment_new(const Kernel *k, const Op *loop)
{
	Segments *s = ARENA_NEW(k->arena, Segments);

	s->loop = loop;
	for (const Op *o = k->body->first; o; o = o->next) {
		if (o->code != OP_state || !is_changed(loop->body, o))
			continue;
		if (s->n == MAX_CARRIED)
			diag_fail(k->diag, o->loc, "more than %d states; split the kernel", MAX_CARRIED);
		s->state[s->n] = (Carried){.state = o, .drop = -1};
		decay_kind(&s->state[s->n++], loop->body);
	}
	return s;
}

static Carried *carried(Lower *L, const Op *state)
{
	for (int i = 0; i < L->segments->n; i++)
		if (L->segments->state[i].state == state)
			return &L->segments->state[i];
	return NULL;
}

/* -- what the updates need ------------------------------------------------------------------- */

typedef struct Live {
	bool *live;
	Fact *fact;
} Live;

static void mark(bool *live, const Op *x)
{
	if (live[x->id])
		return;
	live[x->id] = true;
	for (int i = 0; i < x->nsrc; i++)
		mark(live, x->src[i]);
}

static void mark_change(void *user, Op *o)
{
	bool *live = user;

	if (o->code != OP_decay && o->code != OP_update)
		return;
	mark(live, o);
	for (const Region *r = o->parent; r && r->owner; r = r->owner->parent)
		live[r->owner->id] = true;
}

static void count_live(void *user, Op *o)
{
	Live *x = user;

	for (int i = 0; x->live[o->id] && i < o->nsrc; i++)
		x->fact[o->src[i]->id].uses++;
}

/* Facts that the whole kernel and this part share, with uses counted in the part alone: layouts
 * must agree, what is worth keeping need not. */
static void keep_changes(Lower *L)
{
	Facts *f = ARENA_NEW(L->a, Facts);
	Live x = {ARENA_ARRAY(L->a, bool, L->k->nops + 1), NULL};

	*f = *L->f;
	f->op = ARENA_ARRAY(L->a, Fact, f->nops + 1);
	memcpy(f->op, L->f->op, sizeof *f->op * (size_t)f->nops);
	for (int i = 0; i < f->nops; i++)
		f->op[i].uses = 0;
	x.fact = f->op;
	ir_walk(L->k->body, mark_change, x.live);
	ir_walk(L->k->body, count_live, &x);
	L->f = f;
	L->live = x.live;
}

void segment_lower(Lower *L, Segments *s)
{
	L->segments = s;
	L->cut = s->loop;
	s->count = lower_name(L, "segments");
	s->seg = lower_name(L, "seg");
	s->program = lower_name(L, "program");
	s->states = lower_name(L, "states");
	s->decays = lower_name(L, "decays");
	L->dev->text.from_segs = L->part == PART_LOCAL ? 2 : 0;
	if (L->part == PART_LOCAL) {
		s->regs = s->floats = 0;
		keep_changes(L);
	}
}

/* -- lowering -------------------------------------------------------------------------------- */

const char *segment_program(Lower *L)
{
	Segments *s = L->segments;
	const char *n = dev_param(L->dev, PARAM_SEGS, 0, 0, DT_I32, s->count);

	if (L->part == PART_LOCAL)
		n = arena_printf(L->a, "(%s - 1)", n);
	lower_code(L, "const int %s = (int)blockIdx.x %% %s;", s->seg, n);
	lower_code(L, "const int %s = (int)blockIdx.x / %s;", s->program, n);
	return s->program;
}

/* The first element of a slot of `size` elements: what segment seg - before leaves to the next. */
static const char *slot(Lower *L, const char *base, int before, int size)
{
	const Segments *s = L->segments;

	return arena_printf(L->a, "%s + ((i64)%s * (%s - 1) + %s%s) * %d", base, s->program, s->count,
	                    s->seg, before ? " - 1" : "", size);
}

/* The number of a register among those of the layout, by loop variables. */
static const char *flat(Lower *L, const Layout *l, const char *const *v)
{
	Text t = {.arena = L->a};
	int stride = layout_regs(l), r = 0;

	for (int i = 0; i < l->nd; i++) {
		if (l->d[i].hw != HW_REG)
			continue;
		stride /= l->d[i].n;
		if (strcmp(v[r], "0") && stride > 1)
			text_add(&t, "%s%d * %s", t.len ? " + " : "", stride, v[r]);
		else if (strcmp(v[r], "0"))
			text_add(&t, "%s%s", t.len ? " + " : "", v[r]);
		r++;
	}
	return t.len ? t.s : "0";
}

/* A pointer to this thread's first register of the state in its slot. */
static const char *declare_at(Lower *L, const Carried *c, int before)
{
	const Segments *s = L->segments;
	const char *name = c->state->name ? c->state->name : "state";
	const char *at = lower_name(L, arena_printf(L->a, "%s_at", name));
	int threads = L->warps * 32;
	const char *base = dev_param(L->dev, PARAM_WORK, 0, 0, DT_F32, s->states);

	lower_code(L, "float *const %s = %s + %s%stid;", at, slot(L, base, before, s->regs * threads),
	           c->first ? arena_printf(L->a, "%d", c->first * threads) : "", c->first ? " + " : "");
	return at;
}

static void zero(Lower *L, const Version *w)
{
	const char *v[MAX_DIGITS];
	Block *b = lower_nest(L, &w->l, false, v);

	lower_code(L, "%s = 0.0f;", lower_ref(L, w, &w->l, v));
	lower_nest_close(L, b);
}

static void load(Lower *L, const Carried *c, const Version *w)
{
	const char *v[MAX_DIGITS], *at = declare_at(L, c, 1);
	Block *b = lower_nest(L, &w->l, false, v);

	lower_code(L, "%s = ld_global_f32(%s + %d * (%s));", lower_ref(L, w, &w->l, v), at,
	           L->warps * 32, flat(L, &w->l, v));
	lower_nest_close(L, b);
}

static void declare_decay(Lower *L, Carried *c, const Version *w)
{
	const char *v[MAX_DIGITS], *name;
	Version *d;
	Block *b;
	Layout l = {.rank = 0};

	if (c->kind == DECAY_NONE)
		return;
	if (c->kind == DECAY_EACH)
		l = c->drop < 0 ? w->l : layout_drop(w->l, c->drop);
	name = arena_printf(L->a, "%s_decay", w->name);
	d = lower_declare(L, c->state, &l, false, name);
	d->op = NULL; /* no value of the author's */
	b = lower_nest(L, &l, false, v);
	lower_code(L, "%s = 1.0f;", lower_ref(L, d, &l, v));
	lower_nest_close(L, b);
	c->decay = d;
}

void segment_start(Lower *L, Op *state, Version *w, void (*fill)(Lower *, Op *, Version *))
{
	Segments *s = L->segments;
	Carried *c = carried(L, state);
	double v;
	When in;

	if (!c) {
		fill(L, state, w);
		return;
	}
	if (L->part == PART_LOCAL) {
		c->first = s->regs;
		c->regs = layout_regs(&w->l);
		s->regs += c->regs;
		c->at = s->floats;
		s->floats += c->kind == DECAY_ONE ? 1 : c->kind == DECAY_EACH ? c->regs * L->warps * 32 : 0;
		declare_decay(L, c, w);
		if (op_is_const(state->src[0], &v) && v == 0) {
			zero(L, w);
			return;
		}
	}
	in = lower_when_open(L, arena_printf(L->a, "%s == 0", s->seg));
	fill(L, state, w);
	lower_when_close(L, in);
	L->out = &in.outer->last->orelse;
	if (L->part == PART_LOCAL)
		zero(L, w);
	else
		load(L, c, w);
	L->out = in.outer;
}

void segment_bounds(Lower *L, const char *n, const char **lo, const char **hi)
{
	const Segments *s = L->segments;
	const char *last = lower_name(L, arena_printf(L->a, "%s_last", n));
	const char *each = lower_name(L, arena_printf(L->a, "%s_each", n)), *at;
	bool whole = !strcmp(*lo, "0");

	lower_code(L, "const int %s = %s;", last, *hi);
	lower_code(L, "const int %s = (%s%s + %s - 1) / %s;", each, last,
	           whole ? "" : arena_printf(L->a, " - %s", *lo), s->count, s->count);
	at = whole ? "" : arena_printf(L->a, "%s + ", *lo);
	*hi = arena_printf(L->a, "%s(%s + 1) * %s < %s ? %s(%s + 1) * %s : %s", at, s->seg, each, last,
	                   at, s->seg, each, last);
	*lo = arena_printf(L->a, "%s%s * %s", at, s->seg, each);
}

void segment_decay(Lower *L, Op *op)
{
	const Carried *c = carried(L, op->src[0]);
	const char *v[MAX_DIGITS];
	Op *x = op->src[1];
	const Layout *l;
	Block *b;

	if (!c)
		return;
	l = &c->decay->l;
	if (x->rank && c->drop >= 0)
		x = x->src[0];
	lower_ensure(L, x, l);
	b = lower_nest(L, l, false, v);
	lower_code(L, "%s *= %s;", lower_ref(L, c->decay, l, v), lower_elem(L, x, l, v));
	lower_nest_close(L, b);
}

static void dump_decay(Lower *L, const Carried *c, const Version *w)
{
	const Segments *s = L->segments;
	const char *base, *v[MAX_DIGITS], *vv[MAX_DIGITS], *at;
	Block *b;
	int r = 0, n = 0;

	if (c->kind == DECAY_NONE)
		return;
	base = dev_param(L->dev, PARAM_WORK, 0, 1, DT_F32, s->decays);
	at = slot(L, base, 0, s->floats);
	if (c->at)
		at = arena_printf(L->a, "%s + %d", at, c->at);
	if (c->kind == DECAY_ONE) {
		b = lower_open(L, S_IF, false, "tid == 0");
		b->last->atomic = true;
		lower_code(L, "st_global_f32(%s, %s);", at, c->decay->name);
		lower_close(L, b);
		return;
	}
	b = lower_nest(L, &w->l, false, v);
	for (int i = 0; i < w->l.nd; i++)
		if (w->l.d[i].hw == HW_REG) {
			if (c->drop < 0 || w->l.d[i].dim != c->drop)
				vv[n++] = v[r];
			r++;
		}
	lower_code(L, "st_global_f32(%s + tid + %d * (%s), %s);", at, L->warps * 32, flat(L, &w->l, v),
	           lower_ref(L, c->decay, &c->decay->l, vv));
	lower_nest_close(L, b);
}

void segment_end(Lower *L)
{
	if (L->part != PART_LOCAL)
		return;
	for (int i = 0; i < L->segments->n; i++) {
		const Carried *c = &L->segments->state[i];
		const Version *w = lower_var_version(L, c->state);
		const char *v[MAX_DIGITS], *at = declare_at(L, c, 0);
		Block *b = lower_nest(L, &w->l, false, v);

		lower_code(L, "st_global_f32(%s + %d * (%s), %s);", at, L->warps * 32, flat(L, &w->l, v),
		           lower_ref(L, w, &w->l, v));
		lower_nest_close(L, b);
		dump_decay(L, c, w);
	}
}

const char *segment_store_when(Lower *L, const Op *store)
{
	const Segments *s = L->segments;
	bool after = false;

	if (L->part != PART_SEGMENT || store->parent != L->k->body)
		return NULL;
	for (const Op *x = L->cut->next; x; x = x->next)
		after |= x == store;
	return after ? arena_printf(L->a, "%s + 1 == %s", s->seg, s->count)
	             : arena_printf(L->a, "%s == 0", s->seg);
}
