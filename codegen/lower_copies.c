/* lower_copies.c -- a loop's tiles in shared memory, copied by the threads themselves: a ring of
 * stages, in groups of asynchronous copies, a chunk a group.
 */
#include "lower_turn.h"

Stmt *lower_wait_new(Lower *L, int pending)
{
	Stmt *s = ARENA_NEW(L->a, Stmt);

	s->kind = S_WAIT;
	s->n = pending;
	return s;
}

void lower_wait_copies(Lower *L, int pending)
{
	dev_append(L->out, lower_wait_new(L, pending));
}

static const char *ring_slot(Lower *L, const Staged *s, const char *slot)
{
	return arena_printf(L->a, "%s + %s * %d", s->buf->name, slot, s->buf->bytes);
}

/* Before the loop: the first stages - 1 chunks. */
void lower_copies_fill(Lower *L, Copies *c)
{
	const Range *r = c->loop->range;
	bool reverse = c->loop->reverse;

	if (!c->n || c->stages == 1)
		return;
	c->slot = lower_name(L, "slot");
	c->fill = lower_name(L, "fill");
	for (int s = 0; s < c->stages - 1; s++) {
		const char *tile = reverse ? arena_printf(L->a, "%s - %d", c->end, s + 1)
		                   : L->stride > 1
		                       ? arena_printf(L->a, "%s + %s + %d", c->lo, L->who, s * L->stride)
		                   : s ? arena_printf(L->a, "%s + %d", c->lo, s)
		                       : c->lo;
		Block *saved = lower_open(L, S_IF, false, reverse ? "%s >= %s" : "%s < %s", tile,
		                          reverse ? c->lo : c->end);

		for (int i = c->first; i < c->first + c->n; i++)
			lower_issue(L, &L->staged[i], ring_slot(L, &L->staged[i], arena_printf(L->a, "%d", s)),
			            r, arena_printf(L->a, "(%s) * %d", tile, r->n));
		lower_close(L, saved);
		dev_add(L->dev, L->out, S_COMMIT, NULL);
	}
	lower_code(L, "int %s = 0, %s = %d;", c->slot, c->fill, c->stages - 1);
}

/* At the start of turn n, whose tiles begin at n0: they are there; the chunk that is stages - 1
 * ahead is asked for. */
void lower_copies_turn(Lower *L, const Copies *c, const char *n, const char *n0)
{
	const Range *r = c->loop->range;
	bool reverse = c->loop->reverse;
	const char *fetch;
	Block *saved;

	if (!c->n)
		return;
	if (c->stages == 1) {
		for (int i = c->first; i < c->first + c->n; i++)
			lower_issue(L, &L->staged[i], L->staged[i].base, r, n0);
		dev_add(L->dev, L->out, S_COMMIT, NULL);
		lower_wait_copies(L, 0);
		return;
	}
	fetch = lower_name(L, "fetch");
	if (!L->next)
		lower_wait_copies(L, c->stages - 2);
	lower_code(L, "const int %s = %s %s %d;", fetch, n, reverse ? "-" : "+",
	           (c->stages - 1) * L->stride);
	saved = lower_open(L, S_IF, false, reverse ? "%s >= %s" : "%s < %s", fetch,
	                   reverse ? c->lo : c->end);
	saved->last->atomic = true;
	for (int i = c->first; i < c->first + c->n; i++)
		lower_issue(L, &L->staged[i], ring_slot(L, &L->staged[i], c->fill), r,
		            arena_printf(L->a, "%s * %d", fetch, r->n));
	lower_close(L, saved);
	dev_add(L->dev, L->out, S_COMMIT, NULL);
	for (int i = c->first; i < c->first + c->n; i++)
		lower_code(L, "const u32 %s = %s;", L->staged[i].base,
		           ring_slot(L, &L->staged[i], c->slot));
	lower_code(L, "%s = %s + 1 == %d ? 0 : %s + 1;", c->slot, c->slot, c->stages, c->slot);
	lower_code(L, "%s = %s + 1 == %d ? 0 : %s + 1;", c->fill, c->fill, c->stages, c->fill);
}
