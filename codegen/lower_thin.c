/* lower_thin.c -- thin states: one column over a grown dimension (a denominator).
 *
 * As an accumulator such a state would waste an mma's columns in every warp. It is kept one slot a
 * thread instead. An update sums the features over the chunk with products against a column of
 * ones, each warp a share of the tokens, and the warps' sums meet in shared memory; a read rounds
 * the state, scales applied, into shared memory, from where it is an operand of two columns, the
 * value and what rounding took off it.
 */
#include "lower.h"

#include <string.h>

bool lower_is_thin(Lower *L, const Op *state)
{
	return L->f->op[state->id].unscaled && state->dim[1].n == 1;
}

static int slots_of(Lower *L, const Op *state)
{
	return L->f->class[facts_class(L->f, state, 0)].grow->slots;
}

Layout lower_thin_layout(Lower *L, const Op *state)
{
	int slots = slots_of(L, state);

	return lower_is_beside(L, state) ? lower_beside_layout(L, slots)
	                                 : lower_thread_layout(L, slots);
}

/* Opens "for each slot this thread holds". */
static Block *slots_open(Lower *L, const Version *w, int slots, const char **v)
{
	Block *saved = lower_nest(L, &w->l, false, v), *body;

	lower_scope(L, saved);
	lower_code(L, "const int slot = %s;", layout_coord(L->a, &w->l, 0, v));
	body = lower_open(L, S_IF, false, "slot < %d", slots);
	body->last->atomic = true;
	return saved;
}

/* w += the sum over rows of the grown tile behind dot's left operand, weighted by its right. */
void lower_thin_update(Lower *L, Version *w, Op *dot)
{
	bool sw = false;
	Op *x = op_base(dot->src[0], &sw), *ones = dot->src[1];
	const Grow *g = grow_parse(L->a, x);
	int cores = facts_dim(L->f, x, 0).cores * facts_dim(L->f, x, 0).warps, steps = cores / 2;
	int parts = steps < L->warps ? steps : L->warps;
	Layout rows = layout_core(ORIENT_T, (Split){cores, 1, 1}, (Split){g->slots / 8, 1, 1});
	Layout col = layout_core(ORIENT_T, (Split){cores, 1, 1}, (Split){1, 1, 1});
	const char *name = lower_name(L, arena_printf(L->a, "%s_part", w->name)), *v[MAX_DIGITS],
	           *one[2], *at;
	Buffer *buf = dev_buffer(L->dev, name, L->warps, g->slots, 4, 1);
	Block *saved = L->out, *step;
	Stmt *loop;
	Leaf leaf;

	if (!g || !sw)
		lower_cannot(L, dot, "a column over features updated by something other than their sum");
	lower_ensure(L, ones, &col);
	lower_open(L, S_FOR, false, "int k = warp; k < %d; k += %d", steps, L->warps);
	loop = saved->last;
	loop->atomic = true;
	for (int h = 0; h < 2; h++) {
		v[0] = h ? "(2 * k + 1)" : "(2 * k)";
		v[1] = "0";
		v[2] = "0";
		at = lower_elem(L, ones, &col, v);
		v[2] = "1";
		one[h] = lower_name(L, "one");
		lower_code(L, "const u32 %s = %s;", one[h],
		           lower_pack(L, at, lower_elem(L, ones, &col, v)));
	}
	leaf = lower_leaf(L, g, ORIENT_T, &rows, "2 * k", 2, false);
	leaf.state = true;
	step = L->out;
	for (int q = 0; q < g->npieces; q++) {
		const Piece *p = &g->piece[q];

		for (int part = 0; part < lower_piece_parts(p); part++) {
			const char *s = lower_piece_loops(L, p, part);

			lower_code(L, "float lo[2] = { 0.0f, 0.0f }, hi[2] = { 0.0f, 0.0f };");
			lower_code(L, "mma_%s(lo, hi, %s, %s, %s, %s, %s, %s);", L->f16 ? "f16" : "bf16",
			           lower_form_piece(L, &leaf, q, part, "0", s, "0"),
			           lower_form_piece(L, &leaf, q, part, "0", s, "1"),
			           lower_form_piece(L, &leaf, q, part, "1", s, "0"),
			           lower_form_piece(L, &leaf, q, part, "1", s, "1"), one[0], one[1]);
			lower_code(L, "const u32 at = %s + %d * warp + 4 * (%d + 16 * (%s) + g);", name,
			           buf->pbytes, p->kind == PIECE_POW2 ? 0 : p->slot, s);
			lower_open(L, S_IF, false, "t == 0");
			for (int h = 0; h < 2; h++) {
				const char *a = h ? "at + 32" : "at", *d = h ? "hi[0]" : "lo[0]";

				if (steps > L->warps)
					lower_code(L, "st_shared_f32(%s, k < %d ? %s : ld_shared_f32(%s) + %s);", a,
					           L->warps, d, a, d);
				else
					lower_code(L, "st_shared_f32(%s, %s);", a, d);
			}
			L->out = step;
		}
	}
	dev_access(loop, buf, ACC_WRITE);
	L->out = saved;
	slots_open(L, w, g->slots, v);
	lower_open(L, S_FOR, true, "int x = 0; x < %d; x++", parts);
	dev_access(lower_code(L, "%s += ld_shared_f32(%s + %d * x + 4 * slot);",
	                      lower_ref(L, w, &w->l, v), name, buf->pbytes),
	           buf, ACC_READ);
	L->out = saved;
}

/* The state of `get`, times both sides' scales, in shared memory as the sum of two 16-bit values: a
 * denominator rounded once to 16 bits would spoil every row alike. Slot s of the first part lies at
 * 2 s, of the second 2 * slots later; they are columns 0 and 1 of the operand. */
Buffer *lower_thin_publish(Lower *L, Op *get, const Grow *left)
{
	Layout none = {.rank = 1, .orient = ORIENT_NONE};
	Op *state = get->src[0];
	int slots = slots_of(L, state);
	const char *ty = L->f16 ? "f16" : "bf16";
	const char *name, *v[MAX_DIGITS], *table;
	const Version *w = L->versions;
	Buffer *buf;
	Block *saved, *b;
	int scope;

	for (int i = 0; i < L->nhomes; i++)
		if (L->home_op[i] == get)
			return L->home_buf[i];
	while (w && w->op != state)
		w = w->next;
	if (!w)
		lower_cannot(L, get, "a state read outside its scope");
	name = lower_name(L, arena_printf(L->a, "%s_h", w->name));
	buf = dev_buffer(L->dev, name, 1, 2 * slots, 2, 1);
	buf->used_cols = buf->cols;
	table = lower_weight_table(L, lower_state_grow(L, state), left, true);
	saved = lower_hoist(L, &none, &scope);
	b = slots_open(L, w, slots, v);
	b->last->atomic = true;
	lower_code(L, "const float x = %s * table_f32(%s + slot);", lower_ref(L, w, &w->l, v), table);
	lower_code(L, "const b16 x_hi = round_%s(x);", ty);
	dev_access(lower_code(L, "st_shared_b16(%s + 2 * slot, x_hi);", name), buf, ACC_WRITE);
	lower_code(L, "st_shared_b16(%s + %d + 2 * slot, round_%s(x - widen_%s(x_hi)));", name,
	           2 * slots, ty, ty);
	L->out = saved;
	L->scope = scope;
	if (L->nhomes < MAX_BUFFERS) {
		L->home_op[L->nhomes] = get;
		L->home_buf[L->nhomes] = buf;
		L->homes[L->nhomes++] = name;
	}
	return buf;
}

/* A grown tile's cores, whole, each value times its slot's weight in `table`: for a product of two
 * grown tiles, which has no state to take the scales. */
Version *lower_form_all(Lower *L, Op *x, const Layout *own, const char *table)
{
	const Grow *g = grow_parse(L->a, x);
	const char *f = L->f16 ? "f16" : "bf16";
	int rows = own->d[0].n, scope;
	Block *saved = lower_hoist(L, own, &scope), *outer;
	Version *w = lower_declare(L, x, own, true, NULL);
	Leaf leaf = lower_leaf(L, g, own->orient, own, "0", rows, false);

	outer = L->out;
	for (int q = 0; q < g->npieces; q++) {
		const Piece *p = &g->piece[q];

		for (int part = 0; part < lower_piece_parts(p); part++) {
			const char *s, *core;

			lower_open(L, S_FOR, true, "int r = 0; r < %d; r++", rows);
			s = lower_piece_loops(L, p, part);
			core = p->kind != PIECE_POW2 && p->slot ? arena_printf(L->a, "%d + %s", p->slot / 16, s)
			                                        : s;
			for (int h = 0; h < 2; h++) {
				const char *y = lower_name(L, "y"), *slot = lower_name(L, "slot");

				lower_code(L, "const u32 %s = %s;", y,
				           lower_form_piece(L, &leaf, q, part, "r", s, h ? "1" : "0"));
				lower_code(L, "const int %s = 16 * (%s) + %d + %s;", slot, core, 8 * h,
				           own->orient == ORIENT_N ? "2 * t" : "g");
				lower_code(L,
				           "%s[r][2 * (%s) + %d] = pack_%s(%s_lo(%s) * table_f32(%s + %s), "
				           "%s_hi(%s) * table_f32(%s + %s%s));",
				           w->name, core, h, f, f, y, table, slot, f, y, table, slot,
				           own->orient == ORIENT_N ? " + 1" : "");
			}
			L->out = outer;
		}
	}
	L->out = saved;
	L->scope = scope;
	return w;
}
