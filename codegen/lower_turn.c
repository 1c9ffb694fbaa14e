/* lower_turn.c -- a loop's tiles turned round once a turn, their columns as rows, for warps that
 * form features of columns from whole rows (lower_share.c).
 */
#include "lower_turn.h"

#include <string.h>

const Turned *lower_turned(Lower *L, const Op *x)
{
	for (int i = 0; i < L->nturned; i++)
		if (L->turned[i].op == x)
			return &L->turned[i];
	return NULL;
}

/* Rows of an odd number of 16-byte units: eight of them fall into different banks with no XOR, so
 * that steps of tokens are literal offsets from one address. */
static void pad_rows(Buffer *b)
{
	b->pbytes = (2 * b->cols / 16 | 1) * 16;
	b->pcols = b->pbytes / 2;
	b->swizzle = 0;
	b->bytes = (b->rows * b->pbytes + 127) / 128 * 128;
}

/* Room for tile x turned round, `both`: two copies by turns; NULL: it cannot be. */
static Turned *turned_new(Lower *L, Op *x, bool both)
{
	const Staged *s = lower_staged(L, x);
	Split cols = facts_dim(L->f, x, 1);
	Turned *t = &L->turned[L->nturned];
	const char *name;
	Block *saved = L->out;
	int height, width;

	if (!s || s->buf->elem != 2 || s->buf->rows % 16 || lower_turned(L, x) ||
	    L->nturned == MAX_BUFFERS || cols.cores * cols.warps % 2)
		return NULL;
	/* columns that pad the tile would be rows here that nobody reads */
	height = L->dev->gpu->stmatrix ? 8 * cols.cores * cols.warps : (x->dim[1].n + 7) / 8 * 8;
	width = 2 * s->buf->rows + (L->dev->gpu->stmatrix ? 0 : 16);
	if ((both + 1) * height * width > 1 << 16) /* its places have 16 bits */
		return NULL;
	name = lower_name(L, arena_printf(L->a, "%s_t", x->name ? x->name : x->arg->name));
	*t = (Turned){x,
	              dev_buffer(L->dev, both ? arena_printf(L->a, "%s_both", name) : name, height,
	                         s->buf->rows, 2, both ? 2 : 1),
	              name, NULL};
	L->nturned++;
	if (!L->dev->gpu->stmatrix)
		pad_rows(t->buf);
	t->buf->used_cols = 0;
	t->buf->by_turns = both;
	if (t->buf->bytes * t->buf->stages > 1 << 16)
		bug("a turned tile of %d bytes", t->buf->bytes);
	t->lane = lower_name(L, arena_printf(L->a, "%s_w", name));
	L->out = L->pro;
	lower_code(L, "const u32 %s = %s;", t->lane,
	           L->dev->gpu->stmatrix
	               ? lower_unit(L, t->buf, "(lane / 16 * 8 + lane % 8)", "(lane / 8 % 2)")
	               : arena_printf(L->a, "%s + 4 * t", lower_unit(L, t->buf, "g", "0")));
	L->out = saved;
	return t;
}

/* "const u32 name = ..;": t's copy of a turn. */
static void name_copy(Lower *L, const Turned *t, const char *name, const char *turn)
{
	lower_code(L, "const u32 %s = %s + %s %% 2 * %d;", name, t->buf->name, turn,
	           t->buf->swizzle ? (t->buf->bytes + 1023) / 1024 * 1024 : t->buf->bytes);
}

/* Turns s into the copy at `name`: each warp some of its tokens, sixteen at a time. */
static void turn_rows(Lower *L, const Turned *t, const Staged *s, const char *name)
{
	Split rows = {s->buf->rows / 8, 1, 1}, cols = facts_dim(L->f, t->op, 1);
	Block *saved = L->out;
	const char *k = "warp";
	int n = rows.cores / 2;
	Layout l;

	cols = (Split){cols.cores * cols.warps, 1, 1};
	l = layout_core(ORIENT_T, rows, cols);
	if (n != L->warps) {
		lower_open(L, S_FOR, false, "int k = warp; k < %d; k += %d", n, L->warps);
		k = "k";
	} else {
		lower_open(L, S_SCOPE, false, "%s", "");
	}
	saved->last->atomic = true;
	for (int c = 0; c < cols.cores && 8 * c < t->buf->rows; c += 2) {
		int per = t->buf->pbytes / 32;
		const char *array = lower_name(L, "x"), *place;
		Block *in = L->out;

		lower_code(L, "u32 %s[2][2];", array);
		lower_cores(L, s, &l, array, arena_printf(L->a, "2 * %s", k), 2,
		            arena_printf(L->a, "%d", c), 2);
		L->out = in;
		place = arena_printf(L->a, "%s + %d", name, 8 * c * t->buf->pbytes);
		if (t->buf->cols > t->buf->pcols)
			place = arena_printf(L->a, "%s + %s / %d * %d + (%s ^ 32 * (%s %% %d))", place, k, per,
			                     t->buf->rows * t->buf->pbytes, t->lane, k, per);
		else
			place =
			    arena_printf(L->a, t->buf->swizzle ? "%s + (%s ^ 32 * %s)" : "%s + %s + 32 * %s",
			                 place, t->lane, k);
		if (L->dev->gpu->stmatrix)
			lower_code(L, "cores_store4(%s, %s[0][0], %s[1][0], %s[0][1], %s[1][1]);", place, array,
			           array, array, array);
		for (int i = 0; !L->dev->gpu->stmatrix && i < (8 * (c + 1) < t->buf->rows ? 4 : 2); i++)
			lower_code(L,
			           i % 2 ? "st_shared_b32(%s + 16 + %d, %s[%d][%d]);"
			                 : "st_shared_b32(%s + %d, %s[%d][%d]);",
			           place, i / 2 * 8 * t->buf->pbytes, array, i % 2, i / 2);
	}
	dev_access(saved->last, t->buf, ACC_WRITE);
	L->out = saved;
}

/* In a role the copy of the turn before is still read when the next is written: there are two, and
 * the barrier between a turn's writes and its reads is enough for both. */
static void turn_tile(Lower *L, Op *x)
{
	const Turned *t = turned_new(L, x, L->turn != NULL);

	if (!t)
		return;
	if (L->turn)
		name_copy(L, t, t->base, L->turn);
	turn_rows(L, t, lower_staged(L, x), t->base);
}

/* -- a turn ahead -------------------------------------------------------------------------- */

/* Whether each warp's threads copy the rows that the warp turns, 16 bytes each. */
static bool copies_own(Lower *L, const Op *x)
{
	const Staged *s = lower_staged(L, x);
	const Range *r = x->dim[1].range;

	return s && s->buf->elem == 2 && x->dim[1].n == 16 && s->buf->rows == 16 * L->warps &&
	       L->align >= 16 && (!r || r->kind == RANGE_WHOLE);
}

bool lower_turn_ahead(Lower *L, const Op *x)
{
	return copies_own(L, x) && turned_new(L, (Op *)x, true);
}

void lower_turn_name(Lower *L, const char *turn)
{
	for (int i = 0; i < L->nturned; i++)
		name_copy(L, &L->turned[i], L->turned[i].base, turn);
}

/* What a warp reads here its own threads have copied and waited for; no barrier is needed. */
void lower_turn_next(Lower *L, const char *turn, const char *slot)
{
	for (int i = 0; i < L->nturned; i++) {
		const Turned *t = &L->turned[i];
		Staged own = *lower_staged(L, t->op);
		Buffer *b = ARENA_NEW(L->a, Buffer);
		const char *name = lower_name(L, arena_printf(L->a, "%s_next", t->base));

		*b = *own.buf;
		b->by_engine = true;
		own.base = lower_name(L, arena_printf(L->a, "%s_next", own.base));
		lower_code(L, "const u32 %s = %s + %s * %d;", own.base, b->name, slot, b->bytes);
		own.buf = b;
		name_copy(L, t, name, turn);
		turn_rows(L, t, &own, name);
	}
}

const Grow *lower_turn_features(Lower *L, const Op *x)
{
	const Grow *g;
	bool sw = false;
	Op *left;

	if (x->code != OP_update || x->src[1]->code != OP_dot || (L->live && !L->live[x->id]))
		return NULL;
	left = op_base(x->src[1]->src[0], &sw);
	g = sw && x->src[0]->dim[1].n > 1 ? grow_parse(L->a, left) : NULL;
	return g && facts_dim(L->f, x->src[1], 0).warps > 1 ? g : NULL;
}

/* Those that the region's updates form features of, before anything else of a turn. */
void lower_turn_tiles(Lower *L, const Region *r)
{
	for (Op *x = r->first; x; x = x->next) {
		const Grow *g = lower_turn_features(L, x);

		for (int q = 0; g && q < g->npieces; q++)
			if (g->piece[q].kind == PIECE_POW2)
				turn_tile(L, g->piece[q].x);
	}
}
