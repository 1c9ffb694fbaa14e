/* lower_store.c -- tiles from registers to outputs, in the widest accesses that the layout, the
 * alignment and the end of the axis allow.
 */
#include "lower.h"

#include <string.h>

/* What is stored: the store itself rounds to the argument's dtype. */
static Op *stored(const Op *op)
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

/* Rows of 8 elements of 16 bits, out of 4 (or 2) adjacent cores: the lanes of a quad exchange what they
 * hold, so that each writes 16 (or 8) contiguous bytes and together whole 32-byte sectors. */
static void store_exchanged(Lower *L, Op *op, Op *from, const Layout *l, int n)
{
	Dtype dt = op->arg->dtype;
	const char *v[MAX_DIGITS] = { "0", "0", "0" }, *at[MAX_RANK], *lo, *hi, *g, *ptr;
	Op *x = op->src[0];
	Block *body = L->out;
	Layout m = *l;

	m.d[2].n = 1;
	for (int i = 3; i < m.nd; i++)
		if (m.d[i].hw == HW_LANE && m.d[i].dim == 1) {
			if (n == 4) {
				m.d[i].stride = 8;
			} else {
				m.d[i] = (Digit){ HW_LANE, 2, 1, 1, 8 };
				m.d[m.nd++] = (Digit){ HW_LANE, 2, 2, 1, 4 };
			}
			break;
		}
	if (l->d[0].n > 1) {
		lower_open(L, S_FOR, true, "int i = 0; i < %d; i++", l->d[0].n);
		v[0] = "i";
	}
	if (l->d[1].n > n) {
		lower_open(L, S_FOR, true, "int j = 0; j < %d; j += %d", l->d[1].n, n);
		v[1] = "j";
	}
	for (int d = 0; d < 2; d++)
		at[d] = layout_coord(L->a, &m, d, v);
	g = lower_guard(L, op, x, &m, at);
	ptr = lower_element(L, op, x, at);
	lower_scope(L, body);
	body = L->out;
	lower_code(L, "u32 x[%d];", n);
	lower_open(L, S_FOR, true, "int c = 0; c < %d; c++", n);
	v[1] = l->d[1].n > n ? "j + c" : "c";
	lo = lower_elem(L, from, l, v);
	v[2] = "1";
	hi = lower_elem(L, from, l, v);
	lower_code(L, "x[c] = pack_%s(%s, %s);", dt == DT_F16 ? "f16" : "bf16", lo, hi);
	L->out = body;
	lower_code(L, "%s_transpose(x);", n == 4 ? "quad" : "pair");
	if (g)
		lower_open(L, S_IF, false, "%s", g);
	if (n == 4)
		lower_code(L, "st_global_v4(%s, x[0], x[1], x[2], x[3]);", ptr);
	else
		lower_code(L, "st_global_v2(%s, x[0], x[1]);", ptr);
}

static void store_body(Lower *L, Op *op, const Layout *l)
{
	Op *x = op->src[0];
	Dtype dt = op->arg->dtype;
	const char *v[MAX_DIGITS], *coord[MAX_RANK], *g, *owner, *ty = dt == DT_F16 ? "f16" : "bf16";
	bool pairs = l->orient == ORIENT_N && x->rank == 2 && x->dim[1].n % 2 == 0 && dt != DT_I32 &&
	             whole_columns(L, op) && (dt == DT_F32 ? L->align >= 8 : L->align >= 4);
	int cores = l->d[1].n, group = cores % 4 == 0 && L->align >= 16 ? 4 : cores % 2 == 0 && L->align >= 8 ? 2 : 1;
	Block *b;
	Op *from = stored(op);
	int wide;

	lower_ensure(L, from, l);
	if (from->rank > 0 && !lower_find(L, from, l, false) && !op_is_elementwise(from))
		lower_need(L, from, l);
	owner = layout_owner(L->a, l, L->warps);
	b = L->out;
	if (owner)
		lower_open(L, S_IF, false, "%s", owner);
	if (pairs && dt != DT_F32 && group > 1 && x->dim[1].n % 8 == 0) {
		store_exchanged(L, op, from, l, group);
		L->out = b;
		return;
	}
	wide = lower_wide(op, x, l);
	lower_nest(L, l, pairs || wide > 1, v);
	for (int d = 0; d < x->rank; d++)
		coord[d] = layout_coord(L->a, l, d, v);
	g = lower_guard(L, op, x, l, coord);
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
			lower_code(L, "st_global_v2(%s, f32_bits(%s), f32_bits(%s));", lower_element(L, op, x, coord), lo,
			           hi);
		else
			lower_code(L, "st_global_b32(%s, pack_%s(%s, %s));", lower_element(L, op, x, coord), ty, lo, hi);
	} else if (dt == DT_F32 || dt == DT_I32) {
		lower_code(L, "st_global_%s(%s, %s);", dt == DT_F32 ? "f32" : "i32", lower_element(L, op, x, coord),
		           lower_elem(L, from, l, v));
	} else {
		lower_code(L, "st_global_b16(%s, round_%s(%s));", lower_element(L, op, x, coord), ty,
		           lower_elem(L, from, l, v));
	}
	L->out = b;
}

void lower_store(Lower *L, Op *op)
{
	lower_root_strips(L, op, stored(op), store_body);
}
