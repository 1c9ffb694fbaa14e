/* lower_rows.c -- tiles a row at a time: each element of a thread's rows as one C expression, its
 * column a number known to the compiler.
 *
 * What a grown tile's elements are made of is loaded once, in the widest accesses its rows allow,
 * into arrays of which every index is a number. Pieces, pairs and pieces' bounds are resolved
 * here, so that nothing of them is left in the text; an element that is a product of two others
 * and of numbers costs a multiplication, the numbers being one factor of the element on the left,
 * multiplied once and kept (Term).
 *
 * A row beyond the tile's end is another row read again: its elements go nowhere.
 */
#include "lower_rows.h"

#include <math.h>
#include <string.h>

/* -- what is taken --------------------------------------------------------------------------- */

typedef struct Census {
	const Op *op[256];
	int n;
	RowsFit *fit;
} Census;

static bool takes(Lower *L, const Op *op, const Range *rows, int nrows, bool beside, Census *c);

static bool takes_load(Lower *L, const Op *op, const Range *rows, int nrows, bool beside, Census *c)
{
	int bytes = dtype_bytes(op->dtype);
	const Range *cols;

	if (op->dtype == DT_I32 || lower_staged(L, op) || lower_io_range(op, 0) != rows ||
	    op->dim[0].n != nrows || op->rank != (beside ? 1 : 2))
		return false;
	if (beside)
		return true;
	cols = lower_io_range(op, 1);
	if ((cols && cols->kind != RANGE_WHOLE) || strcmp(lower_stride(L, op, 1), "1") != 0)
		return false;
	if (op->dim[1].n * bytes % 8 && op->dim[1].n * bytes > 16) {
		if (c->fit->nragged == MAX_INPUTS)
			return false;
		c->fit->ragged[c->fit->nragged++] = op;
	}
	return true;
}

/* Elements of a row are made of the same row alone. `beside`: of one number a row. */
static bool takes(Lower *L, const Op *op, const Range *rows, int nrows, bool beside, Census *c)
{
	for (int i = 0; i < c->n; i++)
		if (c->op[i] == op)
			return true;
	if (c->n == 256)
		return false;
	c->op[c->n++] = op;
	switch (op->code) {
	case OP_const_:
	case OP_full:
	case OP_scalar:
		return true;
	case OP_index:
	case OP_live:
		return beside;
	case OP_load:
		return takes_load(L, op, rows, nrows, beside, c);
	case OP_expand:
		return op->rank == 2 && op->axis_dim == 1 && !beside &&
		       takes(L, op->src[0], rows, nrows, true, c);
	case OP_concat:
	case OP_sympow2:
	case OP_slice:
		c->fit->grown = true;
		break;
	default:
		if (!op_is_elementwise(op) || op->code == OP_transpose)
			return false;
	}
	if (op->rank && (op->rank != (beside ? 1 : 2) || op->dim[0].n != nrows))
		return false;
	for (int i = 0; i < op->nsrc; i++)
		if (!takes(L, op->src[i], rows, nrows, beside, c))
			return false;
	return true;
}

/* Whether everything but numbers is for this tile alone, so that nothing is read twice. */
static bool alone(Lower *L, const Census *c, const Op *root)
{
	for (int i = 0; i < c->n; i++) {
		int n = 0;

		if (c->op[i]->rank == 0 || c->op[i] == root || lower_trivial(c->op[i]))
			continue;
		for (int j = 0; j < c->n; j++)
			for (int s = 0; s < c->op[j]->nsrc; s++)
				n += c->op[j]->src[s] == c->op[i];
		if (n != L->f->op[c->op[i]->id].uses)
			return false;
	}
	return true;
}

bool rows_fit(Lower *L, const Op *x, const Range *rows, RowsFit *fit)
{
	Census c = {.n = 0, .fit = fit};

	*fit = (RowsFit){.grown = false};
	return x->rank == 2 && takes(L, x, rows, x->dim[0].n, false, &c) &&
	       (fit->grown || alone(L, &c, x));
}

/* -- elements kept in registers -------------------------------------------------------------- */

/* An array [row][column] of k times op's elements, made as they are asked for. */
struct Held {
	const Op *op;
	double k;
	const char *name;
	bool *have;
	struct Held *next;
};

typedef struct Atom {
	const Op *op;
	int row, col;
} Atom;

/* k times what `text` says, or times the product of n atoms. */
typedef struct Term {
	double k;
	int n;
	Atom atom[2];
	const char *text;
} Term;

static Term term(Rows *r, Op *op, int row, int col);
static Term spelt(Rows *r, Op *op, int row, int col);
static const char *term_text(Rows *r, Term t);

static struct Held *held(Rows *r, const Op *op, double k)
{
	struct Held *h;
	int cols = op->rank == 2 ? op->dim[1].n : 1;
	const char *of = op->name ? op->name : op->code == OP_load ? op->arg->name : "part";
	Block *saved = r->L->out;

	for (h = r->held; h; h = h->next)
		if (h->op == op && h->k == k)
			return h;
	h = ARENA_NEW(r->L->a, struct Held);
	h->op = op;
	h->k = k;
	h->have = arena_alloc(r->L->a, (size_t)(r->cut->per * cols) * sizeof *h->have);
	memset(h->have, 0, (size_t)(r->cut->per * cols) * sizeof *h->have);
	h->name = lower_name(r->L, arena_printf(r->L->a, "%s_%s", of, k == 1 ? "e" : "k"));
	h->next = r->held;
	r->held = h;
	r->L->out = &r->loads;
	lower_code(r->L, "float %s[%d][%d];", h->name, r->cut->per, cols);
	for (int i = 0; i < r->cut->nin; i++)
		if (k == 1 && r->cut->in[i].io == op && r->cut->in[i].width > r->cut->in[i].elem)
			lower_code(r->L, "u32 %s_w[%d];", h->name, r->cut->per * r->cut->in[i].bytes / 4);
	r->L->out = saved;
	return h;
}

/* The row of an argument that a thread's row is, or the last one there is. */
static const char *clamped(Rows *r, const Op *load, int row)
{
	Lower *L = r->L;
	const Range *x = lower_io_range(load, 0);

	if (r->at[row])
		return r->at[row];
	if (x && x->kind != RANGE_WHOLE) {
		const char *at = arena_printf(L->a, "%s + %s", lower_start(L, x), r->row[row]);
		const char *end = lower_size(L, x, 0);

		at = arena_printf(L->a, "%s < %s ? %s : %s - 1", at, end, at, end);
		r->at[row] = lower_name(L, "row_at");
		lower_code(L, "const int %s = %s;", r->at[row], at);
	} else if (r->reach > load->dim[0].n) {
		r->at[row] = lower_name(L, "row_at");
		lower_code(L, "const int %s = %s < %d ? %s : %d;", r->at[row], r->row[row], load->dim[0].n,
		           r->row[row], load->dim[0].n - 1);
	} else {
		r->at[row] = r->row[row];
	}
	return r->at[row];
}

/* Elements of a row that one access moves. */
static int load_width(Lower *L, const Op *load)
{
	int bytes = dtype_bytes(load->dtype), n = 16 / bytes;

	while (n > 1 && (load->dim[1].n % n || n * bytes > L->align))
		n /= 2;
	return n * bytes < 4 ? 1 : n;
}

/* From the image that the load's rows lie in, just before it is used. */
static void load_image(Rows *r, const Image *m, struct Held *h, int row, int col)
{
	Lower *L = r->L;
	int n = m->width / m->elem, first = (row * m->cols + col) / n * n;
	const char *ty = m->io->dtype == DT_F16 ? "f16" : "bf16", *word,
	           *at = arena_printf(L->a, "%s + %d", m->unit, first * m->elem);
	Stmt *st;

	for (int e = first; e < first + n; e++)
		h->have[e] = true;
	r->words += L->f->op[m->io->id].uses > 1;
	if (n > 1) {
		word = arena_printf(L->a, "%s_w[%d]", h->name, first / n);
		st = lower_code(L, "%s = ld_shared_b32(%s);", word, at);
		image_access(r->cut, m, st, ACC_READ);
		for (int e = 0; e < n; e++)
			lower_code(L, "%s[%d][%d] = %s_%s(%s);", h->name, (first + e) / m->cols,
			           (first + e) % m->cols, ty, e ? "hi" : "lo", word);
	} else {
		word = m->elem == 4 ? arena_printf(L->a, "ld_shared_f32(%s)", at)
		                    : arena_printf(L->a, "widen_%s(ld_shared_b16(%s))", ty, at);
		st = lower_code(L, "%s[%d][%d] = %s;", h->name, row, col, word);
		image_access(r->cut, m, st, ACC_READ);
	}
}

static void load_unit(Rows *r, const Op *load, struct Held *h, int row, int col)
{
	Lower *L = r->L;
	Block *saved = L->out;
	int n = load->rank == 2 ? load_width(L, load) : 1, cols = load->rank == 2 ? load->dim[1].n : 1;
	const char *elem[16], *at;

	for (int i = 0; i < r->cut->nin; i++)
		if (r->cut->in[i].io == load) {
			load_image(r, &r->cut->in[i], h, row, col);
			return;
		}
	L->out = &r->loads;
	at = arena_printf(L->a, "%s + (i64)(%s) * %s", lower_pointer(L, load), clamped(r, load, row),
	                  lower_stride(L, load, 0));
	col = col / n * n;
	if (col)
		at = arena_printf(L->a, "%s + %d", at, col);
	r->words += (n * dtype_bytes(load->dtype) + 3) / 4;
	for (int e = 0; e < n; e++) {
		elem[e] = arena_printf(L->a, "%s[%d][%d]", h->name, row, col + e);
		h->have[row * cols + col + e] = true;
	}
	if (n > 1)
		lower_wide_load(L, load, n, elem, at);
	else if (load->dtype == DT_F32)
		lower_code(L, "%s = ld_global_f32(%s);", elem[0], at);
	else
		lower_code(L, "%s = widen_%s(ld_global_b16(%s));", elem[0],
		           load->dtype == DT_F16 ? "f16" : "bf16", at);
	L->out = saved;
}

static const char *children(Rows *r, Op *op, int row, int col)
{
	const char *x[3];

	for (int i = 0; i < op->nsrc; i++) {
		Op *s = op->src[i];

		x[i] =
		    arena_printf(r->L->a, "(%s)",
		                 term_text(r, term(r, s, row, s->rank == 2 && s->dim[1].n == 1 ? 0 : col)));
	}
	return lower_combine(r->L, op, x);
}

/* k times an element, in a register. */
static const char *atom_text(Rows *r, Atom a, double k)
{
	Op *op = (Op *)a.op;
	struct Held *h = held(r, op, k);
	int cols = op->rank == 2 ? op->dim[1].n : 1;
	const char *name = arena_printf(r->L->a, "%s[%d][%d]", h->name, a.row, a.col);

	if (h->have[a.row * cols + a.col])
		return name;
	if (k != 1)
		lower_code(r->L, "%s = %s * %s;", name, atom_text(r, a, 1), lower_number(r->L, k));
	else if (op->code == OP_load)
		load_unit(r, op, h, a.row, a.col);
	else {
		lower_code(r->L, "%s = %s;", name, term_text(r, spelt(r, op, a.row, a.col)));
		r->words++;
	}
	h->have[a.row * cols + a.col] = true;
	return name;
}

/* -- elements as products of numbers and at most two others ----------------------------------- */

static const char *term_text(Rows *r, Term t)
{
	Lower *L = r->L;

	if (t.text || t.n == 0) {
		if (!t.text)
			return lower_number(L, t.k);
		return t.k == 1 ? t.text : arena_printf(L->a, "%s * %s", t.text, lower_number(L, t.k));
	}
	if (t.n == 1 && t.k == 1)
		return atom_text(r, t.atom[0], 1);
	if (t.n == 1)
		return arena_printf(L->a, "%s * %s", atom_text(r, t.atom[0], 1), lower_number(L, t.k));
	if (t.k != 1 && t.atom[0].op == t.atom[1].op && t.atom[0].col == t.atom[1].col) {
		const char *x = atom_text(r, t.atom[0], 1);

		return arena_printf(L->a, "%s * %s * %s", x, lower_number(L, t.k), x);
	}
	return arena_printf(L->a, "%s * %s", atom_text(r, t.atom[0], t.k), atom_text(r, t.atom[1], 1));
}

static Term product(Rows *r, Term x, Term y)
{
	if ((x.text && y.n) || (y.text && x.n) || (x.text && y.text) || x.n + y.n > 2)
		return (Term){
		    .k = 1, .text = arena_printf(r->L->a, "(%s) * (%s)", term_text(r, x), term_text(r, y))};
	x.k *= y.k;
	if (!x.text)
		x.text = y.text;
	for (int i = 0; i < y.n; i++)
		x.atom[x.n++] = y.atom[i];
	return x;
}

static Term atom(const Op *op, int row, int col)
{
	return (Term){.k = 1, .n = 1, .atom = {{op, row, col}}};
}

/* An element that others are made of: a number times one, or kept. */
static Term part(Rows *r, Op *op, int row, int col)
{
	Term t = term(r, op, row, col);

	return t.n <= 1 && !t.text ? t : atom(op, row, col);
}

/* The element in terms of its sources'. */
static Term spelt(Rows *r, Op *op, int row, int col)
{
	Lower *L = r->L;
	double v;

	if (op_is_const(op, &v) && op->dtype != DT_I32 && isfinite(v))
		return (Term){.k = v};
	switch (op->code) {
	case OP_load:
		return atom(op, row, op->rank == 2 ? col : 0);
	case OP_const_:
	case OP_full:
	case OP_scalar:
		return (Term){.k = 1, .text = lower_elem(L, op, NULL, NULL)};
	case OP_index:
		return (Term){.k = 1,
		              .text =
		                  arena_printf(L->a, "(%s + %s)", lower_start(L, op->range), r->row[row])};
	case OP_live:
		return (Term){.k = 1,
		              .text = !op->dim[0].range || op->dim[0].range->kind == RANGE_WHOLE
		                          ? arena_printf(L->a, "(%s < %d)", r->row[row], op->dim[0].n)
		                          : arena_printf(L->a, "(%s < %s_live)", r->row[row],
		                                         lower_start(L, op->dim[0].range))};
	case OP_expand:
		return part(r, op->src[0], row, 0);
	case OP_slice:
		return term(r, op->src[0], row, col + op->lo);
	case OP_concat:
		for (int i = 0;; i++) {
			int n = op->src[i]->dim[op->src[i]->rank - 1].n;

			if (col < n)
				return term(r, op->src[i], row, col);
			col -= n;
		}
	case OP_sympow2: {
		int i = 0, n = op->src[0]->dim[1].n;
		Term t;

		for (; col >= n - i; i++)
			col -= n - i;
		t = product(r, part(r, op->src[0], row, i), part(r, op->src[0], row, i + col));
		t.k *= col ? sqrt(2) : 1;
		return t;
	}
	case OP_mul: {
		Op *x = op->src[0], *y = op->src[1];

		return product(r, term(r, x, row, x->rank == 2 && x->dim[1].n == 1 ? 0 : col),
		               term(r, y, row, y->rank == 2 && y->dim[1].n == 1 ? 0 : col));
	}
	case OP_div:
		if (op_is_const(op->src[1], &v) && v != 0) {
			Term t = term(r, op->src[0], row, col);

			t.k /= v;
			return t;
		}
		break;
	default:
		break;
	}
	return (Term){.k = 1, .text = children(r, op, row, col)};
}

/* What several tiles are made of is kept, unless it is but a product. */
static Term term(Rows *r, Op *op, int row, int col)
{
	Term t = spelt(r, op, row, col);

	if (t.text && op->rank && op->dtype != DT_I32 && op->dtype != DT_MASK &&
	    op_is_elementwise(op) && r->L->f->op[op->id].uses > 1)
		return atom(op, row, col);
	return t;
}

const char *rows_element(Rows *r, Op *x, int row, int col)
{
	return term_text(r, term(r, x, row, col));
}
