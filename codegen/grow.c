/* grow.c -- tiles that grow along their inner dimension: what they are made of, and in which
 * order fragments hold them (facts.h).
 */
#include "facts.h"

bool op_is_const(const Op *x, double *v)
{
	if (x->code == OP_expand || x->code == OP_transpose || x->code == OP_cast)
		return op_is_const(x->src[0], v);
	if (x->code != OP_const_ && x->code != OP_full)
		return false;
	*v = x->value;
	return true;
}

/* Strips factors: x * c, c * x, x / c. */
static Op *unscale(Op *x, double *scale)
{
	double v;

	for (;;) {
		if (x->code == OP_mul && op_is_const(x->src[1], &v)) {
			*scale *= v;
			x = x->src[0];
		} else if (x->code == OP_mul && op_is_const(x->src[0], &v)) {
			*scale *= v;
			x = x->src[1];
		} else if (x->code == OP_div && op_is_const(x->src[1], &v) && v != 0) {
			*scale /= v;
			x = x->src[0];
		} else if (x->code == OP_neg) {
			*scale = -*scale;
			x = x->src[0];
		} else {
			return x;
		}
	}
}

static void piece_add(Grow *g, Op *x, double scale)
{
	Piece *p;
	double v;

	x = unscale(x, &scale);
	if (x->code == OP_concat) {
		for (int i = 0; i < x->nsrc; i++)
			piece_add(g, x->src[i], scale);
		return;
	}
	if (g->npieces == MAX_SRC) {
		g->npieces = MAX_SRC + 1;
		return;
	}
	if (g->npieces > MAX_SRC)
		return;
	p = &g->piece[g->npieces++];
	p->lo = g->n;
	p->n = x->dim[x->rank - 1].n;
	g->n += p->n;
	if (x->code == OP_sympow2) {
		double s = 1;

		p->kind = PIECE_POW2;
		p->x = unscale(x->src[0], &s);
		p->scale = scale * s * s;
		p->groups = p->x->dim[p->x->rank - 1].n / 4;
		p->nslots = 16 * (p->groups * (p->groups + 1) / 2);
	} else if (op_is_const(x, &v) && p->n == 1) {
		p->kind = PIECE_CONST;
		p->scale = v * scale;
		p->nslots = 16;
	} else {
		p->kind = PIECE_ELEM;
		p->x = x;
		p->scale = scale;
		p->nslots = (p->n + 15) / 16 * 16;
	}
}

const Grow *grow_parse(Arena *a, const Op *op)
{
	Grow *g = ARENA_NEW(a, Grow);
	int slot = 0, pow2 = -1;
	double s = 1;
	Op *x = unscale((Op *)op, &s);

	if (x->code != OP_concat && x->code != OP_sympow2)
		return NULL;
	piece_add(g, (Op *)op, 1);
	if (g->npieces > MAX_SRC)
		return NULL;
	g->const_slot = -1;
	g->linear = -1;
	for (int i = 0; i < g->npieces; i++)
		if (g->piece[i].kind == PIECE_POW2) {
			if (g->piece[i].x->dim[g->piece[i].x->rank - 1].n % 4)
				return NULL;
			if (pow2 < 0)
				pow2 = i;
		}
	g->pow2 = pow2;
	for (int i = 0; i < g->npieces; i++) {
		Piece *p = &g->piece[i];

		if (p->kind == PIECE_ELEM && pow2 >= 0 && g->linear < 0 && p->x == g->piece[pow2].x) {
			g->linear = i;
			p->nslots = 0;
		}
		if (p->kind == PIECE_CONST && pow2 >= 0 && g->const_slot < 0) {
			g->const_slot = 0; /* settled below */
			g->const_value = p->scale;
			p->nslots = 0;
		}
		p->slot = slot;
		slot += p->nslots;
	}
	if (g->const_slot == 0) {
		g->const_slot = g->piece[pow2].slot + 2; /* a = 1, b = 0 */
		for (int i = 0; i < g->npieces; i++)
			if (g->piece[i].kind == PIECE_CONST && !g->piece[i].nslots)
				g->piece[i].slot = g->const_slot;
	}
	g->slots = slot;
	return g;
}

int grow_pair(int groups, int I, int J)
{
	return I == J ? I : groups + I * (2 * groups - 3 - I) / 2 + J - 1;
}

bool grow_same(const Grow *a, const Grow *b)
{
	if (a->npieces != b->npieces || a->slots != b->slots || a->linear != b->linear)
		return false;
	for (int i = 0; i < a->npieces; i++)
		if (a->piece[i].kind != b->piece[i].kind || a->piece[i].n != b->piece[i].n)
			return false;
	return true;
}
