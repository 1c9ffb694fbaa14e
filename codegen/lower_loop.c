/* lower_loop.c -- regions in program order: loops with their pipelined loads, and strips.
 */
#include "lower_turn.h"
#include "segment.h"

#include <ctype.h>
#include <string.h>

static const char *lowercase(Lower *L, const char *s)
{
	char *r = arena_strdup(L->a, s);

	for (char *p = r; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return r;
}

void lower_comment(Lower *L, const Op *op)
{
	const char *slash = op->loc.file ? strrchr(op->loc.file, '/') : NULL;
	const char *file = slash ? slash + 1 : op->loc.file;

	if (file)
		dev_add(L->dev, L->out, S_COMMENT, arena_printf(L->a, "%s:%d", file, op->loc.line));
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

/* Loads that move with their region's loop go through a ring; others are copied where they stand.
 */
static bool is_staged_load(Lower *L, const Op *op, bool moving)
{
	const Op *loop = op->parent->owner;

	if (op->code != OP_load || !L->f->op[op->id].uses ||
	    loop_load(op, loop ? loop->range : NULL) != moving)
		return false;
	return moving ? op->rank >= 1 : feeds_product(L, op);
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

/* Warps that divide the columns too have tiles of two pairs of row cores, whole: a strip would read
 * the right operand again. */
static bool is_square(const Layout *l)
{
	return l->d[0].n == 4 && layout_spread_dim(l, HW_WARP, 1) > 1;
}

void lower_root_strips(Lower *L, Op *op, Op *value, void (*body)(Lower *, Op *, const Layout *))
{
	Layout l = lower_value_layout(L, value);
	Strip s = {0};
	Block *outer = L->out;
	Stmt *loop;

	if (value->rank != 2 || l.orient != ORIENT_N || l.d[0].n <= 2 || L->strip || is_square(&l) ||
	    !has_product(L, value, &l)) {
		body(L, op, &l);
		return;
	}
	s.var = lower_name(L, "m");
	s.outer = outer;
	s.outer_scope = L->scope;
	s.count = l.d[0].n / 2;
	l = layout_strip(L->a, l, s.var);
	s.base = l.base[0];
	loop = ARENA_NEW(L->a, Stmt);
	loop->kind = S_FOR;
	loop->unroll = true;
	loop->text = arena_printf(L->a, "int %s = 0; %s < %d; %s++", s.var, s.var, s.count, s.var);
	L->strip = &s;
	loop->body.outer = outer;
	L->out = &loop->body;
	L->scope++;
	body(L, op, &l);
	lower_wgmma_settle(L); /* nothing flies out of a loop */
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

void lower_drop_versions(Lower *L, int scope)
{
	Version **p = &L->versions;

	while (*p)
		if ((*p)->scope >= scope)
			*p = (*p)->next;
		else
			p = &(*p)->next;
}

/* Whether all that products read of the loop comes so, or none. */
bool lower_by_engine(Lower *L, const Op *loop)
{
	bool any = false;

	for (const Op *x = loop->body->first; x; x = x->next)
		if (is_staged_load(L, x, true) && x->rank == 2) {
			if (!lower_tma_fits(L, x))
				return false;
			any = true;
		}
	return any && L->stages > 1 && !loop->parent->owner;
}

/* The engine's ring: made by one role, or by all threads, and shared with the other role. */
static Ring ring_open(Lower *L, Op *loop, const char *lo, const char *end)
{
	int first = L->nstaged, stages = L->role == ROLE_ALL ? L->stages : L->depth;
	Ring ring;

	if (L->role == ROLE_OUTPUT) {
		ring = L->ring;
		for (int i = 0; i < ring.n; i++) {
			L->staged[L->nstaged++] = L->ring_tile[i];
			L->names[L->nnames++] = L->ring_tile[i].base;
		}
		ring.first = first;
	} else {
		for (Op *x = loop->body->first; x; x = x->next)
			if (is_staged_load(L, x, true) && x->rank == 2)
				lower_stage(L, x, stages);
		ring = lower_ring_new(L, first, stages);
	}
	if (L->role == ROLE_STATE || L->fed) {
		L->ring = ring;
		memcpy(L->ring_tile, &L->staged[first], (size_t)ring.n * sizeof *L->ring_tile);
	}
	L->late = lower_late_find(L, loop);
	lower_ring_fill(L, &ring, loop, lo, end);
	return ring;
}

/* Sums of which lanes kept their parts become whole. */
static void join_parts(Lower *L, const Op *loop)
{
	for (Op *x = loop->body->first; x; x = x->next)
		if (lower_kept_parts(L, x))
			lower_reduce_join(L, lower_kept_parts(L, x), lower_var_version(L, x->src[0]));
}

/* `at`: the last statement before the body waits for copies of its own. What the copy engine is
 * asked for comes before that. */
static void lower_loop(Lower *L, Op *op, Stmt *at)
{
	const Range *r = op->range;
	const char *axis = lowercase(L, r->axis->name), *n = lower_name(L, axis), *n0, *tiles, *lo, *hi,
	           *end;
	int first = L->nstaged, homes = L->nhomes, turned;
	Block *saved = L->out, early = {0};
	bool engine = lower_by_engine(L, op), some;
	Copies copies = {op, 0, 0, L->stages, NULL, NULL, NULL, NULL};
	Ring ring;

	n0 = lower_name(L, arena_printf(L->a, "%s0", n));
	tiles = arena_printf(L->a, "(%s + %d) / %d", lower_size(L, r, 0), r->n - 1, r->n);
	if (r->n == 1)
		tiles = lower_size(L, r, 0);
	end = lower_name(L, arena_printf(L->a, "%s_end", n));
	L->start[r->id] = n0;
	if (engine)
		L->out = &early;
	lower_comment(L, op);
	some = lower_loop_bounds(L, op, tiles, &lo, &hi);
	if (op == L->cut)
		segment_bounds(L, n, &lo, &hi);
	lower_code(L, "const int %s = %s;", end, hi);
	if (strcmp(lo, "0")) {
		const char *begin = lower_name(L, arena_printf(L->a, "%s_begin", n));

		lower_code(L, "const int %s = %s;", begin, lo);
		lo = begin;
	}
	if (engine) {
		ring = ring_open(L, op, lo, end);
		L->out = saved;
		dev_splice(L->out, at, &early);
	}
	if (L->late)
		lower_late_open(L, &ring);
	copies.first = L->nstaged;
	copies.lo = lo;
	copies.end = end;
	for (Op *x = op->body->first; x; x = x->next)
		if (is_staged_load(L, x, true) && !(engine && x->rank == 2) &&
		    (!L->live || L->live[x->id])) {
			lower_stage(L, x, L->stages);
			copies.n++;
		}
	lower_copies_fill(L, &copies);
	lower_next_open(L, op, lo, end);
	if (L->stride > 1)
		saved = lower_open(L, S_FOR, false, "int %s = %s + %s; %s < %s; %s += %d", n, lo, L->who, n,
		                   end, n, L->stride);
	else if (op->reverse)
		saved = lower_open(L, S_FOR, false, "int %s = %s - 1; %s >= %s; %s--", n, end, n, lo, n);
	else
		saved = lower_open(L, S_FOR, false, "int %s = %s; %s < %s; %s++", n, lo, n, end, n);
	saved->last->uniform = true;
	if (engine && L->role == ROLE_ALL && !L->fed)
		dev_access(saved->last, ring.full, ACC_READ);
	saved->last->entered_clean = L->fed;
	lower_code(L, "const int %s = %s * %d;", n0, n, r->n);
	lower_code(L, "const int %s_live = %s - %s < %d ? %s - %s : %d;", n0, lower_size(L, r, 0), n0,
	           r->n, lower_size(L, r, 0), n0, r->n);
	L->scope++;
	if (engine)
		lower_ring_turn(L, &ring, op, n, lo, end);
	if (L->late) {
		L->ring = ring;
		lower_late_turn(L, op->reverse ? arena_printf(L->a, "%s < %s - 1", n, end)
		                               : arena_printf(L->a, "%s > %s", n, lo));
	}
	lower_copies_turn(L, &copies, n, n0);
	turned = L->nturned;
	lower_next_turn(L, n);
	lower_turn_tiles(L, op->body);
	L->stored = NULL;
	lower_region(L, op->body);
	lower_next_make(L, n, copies.slot, end);
	lower_ring_asked(L);
	L->nturned = turned;
	lower_wgmma_settle(L);
	if (engine && !L->late)
		lower_ring_release(L, &ring);
	lower_drop_versions(L, L->scope);
	L->scope--;
	lower_close(L, saved);
	lower_next_close(L);
	if (!some && copies.n && copies.first) /* a loop with no turn leaves a tile in flight */
		lower_wait_copies(L, 0);
	if (L->late)
		lower_late_close(L, arena_printf(L->a, "%s < %s", lo, end));
	join_parts(L, op);
	L->nstaged = first;
	L->nhomes = homes;
	L->start[r->id] = NULL;
}

/* -- regions ------------------------------------------------------------------------------- */

static Stmt *commit_new(Lower *L)
{
	Stmt *s = ARENA_NEW(L->a, Stmt);

	s->kind = S_COMMIT;
	return s;
}

static bool reads_staged(Lower *L, const Op *x)
{
	if (lower_staged(L, x))
		return true;
	for (int i = 0; i < x->nsrc; i++)
		if (reads_staged(L, x->src[i]))
			return true;
	return false;
}

static bool read_later(Lower *L, const Op *from)
{
	for (; from; from = from->next)
		if (reads_staged(L, from) || (from->body && read_later(L, from->body->first)))
			return true;
	return false;
}

/* Whether op may read tiles copied before it. A loop with a ring of its own commits and waits for
 * them with its first tiles. */
static bool needs_copies(Lower *L, const Op *op, bool ring)
{
	switch (op_info[op->code].class) {
	case REGION:
		return !ring;
	case EFFECT:
		return true;
	case STATE:
		return op->code == OP_var || op->code == OP_state ? reads_staged(L, op->src[0])
		                                                  : op->code != OP_get;
	default:
		return false;
	}
}

/* Matrices of the kernel's own, beside those of a loop, by the copy engine where it can. */
static void fetch_tiles(Lower *L, const Region *r)
{
	int first = L->nstaged;

	if (r->owner || L->role != ROLE_ALL)
		return;
	for (Op *x = r->first; x; x = x->next)
		if (is_staged_load(L, x, false) && lower_tma_fits(L, x))
			lower_stage(L, x, 1);
	if (L->nstaged > first)
		lower_fetch(L, first);
}

void lower_region(Lower *L, Region *r)
{
	Stmt *before, *at;
	Block *outer = L->body;
	const Op *outer_at = L->at;
	bool flying = false; /* copies issued, in no group yet: the next commit takes them */

	fetch_tiles(L, r);
	for (Op *x = r->first; x; x = x->next)
		if (is_staged_load(L, x, false) && !lower_staged(L, x) && (!L->live || L->live[x->id])) {
			lower_stage(L, x, 1);
			lower_issue(L, &L->staged[L->nstaged - 1], L->staged[L->nstaged - 1].base, NULL, NULL);
			flying = true;
		}
	for (Op *x = r->first; x; x = x->next) {
		bool loads = false;

		L->body = L->out;
		L->at = x;
		if (L->live && !L->live[x->id])
			continue;
		if (x->code == OP_loop)
			for (Op *y = x->body->first; y; y = y->next)
				loads |= is_staged_load(L, y, true) && !(lower_by_engine(L, x) && y->rank == 2);
		at = L->out->last;
		if (L->ready && needs_copies(L, x, false))
			lower_fetch_wait(L);
		if (flying && needs_copies(L, x, loads)) {
			dev_add(L->dev, L->out, S_COMMIT, NULL);
			lower_wait_copies(L, 0);
			flying = false;
		}
		if (x->code == OP_loop) {
			before = L->out->last;
			lower_settle_loop(L, x);
			if (flying && L->out->last != before) { /* it may have read what is in flight */
				dev_insert(L->out, before, lower_wait_new(L, 0));
				dev_insert(L->out, before, commit_new(L));
				flying = false;
			}
			lower_loop(L, x, at);
			if (flying && read_later(L, x->next)) /* the loop may have had no turn */
				lower_wait_copies(L, 0);
			flying = false;
			if (x == L->cut)
				segment_end(L);
		} else if (x->code == OP_var || x->code == OP_state) {
			if (L->role == ROLE_OUTPUT)
				continue;
			lower_comment(L, x);
			lower_var(L, x);
		} else if (x->code == OP_get) {
			/* reading a variable is reading its registers */
			Version *w, *var;

			if (L->role == ROLE_OUTPUT)
				continue;
			var = lower_var_version(L, x->src[0]);
			if (L->f->op[x->src[0]->id].unscaled) {
				lower_publish_get(L, x);
				continue;
			}
			w = ARENA_NEW(L->a, Version);
			*w = *var;
			w->op = x;
			w->scope = L->scope;
			w->next = L->versions;
			L->versions = w;
			lower_publish_get(L, x);
		} else if (x->code == OP_store || op_info[x->code].class == STATE) {
			lower_effect(L, x);
		}
	}
	L->body = outer;
	L->at = outer_at;
}
