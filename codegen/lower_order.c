/* lower_order.c -- states over a grown dimension at the interface: the slots that fragments use
 * (facts.h) against the author's order and scales, as tables beside the kernel.
 */
#include "lower.h"

#include <string.h>

/* Where each slot lies in the author's order (-1: a dead slot), and its scale. */
typedef struct Order {
	short row[4096];
	double scale[4096]; /* the author's value over the slot's */
	double read[4096];  /* the same for readers: exact where DIAGONAL is rounded */
} Order;

/* `state`: of slots as a state holds them, DIAGONAL inside. */
static void order_fill(Lower *L, const Grow *g, Order *o, bool state)
{
	if (g->slots > 4096)
		diag_fail(L->k->diag, (Loc){L->k->file, 0},
		          "a state over %d features is too large; use a smaller D", g->n);
	for (int i = 0; i < g->slots; i++) {
		o->row[i] = -1;
		o->scale[i] = o->read[i] = 1;
	}
	for (int q = 0; q < g->npieces; q++) {
		const Piece *p = &g->piece[q];
		int d = 4 * p->groups;

		for (int i = 0; p->kind == PIECE_ELEM && q != g->linear && i < p->n; i++) {
			o->row[p->slot + i] = (short)(p->lo + i);
			o->scale[p->slot + i] = o->read[p->slot + i] = p->scale;
		}
		for (int I = 0; p->kind == PIECE_POW2 && I < p->groups; I++)
			for (int J = I; J < p->groups; J++)
				for (int s = 0; s < 16; s++) {
					int i = 4 * I + s / 2 % 4, j = 4 * J + 2 * (s / 8) + s % 2,
					    at = p->slot + 16 * grow_pair(p->groups, I, J) + s;

					if (i > j)
						continue;
					o->row[at] = (short)(p->lo + i * d - i * (i - 1) / 2 + j - i);
					o->scale[at] = o->read[at] = p->scale * (i < j ? 1.4142135623730951 : 1);
					if (state && lower_state_diagonal(p) && i == j) {
						o->scale[at] = p->scale * 1.4142135623730951;
						o->read[at] = p->scale / DIAGONAL;
					}
				}
	}
	for (int i = 0; g->linear >= 0 && i < g->piece[g->linear].n;
	     i++) { /* after POW2, whose dead slots they take */
		int at = g->piece[g->pow2].slot + 16 * (i / 4) + 2 * (2 + i % 4 / 2) + i % 2;

		o->row[at] = (short)(g->piece[g->linear].lo + i);
		o->scale[at] = o->read[at] = g->piece[g->linear].scale;
	}
	for (int q = 0; q < g->npieces; q++)
		if (g->piece[q].kind == PIECE_CONST) {
			o->row[g->piece[q].slot] = (short)g->piece[q].lo;
			o->scale[g->piece[q].slot] = o->read[g->piece[q].slot] = g->piece[q].scale;
		}
}

static void table_add(Lower *L, const char *name, const char *text)
{
	if (L->dev->ntables == MAX_TABLES)
		bug("too many tables");
	L->dev->table[L->dev->ntables++] = (Table){name, text};
}

static const char *order_tables(Lower *L, const Grow *g)
{
	const char *name;
	Text row = {.arena = L->a}, scale = {.arena = L->a};
	Order o;

	order_fill(L, g, &o, true);
	for (int i = 0; i < g->slots; i++) {
		text_add(&row, "%s%d", i == 0 ? "\n\t" : i % 16 ? ", " : ",\n\t", o.row[i]);
		text_add(&scale, "%s%s",
		         i == 0  ? "\n\t"
		         : i % 8 ? ", "
		                 : ",\n\t",
		         lower_number(L, o.scale[i]));
	}
	for (int i = 0; i < L->dev->ntables; i++)
		if (strstr(L->dev->table[i].text, row.s) && strstr(L->dev->table[i].text, scale.s))
			return L->dev->table[i].name;
	name = lower_name(L, arena_printf(L->a, "%s_order", L->dev->name));
	table_add(L, name,
	          arena_printf(L->a,
	                       "// feature slot -> row of the state (-1: unused), and the row's scale\n"
	                       "static __device__ const short %s_row[%d] = {%s\n};\n"
	                       "static __device__ const float %s_scale[%d] = {%s\n};",
	                       name, g->slots, row.s, name, g->slots, scale.s));
	return name;
}

/* Table of the products of both sides' scales, by slot; 0 for dead slots. */
const char *lower_weight_table(Lower *L, const Grow *right, const Grow *left, bool state)
{
	Order a, b;
	Text t = {.arena = L->a};
	const char *name;

	order_fill(L, right, &a, state);
	order_fill(L, left, &b, false);
	for (int i = 0; i < right->slots; i++)
		text_add(&t, "%s%s",
		         i == 0  ? "\n\t"
		         : i % 8 ? ", "
		                 : ",\n\t",
		         lower_number(L, a.row[i] < 0 ? 0 : a.read[i] * b.read[i]));
	for (int i = 0; i < L->dev->ntables; i++)
		if (strstr(L->dev->table[i].text, t.s))
			return L->dev->table[i].name;
	name = lower_name(L, arena_printf(L->a, "%s_weight", L->dev->name));
	table_add(L, name,
	          arena_printf(L->a,
	                       "// feature slot -> product of both sides' scales\n"
	                       "static __device__ const float %s[%d] = {%s\n};",
	                       name, right->slots, t.s));
	return name;
}

const double *lower_weights(Lower *L, const Grow *right, const Grow *left)
{
	Order *a = ARENA_NEW(L->a, Order), *b = ARENA_NEW(L->a, Order);
	double *w = ARENA_ARRAY(L->a, double, right->slots);

	order_fill(L, right, a, true);
	order_fill(L, left, b, false);
	for (int i = 0; i < right->slots; i++)
		w[i] = a->row[i] < 0 ? 0 : a->read[i] * b->read[i];
	return w;
}

static bool two_axes(const Op *io)
{
	int n = 0;

	for (int i = 0; i < io->arg->rank; i++)
		n += !(io->at[i] && io->at[i]->kind == RANGE_ONE);
	return n == 2;
}

typedef struct Cell {
	const char *v[MAX_DIGITS], *row, *col, *slot, *at;
	Block *saved;
} Cell;

/* Loops over the state's registers down to one element that exists; `tile` is [F, V] or [F]. */
static Cell cell_open(Lower *L, const Op *io, const Op *tile, const Version *w, const char *table,
                      int slots)
{
	bool thin = w->l.rank == 1;
	int cols = thin ? 1 : w->l.d[1].n * 8;
	Cell c;

	c.saved = lower_nest(L, &w->l, false, c.v);
	for (int i = 3; i < w->l.nd; i++)
		if (w->l.d[i].hw == HW_WARP && w->l.d[i].dim == 1)
			cols *= w->l.d[i].n;
	lower_scope(L, c.saved);
	/* without this, every element's address is computed first, and there are not the registers */
	lower_code(L, "compiler_fence();");
	c.slot = lower_name(L, "slot");
	c.at = lower_name(L, "row");
	lower_code(L, "const int %s = %s;", c.slot, layout_coord(L->a, &w->l, 0, c.v));
	if (thin || lower_covered(&w->l, 0) > slots)
		lower_open(L, S_IF, false, "%s < %d", c.slot, slots);
	lower_code(L, "const int %s = table_s16(%s_row + %s);", c.at, table, c.slot);
	c.row = lower_stride(L, io, 0);
	c.col = thin ? "0" : layout_coord(L->a, &w->l, 1, c.v);
	if (!thin && cols > tile->dim[1].n)
		lower_open(L, S_IF, false, "%s >= 0 && %s < %d", c.at, c.col, tile->dim[1].n);
	else
		lower_open(L, S_IF, false, "%s >= 0", c.at);
	return c;
}

static const char *cell_pointer(Lower *L, const Op *io, const Op *tile, const Cell *c)
{
	if (tile->rank == 1 || !two_axes(io))
		return arena_printf(L->a, "%s + %s%s", lower_pointer(L, io), c->at,
		                    strcmp(c->row, "1") ? arena_printf(L->a, " * %s", c->row) : "");
	if (tile->rank == 2 && tile->dim[1].range && tile->dim[1].range->kind != RANGE_WHOLE)
		return arena_printf(L->a, "%s + %s * %s + %s + %s", lower_pointer(L, io), c->at, c->row,
		                    lower_start(L, tile->dim[1].range), c->col);
	return arena_printf(L->a, "%s + %s * %s + %s", lower_pointer(L, io), c->at, c->row, c->col);
}

void lower_state_load(Lower *L, Op *state, Version *to)
{
	Op *load = state->src[0];
	const char *table;
	Cell c;

	while (load->code == OP_cast || load->code == OP_expand)
		load = load->src[0];
	if (load->code != OP_load)
		lower_cannot(L, state, "a state over features that starts from a computed tile");
	table = order_tables(L, lower_state_grow(L, state));
	c = cell_open(L, load, load, to, table, lower_state_grow(L, state)->slots);
	lower_code(L, "%s = %s / table_f32(%s_scale + %s);", lower_ref(L, to, &to->l, c.v),
	           lower_load_global(L, load->dtype, cell_pointer(L, load, load, &c)), table, c.slot);
	lower_nest_close(L, c.saved);
}

void lower_state_store(Lower *L, Op *store, Op *get, Version *from)
{
	const char *table = order_tables(L, lower_state_grow(L, get->src[0])), *owner, *v;
	Dtype dt = store->arg->dtype;
	Block *b = L->out;
	Op *x = store->src[0];
	Cell c;

	while (x->code == OP_cast)
		x = x->src[0];
	owner = layout_owner(L->a, &from->l, L->warps);
	if (owner)
		lower_open(L, S_IF, false, "%s", owner);
	c = cell_open(L, store, x, from, table, lower_state_grow(L, get->src[0])->slots);
	v = arena_printf(L->a, "%s * table_f32(%s_scale + %s)", lower_ref(L, from, &from->l, c.v),
	                 table, c.slot);
	if (dt != DT_F32)
		v = arena_printf(L->a,
		                 dt == DT_I32    ? "(int)(%s)"
		                 : dt == DT_BF16 ? "round_bf16(%s)"
		                                 : "round_f16(%s)",
		                 v);
	lower_code(L, "st_global_%s(%s, %s);",
	           dt == DT_F32   ? "f32"
	           : dt == DT_I32 ? "i32"
	                          : "b16",
	           cell_pointer(L, store, x, &c), v);
	L->out = b;
}
