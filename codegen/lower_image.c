/* lower_image.c -- tiles that leave by whole rows, through an image in shared memory.
 *
 * Rows that are no multiple of 16 bytes cannot be stored by vectors of their own, but where the
 * caller's rows touch, a tile is one run of bytes. Each thread makes a row (or two, that both
 * start at a multiple of 4 bytes) and writes it where it stands in the run; then whole warps store
 * the run 16 bytes a lane. The image is moved by what the run's address lacks from a multiple of
 * 16, so that vectors in shared and in global memory fall together; the ends are stored element by
 * element, and so is everything where rows do not touch. Rows that are multiples of 16 bytes, of
 * tiles that grow, need not touch.
 *
 * A unit (a thread's rows) is `width` bytes times an odd number wide wherever that is possible, and
 * is written by accesses of that width: lanes in a row meet different banks.
 *
 * With fewer groups of 32 units than warps, the warps divide the columns of each group: every
 * warp's elements are written out by themselves, behind a condition on the warp. With one warp for
 * each group, the image is the warp's own, and no barrier of the block is needed: what is said to
 * sync about it is nothing, and warp_sync orders it.
 */
#include "lower_rows.h"

#include <string.h>

enum { MAX_ELEMENTS = 2400 /* written out for one thread */, REGISTERS = 48 /* beside sources */ };

typedef struct Image {
	int elem, cols, nrows, bytes;  /* of an element, a row; of the tile */
	int width;                     /* bytes of an access to the image */
	int per, lanes;                /* rows a unit, units a group */
	int groups, parts, turns;      /* of units; at once; one after the other */
	int splits;                    /* of the columns, over warps */
	int pitch;                     /* bytes from row to row */
	bool rows;                     /* of 16-byte units: each stored by itself */
	bool own;                      /* each warp has a part to itself */
	const char *name, *base, *row; /* buffer; the part's address; its first row in the tile */
	const char *live;              /* rows of the part that exist */
	const char *to, *run;          /* where they go; the same as bytes */
	const char *shift;             /* NULL: none */
	int words;                     /* registers of a thread's sources, most of all splits */
	Buffer *buf;
	const Op *store;
} Image;

static int pow2_above(int n)
{
	int p = 1;

	while (p < n)
		p *= 2;
	return p;
}

/* Bytes from part to part where each is a warp's own. */
static int image_step(const Image *m)
{
	return (m->lanes * m->per * m->pitch + 15) / 16 * 16 + (m->rows ? 0 : 16);
}

static int image_bytes(const Image *m)
{
	return m->own ? m->parts * image_step(m)
	              : m->parts * m->lanes * m->per * m->pitch + (m->rows ? 0 : 16);
}

/* How the tile is cut. False: it is too large to be written out, or for shared memory. */
static bool image_plan(Lower *L, const Op *op, Image *m)
{
	const Op *x = op->src[0];
	int units, odd;

	m->elem = dtype_bytes(op->arg->dtype);
	m->cols = x->dim[1].n;
	m->nrows = x->dim[0].n;
	m->bytes = m->cols * m->elem;
	for (m->width = 16; m->bytes % m->width;)
		m->width /= 2;
	m->per = m->width == 2 && m->nrows % 2 == 0 ? 2 : 1;
	m->width *= m->per;
	m->rows = m->width == 16;
	odd = m->bytes / 16 % 2;
	m->pitch = m->rows && !odd ? m->bytes + 16 : m->bytes;
	units = m->nrows / m->per;
	m->lanes = units < 32 ? pow2_above(units) : 32;
	m->groups = (units + m->lanes - 1) / m->lanes;
	m->parts = m->groups < L->warps ? m->groups : L->warps;
	for (;;) {
		m->own = 2 * m->parts > L->warps;
		if (image_bytes(m) <= L->dev->gpu->smem_sm / 2 - 1024)
			break;
		if (m->parts > 1) {
			m->parts /= 2;
		} else if (m->lanes > 4) {
			m->lanes /= 2;
			m->groups = (units + m->lanes - 1) / m->lanes;
		} else {
			return false;
		}
	}
	m->splits = L->warps / m->parts;
	m->turns = (m->groups + m->parts - 1) / m->parts;
	return m->per * m->cols <= MAX_ELEMENTS;
}

static const char *plus(Lower *L, const char *a, const char *b)
{
	if (!b || !strcmp(b, "0"))
		return a;
	return strcmp(a, "0") ? arena_printf(L->a, "%s + %s", a, b) : b;
}

static const char *times(Lower *L, int n, const char *a)
{
	return !strcmp(a, "0") ? a : arena_printf(L->a, "%d * %s", n, a);
}

/* Names of the part that this warp (all warps, where they share it) works on in this turn. */
static void image_part(Lower *L, Op *op, Image *m, const char *turn)
{
	const Range *r = lower_io_range(op, 0);
	int rows = m->lanes * m->per, all = m->own ? rows : rows * m->parts;
	const char *part = m->own && m->parts > 1 ? "warp" : "0", *at[2], *left,
	           *ty = m->elem == 4 ? "float" : "b16", *n = op->arg->name;

	m->row = plus(L, times(L, rows, part), turn ? times(L, rows * m->parts, turn) : "0");
	left = r && r->kind != RANGE_WHOLE ? arena_printf(L->a, "%s_live", lower_start(L, r))
	                                   : arena_printf(L->a, "%d", m->nrows);
	if (strcmp(m->row, "0")) {
		const char *row = lower_name(L, arena_printf(L->a, "%s_row", n));

		lower_code(L, "const int %s = %s;", row, m->row);
		m->row = row;
		left = arena_printf(L->a, "%s - %s", left, row);
	}
	m->live = lower_name(L, arena_printf(L->a, "%s_rows", n));
	lower_code(L, "const int %s = %s < 0 ? 0 : %s < %d ? %s : %d;", m->live, left, left, all, left,
	           all);
	at[0] = m->row;
	at[1] = "0";
	m->to = lower_name(L, arena_printf(L->a, "%s_to", n));
	lower_code(L, "%s *const %s = %s;", ty, m->to, lower_element(L, op, op->src[0], at));
	m->base = m->name;
	if (strcmp(part, "0"))
		m->base = arena_printf(L->a, "%s + %d * warp", m->name, image_step(m));
	if (m->rows)
		return;
	m->run = lower_name(L, arena_printf(L->a, "%s_run", n));
	lower_code(L, "char *const %s = (char *)%s;", m->run, m->to);
	m->shift = lower_name(L, arena_printf(L->a, "%s_shift", n));
	lower_code(L, "const u32 %s = (u32)(u64)%s & %d;", m->shift, m->run, 16 - m->width);
}

/* -- elements into the image ----------------------------------------------------------------- */

/* One access of `width` bytes, the i-th of a unit. */
static void image_put(Lower *L, Image *m, Rows *r, Op *op, Op *from, const char *to, int i)
{
	int n = m->width / m->elem;
	const char *ty = op->arg->dtype == DT_F16 ? "f16" : "bf16", *x[8];
	Text s = {.arena = L->a};
	Stmt *st;

	for (int e = 0; e < n; e++) {
		int k = i * n + e;

		x[e] = rows_element(r, from, k / m->cols, k % m->cols);
	}
	if (m->width == 2) {
		text_add(&s, ", round_%s(%s)", ty, x[0]);
	} else {
		for (int e = 0; e < n; e += 4 / m->elem)
			if (m->elem == 4)
				text_add(&s, ", f32_bits(%s)", x[e]);
			else
				text_add(&s, ", pack_%s(%s, %s)", ty, x[e], x[e + 1]);
	}
	to = i ? arena_printf(L->a, "%s + %d", to, i * m->width) : to;
	if (m->width > 4)
		st = lower_code(L, "st_shared_v%d(%s%s);", m->width / 4, to, s.s);
	else
		st = lower_code(L, "st_shared_b%d(%s%s);", 8 * m->width, to, s.s);
	if (!m->own)
		dev_access(st, m->buf, ACC_WRITE);
}

/* The columns of one split, for the thread's unit. */
static void image_fill(Lower *L, Image *m, Op *op, Op *from, int split)
{
	int n = m->per * m->bytes / m->width, lo = split * n / m->splits,
	    hi = (split + 1) * n / m->splits;
	const char *part = m->own || m->parts == 1 ? "0" : arena_printf(L->a, "warp %% %d", m->parts),
	           *unit = strcmp(part, "0") ? arena_printf(L->a, "(%d * (%s) + lane)", m->lanes, part)
	                                     : "lane",
	           *to = lower_name(L, arena_printf(L->a, "%s_at", op->arg->name));
	Rows r = {.L = L, .n = m->per, .reach = m->groups * m->lanes * m->per};
	Block *out = L->out, body = {0};

	lower_code(L, "const u32 %s = %s + %d * %s%s%s;", to, m->base, m->per * m->pitch, unit,
	           m->shift ? " + " : "", m->shift ? m->shift : "");
	for (int i = 0; i < m->per; i++) {
		r.row[i] = lower_name(L, "row");
		lower_code(
		    L, "const int %s = %s;", r.row[i],
		    plus(L, plus(L, m->row, m->per > 1 ? times(L, m->per, unit) : unit), i ? "1" : NULL));
	}
	L->out = &body;
	for (int i = lo; i < hi; i++)
		image_put(L, m, &r, op, from, to, i);
	L->out = out;
	m->words = r.words > m->words ? r.words : m->words;
	lower_splice(out, &r.loads);
	lower_splice(out, &body);
}

/* Every warp its columns; one condition with alternatives, so that no barrier comes between. */
static void image_fill_all(Lower *L, Image *m, Op *op, Op *from)
{
	Block *saved = L->out;

	if (m->lanes < 32)
		lower_open(L, S_IF, false, "lane < %d", m->lanes);
	if (m->splits == 1 && m->parts < L->warps)
		lower_open(L, S_IF, false, "warp < %d", m->parts);
	else if (m->splits == 1)
		lower_open(L, S_SCOPE, false, "%s", "");
	for (int s = 0; s < m->splits; s++) {
		Block *orelse = NULL;

		if (m->splits > 1 && (s + 1 < m->splits || L->warps % m->parts)) {
			Block *at = lower_open(L, S_IF, false, "warp / %d == %d", m->parts, s);

			orelse = &at->last->orelse;
		}
		image_fill(L, m, op, from, s);
		if (orelse)
			L->out = orelse;
	}
	L->out = saved;
}

/* -- and out of it ---------------------------------------------------------------------------- */

static void image_get(Image *m, Stmt *st)
{
	if (!m->own)
		dev_access(st, m->buf, ACC_READ);
}

/* Threads that store the part together: the thread's number, and how many. */
static const char *copier(const Image *m)
{
	return m->own ? "lane" : "tid";
}

static int copiers(const Lower *L, const Image *m)
{
	return m->own ? 32 : 32 * L->warps;
}

/* Opens the loop over the part's 16-byte vectors, all known when compiling but for the end. */
static const char *image_vectors(Lower *L, const Image *m, int bytes)
{
	int all = copiers(L, m), n = (bytes / 16 + all - 1) / all;

	if (n == 1)
		return copier(m);
	lower_open(L, S_FOR, n <= 64, "int j = 0; j < %d; j++", n);
	return arena_printf(L->a, "(%s + %d * j)", copier(m), all);
}

static const char *image_at(Lower *L, const Image *m, const char *at)
{
	const char *base = m->shift ? arena_printf(L->a, "%s + %s", m->base, m->shift) : m->base;

	return plus(L, base, at);
}

static void image_vector(Lower *L, Image *m, const char *from, const char *to)
{
	lower_code(L, "u32 q[4];");
	image_get(m, lower_code(L, "ld_shared_v4(q, %s);", from));
	lower_code(L, "st_global_v4(%s, q[0], q[1], q[2], q[3]);", to);
}

/* One element; `at` is its place in the run in bytes. */
static void image_element(Lower *L, Image *m, const char *at, const char *to)
{
	int bits = 8 * m->elem;

	image_get(m, lower_code(L, "st_global_b%d(%s, ld_shared_b%d(%s));", bits, to, bits,
	                        image_at(L, m, at)));
}

static void image_element_if(Lower *L, Image *m, const char *at, const char *cond)
{
	Block *saved = lower_open(L, S_IF, false, "%s", cond);

	image_element(L, m, at, arena_printf(L->a, "%s + (%s)", m->run, at));
	lower_close(L, saved);
}

/* Rows that touch: one run, in vectors but for its ends. */
static void image_store_run(Lower *L, Image *m)
{
	int bytes = m->lanes * m->per * m->bytes * (m->own ? 1 : m->parts);
	const char *size = lower_name(L, "run_bytes"), *head = lower_name(L, "head"),
	           *tail = lower_name(L, "tail"), *x, *at;
	Block *saved = L->out;

	if (bytes > m->nrows * m->bytes)
		bytes = m->nrows * m->bytes;
	lower_code(L, "const int %s = %s * %d;", size, m->live, m->bytes);
	lower_code(L, "const int %s = (int)(16 - %s) %% 16 < %s ? (int)(16 - %s) %% 16 : %s;", head,
	           m->shift, size, m->shift, size);
	lower_code(L, "const int %s = %s + (%s - %s) / 16 * 16;", tail, head, size, head);
	at = arena_printf(L->a, "%d * %s", m->elem, copier(m));
	image_element_if(L, m, at, arena_printf(L->a, "%s < %s", at, head));
	x = image_vectors(L, m, bytes);
	at = arena_printf(L->a, "%s + 16 * %s", head, x);
	lower_open(L, S_IF, false, "%s < %s", at, tail);
	image_vector(L, m, image_at(L, m, at), arena_printf(L->a, "%s + (%s)", m->run, at));
	L->out = saved;
	at = arena_printf(L->a, "%s + %d * %s", tail, m->elem, copier(m));
	image_element_if(L, m, at, arena_printf(L->a, "%s < %s", at, size));
}

/* Rows of whole vectors, wherever each begins. */
static void image_store_rows(Lower *L, Image *m, const Op *op)
{
	int units = m->bytes / 16, rows = m->lanes * m->per * (m->own ? 1 : m->parts);
	Block *saved = L->out;
	const char *x = image_vectors(L, m, (rows < m->nrows ? rows : m->nrows) * m->bytes);

	lower_open(L, S_IF, false, "%s < %d * %s", x, units, m->live);
	image_vector(L, m,
	             arena_printf(L->a, "%s + %d * (%s / %d) + 16 * (%s %% %d)", m->base, m->pitch, x,
	                          units, x, units),
	             arena_printf(L->a, "%s + (i64)(%s / %d) * %s + %d * (%s %% %d)", m->to, x, units,
	                          lower_stride(L, op, 0), 16 / m->elem, x, units));
	L->out = saved;
}

/* Any rows: each by a warp, element by element. */
static void image_store_elements(Lower *L, Image *m, const Op *op)
{
	Block *saved = lower_open(L, S_FOR, false, "int r = %s; r < %s; r += %d", m->own ? "0" : "warp",
	                          m->live, m->own ? 1 : L->warps);

	saved->last->atomic = true;
	lower_open(L, S_FOR, false, "int c = lane; c < %d; c += 32", m->cols);
	image_element(L, m, arena_printf(L->a, "%d * r + %d * c", m->pitch, m->elem),
	              arena_printf(L->a, "%s + (i64)r * %s + c", m->to, lower_stride(L, op, 0)));
	L->out = saved;
}

static void image_store(Lower *L, Image *m, const Op *op)
{
	Block *saved = L->out;
	Stmt *st;

	if (m->rows) {
		if (L->align >= 16)
			image_store_rows(L, m, op);
		else
			image_store_elements(L, m, op);
		return;
	}
	lower_open(L, S_IF, false, "%s == %d && ((u32)(u64)%s & %d) == 0", lower_stride(L, op, 0),
	           m->cols, m->run, m->width - 1);
	st = saved->last;
	image_store_run(L, m);
	L->out = &st->orelse;
	image_store_elements(L, m, op);
	L->out = saved;
}

/* Stores fly while other blocks load and compute: as many blocks as shared memory and the
 * sources' registers leave room for, up to half of an SM's threads. The compiler would otherwise
 * make all elements before it stores the first. */
static void image_blocks(Lower *L, const Image *m)
{
	int threads = 32 * L->warps, n = L->dev->gpu->smem_sm / (m->buf->bytes + 1024),
	    regs = m->words + REGISTERS > 64 ? m->words + REGISTERS : 64;

	for (const Op *o = L->k->body->first; o; o = o->next)
		if (o->code == OP_loop || o->code == OP_var || o->code == OP_state ||
		    (o->code == OP_store && o->src[0]->rank == 2 && o != m->store))
			return;
	if (n > 65536 / (threads * regs))
		n = 65536 / (threads * regs);
	L->dev->min_blocks = n > 32 ? 32 : n < 1 ? 1 : n;
}

/* How the tile is stored, if through an image; else false. */
static bool image_fits(Lower *L, const Op *op, Op *from, Image *m)
{
	const Range *rows, *cols;
	bool grown;

	if (L->f->ndots || L->strip || L->role != ROLE_ALL || op->src[0]->rank != 2 ||
	    from->rank != 2 || op->arg->dtype == DT_I32 || op->src[0]->dim[1].n == 1)
		return false;
	rows = lower_io_range(op, 0);
	cols = lower_io_range(op, 1);
	return (!cols || cols->kind == RANGE_WHOLE) && !strcmp(lower_stride(L, op, 1), "1") &&
	       rows_fit(L, from, rows, &grown) && image_plan(L, op, m) && (!m->rows || grown);
}

bool lower_image_takes(Lower *L, const Op *store)
{
	Image m = {0};

	return image_fits(L, store, lower_stored(store), &m);
}

bool lower_store_image(Lower *L, Op *op)
{
	Op *from = lower_stored(op);
	Block *saved = L->out;
	const char *turn = NULL;
	Image m = {0};

	if (!image_fits(L, op, from, &m))
		return false;
	m.store = op;
	m.name = lower_name(L, arena_printf(L->a, "%s_image", op->arg->name));
	m.buf = dev_buffer(L->dev, m.name, 1, (image_bytes(&m) + 3) / 4, 4, 1);
	m.buf->used_cols = 0;
	if (m.turns > 1) {
		turn = lower_name(L, "turn");
		lower_open(L, S_FOR, false, "int %s = 0; %s < %d; %s++", turn, turn, m.turns, turn);
	} else {
		lower_open(L, S_SCOPE, false, "%s", "");
	}
	image_part(L, op, &m, turn);
	if (m.own && (turn || op->parent->owner))
		lower_code(L, "warp_sync();");
	image_fill_all(L, &m, op, from);
	if (m.own)
		lower_code(L, "warp_sync();");
	image_store(L, &m, op);
	L->out = saved;
	image_blocks(L, &m);
	return true;
}
