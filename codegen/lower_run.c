/* lower_run.c -- rows of an argument between global and shared memory.
 *
 * Where the caller's rows touch, the rows of a part are one run of bytes, moved 16 bytes a lane.
 * Its image in shared memory is moved by what the run's address lacks from a multiple of 16, so
 * that vectors in shared and in global memory fall together; the ends are moved element by element,
 * and so is everything where rows do not touch, or where the run is not aligned to a thread's own
 * accesses (`width`). Rows of whole vectors need not touch.
 *
 * Rows that do not exist are zeros in an image that is read, and are not stored.
 */
#include "lower_rows.h"

#include <string.h>

int image_step(const Cut *c, const Image *m)
{
	return (c->lanes * c->per * m->pitch + 15) / 16 * 16 + (m->vectors ? 0 : 16);
}

int image_bytes(const Cut *c, const Image *m)
{
	return c->own ? c->parts * image_step(c, m)
	              : c->parts * c->lanes * c->per * m->pitch + (m->vectors ? 0 : 16);
}

/* With a part of its own, a warp is ordered by warp_sync, and sync need not know. */
void image_access(const Cut *c, const Image *m, Stmt *st, AccessKind k)
{
	if (!c->own)
		dev_access(st, m->buf, k);
}

/* The names of the part that is at hand. */
void image_open(Lower *L, const Cut *c, Image *m, const char *part)
{
	const char *at[2] = {c->row, "0"}, *n = m->io->arg->name;
	const Op *tile = m->io->code == OP_store ? m->io->src[0] : m->io;
	const char *ty = arena_printf(L->a, "%s%s", m->io->code == OP_store ? "" : "const ",
	                              m->elem == 4 ? "float" : "b16");

	m->to = lower_name(L, arena_printf(L->a, "%s_to", n));
	lower_code(L, "%s *const %s = %s;", ty, m->to, lower_element(L, m->io, tile, at));
	m->base = m->buf->name;
	if (strcmp(part, "0") != 0)
		m->base = arena_printf(L->a, "%s + %d * %s", m->buf->name, image_step(c, m), part);
	if (m->vectors)
		return;
	m->run = lower_name(L, arena_printf(L->a, "%s_run", n));
	lower_code(L, "%schar *const %s = (%schar *)%s;", m->io->code == OP_store ? "" : "const ",
	           m->run, m->io->code == OP_store ? "" : "const ", m->to);
	m->shift = lower_name(L, arena_printf(L->a, "%s_shift", n));
	lower_code(L, "const u32 %s = (u32)(u64)%s & %d;", m->shift, m->run, 16 - m->width);
}

/* Threads that move the part together: the thread's number, and how many. */
static const char *mover(const Cut *c)
{
	return c->own ? "lane" : "tid";
}

static int movers(const Lower *L, const Cut *c)
{
	return c->own ? 32 : 32 * L->warps;
}

/* Rows of the part, at most. */
static int part_rows(const Cut *c)
{
	return c->lanes * c->per * (c->own ? 1 : c->parts);
}

/* Opens the loop over the part's 16-byte vectors, all known when compiling but for the end. */
static const char *vectors(Lower *L, const Cut *c, const Image *m)
{
	int rows = part_rows(c) < c->nrows ? part_rows(c) : c->nrows, all = movers(L, c),
	    n = (rows * m->bytes / 16 + all - 1) / all;

	if (n <= 1)
		return mover(c);
	lower_open(L, S_FOR, n <= 64, "int j = 0; j < %d; j++", n);
	return arena_printf(L->a, "(%s + %d * j)", mover(c), all);
}

static const char *image_at(Lower *L, const Image *m, const char *at)
{
	return m->shift ? arena_printf(L->a, "%s + %s + %s", m->base, m->shift, at)
	                : arena_printf(L->a, "%s + %s", m->base, at);
}

static void move_vector(Lower *L, const Cut *c, const Image *m, const char *shared,
                        const char *global)
{
	lower_code(L, "u32 q[4];");
	if (m->io->code == OP_store) {
		image_access(c, m, lower_code(L, "ld_shared_v4(q, %s);", shared), ACC_READ);
		lower_code(L, "st_global_v4(%s, q[0], q[1], q[2], q[3]);", global);
	} else {
		lower_code(L, "ld_global_v4(q, %s);", global);
		image_access(c, m, lower_code(L, "st_shared_v4(%s, q[0], q[1], q[2], q[3]);", shared),
		             ACC_WRITE);
	}
}

/* `on`: whether the element exists; NULL where it does. */
static void move_element(Lower *L, const Cut *c, const Image *m, const char *at, const char *global,
                         const char *on)
{
	int bits = 8 * m->elem;
	const char *shared = image_at(L, m, at);

	if (m->io->code == OP_store)
		image_access(
		    c, m,
		    lower_code(L, "st_global_b%d(%s, ld_shared_b%d(%s));", bits, global, bits, shared),
		    ACC_READ);
	else
		image_access(c, m,
		             lower_code(L, "st_shared_b%d(%s, %sld_global_b%d(%s)%s);", bits, shared,
		                        on ? arena_printf(L->a, "%s ? ", on) : "", bits, global,
		                        on ? " : 0" : ""),
		             ACC_WRITE);
}

static void move_run(Lower *L, const Cut *c, const Image *m)
{
	const char *size = lower_name(L, "run_bytes"), *head = lower_name(L, "head"),
	           *tail = lower_name(L, "tail"), *x, *at;
	Block *saved = L->out;

	lower_code(L, "const int %s = %s * %d;", size, c->live, m->bytes);
	lower_code(L, "const int %s = (int)(16 - %s) %% 16 < %s ? (int)(16 - %s) %% 16 : %s;", head,
	           m->shift, size, m->shift, size);
	lower_code(L, "const int %s = %s + (%s - %s) / 16 * 16;", tail, head, size, head);
	at = arena_printf(L->a, "%d * %s", m->elem, mover(c));
	lower_open(L, S_IF, false, "%s < %s", at, head);
	move_element(L, c, m, at, arena_printf(L->a, "%s + (%s)", m->run, at), NULL);
	L->out = saved;
	x = vectors(L, c, m);
	at = arena_printf(L->a, "%s + 16 * %s", head, x);
	lower_open(L, S_IF, false, "%s < %s", at, tail);
	move_vector(L, c, m, image_at(L, m, at), arena_printf(L->a, "%s + (%s)", m->run, at));
	L->out = saved;
	if (m->io->code == OP_store) {
		at = arena_printf(L->a, "%s + %d * %s", tail, m->elem, mover(c));
		lower_open(L, S_IF, false, "%s < %s", at, size);
		move_element(L, c, m, at, arena_printf(L->a, "%s + (%s)", m->run, at), NULL);
	} else {
		lower_open(L, S_FOR, false, "int x = %s + %d * %s; x < %d; x += %d", tail, m->elem,
		           mover(c), part_rows(c) * m->bytes, m->elem * movers(L, c));
		saved->last->atomic = true;
		move_element(L, c, m, "x", arena_printf(L->a, "%s + x", m->run),
		             arena_printf(L->a, "x < %s", size));
	}
	L->out = saved;
}

/* Rows of whole vectors, wherever each begins. */
static void move_vectors(Lower *L, const Cut *c, const Image *m)
{
	int units = m->bytes / 16;
	Block *saved = L->out;
	const char *x = vectors(L, c, m);

	lower_open(L, S_IF, false, "%s < %d * %s", x, units, c->live);
	move_vector(L, c, m,
	            arena_printf(L->a, "%s + %d * (%s / %d) + 16 * (%s %% %d)", m->base, m->pitch, x,
	                         units, x, units),
	            arena_printf(L->a, "%s + (i64)(%s / %d) * %s + %d * (%s %% %d)", m->to, x, units,
	                         lower_stride(L, m->io, 0), 16 / m->elem, x, units));
	L->out = saved;
}

/* Any rows: each by a warp, element by element. */
static void move_elements(Lower *L, const Cut *c, const Image *m)
{
	bool stores = m->io->code == OP_store;
	Block *saved = lower_open(L, S_FOR, false, "int r = %s; r < %s; r += %d", c->own ? "0" : "warp",
	                          stores ? c->live : arena_printf(L->a, "%d", part_rows(c)),
	                          c->own ? 1 : L->warps);

	saved->last->atomic = true;
	lower_open(L, S_FOR, false, "int c = lane; c < %d; c += 32", m->cols);
	move_element(L, c, m, arena_printf(L->a, "%d * r + %d * c", m->pitch, m->elem),
	             arena_printf(L->a, "%s + (i64)r * %s + c", m->to, lower_stride(L, m->io, 0)),
	             stores ? NULL : arena_printf(L->a, "r < %s", c->live));
	L->out = saved;
}

void image_move(Lower *L, const Cut *c, Image *m)
{
	Block *saved = L->out;
	Stmt *st;

	if (m->vectors) {
		if (L->align >= 16)
			move_vectors(L, c, m);
		else
			move_elements(L, c, m);
		return;
	}
	lower_open(L, S_IF, false, "%s == %d && ((u32)(u64)%s & %d) == 0", lower_stride(L, m->io, 0),
	           m->cols, m->run, m->width - 1);
	st = saved->last;
	move_run(L, c, m);
	L->out = &st->orelse;
	move_elements(L, c, m);
	L->out = saved;
}
