/* lower_tma.c -- a loop's tiles by the bulk copy engine: one thread asks for boxes, and barriers in
 * shared memory say when a stage is full (its bytes are in) and when it is empty (every warp has
 * read it). Only stages that are full are read and only those that are empty are asked for again,
 * so sync need not look at these buffers.
 */
#include "lower.h"

#include <string.h>

int lower_tma_axis(const Op *op, int d)
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
int lower_maps_left(Lower *L)
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
	rows = lower_tma_axis(op, 0);
	cols = lower_tma_axis(op, 1);
	if (cols != op->arg->rank - 1 || rows < 0 || strcmp(lower_stride(L, op, 1), "1") != 0)
		return false;
	if (lower_maps_left(L) < 0)
		return false;
	r = op->at[cols];
	inner = op->dim[1].n >= 64 ? 64 : op->dim[1].n;
	if (r && r->kind != RANGE_WHOLE && /* boxes begin at 16 bytes */
	    (r->n % inner || r->n % 8 || r->n != facts_extent(L->f, facts_class(L->f, op, 1))))
		return false;
	return op->dim[0].n <= 256 && op->dim[0].n == facts_extent(L->f, facts_class(L->f, op, 0));
}

/* The tensor map by which tile op moves to or from buffer b, `height` rows at a time. */
const char *lower_map_param(Lower *L, const Op *op, const Buffer *b, int height)
{
	MapText *m = ARENA_NEW(L->a, MapText);
	int rows = lower_tma_axis(op, 0), cols = lower_tma_axis(op, 1);
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
			first = lower_open(L, S_IF, false, L->dev->roles > 1 ? "threadIdx.x == 0" : "tid == 0");
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

/* The ring's tiles come by the engine. */
static void take_tiles(Lower *L, Ring *r)
{
	for (int i = r->first; i < L->nstaged; i++) {
		Buffer *b = L->staged[i].buf;

		b->by_engine = true;
		b->used_cols = 0;
		r->map[i - r->first] = lower_map_param(L, L->staged[i].op, b, L->staged[i].op->dim[0].n);
	}
}

/* The ring of the loop's staged tiles [first, nstaged): barriers, made in the prologue. */
Ring lower_ring_new(Lower *L, int first, int stages)
{
	Ring r = {.first = first, .n = L->nstaged - first, .stages = stages};

	r.full = lower_barriers(L, "full", stages, 1);
	r.empty = lower_barriers(L, "empty", stages, L->dev->keepers + L->dev->warps);
	take_tiles(L, &r);
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
		int rows = lower_tma_axis(op, 0), cols = lower_tma_axis(op, 1), panels;
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

/* -- tiles that do not move ---------------------------------------------------------------------
 */

/* The staged tiles from `first` on: asked for here, all there where `ready` is waited for. */
void lower_fetch(Lower *L, int first)
{
	static const Range nowhere;
	Ring r = {.first = first, .n = L->nstaged - first, .stages = 1};
	Block *saved;

	r.full = L->ready = lower_barriers(L, "ready", 1, 1);
	take_tiles(L, &r);
	saved = lower_open(L, S_IF, false, "tid == 0");
	ask(L, &r, &nowhere, "0", "0");
	lower_close(L, saved);
}

void lower_fetch_wait(Lower *L)
{
	Stmt *wait = lower_code(L, "mbarrier_wait(%s, %s);", L->ready->name, L->again ? L->again : "0");

	if (!L->fed)
		dev_access(wait, L->ready, ACC_READ);
	L->ready = NULL;
}

/* -- rings --------------------------------------------------------------------------------------
 */

/* Before the loop: the first chunks, from chunk `lo` on, all that the first turn and those it would
 * ask for ahead need. The thread that asks has made the barriers. */
void lower_ring_fill(Lower *L, Ring *r, const Op *loop, const char *lo, const char *end)
{
	Block *saved = L->out, *in;
	const Range *range = loop->range;

	/* a stage more than are asked for ahead lets one role fall behind the other, or holds the last
	 * turn's tile */
	r->ahead = (L->role == ROLE_ALL && !L->late) || r->stages == 2 ? r->stages - 1 : r->stages - 2;
	r->asks = L->role != ROLE_STATE && !L->fed;
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
	saved = L->out;
	if (L->keep)
		L->out = L->keep;
	if (L->stride == 1) {
		lower_code(L, "int %s = 0, %s = 0;", r->slot, r->phase);
		if (r->asks)
			lower_code(L, "int %s = %d, %s = 0;", r->fill, r->ahead, r->fill_phase);
	}
	L->out = saved;
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

/* But in the first turn: the chunk that is `ahead` is asked for, as soon as its stage is empty. */
static void ask_ahead(Lower *L, Ring *r, const Op *loop, const char *n, const char *lo,
                      const char *end)
{
	const char *fetch = lower_name(L, "fetch");
	Block *saved;

	lower_code(L, "const int %s = %s %s %d;", fetch, n, loop->reverse ? "-" : "+", r->ahead);
	if (loop->reverse)
		saved =
		    lower_open(L, S_IF, false, "tid == 0 && %s < %s - 1 && %s >= %s", n, end, fetch, lo);
	else
		saved = lower_open(L, S_IF, false, "tid == 0 && %s > %s && %s < %s", n, lo, fetch, end);
	derive(L, r, r->fill, r->fill_phase, r->ahead);
	lower_code(L, "mbarrier_wait(%s + 8 * %s, %s ^ 1);", r->empty->name, r->fill, r->fill_phase);
	ask(L, r, loop->range, arena_printf(L->a, "%s * %d", fetch, loop->range->n), r->fill);
	lower_close(L, saved);
}

/* Beside the turn's first product, at whose issue a role's warps meet: on an H200 1 to 1.5 % of
 * based_prefill. Where a role has more than one warpgroup others have work meanwhile, and registers
 * are few: nothing to 7 % slower. */
void lower_ring_ask(Lower *L)
{
	if (L->asking.home != L->out)
		return;
	L->asking.home = NULL;
	dev_splice(L->out, L->out->last, &L->asking.text);
}

/* The turn had no such place. */
void lower_ring_asked(Lower *L)
{
	if (L->asking.home)
		dev_splice(L->asking.home, L->asking.at, &L->asking.text);
	L->asking.home = NULL;
}

/* At the start of a turn: its stage is full. */
void lower_ring_turn(Lower *L, Ring *r, const Op *loop, const char *n, const char *lo,
                     const char *end)
{
	bool beside = r->asks && lower_one_group(L);
	Stmt *wait;

	if (L->role != ROLE_ALL && !r->counts)
		L->turn = n;
	derive(L, r, r->slot, r->phase, 0);
	wait = lower_code(L, "mbarrier_wait(%s + 8 * %s, %s);", r->full->name, r->slot, r->phase);
	if (L->role == ROLE_ALL && !L->fed)
		dev_access(wait, r->full, ACC_READ);
	if (r->asks && !beside)
		ask_ahead(L, r, loop, n, lo, end);
	for (int i = r->first; i < r->first + r->n; i++)
		lower_code(L, "const u32 %s = %s + %s * %d;", L->staged[i].base, L->staged[i].buf->name,
		           r->slot, L->staged[i].buf->bytes);
	r->done = lower_name(L, "done");
	lower_code(L, "const u32 %s = %s + 8 * %s;", r->done, r->empty->name, r->slot);
	advance(L, r, r->slot, r->phase);
	if (beside) {
		L->asking = (Asking){L->out, L->out->last, {0}};
		L->out = &L->asking.text;
		ask_ahead(L, r, loop, n, lo, end);
		advance(L, r, r->fill, r->fill_phase);
		L->out = L->asking.home;
	} else if (r->asks) {
		advance(L, r, r->fill, r->fill_phase);
	}
}

/* Each turn's tiles, as soon as their stage is empty, by this thread. */
void lower_ring_feed(Lower *L, const Ring *r, const Op *loop, const char *n, const char *lo,
                     const char *end)
{
	const char *fill = lower_name(L, "fill"), *phase = lower_name(L, "fill_phase");
	Block *saved = L->out;

	if (L->keep)
		L->out = L->keep;
	lower_code(L, "int %s = 0, %s = 0;", fill, phase);
	L->out = saved;
	if (loop->reverse)
		lower_open(L, S_FOR, false, "int %s = %s - 1; %s >= %s; %s--", n, end, n, lo, n);
	else
		lower_open(L, S_FOR, false, "int %s = %s; %s < %s; %s++", n, lo, n, end, n);
	lower_code(L, "mbarrier_wait(%s + 8 * %s, %s ^ 1);", r->empty->name, fill, phase);
	ask(L, r, loop->range, arena_printf(L->a, "%s * %d", n, loop->range->n), fill);
	lower_code(L, "%s = %s + 1 == %d ? 0 : %s + 1;", fill, fill, r->stages, fill);
	lower_code(L, "%s ^= %s == 0;", phase, fill);
	L->out = saved;
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
