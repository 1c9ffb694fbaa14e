/* lower_stream.c -- tiles that no product touches: laid out for wide, coalesced memory access.
 *
 * A streamed tile [R, C] gives each thread up to 16 contiguous bytes of a row, neighbouring lanes
 * neighbouring pieces, and the rest of the warps and lanes further rows. Tiles that grow are
 * written out a row at a time (lower_rows.c) or element by element (lower_gather.c).
 */
#include "lower.h"

#include <string.h>

enum { WIDE = 16 }; /* bytes of the widest access of one thread */

static int pow2_part(int n)
{
	return n & -n;
}

static int pow2_above(int n)
{
	int p = 1;

	while (p < n)
		p *= 2;
	return p;
}

typedef struct Narrow {
	const Facts *f;
	int cls[2], bytes;
} Narrow;

static void narrow_op(void *user, Op *o)
{
	Narrow *n = user;
	const Op *tile = o->code == OP_store ? o->src[0] : o;

	if ((o->code != OP_load && o->code != OP_store) || tile->rank != 2 ||
	    facts_class(n->f, tile, 0) != n->cls[0] || facts_class(n->f, tile, 1) != n->cls[1])
		return;
	if (dtype_bytes(o->arg->dtype) < n->bytes)
		n->bytes = dtype_bytes(o->arg->dtype);
}

/* The narrowest element that tiles of this shape have in memory: they all share one layout. */
static int element_bytes(Lower *L, const Op *op)
{
	Narrow n = {L->f, {facts_class(L->f, op, 0), facts_class(L->f, op, 1)}, 4};

	ir_walk(L->k->body, narrow_op, &n);
	return n.bytes;
}

Layout lower_stream_layout(Lower *L, const Op *op)
{
	Layout l = {.rank = 2, .orient = ORIENT_NONE};
	int bytes = element_bytes(L, op), rows = op->dim[0].n, cols = op->dim[1].n, vec = WIDE / bytes,
	    units, lanes, per;

	while (vec > 1 && cols % vec)
		vec /= 2;
	if (L->align < vec * bytes)
		vec = L->align / bytes > 0 ? L->align / bytes : 1;
	units = (cols + vec - 1) / vec;
	lanes = pow2_part(units);
	if (lanes < 4)
		lanes = pow2_above(units);
	if (lanes > 32)
		lanes = 32;
	per = (units + lanes - 1) / lanes;
	l.d[l.nd++] = (Digit){HW_REG, 1, 0, 0, 0, 0, 0};
	l.d[l.nd++] = (Digit){HW_REG, per, 0, 1, lanes * vec, 0, 0};
	l.d[l.nd++] = (Digit){HW_REG, vec, 0, 1, 1, 0, 0};
	if (lanes > 1)
		l.d[l.nd++] = (Digit){HW_LANE, lanes, 1, 1, vec, 0, 0};
	if (lanes < 32)
		l.d[l.nd++] = (Digit){HW_LANE, 32 / lanes, lanes, 0, 1, 0, 0};
	if (L->warps > 1)
		l.d[l.nd++] = (Digit){HW_WARP, L->warps, 1, 0, 32 / lanes, 0, 0};
	l.d[0].stride = 32 / lanes * L->warps;
	l.d[0].n = (rows + l.d[0].stride - 1) / l.d[0].stride;
	return l;
}

/* One element a thread, over the whole block. */
Layout lower_thread_layout(Lower *L, int n)
{
	Layout l = {.rank = 1, .orient = ORIENT_NONE};
	int threads = 32 * L->warps;

	l.d[l.nd++] = (Digit){HW_REG, (n + threads - 1) / threads, 0, 0, threads, 0, 0};
	l.d[l.nd++] = (Digit){HW_LANE, 32, 1, 0, 1, 0, 0};
	if (L->warps > 1)
		l.d[l.nd++] = (Digit){HW_WARP, L->warps, 1, 0, 32, 0, 0};
	return l;
}

typedef struct Beside {
	Facts *f;
	int cls;
	const Op *op;
	int dim;
} Beside;

static void beside_op(void *user, Op *o)
{
	Beside *b = user;

	if (o->rank != 2 || o->dim[0].n == 1 || o->dim[1].n == 1)
		return;
	for (int d = 0; d < 2 && !b->op; d++)
		if (facts_class(b->f, o, d) == b->cls) {
			b->op = o;
			b->dim = d;
		}
}

/* -- what is loaded before anything else ------------------------------------------------------- */

enum { MAX_AHEAD = 96, BESIDE = 40 }; /* registers for matrices; and for all else */

typedef struct Ahead {
	const Op *x;
	bool plain, grown; /* its users: elementwise or a fold; anything else */
} Ahead;

static void ahead_op(void *user, Op *o)
{
	Ahead *a = user;

	for (int i = 0; i < o->nsrc; i++)
		if (o->src[i] == a->x) {
			bool plain =
			    o->code == OP_expand || op_is_elementwise(o) || op_info[o->code].class == REDUCE;

			a->plain |= plain;
			a->grown |= !plain;
		}
}

/* Read as it lies in memory, and by nothing else. */
bool lower_is_plain(Lower *L, const Op *x)
{
	Ahead a = {x, false, false};

	ir_walk(L->k->body, ahead_op, &a);
	return a.plain && !a.grown;
}

static bool is_gathered(const Op *o)
{
	return o->rank == 1 && o->code == OP_concat;
}

static void ask_blocks(Lower *L, int regs)
{
	L->dev->min_blocks = 65536 / (32 * L->warps * regs);
}

/* A kernel of one step, without loops or products, is as fast as its loads are early: vectors and
 * what others are gathered from, then matrices, all before the first store or barrier, beyond which
 * the compiler moves no load. Loads arrive in their order, and there is work for the vectors while
 * the matrices are on their way. Where registers are few, ptxas would ask for less at a time, and
 * for the rest behind work that waits for the first: but it moves no load to another basic block.
 */
void lower_ahead(Lower *L)
{
	const char *size = lower_run_time_size(L);
	int regs = 0;
	Layout l;
	Sweep sweep;

	if (L->f->ndots || L->part != PART_ALL)
		return;
	for (const Op *o = L->k->body->first; o; o = o->next)
		if (op_info[o->code].class == STATE || op_info[o->code].class == REGION ||
		    (o->code == OP_store && lower_image_takes(L, o)))
			return;
		else if (o->code == OP_load && o->rank == 2 && lower_is_plain(L, o)) {
			l = lower_stream_layout(L, o);
			regs += layout_regs(&l);
		}
	sweep = lower_sweep_plan(L);
	if (regs == 0 || (regs > MAX_AHEAD && !sweep.strips))
		return;
	L->streams = true;
	ask_blocks(L, sweep.strips ? sweep.regs : regs + BESIDE);
	for (Op *o = L->k->body->first; o; o = o->next)
		if (is_gathered(o) && lower_is_plain(L, o)) {
			lower_comment(L, o);
			lower_gather_ahead(L, o);
		}
	for (int rank = 1; rank <= 2; rank++)
		for (Op *o = L->k->body->first; o; o = o->next)
			if (o->code == OP_load && o->rank == rank && lower_is_plain(L, o)) {
				l = rank == 2 ? lower_stream_layout(L, o) : lower_stream_vector(L, o);
				if (rank == 2 && sweep.strips && sweep.strips < l.d[0].n)
					l.d[0].n = sweep.strips;
				lower_comment(L, o);
				lower_need(L, o, &l);
			}
	if (sweep.strips && size)
		lower_code(L, "scheduler_fence(%s < 0);", size);
	for (Op *o = L->k->body->first; o; o = o->next)
		if (is_gathered(o) && lower_is_plain(L, o)) {
			l = lower_thread_layout(L, o->dim[0].n);
			lower_comment(L, o);
			lower_need(L, o, &l);
		}
}

typedef struct Meets {
	const Op *x;
	bool matrix;
	const Region *body;
} Meets;

static void meets_op(void *user, Op *o)
{
	Meets *m = user, next = {o, false, m->body};

	for (int i = 0; i < o->nsrc && !m->matrix; i++) {
		if (o->src[i] != m->x)
			continue;
		if (o->rank == 1 && op_is_elementwise(o)) {
			ir_walk(m->body, meets_op, &next);
			m->matrix = next.matrix;
		} else {
			m->matrix = o->rank == 2 || op_info[o->code].class == STATE;
		}
	}
}

/* Made of what a matrix was folded to, or of a variable, and so already beside it. */
static bool folds(const Op *x)
{
	if (op_info[x->code].class == REDUCE || op_info[x->code].class == SCAN ||
	    op_info[x->code].class == STATE)
		return true;
	for (int i = 0; i < x->nsrc && op_is_elementwise(x); i++)
		if (x->src[i]->rank == 1 && folds(x->src[i]))
			return true;
	return false;
}

static bool warps_fold(const Layout *l, int dim)
{
	return layout_spread_dim(l, HW_WARP, dim) > 1;
}

/* A vector lies beside the matrix whose rows or columns it meets, if it does; what all warps have
 * parts of they read from shared memory, as they like. */
Layout lower_stream_vector(Lower *L, const Op *op)
{
	Beside b = {L->f, facts_class(L->f, op, 0), NULL, 0};
	Meets m = {op, false, L->k->body};
	Layout l;

	ir_walk(L->k->body, beside_op, &b);
	ir_walk(L->k->body, meets_op, &m);
	if (b.op)
		l = lower_stream_layout(L, b.op);
	if (!b.op || !(m.matrix || (folds(op) && !(L->streams && warps_fold(&l, 1 - b.dim)))))
		return lower_thread_layout(L, op->dim[0].n);
	return layout_drop(l, 1 - b.dim);
}

/* -- wide access ------------------------------------------------------------------------------ */

/* The last register digit is `vec` contiguous elements of a row that all exist or all do not. */
static int wide_digit(const Op *tile, const Layout *l)
{
	int last = -1;

	for (int i = 0; i < l->nd; i++)
		if (l->d[i].hw == HW_REG)
			last = i;
	if (last < 0 || l->orient != ORIENT_NONE || l->d[last].dim != tile->rank - 1 ||
	    l->d[last].stride != 1 || tile->dim[tile->rank - 1].n % l->d[last].n ||
	    !lower_range_whole(tile->dim[tile->rank - 1].range))
		return 1;
	return l->d[last].n;
}

int lower_wide(const Op *io, const Op *tile, const Layout *l)
{
	int n = wide_digit(tile, l), bytes = n * dtype_bytes(io->arg->dtype);

	return tile->rank >= 1 && io->arg->dtype != DT_I32 && n > 1 && !(n & (n - 1)) &&
	               bytes % 4 == 0 && bytes <= 32
	           ? n
	           : 1;
}

/* elem[0..n) = n elements at ptr, 16 bytes at most an access. */
void lower_wide_load(Lower *L, const Op *io, int n, const char *const *elem, const char *ptr)
{
	Dtype dt = io->arg->dtype;
	int words = n * dtype_bytes(dt) / 4, part = words > 4 ? 4 : words;
	const char *ty = dt == DT_F16 ? "f16" : "bf16", *x;

	x = lower_name(L, arena_printf(L->a, "%s_x", io->arg->name));
	lower_code(L, "u32 %s[%d];", x, words);
	for (int w = 0; w < words; w += part) {
		const char *p = w ? arena_printf(L->a, "%s + %d", ptr, w * 4 / dtype_bytes(dt)) : ptr;

		if (part == 1)
			lower_code(L, "%s[%d] = ld_global_b32(%s);", x, w, p);
		else
			lower_code(L, "ld_global_v%d(%s%s, %s);", part, x,
			           w ? arena_printf(L->a, " + %d", w) : "", p);
	}
	for (int e = 0; e < n; e++)
		if (dt == DT_F32)
			lower_code(L, "%s = bits_f32(%s[%d]);", elem[e], x, e);
		else
			lower_code(L, "%s = %s_%s(%s[%d]);", elem[e], ty, e % 2 ? "hi" : "lo", x, e / 2);
}

void lower_wide_store(Lower *L, const Op *io, int n, const char *const *elem, const char *ptr)
{
	Dtype dt = io->arg->dtype;
	int words = n * dtype_bytes(dt) / 4, part = words > 4 ? 4 : words;
	const char *ty = dt == DT_F16 ? "f16" : "bf16";

	for (int w = 0; w < words; w += part) {
		Text s = {.arena = L->a};
		const char *p = w ? arena_printf(L->a, "%s + %d", ptr, w * 4 / dtype_bytes(dt)) : ptr;

		for (int i = w; i < w + part; i++)
			if (dt == DT_F32)
				text_add(&s, ", f32_bits(%s)", elem[i]);
			else
				text_add(&s, ", pack_%s(%s, %s)", ty, elem[2 * i], elem[2 * i + 1]);
		if (part == 1)
			lower_code(L, "st_global_b32(%s%s);", p, s.s);
		else
			lower_code(L, "st_global_v%d(%s%s);", part, p, s.s);
	}
}
