/* lower_expr.c -- elementwise ops as C expressions, written out inside the loops of their
 * consumers. Text is composed with every parenthesis that might be needed; printing drops the
 * others (tidy.c).
 */
#include "lower.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool lower_trivial(const Op *x)
{
	switch (x->code) {
	case OP_const_:
	case OP_full:
	case OP_index:
	case OP_scalar:
	case OP_live:
		return true;
	case OP_expand:
	case OP_transpose:
		return lower_trivial(x->src[0]);
	default:
		if (x->dtype != DT_I32 && op_info[x->code].class != COMPARE && x->code != OP_and_ &&
		    x->code != OP_or_ && x->code != OP_not_)
			return false;
		if (!op_is_elementwise(x))
			return false;
		for (int i = 0; i < x->nsrc; i++)
			if (!lower_trivial(x->src[i]))
				return false;
		return true;
	}
}

/* Written out in place rather than kept: masks, index arithmetic, and what is used once. */
bool lower_inlined(Lower *L, const Op *op)
{
	if (op->code == OP_expand || op->code == OP_transpose || lower_trivial(op))
		return true;
	if (!op_is_elementwise(op))
		return false;
	if (op->code == OP_where && op->rank == 2 && L->f->op[op->id].anchored &&
	    !lower_is_static(L, op))
		return false;
	if (op->code == OP_add && op->rank == 2)
		for (int i = 0; i < 2; i++)
			if (op->src[i]->code == OP_dot && L->f->op[op->src[i]->id].uses == 1)
				return false;
	if (op->rank == 2 && (op->dim[0].n == 1 || op->dim[1].n == 1))
		return true;
	return L->f->op[op->id].uses <= 1;
}

static const char *number(Lower *L, double v, bool integer)
{
	char s[40];

	if (v != v)
		return "(inf() - inf())";
	if (v > 3.5e38 || v < -3.5e38)
		return v > 0 ? "inf()" : "-inf()";
	if (integer)
		return arena_printf(L->a, "%lld", (long long)v);
	snprintf(s, sizeof s, "%.9g", v);
	return arena_printf(L->a, "%s%sf", s, strpbrk(s, ".e") ? "" : ".0");
}

/* -- polynomials ---------------------------------------------------------------------------- */

enum { MAX_DEGREE = 4 };

/* sum c[i] x^i, found by expanding sums and products of one tile and constants. */
typedef struct Poly {
	Op *x; /* NULL: a constant */
	int degree;
	double c[2 * MAX_DEGREE + 1];
} Poly;

static bool poly_parse(Lower *L, Op *op, Poly *out);

static bool poly_pair(Lower *L, Op *op, Poly *a, Poly *b)
{
	return poly_parse(L, op->src[0], a) && poly_parse(L, op->src[1], b) &&
	       (!a->x || !b->x || a->x == b->x);
}

static bool poly_parse(Lower *L, Op *op, Poly *out)
{
	Poly a, b;
	double v;

	*out = (Poly){.x = op, .degree = 1, .c = {0, 1}};
	if (op_is_const(op, &v)) {
		*out = (Poly){.x = NULL, .degree = 0, .c = {v}};
		return op->dtype == DT_F32;
	}
	if (op->dtype != DT_F32 || op->rank != 2)
		return op->rank == 2;
	if ((op->code != OP_add && op->code != OP_sub && op->code != OP_mul) ||
	    !poly_pair(L, op, &a, &b))
		return true;
	if (a.degree + b.degree > MAX_DEGREE || (!a.x && !b.x))
		return true;
	*out = (Poly){.x = a.x ? a.x : b.x};
	if (op->code == OP_mul) {
		for (int i = 0; i <= a.degree; i++)
			for (int j = 0; j <= b.degree; j++)
				out->c[i + j] += a.c[i] * b.c[j];
		out->degree = a.degree + b.degree;
	} else {
		for (int i = 0; i <= MAX_DEGREE; i++)
			out->c[i] = a.c[i] + (op->code == OP_sub ? -b.c[i] : b.c[i]);
		out->degree = a.degree > b.degree ? a.degree : b.degree;
	}
	while (out->degree > 0 && out->c[out->degree] == 0)
		out->degree--;
	return true;
}

static const char *horner(Lower *L, const Poly *q, const char *x)
{
	const char *s = number(L, q->c[q->degree], false);

	for (int i = q->degree - 1; i >= 0; i--)
		s = i == 0 && q->c[0] == 0
		        ? arena_printf(L->a, "%s * %s", s, x)
		        : arena_printf(L->a, "fmaf(%s, %s, %s)", s, x, number(L, q->c[i], false));
	return s;
}

/* exp(c a - b) as one fused multiply-add and an exp2: a's constant factor and log2(e) become one
 * multiplier, and b's product with log2(e) is shared by all it is repeated over. */
static const char *exp_difference(Lower *L, Op *sub, const Layout *l, const char *const *v)
{
	Op *a = sub->src[0];
	double k = 1.4426950408889634, c;

	while (a->code == OP_mul && !lower_find(L, a, l, false)) {
		if (op_is_const(a->src[1], &c)) {
			k *= c;
			a = a->src[0];
		} else if (op_is_const(a->src[0], &c)) {
			k *= c;
			a = a->src[1];
		} else {
			break;
		}
	}
	return arena_printf(L->a, "exp2_fast(fmaf(%s, %s, -1.44269504f * %s))", lower_elem(L, a, l, v),
	                    number(L, k, false), lower_elem(L, sub->src[1], l, v));
}

Layout lower_child(const Op *op, const Layout *l)
{
	if (op->code == OP_expand)
		return layout_drop(*l, op->axis_dim);
	if (op->code == OP_transpose)
		return layout_swap(*l);
	return *l;
}

static void child_vars(const Op *op, const Layout *l, const char *const *v, const char **out)
{
	int r = 0, n = 0;

	for (int i = 0; i < l->nd; i++)
		if (l->d[i].hw == HW_REG) {
			if (op->code != OP_expand || l->d[i].dim != op->axis_dim)
				out[n++] = v[r];
			r++;
		}
	if (op->code == OP_transpose && l->orient != ORIENT_NONE) {
		out[0] = v[1];
		out[1] = v[0];
	}
}

void lower_ensure(Lower *L, Op *op, const Layout *l)
{
	Layout c, none = {.rank = 0};
	Poly q;

	bool once = op->rank == 0 && l->rank > 0 && !lower_trivial(op); /* for all elements of l */

	if (op->rank == 0)
		l = &none;
	if (lower_find(L, op, l, false))
		return;
	if (once || !lower_inlined(L, op)) {
		lower_need(L, op, l);
		return;
	}
	if (poly_parse(L, op, &q) && q.degree >= 2) {
		lower_ensure(L, q.x, l);
		return;
	}
	c = lower_child(op, l);
	for (int i = 0; i < op->nsrc; i++) {
		Op *s = op->src[i];

		if (op->code == OP_expand && !lower_trivial(s) && s->rank == 1)
			lower_need(L, s, &c);
		else
			lower_ensure(L, s, &c);
	}
}

/* The op's C expression with x and y replaced. */
static const char *substitute(Lower *L, const char *pattern, const char *x, const char *y)
{
	Text s = {.arena = L->a};

	for (const char *p = pattern; *p; p++) {
		bool alone = (p == pattern || !strchr("abcdefghijklmnopqrstuvwxyz0123456789_", p[-1])) &&
		             !strchr("abcdefghijklmnopqrstuvwxyz0123456789_", p[1] ? p[1] : ' ');

		if ((*p == 'x' || *p == 'y') && alone)
			text_puts(&s, *p == 'x' ? x : y);
		else
			text_add(&s, "%c", *p);
	}
	return s.s;
}

/* One element of an elementwise op, from those of its sources. */
const char *lower_combine(Lower *L, const Op *op, const char *const *x)
{
	if (op->code == OP_where && !strcmp(x[0], "1"))
		return x[1];
	if (op->code == OP_where)
		return arena_printf(L->a, "(%s ? %s : %s)", x[0], x[1], x[2]);
	if (op->code == OP_cast) {
		if (op->dtype == DT_BF16 || op->dtype == DT_F16) {
			const char *ty = op->dtype == DT_F16 ? "f16" : "bf16";

			return arena_printf(L->a, "widen_%s(round_%s(%s))", ty, ty, x[0]);
		}
		return op->dtype == DT_I32 ? arena_printf(L->a, "(int)(%s)", x[0])
		                           : arena_printf(L->a, "(float)(%s)", x[0]);
	}
	if (op->code == OP_div) {
		double d;

		if (op_is_const(op->src[1], &d) && d != 0)
			return substitute(L, "(x) * (y)", x[0], number(L, 1 / d, false));
	}
	if (op->dtype == DT_I32 && (op->code == OP_min || op->code == OP_max))
		return arena_printf(L->a, "((%s) %c (%s) ? (%s) : (%s))", x[0],
		                    op->code == OP_min ? '<' : '>', x[1], x[0], x[1]);
	if (!op_info[op->code].cuda)
		lower_cannot(L, op, "no lowering for it here");
	return arena_printf(L->a, op->nsrc == 1 ? "%s" : "(%s)",
	                    substitute(L, op_info[op->code].cuda, x[0], op->nsrc > 1 ? x[1] : ""));
}

/* The index whose positions x repeats, or NULL. */
static const Op *positions(const Op *x)
{
	while (x->code == OP_expand)
		x = x->src[0];
	return x->code == OP_index ? x : NULL;
}

/* Position within the range, of the element that x holds. */
static const char *position(Lower *L, const Op *x, const Layout *l, const char *const *v)
{
	const char *vv[MAX_DIGITS];
	Layout c = lower_child(x, l);

	if (x->code == OP_index)
		return layout_coord(L->a, l, 0, v);
	child_vars(x, l, v, vv);
	return position(L, x->src[0], &c, vv);
}

/* The mask on the diagonal square, by places within it. */
static const char *on_diagonal(Lower *L, Op *mask, const Layout *l, const char *const *v)
{
	const char *within[MAX_DIGITS];
	Layout square = *l;

	memcpy(within, v, sizeof within);
	within[1] = arena_printf(L->a, "(%s %% 2)", v[1]);
	for (int i = 0; i < square.nd; i++)
		if (square.d[i].hw == HW_WARP && square.d[i].dim == 0)
			square.d[i--] = square.d[--square.nd];
	return lower_elem(L, mask, &square, within);
}

/* Whether a select keeps x; columns left of the diagonal of a strip, or of a pair of row cores,
 * need not be compared. */
static const char *condition(Lower *L, Op *where, const Layout *l, const char *const *v)
{
	const char *mask;

	if (L->square == SQUARE_DIAGONAL && lower_is_triangle(L, where))
		return on_diagonal(L, where->src[0], l, v);
	mask = lower_elem(L, where->src[0], l, v);
	if (!lower_is_triangle(L, where))
		return mask;
	if (L->strip && l->base[0] && l->orient == ORIENT_N && layout_spread_dim(l, HW_WARP, 0) == 1 &&
	    strcmp(v[1], "0"))
		return arena_printf(L->a, "%s < 2 * %s || %s", v[1], L->strip->var, mask);
	if (l->tri && !l->base[0])
		return arena_printf(L->a, "%s < %d * (%s / 2) || %s", v[1], 2 * layout_core_step(l, 0),
		                    v[0], mask);
	return mask;
}

/* exp of a select against -inf selects against 0. */
static const char *exp_select(Lower *L, Op *where, const Layout *l, const char *const *v)
{
	Op *x = where->src[1];
	const char *e =
	    x->code == OP_sub && !lower_find(L, x, l, false)
	        ? exp_difference(L, x, l, v)
	        : arena_printf(L->a, "exp2_fast(1.44269504f * (%s))", lower_elem(L, x, l, v));

	return L->square == SQUARE_LEFT && lower_is_triangle(L, where)
	           ? e
	           : arena_printf(L->a, "(%s ? %s : 0.0f)", condition(L, where, l, v), e);
}

const char *lower_elem(Lower *L, Op *op, const Layout *l, const char *const *v)
{
	const char *x[3], *vv[MAX_DIGITS], *at;
	Layout c, none = {.rank = 0};
	Version *w;
	double k;
	Poly q;

	if (op->rank == 0)
		l = &none;
	w = lower_find(L, op, l, false);
	if (w)
		return lower_ref(L, w, l, v);
	switch (op->code) {
	case OP_const_:
	case OP_full:
		return number(L, op->value, op->dtype == DT_I32);
	case OP_scalar:
		if (op->arg)
			return dev_param(L->dev, PARAM_SCALAR, op->arg->id, 0, op->arg->dtype,
			                 L->argname[op->arg->id]);
		return op->axis->size
		           ? arena_printf(L->a, "%lld", (long long)op->axis->size)
		           : dev_param(L->dev, PARAM_SIZE, 0, op->axis->id, DT_I32, op->axis->name);
	case OP_index:
		at = layout_coord(L->a, l, 0, v);
		if (!strcmp(lower_start(L, op->range), "0"))
			return arena_printf(L->a, "(%s)", at);
		return arena_printf(L->a, "(%s + %s)", lower_start(L, op->range), at);
	case OP_live: {
		const Range *r = op->dim[0].range;

		if (!r || r->kind == RANGE_WHOLE) {
			at = lower_within(L, l, 0, v, op->dim[0].n);
			return at ? arena_printf(L->a, "(%s)", at) : "1";
		}
		at = layout_coord(L->a, l, 0, v);
		return arena_printf(L->a, "(%s < %s_live)", at, lower_start(L, r));
	}
	default:
		break;
	}
	if (poly_parse(L, op, &q) && q.degree >= 2)
		return horner(L, &q, lower_elem(L, q.x, l, v));
	c = lower_child(op, l);
	if (op->code == OP_expand || op->code == OP_transpose) {
		Square square = L->square;

		child_vars(op, l, v, vv);
		if (op->code == OP_transpose)
			L->square = SQUARE_NONE;
		at = lower_elem(L, op->src[0], &c, vv);
		L->square = square;
		return at;
	}
	if (!op_is_elementwise(op))
		lower_cannot(L, op, "no lowering for it here");
	if (op->code == OP_exp && op->src[0]->code == OP_sub && !lower_find(L, op->src[0], l, false))
		return exp_difference(L, op->src[0], l, v);
	if (op->code == OP_exp && op->src[0]->code == OP_where && op_is_const(op->src[0]->src[2], &k) &&
	    k == -INFINITY && !lower_find(L, op->src[0], l, false))
		return exp_select(L, op->src[0], l, v);
	if (op->code == OP_where && L->square == SQUARE_LEFT && lower_is_triangle(L, op))
		return lower_elem(L, op->src[1], l, v);
	for (int i = 0; i < op->nsrc; i++)
		if (op->code == OP_where && i == 0)
			x[i] = condition(L, op, l, v);
		else if (op_info[op->code].class == COMPARE && positions(op->src[0]) &&
		         positions(op->src[1]) &&
		         positions(op->src[0])->range == positions(op->src[1])->range)
			x[i] = position(L, op->src[i], l, v);
		else
			x[i] = lower_elem(L, op->src[i], l, v);
	return lower_combine(L, op, x);
}
