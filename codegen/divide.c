/* divide.c -- splits a compile-time axis over programs where a kernel's carried tiles would not fit
 * in registers.
 *
 * requires: simplify. An axis may be divided when no op contracts, reduces or scans it: then
 * each part is a kernel of its own, and what does not depend on the axis is computed by all.
 * Outputs without the axis are stored by the first part. maintains: meaning.
 */
#include "divide.h"

#include <math.h>

/* -- how many registers a thread will need ------------------------------------------------------
 */

typedef struct Need {
	Facts *f;
	int warps, carried, packed, transient;
	bool *added; /* by Op.id: a product that is only added to something, and so accumulates there */
} Need;

static int regs_of(Facts *f, const Op *op)
{
	Layout l;

	if (op->rank != 2)
		return op->rank == 1 ? 2 : 1;
	if (f->op[op->id].unscaled && op->dim[1].n == 1)
		return 2;
	l = facts_layout(f, op, f->op[op->id].orient);
	return layout_regs(&l);
}

/* As the classes have it, which divide_axis changes to try a part. */
static int extent(Facts *f, const Op *op, int d)
{
	return op->dim[d].n > 1 ? f->class[facts_class(f, op, d)].n : 1;
}

static void added_op(void *user, Op *op)
{
	Need *n = user;

	for (int i = 0; (op->code == OP_add || op->code == OP_update) && i < op->nsrc; i++)
		if (op->src[i]->code == OP_dot && n->f->op[op->src[i]->id].uses == 1)
			n->added[op->src[i]->id] = true;
}

static void need_op(void *user, Op *op)
{
	Need *n = user;

	if (!n->f->ndots) { /* streamed: a tile lies over the whole block */
		int r = op->rank == 2 ? extent(n->f, op, 0) * extent(n->f, op, 1) / (32 * n->warps) : 0;

		if (r * 13 / 10 > n->transient)
			n->transient = r * 13 / 10;
		return;
	}

	if (op->code == OP_state || op->code == OP_var) {
		n->carried += regs_of(n->f, op);
	} else if (op->code == OP_dot) {
		bool sw = false;
		Op *x = op_base(op->src[1], &sw);
		int r = regs_of(n->f, op), rows = facts_dim(n->f, op, 0).cores;

		if (x->code == OP_get && x->src[0]->code == OP_var && x->dim[1].n > 1)
			n->packed += regs_of(n->f, x) / 2;
		if (n->f->op[op->id].orient == ORIENT_N && rows > 2 && n->f->op[op->id].uses == 1)
			r = r / rows * 2 + r / 4; /* strips */
		if (r > n->transient && op->parent->owner && !n->added[op->id])
			n->transient = r;
	}
}

/* An estimate, good to some 15%: what is carried, its rounded copies, the largest product in
 * flight, and addresses. */
int divide_registers(Facts *f, int warps)
{
	Need n = {f, warps, 0, 0, 0, ARENA_ARRAY(f->arena, bool, f->nops + 1)};

	ir_walk(f->k->body, added_op, &n);
	ir_walk(f->k->body, need_op, &n);
	return n.carried + n.packed + n.transient + 60;
}

typedef struct Tiles {
	Facts *f;
	int stages, bytes;
} Tiles;

static void tile_bytes(void *user, Op *op)
{
	Tiles *t = user;
	bool ring = op->parent->owner != NULL, state = op->code == OP_state && op->dim[1].n > 8;

	if (op->rank != 2 || !t->f->ndots ||
	    (!state && (op->code != OP_load || (op->dtype != DT_BF16 && op->dtype != DT_F16))))
		return;
	t->bytes += (ring ? t->stages : 1) * 2 * facts_extent(t->f, facts_class(t->f, op, 0)) *
	            facts_extent(t->f, facts_class(t->f, op, 1));
}

/* Staged tiles, rings of them, and states rounded for their readers. */
int divide_shared(Facts *f, int stages)
{
	Tiles t = {f, stages, 0};

	ir_walk(f->k->body, tile_bytes, &t);
	return t.bytes;
}

/* In registers: what does not fit in shared memory counts as that much too many of them. */
static int need(Facts *f, int warps, const Room *room)
{
	int r = divide_registers(f, warps), s = divide_shared(f, room->stages);
	int as = (int)((double)s / room->shared * room->registers);

	return s > room->shared && as > r ? as : r;
}

/* -- which axis ----------------------------------------------------------------------------------
 */

typedef struct Axes {
	Facts *f;
	bool *barred; /* by class */
	int *axis;    /* by class: Axis.id + 1 */
} Axes;

static void bar(Axes *a, const Op *op, int d)
{
	a->barred[facts_class(a->f, op, d)] = true;
}

static void bar_op(void *user, Op *op)
{
	Axes *a = user;
	const Op *tile = op->code == OP_store ? op->src[0] : op;

	switch (op_info[op->code].class) {
	case DOT:
		bar(a, op->src[0], 1);
		break;
	case REDUCE:
		bar(a, op->src[0], op->axis_dim);
		break;
	case SCAN:
		bar(a, op, 0);
		break;
	case GROW:
		for (int d = 0; op->code == OP_reshape && d < op->rank; d++)
			bar(a, op, d);
		for (int d = 0; op->code == OP_reshape && d < op->src[0]->rank; d++)
			bar(a, op->src[0], d);
		bar(a, op, op->rank - 1);
		for (int i = 0; i < op->nsrc; i++)
			bar(a, op->src[i], op->rank - 1);
		break;
	default:
		break;
	}
	for (int i = 0, d = 0; (op->code == OP_load || op->code == OP_store) && i < op->arg->rank;
	     i++) {
		if (op->at[i] && op->at[i]->kind == RANGE_ONE)
			continue;
		if (!op->at[i] || op->at[i]->kind == RANGE_WHOLE) {
			int *x = &a->axis[facts_class(a->f, tile, d)], id = op->arg->axis[i]->id + 1;

			if (*x && *x != id)
				bar(a, tile, d);
			*x = id;
		}
		d++;
	}
}

typedef struct Cut {
	Facts *f;
	int cls;
	Range *range;
} Cut;

static void cut_op(void *user, Op *op)
{
	Cut *c = user;
	const Op *tile = op->code == OP_store ? op->src[0] : op;

	for (int i = 0, d = 0; (op->code == OP_load || op->code == OP_store) && i < op->arg->rank;
	     i++) {
		if (op->at[i] && op->at[i]->kind == RANGE_ONE)
			continue;
		if (facts_class(c->f, tile, d) == c->cls)
			op->at[i] = c->range;
		d++;
	}
	for (int d = 0; d < op->rank; d++)
		if (op->dim[d].n > 1 && facts_class(c->f, op, d) == c->cls) {
			op->dim[d].n = c->range->n;
			op->dim[d].range = c->range;
		}
}

int divide_place(Facts *f, int warps, const Room *room)
{
	int r = need(f, warps, room);

	if (room->always && r <= room->registers)
		r = room->registers + 1;
	return r > room->registers && room->widen(room->user, f) ? room->registers : r;
}

static int fits(Facts *f, int cls, int n, int warps, const Room *room)
{
	int whole = f->class[cls].n, r;

	f->class[cls].n = n;
	facts_split(f, warps);
	r = divide_place(f, warps, room);
	f->class[cls].n = whole;
	return r;
}

typedef struct Part {
	Axes a;
	int cls, n; /* cls < 0: whole */
} Part;

/* The fewest parts that fit; as many as help when none does. Returns what a thread then needs. */
static int best_part(Facts *f, int warps, const Room *room, Part *p)
{
	int best, limit = room->registers;

	*p = (Part){{f, ARENA_ARRAY(f->arena, bool, f->nclasses + 1),
	             ARENA_ARRAY(f->arena, int, f->nclasses + 1)},
	            -1,
	            0};
	facts_split(f, warps);
	best = divide_place(f, warps, room);
	if (best <= limit)
		return best;
	ir_walk(f->k->body, bar_op, &p->a);
	for (int i = 0; i < f->nclasses; i++) {
		int n = f->class[i].n;

		if (f->class[i].parent != i || p->a.barred[i] || !p->a.axis[i] || f->class[i].grow ||
		    n < 16)
			continue;
		for (int parts = 2; n / parts >= 8 && best > limit; parts++) {
			int r;

			if (n % (8 * parts))
				continue;
			r = fits(f, i, n / parts, warps, room);
			if (r < best) {
				best = r;
				p->cls = i;
				p->n = n / parts;
			}
		}
	}
	facts_split(f, warps);
	return best;
}

int divide_parts(Facts *f, int warps, const Room *room)
{
	Part p;

	if (best_part(f, warps, room, &p) > room->registers)
		return 0;
	return p.cls < 0 ? 1 : f->class[p.cls].n / p.n;
}

bool divide_axis(Facts *f, int warps, const Room *room)
{
	Kernel *k = (Kernel *)f->k;
	Part p;
	Cut c = {f, 0, NULL};

	best_part(f, warps, room, &p);
	if (p.cls < 0 || k->grid.n == MAX_AXES)
		return false;
	c.cls = p.cls;
	c.range = ir_range(k, RANGE_GRID, k->axes[p.a.axis[p.cls] - 1], p.n, NULL);
	ir_walk(k->body, cut_op, &c);
	k->grid.range[k->grid.n++] = c.range;
	k->divided = c.range;
	return true;
}
