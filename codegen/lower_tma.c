/* lower_tma.c -- a loop's tiles by the bulk copy engine: one thread asks for boxes, and barriers in
 * shared memory say when a stage is full (its bytes are in) and when it is empty (every warp has
 * read it). Only stages that are full are read and only those that are empty are asked for again,
 * so sync need not look at these buffers.
 */
#include "lower.h"

#include <string.h>

static int axis_of(const Op *op, int d)
{
	for (int i = 0; i < op->arg->rank; i++)
		if (!(op->at[i] && op->at[i]->kind == RANGE_ONE) && d-- == 0)
			return i;
	return -1;
}

static void count_load(void *user, Op *op)
{
	*(int *)user += op->code == OP_load && op->rank == 2;
}

/* Tensor maps left for stores when every tile that is loaded has its own. */
static int maps_left(Lower *L)
{
	int n = 0;

	ir_walk(L->k->body, count_load, &n);
	for (int i = 0; i < L->dev->text.nparams; i++)
		n += L->dev->text.param[i].kind == PARAM_MAP &&
		     L->k->args[L->dev->text.param[i].arg]->output;
	return MAX_MAPS - n;
}

/* What the copy engine can fetch: whole 16-byte lines of a matrix whose rows fill the buffer, and
 * no column of a neighbouring part where the axis is divided. */
bool lower_tma_fits(Lower *L, const Op *op)
{
	const GpuTarget *g = L->dev->gpu;
	int rows, cols, inner;
	const Range *r;

	if (!g->tma || !g->mbarrier || L->align < 16 || op->rank != 2 || op->arg->rank > MAX_MAP_RANK ||
	    (op->arg->dtype != DT_BF16 && op->arg->dtype != DT_F16) || op->dtype != op->arg->dtype)
		return false;
	rows = axis_of(op, 0);
	cols = axis_of(op, 1);
	if (cols != op->arg->rank - 1 || rows < 0 || strcmp(lower_stride(L, op, 1), "1") != 0)
		return false;
	if (maps_left(L) < 0)
		return false;
	r = op->at[cols];
	inner = op->dim[1].n >= 64 ? 64 : op->dim[1].n;
	if (r && r->kind != RANGE_WHOLE && r->n % inner)
		return false;
	return op->dim[0].n <= 256 && op->dim[0].n == facts_extent(L->f, facts_class(L->f, op, 0));
}

/* The tensor map by which tile op moves to or from buffer b, `height` rows at a time. */
static const char *map_param(Lower *L, const Op *op, const Buffer *b, int height)
{
	MapText *m = ARENA_NEW(L->a, MapText);
	int rows = axis_of(op, 0), cols = axis_of(op, 1);
	const char *name;

	m->rank = op->arg->rank;
	m->swizzle = b->pbytes > 16 ? b->pbytes : 0;
	for (int i = 0; i < m->rank; i++)
		m->box[i] = 1;
	m->axis[0] = cols;
	m->axis[1] = rows;
	m->box[0] = b->pcols;
	m->box[1] = height;
	for (int i = m->rank - 1, n = 2; i >= 0; i--)
		if (i != rows && i != cols)
			m->axis[n++] = i;
	name = lower_name(L, arena_printf(L->a, "%s_map", op->arg->name));
	dev_param(L->dev, PARAM_MAP, op->arg->id, b->id, op->arg->dtype, name);
	for (int i = 0; i < L->dev->text.nparams; i++)
		if (L->dev->text.param[i].kind == PARAM_MAP && !strcmp(L->dev->text.param[i].name, name))
			L->dev->text.param[i].map = m;
	return name;
}

static int stage_bytes(const Lower *L, const Ring *r)
{
	int n = 0;

	for (int i = r->first; i < r->first + r->n; i++)
		n += L->staged[i].buf->bytes;
	return n;
}

/* `n` barriers that take `count` arrivals each. */
Buffer *lower_barriers(Lower *L, const char *want, int n, int count)
{
	Buffer *b = dev_buffer(L->dev, lower_name(L, want), 1, 2 * n, 4, 1);

	b->bytes = 8 * n;
	b->barriers = n;
	b->arrivals = count;
	return b;
}

/* Once all barriers are known: one thread makes them. */
void lower_barriers_make(Lower *L)
{
	Block *first = NULL, *saved = L->out;

	for (int i = 0; i < L->dev->nbufs; i++) {
		Buffer *b = L->dev->buf[i];
		const char *k;
		Block *in;

		if (!b->barriers)
			continue;
		if (!first)
			first = lower_open(L, S_IF, false, L->dev->keepers ? "threadIdx.x == 0" : "tid == 0");
		in = L->out;
		k = "0";
		if (b->barriers > 1) {
			lower_open(L, S_FOR, true, "int i = 0; i < %d; i++", b->barriers);
			k = "i";
		}
		dev_access(
		    lower_code(L,
		               strcmp(k, "0") ? "mbarrier_init(%s + 8 * i, %d);" : "mbarrier_init(%s, %d);",
		               b->name, b->arrivals),
		    b, ACC_WRITE);
		L->out = in;
	}
	if (first)
		lower_code(L, "mbarrier_init_fence();");
	L->out = saved;
}

/* The ring of the loop's staged tiles [first, nstaged): barriers, made in the prologue. */
Ring lower_ring_new(Lower *L, int first, int stages)
{
	Ring r = {.first = first, .n = L->nstaged - first, .stages = stages};

	r.full = lower_barriers(L, "full", stages, 1);
	r.empty = lower_barriers(L, "empty", stages, L->dev->keepers + L->dev->warps);
	for (int i = first; i < L->nstaged; i++) {
		Buffer *b = L->staged[i].buf;

		b->by_engine = true;
		b->used_cols = 0;
		r.map[i - first] = map_param(L, L->staged[i].op, b, L->staged[i].op->dim[0].n);
	}
	return r;
}

/* Asks for all tiles of the chunk that starts at `start`, into stage `slot`. */
static void ask(Lower *L, const Ring *r, const Range *range, const char *start, const char *slot)
{
	const char *full =
	    strcmp(slot, "0") ? arena_printf(L->a, "%s + 8 * %s", r->full->name, slot) : r->full->name;

	lower_code(L, "mbarrier_expect(%s, %d);", full, stage_bytes(L, r));
	for (int i = r->first; i < r->first + r->n; i++) {
		const Staged *s = &L->staged[i];
		const Op *op = s->op;
		int rows = axis_of(op, 0), cols = axis_of(op, 1), panels;
		Block *saved = L->out;
		Text at = {.arena = L->a};
		const char *c0 = op->at[cols] == range ? start : lower_start(L, op->at[cols]);
		const char *dst = s->buf->name;

		if (strcmp(slot, "0"))
			dst = arena_printf(L->a, "%s + %s * %d", dst, slot, s->buf->bytes);
		panels = (s->buf->cols + s->buf->pcols - 1) / s->buf->pcols;
		if (panels > 1) {
			lower_open(L, S_FOR, true, "int c = 0; c < %d; c++", panels);
			dst = arena_printf(L->a, "%s + %d * c", dst, s->buf->rows * s->buf->pbytes);
			c0 = strcmp(c0, "0") ? arena_printf(L->a, "%s + %d * c", c0, s->buf->pcols)
			                     : arena_printf(L->a, "%d * c", s->buf->pcols);
		}
		text_add(&at, ", %s, %s", c0, op->at[rows] == range ? start : lower_start(L, op->at[rows]));
		for (int a = op->arg->rank - 1; a >= 0; a--)
			if (a != rows && a != cols)
				text_add(&at, ", %s", lower_start(L, op->at[a]));
		lower_code(L, "tma_load_%d(%s, &%s, %s%s);", op->arg->rank, dst, r->map[i - r->first], full,
		           at.s);
		L->out = saved;
	}
}

/* Before the loop: the first chunks, from chunk `lo` on, all that the first turn and those it would
 * ask for ahead need. The thread that asks has made the barriers. */
void lower_ring_fill(Lower *L, Ring *r, const Op *loop, const char *lo, const char *end)
{
	Block *saved = L->out, *in;
	const Range *range = loop->range;

	/* a stage more than are asked for ahead lets one role fall behind the other, or holds the last
	 * turn's tile */
	r->ahead = (L->role == ROLE_ALL && !L->late) || r->stages == 2 ? r->stages - 1 : r->stages - 2;
	r->asks = L->role != ROLE_STATE;
	if (r->asks)
		saved = lower_open(L, S_IF, false, L->stride > 1 ? "role == 1 && tid == 0" : "tid == 0");
	for (int s = 0; r->asks && s <= r->ahead; s++) {
		const char *tile = loop->reverse ? arena_printf(L->a, "%s - %d", end, s + 1)
		                   : s           ? arena_printf(L->a, "%s + %d", lo, s)
		                                 : lo;

		in = lower_open(L, S_IF, false, loop->reverse ? "%s >= %s" : "%s < %s", tile,
		                loop->reverse ? lo : end);
		ask(L, r, range, arena_printf(L->a, "(%s) * %d", tile, range->n),
		    arena_printf(L->a, "%d", s));
		lower_close(L, in);
	}
	lower_close(L, saved);
	r->slot = lower_name(L, "slot");
	r->phase = lower_name(L, "phase");
	r->fill = lower_name(L, "fill");
	r->fill_phase = lower_name(L, "fill_phase");
	if (L->stride == 1) {
		lower_code(L, "int %s = 0, %s = 0;", r->slot, r->phase);
		if (r->asks)
			lower_code(L, "int %s = %d, %s = 0;", r->fill, r->ahead, r->fill_phase);
	}
	r->counts = L->role != ROLE_ALL && (L->stride == 1 || strcmp(lo, "0") != 0);
	if (r->counts) {
		L->turn = lower_name(L, "turn");
		lower_code(L, "int %s = %s;", L->turn, L->who);
	}
}

/* To the stage of the next turn; who takes turns with others derives it from the turn. */
static void advance(Lower *L, const Ring *r, const char *slot, const char *phase)
{
	if (L->stride > 1)
		return;
	lower_code(L, "%s = %s + 1 == %d ? 0 : %s + 1;", slot, slot, r->stages, slot);
	lower_code(L, "%s ^= %s == 0;", phase, slot);
}

static void derive(Lower *L, const Ring *r, const char *slot, const char *phase, int ahead)
{
	const char *turn = ahead ? arena_printf(L->a, "(%s + %d)", L->turn, ahead) : L->turn;

	if (L->stride > 1)
		lower_code(L, "const int %s = %s %% %d, %s = %s / %d %% 2;", slot, turn, r->stages, phase,
		           turn, r->stages);
}

/* At the start of a turn: its stage is full; but in the first turn, the chunk that is `ahead` is
 * asked for. */
void lower_ring_turn(Lower *L, Ring *r, const Op *loop, const char *n, const char *lo,
                     const char *end)
{
	const char *fetch = lower_name(L, "fetch");
	Block *saved;
	Stmt *wait;

	if (L->role != ROLE_ALL && !r->counts)
		L->turn = n;
	derive(L, r, r->slot, r->phase, 0);
	wait = lower_code(L, "mbarrier_wait(%s + 8 * %s, %s);", r->full->name, r->slot, r->phase);
	if (L->role == ROLE_ALL)
		dev_access(wait, r->full, ACC_READ);
	if (r->asks) {
		lower_code(L, "const int %s = %s %s %d;", fetch, n, loop->reverse ? "-" : "+", r->ahead);
		if (loop->reverse)
			saved = lower_open(L, S_IF, false, "tid == 0 && %s < %s - 1 && %s >= %s", n, end, fetch,
			                   lo);
		else
			saved = lower_open(L, S_IF, false, "tid == 0 && %s > %s && %s < %s", n, lo, fetch, end);
		derive(L, r, r->fill, r->fill_phase, r->ahead);
		lower_code(L, "mbarrier_wait(%s + 8 * %s, %s ^ 1);", r->empty->name, r->fill,
		           r->fill_phase);
		ask(L, r, loop->range, arena_printf(L->a, "%s * %d", fetch, loop->range->n), r->fill);
		lower_close(L, saved);
	}
	for (int i = r->first; i < r->first + r->n; i++)
		lower_code(L, "const u32 %s = %s + %s * %d;", L->staged[i].base, L->staged[i].buf->name,
		           r->slot, L->staged[i].buf->bytes);
	r->done = lower_name(L, "done");
	lower_code(L, "const u32 %s = %s + 8 * %s;", r->done, r->empty->name, r->slot);
	advance(L, r, r->slot, r->phase);
	if (r->asks)
		advance(L, r, r->fill, r->fill_phase);
}

/* At its end: this warp has read the stage. */
void lower_ring_release(Lower *L, const Ring *r)
{
	Block *saved;

	dev_add(L->dev, L->out, S_WARP, NULL);
	saved = lower_open(L, S_IF, false, "lane == 0");
	lower_code(L, "mbarrier_arrive(%s);", r->done);
	lower_publish_release(L);
	lower_close(L, saved);
	if (r->counts)
		lower_code(L, L->stride > 1 ? "%s += %d;" : "%s++;", L->turn, L->stride);
}

/* -- stores -------------------------------------------------------------------------------------
 */

static bool needs(const Op *x, const Op *tile)
{
	if (x == tile)
		return true;
	for (int i = 0; i < x->nsrc; i++)
		if ((op_info[x->code].class != STATE || i) && needs(x->src[i], tile))
			return true;
	return false;
}

/* A tile's place in shared memory, of the size the store needs, that nothing from the store on
 * reads; NULL: there is none. */
static Buffer *place_left(Lower *L, const Op *op, int rows, int cols)
{
	for (int i = 0; i < L->nstaged && L->role == ROLE_ALL && !op->parent->owner && !L->strip; i++) {
		Buffer *b = L->staged[i].buf;
		bool free = b->stages == 1 && !b->by_engine && b->rows == rows && b->cols == cols &&
		            b->elem == 2 && !b->left;

		for (const Op *x = op; x && free; x = x->next)
			free = !x->body && (op_info[x->code].class != EFFECT || !needs(x, L->staged[i].op));
		if (free)
			return b;
	}
	return NULL;
}

/* Whether a tile in layout l may leave through the copy engine: each warp's pairs of row cores are
 * whole boxes, rows and columns beyond the tensor are beyond the tile as well, and nobody else
 * holds the same elements. `op` is the store; dims are those of what it stores. */
static bool store_fits(Lower *L, const Op *op, const Layout *l)
{
	const GpuTarget *g = L->dev->gpu;
	const Op *x = op->src[0];
	int rows, cols, warps = 1, shared = 0;
	const Range *r;

	if (!g->tma || !g->stmatrix || L->align < 16 || x->rank != 2 || l->orient != ORIENT_N ||
	    op->arg->rank > MAX_MAP_RANK || (op->arg->dtype != DT_BF16 && op->arg->dtype != DT_F16) ||
	    l->d[0].n != 2 || l->d[1].n % 2 || layout_owner(L->a, l, L->warps))
		return false;
	for (int i = 3; i < l->nd; i++)
		if (l->d[i].hw == HW_WARP && l->d[i].dim == 1)
			return false;
		else if (l->d[i].hw == HW_WARP)
			warps = l->d[i].n;
	rows = axis_of(op, 0);
	cols = axis_of(op, 1);
	if (warps != L->warps || cols != op->arg->rank - 1 || rows < 0 ||
	    strcmp(lower_stride(L, op, 1), "1") != 0)
		return false;
	r = op->at[cols];
	if (maps_left(L) < 1 || (r && r->kind != RANGE_WHOLE))
		return false;
	for (int i = 0; i < L->dev->nbufs; i++)
		shared += (L->dev->buf[i]->bytes + 1023) / 1024 * 1024 * L->dev->buf[i]->stages;
	if (place_left(L, op, 16 * L->warps, 8 * l->d[1].n))
		shared = 0;
	return x->dim[0].n == facts_extent(L->f, facts_class(L->f, x, 0)) &&
	       x->dim[1].n == 8 * l->d[1].n && x->dim[1].n * 2 >= 64 &&
	       shared + 32 * L->warps * 8 * l->d[1].n * L->stride <= g->smem_block;
}

/* Each warp puts its sixteen rows into shared memory, in the engine's order, and one of its lanes
 * sends them off; the warp alone waits before it writes there again. */
bool lower_store_engine(Lower *L, Op *op, Op *from, const Layout *l)
{
	const Op *x = op->src[0];
	int n = l->d[1].n, fours = n % 4 ? 2 : 4, rows, cols, panels;
	const char *v[3] = {"0", "0", "0"}, *lane, *map, *name, *j = "0", *at;
	Text s = {.arena = L->a}, where = {.arena = L->a};
	Block *saved = L->out, *into;
	Stmt *meet;
	Buffer *b;

	if (!store_fits(L, op, l))
		return false;
	rows = axis_of(op, 0);
	cols = axis_of(op, 1);
	b = place_left(L, op, 16 * L->warps, 8 * n);
	if (b) {
		b->left = true;
		name = b->name;
	} else {
		name = lower_name(L, arena_printf(L->a, "%s_s", op->arg->name));
		b = dev_buffer(L->dev, name, 16 * L->warps, 8 * n, 2, 1);
		b->by_engine = true;
		b->used_cols = 0;
	}
	map = map_param(L, op, b, 16);
	lane = lower_name(L, arena_printf(L->a, "%s_w", op->arg->name));
	L->out = L->pro;
	lower_code(
	    L, "const u32 %s = %s + %s;", lane, name,
	    lower_unit(L, b, "(16 * warp + lane % 8)", fours == 4 ? "(lane / 8)" : "(lane / 8 % 2)"));
	L->out = saved;
	if (b->left && b->whole) {
		meet = ARENA_NEW(L->a, Stmt);
		meet->kind = S_SCOPE;
		meet->atomic = true;
		dev_access(meet, b, ACC_WRITE);
		dev_append(L->out, meet);
		L->out = &meet->body;
	} else if (b->left) {
		; /* products of this warp's own warpgroup alone read its rows, and it has waited for them
		   */
	} else if (op->parent->owner || L->strip) { /* the last turn's, or strip's */
		lower_open(L, S_IF, false, "lane == 0");
		lower_code(L, "tma_store_wait_read(0);");
		L->out = saved;
		dev_add(L->dev, L->out, S_WARP, NULL)->n = 1;
	}
	into = L->out;
	for (int i = 0; i < 2; i++) {
		v[0] = i ? "1" : "0";
		if (n > fours) {
			lower_open(L, S_FOR, true, "int j = 0; j < %d; j += %d", n, fours);
			j = "j";
		}
		s.len = 0;
		s.s = NULL;
		s.cap = 0;
		at = strcmp(j, "0") ? arena_printf(L->a, "(%s ^ 16 * %s)", lane, j) : lane;
		if (b->cols > b->pcols)
			at = arena_printf(L->a, "(%s ^ 16 * (j %% %d)) + j / %d * %d", lane, b->pcols / 8,
			                  b->pcols / 8, b->rows * b->pbytes);
		text_add(&s, "cores_store%d(%s%s", fours, at,
		         i ? arena_printf(L->a, " + %d", 8 * b->pbytes) : "");
		for (int c = 0; c < fours; c++) {
			const char *lo, *hi;

			v[1] = !c               ? j
			       : strcmp(j, "0") ? arena_printf(L->a, "%s + %d", j, c)
			                        : arena_printf(L->a, "%d", c);
			v[2] = "0";
			lo = lower_elem(L, from, l, v);
			v[2] = "1";
			hi = lower_elem(L, from, l, v);
			text_add(&s, ", %s", lower_pack(L, lo, hi));
		}
		lower_code(L, "%s);", s.s);
		L->out = into;
	}
	L->out = saved;
	lower_code(L, "proxy_fence();");
	dev_add(L->dev, L->out, S_WARP, NULL)->n = 1;
	lower_open(L, S_IF, false, "lane == 0");
	panels = (b->cols + b->pcols - 1) / b->pcols;
	text_add(&where, ", %s%s16 * warp", lower_start(L, op->at[rows]), " + ");
	if (l->base[0])
		text_add(&where, " + %s", l->base[0]);
	for (int a = op->arg->rank - 1; a >= 0; a--)
		if (a != rows && a != cols)
			text_add(&where, ", %s", lower_start(L, op->at[a]));
	for (int c = 0; c < panels; c++)
		lower_code(L, "tma_store_%d(&%s, %s + %d * warp%s, %d%s);", op->arg->rank, map, name,
		           16 * b->pbytes, c ? arena_printf(L->a, " + %d", c * b->rows * b->pbytes) : "",
		           c * b->pcols, where.s);
	lower_code(L, "tma_store_commit();");
	L->out = saved;
	(void)x;
	L->stores_fly = true;
	return true;
}

/* At the end of those who store: shared memory may go when it has been read. */
void lower_store_end(Lower *L)
{
	Block *saved = L->out;

	if (!L->stores_fly)
		return;
	lower_open(L, S_IF, false, "lane == 0");
	lower_code(L, "tma_store_wait_read(0);");
	L->out = saved;
	L->stores_fly = false;
}
