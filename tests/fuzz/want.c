/* want.c -- random expressions, from what is wanted down to loads: a tile of given dimensions is
 * one that is there, a load, or an operation of the table on wanted tiles. Sizes of elements are
 * followed roughly, so that exponentials and 16-bit casts stay in range.
 */
#include "make.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* -- elementwise ------------------------------------------------------------------------- */

int map_node(Make *m, OpCode c, int x, int y)
{
	const Node *a = &m->p->node[x], *b = y >= 0 ? &m->p->node[y] : a;
	const Node *shape = b->rank > a->rank ? b : a;
	Sort s =
	    a->sort == SORT_I32 && b->sort == SORT_I32 && (c == OP_add || c == OP_sub || c == OP_mul)
	        ? SORT_I32
	        : SORT_F32;
	int dim[2] = {shape->dim[0], shape->dim[1]}, i;

	for (int d = 0; d < shape->rank; d++) /* a column or a row beside a matrix */
		if (m->p->sym[dim[d]].kind == SYM_ONE)
			dim[d] = (shape == a ? b : a)->dim[d];
	if (op_info[c].class == COMPARE || c == OP_and_ || c == OP_or_ || c == OP_not_)
		s = SORT_MASK;
	i = node_source(m, node_add(m, FORM_MAP, s, shape->rank, dim), x);
	if (y >= 0)
		node_source(m, i, y);
	m->p->node[i].code = c;
	m->p->node[i].size = c == OP_mul                  ? a->size * b->size
	                     : c == OP_add || c == OP_sub ? a->size + b->size
	                                                  : fmax(a->size, b->size);
	return i;
}

int map_number(Make *m, OpCode c, int x, double y, bool first)
{
	int i = map_node(m, c, x, -1);
	Node *n = &m->p->node[i];

	if (n->sort == SORT_I32 && y != floor(y))
		n->sort = SORT_F32;
	n->has_number = true;
	n->number = y;
	n->number_first = first;
	n->size = c == OP_mul ? n->size * fabs(y) : n->size + fabs(y);
	return i;
}

int tame(Make *m, int x, double most)
{
	double size = m->p->node[x].size;

	return size <= most ? x : map_number(m, OP_mul, x, exp2(-ceil(log2(size / most))), false);
}

/* |x| + 1/2: where a function wants positive numbers. */
static int positive(Make *m, int x)
{
	return map_number(m, OP_add, map_node(m, OP_abs, x, -1), 0.5, dice_percent(m->d, 50));
}

/* A random op of a class; not those that the generator gives a form of their own. */
static OpCode any_op(Make *m, OpClass class)
{
	OpCode list[NOPS];
	int n = 0;

	for (int c = 0; c < NOPS; c++)
		if (op_info[c].class == class && c != OP_cast && c != OP_not_ && c != OP_and_ &&
		    c != OP_or_)
			list[n++] = (OpCode)c;
	return list[dice_below(m->d, n)];
}

static int unary(Make *m, int rank, const int *dim, int depth)
{
	OpCode c = any_op(m, UNARY);
	int x = want(m, rank, dim, depth - 1), i;

	switch (c) {
	case OP_exp:
	case OP_exp2:
		x = tame(m, x, 2);
		break;
	case OP_log:
	case OP_log2:
	case OP_sqrt:
	case OP_rsqrt:
	case OP_recip:
		x = positive(m, x);
		break;
	default:
		break;
	}
	i = map_node(m, c, x, -1);
	if (c == OP_exp || c == OP_exp2)
		m->p->node[i].size = 4;
	else if (c == OP_tanh || c == OP_sigmoid || c == OP_rsqrt || c == OP_recip)
		m->p->node[i].size = 1;
	return i;
}

static int expand(Make *m, int x, bool column)
{
	const int vector = m->p->node[x].dim[0];
	const int dim[2] = {column ? vector : 0, column ? 0 : vector}; /* symbol 0 is 1 */
	int i =
	    node_source(m, node_add(m, column ? FORM_COL : FORM_ROW, m->p->node[x].sort, 2, dim), x);

	m->p->node[i].size = m->p->node[x].size;
	return i;
}

static int binary(Make *m, int rank, const int *dim, int depth)
{
	static const OpCode often[] = {OP_add, OP_sub, OP_mul};
	static const double numbers[] = {0.5, 2, -1, 1, 0.125, 3};
	OpCode c = dice_percent(m->d, 60) ? DICE_PICK(m->d, often) : any_op(m, BINARY);
	int x = want(m, rank, dim, depth - 1), y;

	if (dice_percent(m->d, 30)) {
		double number = DICE_PICK(m->d, numbers);
		bool first = dice_percent(m->d, 30);

		return map_number(m, c, c == OP_div && first ? positive(m, x) : x, number, first);
	}
	if (rank == 2 && dice_percent(m->d, 35)) {
		bool column = dice_percent(m->d, 50);

		y = expand(m, want(m, 1, column ? dim : dim + 1, depth - 1), column);
	} else if (rank && dice_percent(m->d, 10)) {
		y = want(m, 0, NULL, depth - 1);
	} else {
		y = want(m, rank, dim, depth - 1);
	}
	if (c == OP_div)
		y = positive(m, y);
	return map_node(m, c, tame(m, x, 32), tame(m, y, 32));
}

/* -- masks ------------------------------------------------------------------------------- */

static int index_of(Make *m, int sym, bool column)
{
	return expand(m, node_add(m, FORM_INDEX, SORT_I32, 1, &sym), column);
}

/* Left of a square's diagonal, with it or without; or just some of the diagonals there. */
static int triangle(Make *m, int sym)
{
	int x = map_node(m, dice_percent(m->d, 70) ? OP_ge : OP_gt, index_of(m, sym, true),
	                 index_of(m, sym, false)),
	    y;

	if (dice_percent(m->d, 60))
		return x;
	y = map_node(m, OP_sub, index_of(m, sym, true), index_of(m, sym, false));
	return map_node(m, OP_and_, x, map_number(m, OP_lt, y, 1 + dice_below(m->d, 20), false));
}

int want_mask(Make *m, const int *dim, int depth)
{
	int have = leaf_existing(m, 2, dim, true), x;

	if (have >= 0 && dice_percent(m->d, 25))
		return have;
	if (depth > 0 && dice_percent(m->d, 20)) {
		x = want_mask(m, dim, depth - 1);
		if (dice_percent(m->d, 30))
			return map_node(m, OP_not_, x, -1);
		return map_node(m, dice_percent(m->d, 60) ? OP_and_ : OP_or_, x,
		                want_mask(m, dim, depth - 1));
	}
	if (dim[0] == dim[1] && is_range(m, dim[0]) && dice_percent(m->d, 50))
		return triangle(m, dim[0]);
	if (is_range(m, dim[0]) && is_range(m, dim[1]) && dice_percent(m->d, 70)) {
		x = index_of(m, dim[0], true);
		if (dice_percent(m->d, 30))
			x = map_number(m, OP_add, x, 1 + dice_below(m->d, 9), false);
		if (dice_percent(m->d, 30))
			return map_number(m, any_op(m, COMPARE),
			                  map_node(m, OP_sub, x, index_of(m, dim[1], false)),
			                  dice_below(m->d, 20) - 5, false);
		return map_node(m, any_op(m, COMPARE), x, index_of(m, dim[1], false));
	}
	x = want(m, 2, dim, depth - 1);
	return map_number(m, any_op(m, COMPARE), x, 0.25, false);
}

int select_seen(Make *m, int seen, int x, bool infinite)
{
	int i = map_node(m, OP_where, seen, x);
	Node *n = &m->p->node[i];

	n->sort = SORT_F32;
	n->has_number = true;
	n->minus_infinity = infinite;
	n->size = m->p->node[x].size;
	return i;
}

/* -- the other classes ------------------------------------------------------------------- */

static int feature_to(const Make *m, int sym)
{
	for (int f = 0; f < m->p->nfeatures; f++)
		if (m->p->feature[f].to == sym)
			return f;
	return -1;
}

static int feature(Make *m, const int *dim, int depth)
{
	int f = feature_to(m, dim[1]);
	const int from[2] = {dim[0], m->p->feature[f].from};
	int x = tame(m, want(m, 2, from, depth - 1), 2), i;

	i = node_source(m, node_add(m, FORM_FEATURE, SORT_F32, 2, dim), x);
	m->p->node[i].feature = f;
	m->p->node[i].size = 1 + m->p->node[x].size * m->p->node[x].size;
	return i;
}

int transposed(Make *m, int x)
{
	const int dim[2] = {m->p->node[x].dim[1], m->p->node[x].dim[0]};
	int i = node_source(m, node_add(m, FORM_TRANSPOSE, m->p->node[x].sort, 2, dim), x);

	m->p->node[i].size = m->p->node[x].size;
	return i;
}

/* A dimension to contract or reduce over. */
static int inner(Make *m)
{
	int list[MAX_SYMS], n = 0;

	for (int s = 1; s < m->p->nsyms; s++)
		if (in_reach(m, s) && (m->p->sym[s].kind != SYM_FEATURES || dice_percent(m->d, 60)))
			list[n++] = s;
	return list[dice_below(m->d, n)];
}

int factor(Make *m, int x, double most)
{
	int y = tame(m, x, most), i;
	const Node *n = &m->p->node[y];

	if (n->sort != SORT_I32)
		return y;
	i = node_source(m, node_add(m, FORM_CAST, SORT_HALF, n->rank, n->dim), y);
	m->p->node[i].size = n->size;
	return i;
}

int product_of(Make *m, int rank, const int *dim, int x, int y)
{
	int k = m->p->node[x].dim[m->p->node[x].rank - 1], i;

	x = factor(m, x, 16);
	y = factor(m, y, 16);
	i = node_source(m, node_source(m, node_add(m, FORM_DOT, SORT_F32, rank, dim), x), y);
	m->p->node[i].size = m->p->node[x].size * m->p->node[y].size * sqrt(m->p->sym[k].n);
	return i;
}

int dot_of(Make *m, int rank, const int *dim, int x, int y)
{
	return tame(m, product_of(m, rank, dim, x, y), dice_percent(m->d, 60) ? 4 : 64);
}

static int dot(Make *m, int rank, const int *dim, int depth)
{
	int k = inner(m), x, y;
	bool vector_first = rank == 1 && dice_percent(m->d, 40);
	const int left[2] = {dim[0], k}, right[2] = {k, dim[rank - 1]};
	const int flat_left[2] = {k, dim[0]}, flat_right[2] = {dim[rank - 1], k};

	if (vector_first)
		x = want(m, 1, &k, depth - 1);
	else
		x = dice_percent(m->d, 25) ? transposed(m, want(m, 2, flat_left, depth - 1))
		                           : want(m, 2, left, depth - 1);
	if (rank == 1 && !vector_first)
		y = want(m, 1, &k, depth - 1);
	else
		y = dice_percent(m->d, 50) ? transposed(m, want(m, 2, flat_right, depth - 1))
		                           : want(m, 2, right, depth - 1);
	return dot_of(m, rank, dim, x, y);
}

static int reduce(Make *m, int rank, const int *dim, int depth)
{
	static const char *const name[2][3] = {{"rowsum", "rowmax", "rowmin"},
	                                       {"colsum", "colmax", "colmin"}};
	int k = inner(m), columns = dice_below(m->d, 2), x, i;
	const int kept = rank ? dim[0] : 0, of[2] = {columns ? k : kept, columns ? kept : k};
	const char *text = rank ? name[columns][dice_below(m->d, 3)] : "sum";

	x = want(m, rank + 1, rank ? of : &k, depth - 1);
	i = node_source(m, node_add(m, FORM_REDUCE, SORT_F32, rank, dim), tame(m, x, 16));
	m->p->node[i].text = text;
	m->p->node[i].size = m->p->node[x].size * (strstr(text, "sum") ? sqrt(m->p->sym[k].n) : 2);
	return tame(m, i, 64);
}

static int other(Make *m, int rank, const int *dim, int depth)
{
	int x, y, z;
	const int back[2] = {dim ? dim[rank - 1] : 0, dim ? dim[0] : 0};

	switch (dice_below(m->d, 5)) {
	case 0:
		if (rank != 2)
			break;
		x = want_mask(m, dim, depth - 1);
		y = want(m, 2, dim, depth - 1);
		if (dice_percent(m->d, 60))
			return select_seen(m, x, y, false);
		z = want(m, 2, dim, depth - 1);
		return node_source(m, map_node(m, OP_where, x, y), z);
	case 1:
		if (rank == 2)
			return transposed(m, want(m, 2, back, depth - 1));
		break;
	case 2:
		if (!rank)
			break;
		x = want(m, rank, dim, depth - 1);
		y = node_source(m, node_add(m, FORM_CAST, SORT_HALF, rank, dim), tame(m, x, 1000));
		m->p->node[y].size = m->p->node[x].size;
		return y;
	case 3:
		if (!rank)
			break;
		x = want(m, rank, dim, depth - 1);
		y = node_source(m, node_add(m, FORM_CUMSUM, SORT_F32, rank, dim), tame(m, x, 4));
		m->p->node[y].size = 6 * m->p->node[x].size;
		return y;
	default:
		break;
	}
	return binary(m, rank, dim, depth);
}

int want(Make *m, int rank, const int *dim, int depth)
{
	int x = -1, roll = dice_below(m->d, 100);

	if (rank == 2 && feature_to(m, dim[1]) >= 0 && m->p->sym[dim[0]].kind != SYM_FEATURES &&
	    (roll < 75 || depth <= 0)) {
		if ((x = roll < 25 ? leaf_existing(m, rank, dim, false) : -1) >= 0)
			return x;
		if (roll >= 60 && (x = leaf_get(m, rank, dim)) >= 0)
			return x;
		return feature(m, dim, depth);
	}
	if (depth <= 0 || m->budget <= 0 || roll < 30) {
		roll = dice_below(m->d, 100);
		if (roll < 45)
			x = leaf_existing(m, rank, dim, false);
		if (x < 0 && roll < 60)
			x = leaf_get(m, rank, dim);
		if (x < 0 && rank == 2 && m->engine && m->p->sym[dim[1]].kind == SYM_LOOP && roll < 90 &&
		    (x = leaf_load(m, 2, (int[2]){dim[1], dim[0]})) >= 0)
			return transposed(m, x);
		if (x < 0 && rank)
			x = leaf_load(m, rank, dim);
		if (x < 0)
			x = leaf_existing(m, rank, dim, false);
		if (x < 0)
			x = !rank && dice_percent(m->d, 60) ? leaf_scalar(m) : leaf_full(m, rank, dim);
		return x;
	}
	if (rank && roll < 60)
		return dot(m, rank, dim, depth);
	if (roll < 70)
		return binary(m, rank, dim, depth);
	if (roll < 80)
		return unary(m, rank, dim, depth);
	if (rank < 2 && roll < 93)
		return reduce(m, rank, dim, depth);
	return other(m, rank, dim, depth);
}
