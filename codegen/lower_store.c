/* lower_store.c -- tiles from registers to outputs, in the widest accesses that the layout, the
 * alignment and the end of the axis allow.
 */
#include "lower.h"

#include <string.h>

/* What is stored: the store itself rounds to the argument's dtype. */
Op *lower_stored(const Op *op)
{
	Op *x = op->src[0];

	while (x->code == OP_cast && x->dtype == op->arg->dtype && x->dtype != DT_I32)
		x = x->src[0];
	return x;
}

/* Whether columns come in eights wherever the tile lies. */
static bool whole_columns(Lower *L, const Op *op)
{
	const Range *r = lower_io_range(op, 1);

	return !r || r->kind == RANGE_WHOLE || r == L->k->divided;
}

/* Pairs go out as they lie, 4 bytes a lane: exchanging them within quads for 8- and 16-byte stores
 * was measured on an H200 and is 0 to 5% slower, since these kernels are bound by issue slots, not
 * by the L2's partial sectors. */
/* The address of a fragment's first pair, hidden from the compiler's strength reduction, which
 * would keep a moving pointer in registers for each of the fragment's pairs. */
static const char *pair_base(Lower *L, Op *op, const Layout *l)
{
	static const char *const zero[] = {"0", "0", "0"};
	const char *at[2], *name = lower_name(L, arena_printf(L->a, "%s_at", op->arg->name));

	for (int d = 0; d < 2; d++)
		at[d] = layout_coord(L->a, l, d, zero);
	lower_code(L, "%s *const %s = (%s *)opaque(%s);", op->arg->dtype == DT_F32 ? "float" : "b16",
	           name, op->arg->dtype == DT_F32 ? "float" : "b16",
	           lower_element(L, op, op->src[0], at));
	return name;
}

static const char *pair_pointer(Lower *L, Op *op, const Layout *l, const char *base,
                                const char *const *v)
{
	Text s = {.arena = L->a};

	text_puts(&s, base);
	if (strcmp(v[0], "0"))
		text_add(&s, " + (i64)(%s) * %s", layout_reg_coord(L->a, &l->d[0], v[0]),
		         lower_stride(L, op, 0));
	if (strcmp(v[1], "0"))
		text_add(&s, " + %s", layout_reg_coord(L->a, &l->d[1], v[1]));
	return s.s;
}

enum { MAX_WHOLE = 192 /* registers that a tile made only to be stored may have */ };

/* A grown tile that a thread's registers do not hold leaves element by element, in loops that are
 * not unrolled. False: it is none. */
static bool store_grown(Lower *L, Op *op, Op *x, const Layout *l)
{
	const char *v[MAX_DIGITS], *c[MAX_RANK], *g, *e,
	    *owner = layout_owner(L->a, l, L->warps), *ty = op->arg->dtype == DT_F16 ? "f16" : "bf16";
	Block *b, *outer = L->out;

	if (x->rank != 2 || op_info[x->code].class != GROW || op->arg->dtype == DT_I32 || L->strip ||
	    layout_regs(l) <= MAX_WHOLE || lower_find(L, x, l, false))
		return false;
	lower_wgmma_settle(L);
	if (owner)
		lower_open(L, S_IF, false, "%s", owner);
	b = lower_nest(L, l, false, v);
	for (Block *at = b; at != L->out; at = &at->last->body)
		at->last->unroll = false;
	for (int d = 0; d < 2; d++) {
		const char *name = lower_name(L, d ? "col" : "row_at");

		lower_code(L, "const int %s = %s;", name, layout_coord(L->a, l, d, v));
		c[d] = name;
	}
	g = lower_guard(L, op, op->src[0], l, v);
	if (g)
		lower_open(L, S_IF, false, "%s", g);
	e = lower_at(L, x, c);
	if (op->arg->dtype == DT_F32)
		lower_code(L, "st_global_f32(%s, %s);", lower_element(L, op, op->src[0], c), e);
	else
		lower_code(L, "st_global_b16(%s, round_%s(%s));", lower_element(L, op, op->src[0], c), ty,
		           e);
	L->out = outer;
	return true;
}

void lower_store_tile(Lower *L, Op *op, const Layout *l)
{
	Op *x = op->src[0];
	Dtype dt = op->arg->dtype;
	const char *v[MAX_DIGITS], *coord[MAX_RANK], *g, *owner, *base = NULL,
	                                                         *ty = dt == DT_F16 ? "f16" : "bf16";
	bool pairs = l->orient == ORIENT_N && x->rank == 2 && x->dim[1].n % 2 == 0 && dt != DT_I32 &&
	             whole_columns(L, op) && (dt == DT_F32 ? L->align >= 8 : L->align >= 4);
	Block *b;
	Op *from = lower_stored(op);
	int wide;

	if (store_grown(L, op, from, l))
		return;
	lower_ensure(L, from, l);
	if (from->rank > 0 && !lower_find(L, from, l, false) && !op_is_elementwise(from))
		lower_need(L, from, l);
	lower_wgmma_settle(L); /* a wait is for whole warps: not behind a condition on the thread */
	if (lower_store_engine(L, op, from, l))
		return;
	owner = layout_owner(L->a, l, L->warps);
	b = L->out;
	L->stored = b == L->body ? b->last : NULL;
	if (owner)
		lower_open(L, S_IF, false, "%s", owner);
	if (pairs)
		base = pair_base(L, op, l);
	wide = lower_wide(op, x, l);
	if (wide * dtype_bytes(dt) > L->align && L->align < 16)
		wide = 1;
	lower_nest(L, l, pairs || wide > 1, v);
	for (int d = 0; d < x->rank; d++)
		coord[d] = layout_coord(L->a, l, d, v);
	g = lower_guard(L, op, x, l, v);
	if (g)
		lower_open(L, S_IF, false, "%s", g);
	if (wide > 1) {
		const char *elem[16], *ptr = lower_element(L, op, x, coord);
		int last = lower_last(l);

		for (int e = 0; e < wide; e++) {
			v[last] = arena_printf(L->a, "%d", e);
			elem[e] = lower_elem(L, from, l, v);
		}
		lower_wide_store(L, op, wide, elem, ptr);
	} else if (pairs) {
		const char *lo, *hi;
		int last = 2;

		v[last] = "0";
		lo = lower_elem(L, from, l, v);
		v[last] = "1";
		hi = lower_elem(L, from, l, v);
		if (dt == DT_F32)
			lower_code(L, "st_global_v2(%s, f32_bits(%s), f32_bits(%s));",
			           pair_pointer(L, op, l, base, v), lo, hi);
		else
			lower_code(L, "st_global_b32(%s, pack_%s(%s, %s));", pair_pointer(L, op, l, base, v),
			           ty, lo, hi);
	} else if (dt == DT_F32 || dt == DT_I32) {
		lower_code(L, "st_global_%s(%s, %s);", dt == DT_F32 ? "f32" : "i32",
		           lower_element(L, op, x, coord), lower_elem(L, from, l, v));
	} else {
		lower_code(L, "st_global_b16(%s, round_%s(%s));", lower_element(L, op, x, coord), ty,
		           lower_elem(L, from, l, v));
	}
	L->out = b;
}

void lower_store(Lower *L, Op *op)
{
	if (!lower_sweep(L, op) && !lower_store_image(L, op))
		lower_root_strips(L, op, lower_stored(op), lower_store_tile);
}
