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

/* Of slots as a tile has them; as a state holds them, DIAGONAL inside; as rows that read a state
 * have them, with the pairs' lift. */
typedef enum Side { SIDE_TILE, SIDE_STATE, SIDE_READER } Side;

static void order_fill(Lower *L, const Grow *g, Order *o, Side side)
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
					    at = p->slot + 16 * lower_pair(L, p->groups, I, J) + s;

					if (i > j)
						continue;
					o->row[at] = (short)(p->lo + i * d - i * (i - 1) / 2 + j - i);
					o->scale[at] = o->read[at] = p->scale * (i < j ? 1.4142135623730951 : 1);
					if (side == SIDE_READER)
						o->read[at] /= lower_pair_lift(L, p);
					if (side == SIDE_STATE && lower_state_diagonal(p) && i == j) {
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

	order_fill(L, g, &o, SIDE_STATE);
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

	order_fill(L, right, &a, state ? SIDE_STATE : SIDE_TILE);
	order_fill(L, left, &b, state ? SIDE_READER : SIDE_TILE);
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

	order_fill(L, right, a, SIDE_STATE);
	order_fill(L, left, b, SIDE_READER);
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

/* An element of a state at the interface: its registers' loops, outer those over slots. */
typedef struct Cell {
	const char *v[MAX_DIGITS], *slot, *at; /* slot NULL: `at` is always a row */
	Layout l;
	int wide; /* columns at once */
	Block *saved;
} Cell;

static void open_digits(Lower *L, Cell *c, int dim)
{
	static const char *const names[] = {"i", "j", "e", "h", "x", "y"};

	for (int i = 0, r = 0; i < c->l.nd; i++) {
		const Digit *d = &c->l.d[i];

		if (d->hw != HW_REG)
			continue;
		if (d->dim == dim && (d->n == 1 || (dim == 1 && d->stride == 1 && d->n == c->wide)))
			c->v[r] = "0";
		else if (d->dim == dim)
			lower_open(L, S_FOR, true, "int %s = 0; %s < %d; %s++", c->v[r] = names[r], names[r],
			           d->n, names[r]);
		r++;
	}
}

/* For each slot this thread holds that is a row of the state. */
static Cell rows_open(Lower *L, const Version *w, const char *table, int slots)
{
	Cell c = {.l = w->l, .wide = 1, .saved = L->out};

	open_digits(L, &c, 0);
	lower_scope(L, c.saved);
	/* without this, every row's address is computed first, and there are not the registers */
	lower_code(L, "compiler_fence();");
	c.slot = lower_name(L, "slot");
	c.at = lower_name(L, "row");
	lower_code(L, "const int %s = %s;", c.slot, layout_coord(L->a, &c.l, 0, c.v));
	if (c.l.rank == 1 || lower_covered(&c.l, 0) > slots)
		lower_open(L, S_IF, false, "%s < %d", c.slot, slots);
	lower_code(L, "const int %s = table_s16(%s_row + %s);", c.at, table, c.slot);
	return c;
}

/* For its columns that exist: the pointer to the first of `wide`. */
static const char *columns_open(Lower *L, Cell *c, const Op *io, const Op *tile)
{
	const char *stride = lower_stride(L, io, 0), *p = lower_pointer(L, io), *col;
	int cols = 8;

	if (strcmp(stride, "1"))
		stride = arena_printf(L->a, "%s * %s", c->at, stride);
	else
		stride = c->at;
	if (c->l.rank == 1) {
		lower_open(L, S_IF, false, "%s >= 0", c->at);
		return arena_printf(L->a, "%s + %s", p, stride);
	}
	if (L->align >= 8 && tile->rank == 2 && tile->dim[1].n % 2 == 0 && two_axes(io))
		for (int i = 0; i < c->l.nd; i++)
			if (c->l.d[i].hw == HW_REG && c->l.d[i].dim == 1 && c->l.d[i].stride == 1 &&
			    c->l.d[i].n == 2)
				c->wide = 2;
	for (int i = 0; i < c->l.nd; i++)
		if (c->l.d[i].dim == 1 && (c->l.d[i].hw == HW_WARP || i == 1))
			cols *= c->l.d[i].n;
	if (c->slot)
		lower_open(L, S_IF, false, "%s >= 0", c->at);
	open_digits(L, c, 1);
	col = layout_coord(L->a, &c->l, 1, c->v);
	if (tile->rank == 2 && cols > tile->dim[1].n)
		lower_open(L, S_IF, false, "%s < %d", col, tile->dim[1].n);
	if (tile->rank == 1 || !two_axes(io))
		return arena_printf(L->a, "%s + %s", p, stride);
	if (tile->dim[1].range && tile->dim[1].range->kind != RANGE_WHOLE)
		return arena_printf(L->a, "%s + %s + %s + %s", p, stride,
		                    lower_start(L, tile->dim[1].range), col);
	return arena_printf(L->a, "%s + %s + %s", p, stride, col);
}

/* The cell's registers, one expression for each of `wide`. */
static void elements(Lower *L, const Cell *c, const Version *w, const char **elem)
{
	const char *v[MAX_DIGITS];

	for (int e = 0; e < c->wide; e++) {
		for (int i = 0, r = 0; i < c->l.nd; i++)
			if (c->l.d[i].hw == HW_REG) {
				bool pair = c->wide > 1 && c->l.d[i].dim == 1 && c->l.d[i].stride == 1;

				v[r] = pair && e ? "1" : c->v[r];
				r++;
			}
		elem[e] = lower_ref(L, w, &c->l, v);
	}
}

/* "[i]..." over the registers' loops along the slots, or their numbers. */
static const char *row_index(Lower *L, const Cell *c, bool count)
{
	Text s = {.arena = L->a};

	for (int i = 0, r = 0; i < c->l.nd; i++)
		if (c->l.d[i].hw == HW_REG) {
			if (c->l.d[i].dim == 0 && count)
				text_add(&s, "[%d]", c->l.d[i].n);
			else if (c->l.d[i].dim == 0)
				text_add(&s, "[%s]", c->v[r]);
			r++;
		}
	return s.len ? s.s : "";
}

/* A slot that its table has, whatever the thread's is. */
static const char *slot_in(Lower *L, const Cell *c, int slots)
{
	const char *at = layout_coord(L->a, &c->l, 0, c->v), *name;

	if (lower_covered(&c->l, 0) <= slots)
		return at;
	name = lower_name(L, "slot");
	lower_code(L, "const int %s = %s;", name, at);
	return arena_printf(L->a, "(%s < %d ? %s : 0)", name, slots, name);
}

/* Which row each of the thread's slots is, -1 for none: an array. Slots beyond the last, which
 * nobody reads, are taken for the first. */
static const char *rows_of(Lower *L, const Version *w, const char *table, int slots)
{
	const char *rows = lower_name(L, arena_printf(L->a, "%s_row", w->name)), *slot;
	Cell c = {.l = w->l, .saved = L->out};

	lower_code(L, "int %s%s;", rows, row_index(L, &c, true));
	open_digits(L, &c, 0);
	slot = slot_in(L, &c, slots);
	lower_code(L, "%s%s = table_s16(%s_row + %s);", rows, row_index(L, &c, false), table, slot);
	L->out = c.saved;
	return rows;
}

/* A matrix: all rows' numbers, then all that is loaded, is asked for before anything is waited
 * for. No load is behind a branch, at whose end ptxas would wait for it: slots of no row load the
 * first. */
static void load_rows(Lower *L, Op *load, Version *to, const char *table, int slots)
{
	const char *rows = rows_of(L, to, table, slots), *elem[2], *p, *back;
	Cell c = {.l = to->l, .wide = 1, .saved = L->out};

	open_digits(L, &c, 0);
	lower_scope(L, c.saved);
	/* without this, every row's address is computed first, and there are not the registers */
	lower_code(L, "compiler_fence();");
	c.at = lower_name(L, "row");
	lower_code(L, "const int %s = %s%s < 0 ? 0 : %s%s;", c.at, rows, row_index(L, &c, false), rows,
	           row_index(L, &c, false));
	p = columns_open(L, &c, load, load);
	elements(L, &c, to, elem);
	if (c.wide > 1)
		lower_wide_load(L, load, c.wide, elem, p);
	else
		lower_code(L, "%s = %s;", elem[0], lower_load_global(L, load->dtype, p));
	L->out = c.saved;
	c.wide = 1;
	open_digits(L, &c, 0);
	lower_scope(L, c.saved);
	lower_code(L, "compiler_fence();");
	back = lower_name(L, "back");
	p = slot_in(L, &c, slots);
	lower_code(L, "const float %s = recip_fast(table_f32(%s_scale + %s));", back, table, p);
	open_digits(L, &c, 1);
	elements(L, &c, to, elem);
	lower_code(L, "%s = %s%s < 0 ? 0.0f : %s * %s;", elem[0], rows, row_index(L, &c, false),
	           elem[0], back);
	L->out = c.saved;
}

/* Sums of mma.sync leave so few registers that the rows' numbers cost 1% on an H200 (B = 16). */
static bool by_rows(Lower *L, const Layout *l)
{
	return l->rank == 2 && L->dev->gpu->wgmma;
}

/* Whether every register of the state is loaded, and so needs no zero before. */
bool lower_state_whole(Lower *L, const Op *state, const Layout *l)
{
	return by_rows(L, l) && lower_covered(l, 1) <= state->dim[1].n;
}

/* All that it loads is in flight before any of it is scaled. */
void lower_state_load(Lower *L, Op *state, Version *to)
{
	Op *load = state->src[0];
	const char *table, *elem[2], *p, *back;
	int slots;
	Cell c;

	while (load->code == OP_cast || load->code == OP_expand)
		load = load->src[0];
	if (load->code != OP_load)
		lower_cannot(L, state, "a state over features that starts from a computed tile");
	table = order_tables(L, lower_state_grow(L, state));
	slots = lower_state_grow(L, state)->slots;
	if (by_rows(L, &to->l)) {
		load_rows(L, load, to, table, slots);
		return;
	}
	c = rows_open(L, to, table, slots);
	p = columns_open(L, &c, load, load);
	elements(L, &c, to, elem);
	if (c.wide > 1)
		lower_wide_load(L, load, c.wide, elem, p);
	else
		lower_code(L, "%s = %s;", elem[0], lower_load_global(L, load->dtype, p));
	L->out = c.saved;
	c = rows_open(L, to, table, slots);
	back = lower_name(L, "back");
	lower_code(L, "const float %s = %s >= 0 ? recip_fast(table_f32(%s_scale + %s)) : 0.0f;", back,
	           c.at, table, c.slot);
	open_digits(L, &c, 1);
	elements(L, &c, to, elem);
	lower_code(L, "%s *= %s;", elem[0], back);
	L->out = c.saved;
}

void lower_state_store(Lower *L, Op *store, Op *get, Version *from)
{
	const char *table = order_tables(L, lower_state_grow(L, get->src[0])), *owner, *elem[2], *p,
	           *scale, *scaled[2];
	Dtype dt = store->arg->dtype;
	Block *b = L->out;
	Op *x = store->src[0];
	Cell c;

	while (x->code == OP_cast)
		x = x->src[0];
	owner = layout_owner(L->a, &from->l, L->warps);
	if (owner)
		lower_open(L, S_IF, false, "%s", owner);
	c = rows_open(L, from, table, lower_state_grow(L, get->src[0])->slots);
	scale = lower_name(L, "scale");
	lower_code(L, "const float %s = table_f32(%s_scale + %s);", scale, table, c.slot);
	p = columns_open(L, &c, store, x);
	elements(L, &c, from, elem);
	for (int e = 0; e < c.wide; e++)
		scaled[e] = arena_printf(L->a, "%s * %s", elem[e], scale);
	if (c.wide > 1)
		lower_wide_store(L, store, c.wide, scaled, p);
	else
		lower_code(
		    L, "st_global_%s(%s, %s);",
		    dt == DT_F32   ? "f32"
		    : dt == DT_I32 ? "i32"
		                   : "b16",
		    p,
		    dt == DT_BF16 || dt == DT_F16
		        ? arena_printf(L->a, "round_%s(%s)", dt == DT_F16 ? "f16" : "bf16", scaled[0])
		        : scaled[0]);
	L->out = b;
}
