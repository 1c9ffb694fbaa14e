/* lower_next.c -- what a turn makes ready for the next one, at its end: the rounded copy of a state
 * over features, and the tile turned round that its update forms them of. Two copies of each by
 * turns, so that the barrier at the start of a turn, which its other tiles need anyway, is the only
 * one: on an H200 4 % of based_prefill's sm_80 text.
 * requires: tiles by asynchronous copies; each warp turns rows that its own threads have copied.
 */
#include "lower_turn.h"

enum { MAX_NEXT = 2 };

struct Next {
	Op *get[MAX_NEXT], *dot[MAX_NEXT];
	Staged copy[MAX_NEXT]; /* base: this turn's */
	int n, tiles;          /* tiles: the first of them in L->turned */
};

static const Grow *features_of(Lower *L, Op *dot)
{
	bool sw = false;

	return grow_parse(L->a, op_base(dot->src[0], &sw));
}

/* The gets whose copies the loop's products read: all of states over features, as they are at the
 * start of a turn; 0: there are others. */
static int gets_of(Lower *L, const Op *loop, Next *x)
{
	bool changed = false;

	for (Op *o = loop->body->first; o; o = o->next) {
		Op *dot;

		if (o->body)
			return 0;
		changed |= o->code != OP_get && op_info[o->code].class == STATE;
		if (o->code != OP_get || o->src[0]->code != OP_state)
			continue;
		dot = lower_publish_reader(L, o);
		if (changed || !dot || !L->f->op[o->src[0]->id].unscaled || o->dim[1].n == 1 ||
		    x->n == MAX_NEXT || !features_of(L, dot))
			return 0;
		x->get[x->n] = o;
		x->dot[x->n++] = dot;
	}
	return x->n;
}

/* Sets up the tiles of the loop's updates; false: not all can be. */
static bool tiles_of(Lower *L, const Op *loop)
{
	int n = 0;

	for (const Op *o = loop->body->first; o; o = o->next) {
		const Grow *g = lower_turn_features(L, o);

		for (int q = 0; g && q < g->npieces; q++)
			if (g->piece[q].kind == PIECE_POW2) {
				if (!lower_turn_ahead(L, g->piece[q].x))
					return false;
				n++;
			}
	}
	return n > 0;
}

/* Two blocks share an SM as before. */
static bool has_room(Lower *L, const Next *x)
{
	int bytes = 0;

	for (int i = 0; i < L->dev->nbufs; i++)
		bytes += L->dev->buf[i]->bytes * L->dev->buf[i]->stages;
	for (int i = 0; i < x->n; i++)
		bytes += 2 * (lower_state_grow(L, x->get[i]->src[0])->slots * 2 * x->get[i]->dim[1].n);
	return 2 * (bytes + 4096) <= L->dev->gpu->smem_sm;
}

static void make(Lower *L, const char *turn, const char *slot, const char *exists)
{
	Next *x = L->next;
	Block *saved = L->out;

	for (int i = 0; i < x->n; i++) {
		Staged s = x->copy[i];

		s.base = lower_name(L, arena_printf(L->a, "%s_next", s.base));
		lower_code(L, "const u32 %s = %s + %s %% 2 * %d;", s.base, s.buf->name, turn, s.buf->bytes);
		lower_publish_write(L, &s, x->get[i], lower_state_grow(L, x->get[i]->src[0]),
		                    features_of(L, x->dot[i]));
	}
	lower_wait_copies(L, L->stages - 2);
	dev_add(L->dev, L->out, S_WARP, NULL)->n = 1;
	lower_open(L, S_IF, false, "%s", exists)->last->uniform = true;
	lower_turn_next(L, turn, slot);
	L->out = saved;
}

void lower_next_open(Lower *L, const Op *loop, const char *lo, const char *end)
{
	Next x = {.tiles = L->nturned};

	L->next = NULL;
	if (L->dev->gpu->wgmma || L->role != ROLE_ALL || L->stages < 2 || L->stride > 1 ||
	    loop->reverse || loop->parent->owner || L->nturned || L->live || !gets_of(L, loop, &x) ||
	    !has_room(L, &x) || !tiles_of(L, loop))
		return;
	L->next = ARENA_NEW(L->a, Next);
	for (int i = 0; i < x.n; i++) {
		const char *base = lower_publish_name(L, x.get[i]);

		x.copy[i] =
		    (Staged){x.get[i],
		             lower_publish_buffer(L, x.get[i], lower_state_grow(L, x.get[i]->src[0]),
		                                  arena_printf(L->a, "%s_both", base), 2),
		             base};
		x.copy[i].buf->by_turns = true;
	}
	*L->next = x;
	make(L, arena_printf(L->a, "(%s)", lo), "0", arena_printf(L->a, "%s < %s", lo, end));
}

void lower_next_turn(Lower *L, const char *n)
{
	Next *x = L->next;

	if (!x)
		return;
	lower_turn_name(L, n);
	for (int i = 0; i < x->n; i++) {
		lower_code(L, "const u32 %s = %s + %s %% 2 * %d;", x->copy[i].base, x->copy[i].buf->name, n,
		           x->copy[i].buf->bytes);
		L->staged[L->nstaged++] = x->copy[i];
	}
}

/* Before the turn's last store, whose addresses and stores it overlaps with. */
void lower_next_make(Lower *L, const char *n, const char *slot, const char *end)
{
	Block *saved = L->out, text = {0};

	if (!L->next)
		return;
	L->out = &text;
	make(L, arena_printf(L->a, "(%s + 1)", n), slot, arena_printf(L->a, "%s + 1 < %s", n, end));
	L->out = saved;
	dev_splice(L->out, L->stored ? L->stored : L->out->last, &text);
}

void lower_next_close(Lower *L)
{
	if (L->next)
		L->nturned = L->next->tiles;
	L->next = NULL;
}
