/* lower_image.c -- tiles that leave by whole rows, through an image in shared memory.
 *
 * Rows that are no multiple of 16 bytes cannot be stored by vectors of their own, but a tile of
 * them can (lower_run.c). Each thread makes a row (or two, that both start at a multiple of 4
 * bytes) and writes it where it stands in the image; then whole warps store that. Loads of such
 * rows come in the same way. Tiles that grow go by this road whatever their rows are.
 *
 * A unit (a thread's rows) is `width` bytes times an odd number wide wherever that is possible, and
 * is written by accesses of that width: lanes in a row meet different banks.
 *
 * With fewer groups of 32 units than warps, the warps divide the columns of each group: every
 * warp's elements are written out by themselves, behind a condition on the warp. With one warp for
 * each group, the image is the warp's own, and no barrier of the block is needed.
 */
#include "lower_rows.h"

#include <string.h>

enum { MAX_ELEMENTS = 2400 /* written out for one thread */, REGISTERS = 48 /* beside sources */ };

static int pow2_above(int n)
{
	int p = 1;

	while (p < n)
		p *= 2;
	return p;
}

static Image image_new(const Op *io, const Op *tile, int per, int widest)
{
	Image m = {.io = io, .elem = dtype_bytes(io->arg->dtype), .cols = tile->dim[1].n};

	m.bytes = m.cols * m.elem;
	for (m.width = widest; m.bytes * per % m.width;)
		m.width /= 2;
	m.vectors = m.width == 16;
	m.pitch = m.vectors && m.bytes / 16 % 2 == 0 ? m.bytes + 16 : m.bytes;
	return m;
}

/* How the tile is cut. False: it is too large to be written out, or for shared memory. */
static bool cut_plan(Lower *L, const Op *op, const RowsFit *fit, Cut *c)
{
	const Op *x = op->src[0];
	int units;

	c->nrows = x->dim[0].n;
	c->per = x->dim[1].n * dtype_bytes(op->arg->dtype) % 4 && c->nrows % 2 == 0 ? 2 : 1;
	c->out = image_new(op, x, c->per, c->per > 1 ? 4 : 16);
	for (int i = 0; i < fit->nragged; i++)
		c->in[c->nin++] = image_new(fit->ragged[i], fit->ragged[i], c->per, 4);
	units = c->nrows / c->per;
	c->lanes = units < 32 ? pow2_above(units) : 32;
	c->groups = (units + c->lanes - 1) / c->lanes;
	c->parts = c->groups < L->warps ? c->groups : L->warps;
	for (;;) {
		int bytes;

		c->own = 2 * c->parts > L->warps;
		bytes = image_bytes(c, &c->out);
		for (int i = 0; i < c->nin; i++)
			bytes += image_bytes(c, &c->in[i]);
		if (bytes <= L->dev->gpu->smem_sm / 2 - 1024)
			break;
		if (c->parts > 1) {
			c->parts /= 2;
		} else if (c->lanes > 4) {
			c->lanes /= 2;
			c->groups = (units + c->lanes - 1) / c->lanes;
		} else {
			return false;
		}
	}
	c->splits = L->warps / c->parts;
	c->turns = (c->groups + c->parts - 1) / c->parts;
	return c->per * c->out.cols <= MAX_ELEMENTS;
}

/* How the tile is stored, if through an image; else false. */
static bool cut_fits(Lower *L, const Op *op, Cut *c)
{
	const Op *from = lower_stored(op);
	const Range *cols;
	RowsFit fit;

	if (L->f->ndots || L->strip || L->role != ROLE_ALL || op->src[0]->rank != 2 ||
	    from->rank != 2 || op->arg->dtype == DT_I32 || op->src[0]->dim[1].n == 1)
		return false;
	cols = lower_io_range(op, 1);
	return (!cols || cols->kind == RANGE_WHOLE) && !strcmp(lower_stride(L, op, 1), "1") &&
	       rows_fit(L, from, lower_io_range(op, 0), &fit) && cut_plan(L, op, &fit, c) &&
	       (!c->out.vectors || fit.grown);
}

static const char *plus(Lower *L, const char *a, const char *b)
{
	if (!strcmp(b, "0"))
		return a;
	return strcmp(a, "0") ? arena_printf(L->a, "%s + %s", a, b) : b;
}

static const char *times(Lower *L, int n, const char *a)
{
	return !strcmp(a, "0") || n == 1 ? a : arena_printf(L->a, "%d * %s", n, a);
}

static void image_buffer(Lower *L, const Cut *c, Image *m)
{
	const char *name = lower_name(L, arena_printf(L->a, "%s_image", m->io->arg->name));

	m->buf = dev_buffer(L->dev, name, 1, (image_bytes(c, m) + 3) / 4, 4, 1);
	m->buf->used_cols = 0;
}

/* Names of the part that this warp (all warps, where they share it) works on in this turn. */
static void cut_part(Lower *L, Cut *c, const char *turn)
{
	const Range *r = lower_io_range(c->out.io, 0);
	int rows = c->lanes * c->per, all = c->own ? rows : rows * c->parts;
	const char *part = c->own && c->parts > 1 ? "warp" : "0", *left, *n = c->out.io->arg->name;

	c->row = plus(L, times(L, rows, part), turn ? times(L, rows * c->parts, turn) : "0");
	left = r && r->kind != RANGE_WHOLE ? arena_printf(L->a, "%s_live", lower_start(L, r))
	                                   : arena_printf(L->a, "%d", c->nrows);
	if (strcmp(c->row, "0") != 0) {
		const char *row = lower_name(L, arena_printf(L->a, "%s_row", n));

		lower_code(L, "const int %s = %s;", row, c->row);
		c->row = row;
		left = arena_printf(L->a, "%s - %s", left, row);
	}
	c->live = lower_name(L, arena_printf(L->a, "%s_rows", n));
	if (!strcmp(c->row, "0") && all >= c->nrows)
		lower_code(L, "const int %s = %s;", c->live, left);
	else
		lower_code(L, "const int %s = %s < 0 ? 0 : %s < %d ? %s : %d;", c->live, left, left, all,
		           left, all);
	image_open(L, c, &c->out, part);
	for (int i = 0; i < c->nin; i++)
		image_open(L, c, &c->in[i], part);
}

/* -- elements into the image ----------------------------------------------------------------- */

/* One access of `width` bytes, the i-th of a unit. */
static void put(Lower *L, const Cut *c, Rows *r, Op *from, int i)
{
	const Image *m = &c->out;
	int n = m->width / m->elem;
	const char *ty = m->io->arg->dtype == DT_F16 ? "f16" : "bf16", *x[8], *to;
	Text s = {.arena = L->a};

	for (int e = 0; e < n; e++) {
		int k = i * n + e;

		x[e] = rows_element(r, from, k / m->cols, k % m->cols);
	}
	if (m->width == 2)
		text_add(&s, ", round_%s(%s)", ty, x[0]);
	for (int e = 0; m->width > 2 && e < n; e += 4 / m->elem)
		if (m->elem == 4)
			text_add(&s, ", f32_bits(%s)", x[e]);
		else
			text_add(&s, ", pack_%s(%s, %s)", ty, x[e], x[e + 1]);
	to = i ? arena_printf(L->a, "%s + %d", m->unit, i * m->width) : m->unit;
	image_access(c, m,
	             m->width > 4 ? lower_code(L, "st_shared_v%d(%s%s);", m->width / 4, to, s.s)
	                          : lower_code(L, "st_shared_b%d(%s%s);", 8 * m->width, to, s.s),
	             ACC_WRITE);
}

static void unit_address(Lower *L, const Cut *c, Image *m, const char *unit)
{
	m->unit = lower_name(L, arena_printf(L->a, "%s_at", m->io->arg->name));
	lower_code(L, "const u32 %s = %s + %d * %s%s%s;", m->unit, m->base, c->per * m->pitch, unit,
	           m->shift ? " + " : "", m->shift ? m->shift : "");
}

/* The columns of one split, for the thread's unit. */
static void fill(Lower *L, Cut *c, Op *from, int split)
{
	int n = c->per * c->out.bytes / c->out.width, lo = split * n / c->splits,
	    hi = (split + 1) * n / c->splits;
	const char *unit = "lane";
	Rows r = {.L = L, .cut = c, .reach = c->groups * c->lanes * c->per};
	Block *out = L->out, body = {0};

	if (!c->own && c->parts > 1)
		unit = arena_printf(L->a, "(%d * (warp %% %d) + lane)", c->lanes, c->parts);
	unit_address(L, c, &c->out, unit);
	for (int i = 0; i < c->nin; i++)
		unit_address(L, c, &c->in[i], unit);
	for (int i = 0; i < c->per; i++) {
		r.row[i] = lower_name(L, "row");
		lower_code(L, "const int %s = %s;", r.row[i],
		           plus(L, plus(L, c->row, times(L, c->per, unit)), i ? "1" : "0"));
	}
	L->out = &body;
	for (int i = lo; i < hi; i++)
		put(L, c, &r, from, i);
	L->out = out;
	c->words = r.words > c->words ? r.words : c->words;
	lower_splice(out, &r.loads);
	lower_splice(out, &body);
}

/* Every warp its columns; one condition with alternatives, so that no barrier comes between. */
static void fill_all(Lower *L, Cut *c, Op *from)
{
	Block *saved = L->out;

	if (c->lanes < 32)
		lower_open(L, S_IF, false, "lane < %d", c->lanes);
	else if (c->splits == 1)
		lower_open(L, S_SCOPE, false, "%s", "");
	for (int s = 0; s < c->splits; s++) {
		Block *orelse = NULL;

		if (c->splits > 1 && (s + 1 < c->splits || L->warps % c->parts)) {
			Block *at = lower_open(L, S_IF, false, "warp / %d == %d", c->parts, s);

			orelse = &at->last->orelse;
		}
		fill(L, c, from, s);
		if (orelse)
			L->out = orelse;
	}
	L->out = saved;
}

/* Stores fly while other blocks load and compute: as many blocks as shared memory and the sources'
 * registers leave room for, up to half of an SM's threads. The compiler would otherwise make all
 * elements before it stores the first. */
static void ask_for_blocks(Lower *L, const Cut *c)
{
	int threads = 32 * L->warps, bytes = c->out.buf->bytes + 1024,
	    regs = c->words + REGISTERS > 64 ? c->words + REGISTERS : 64, n;

	for (const Op *o = L->k->body->first; o; o = o->next)
		if (o->code == OP_loop || o->code == OP_var || o->code == OP_state ||
		    (o->code == OP_store && o->src[0]->rank == 2 && o != c->out.io))
			return;
	for (int i = 0; i < c->nin; i++)
		bytes += c->in[i].buf->bytes;
	n = L->dev->gpu->smem_sm / bytes;
	if (n > 65536 / (threads * regs))
		n = 65536 / (threads * regs);
	L->dev->min_blocks = n > 32 ? 32 : n < 1 ? 1 : n;
}

bool lower_image_takes(Lower *L, const Op *store)
{
	Cut c = {0};

	return cut_fits(L, store, &c);
}

bool lower_store_image(Lower *L, Op *op)
{
	Block *saved = L->out;
	const char *turn = NULL;
	Cut c = {0};

	if (!cut_fits(L, op, &c))
		return false;
	image_buffer(L, &c, &c.out);
	for (int i = 0; i < c.nin; i++)
		image_buffer(L, &c, &c.in[i]);
	if (c.turns > 1) {
		turn = lower_name(L, "turn");
		lower_open(L, S_FOR, false, "int %s = 0; %s < %d; %s++", turn, turn, c.turns, turn);
	} else if (c.own && c.parts < L->warps) {
		lower_open(L, S_IF, false, "warp < %d", c.parts);
	} else {
		lower_open(L, S_SCOPE, false, "%s", "");
	}
	cut_part(L, &c, turn);
	if (c.own && (turn || op->parent->owner))
		lower_code(L, "warp_sync();");
	for (int i = 0; i < c.nin; i++)
		image_move(L, &c, &c.in[i]);
	if (c.own && c.nin)
		lower_code(L, "warp_sync();");
	fill_all(L, &c, lower_stored(op));
	if (c.own)
		lower_code(L, "warp_sync();");
	image_move(L, &c, &c.out);
	L->out = saved;
	ask_for_blocks(L, &c);
	return true;
}
