/* lower_value.c -- values as registers: finding, making and naming their versions, and writing out
 * elementwise ops inside the loops of their consumers.
 */
#include "lower.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* -- versions ------------------------------------------------------------------------------ */

/* Whether w serves a request for l: the same layout, or the whole of which l is one strip. */
static bool serves(Lower *L, const Version *w, const Layout *l)
{
	Layout whole;

	if (w->l.tri && !l->tri)
		return false;
	if (layout_same(&w->l, l))
		return true;
	if (!L->strip || w->l.base[0] || !l->base[0] || w->l.nd != l->nd || l->nd == 0)
		return false;
	whole = w->l;
	whole.base[0] = l->base[0];
	whole.d[0].n = l->d[0].n;
	return layout_same(&whole, l);
}

/* A packed copy of an fp32 value is not the value. */
static bool rounded(const Op *op)
{
	return op->dtype == DT_BF16 || op->dtype == DT_F16;
}

Version *lower_find(Lower *L, const Op *op, const Layout *l, bool packed)
{
	for (Version *w = L->versions; w; w = w->next)
		if (w->op == op && (w->packed ? packed || rounded(op) : !packed) && serves(L, w, l))
			return w;
	return NULL;
}

int lower_last(const Layout *l)
{
	int n = -1;

	for (int i = 0; i < l->nd; i++)
		if (l->d[i].hw == HW_REG)
			n++;
	return n;
}

/* "[i][j][e]"; without the pair when `pairs`. */
static const char *index_text(Lower *L, const Version *w, const Layout *l, const char *const *v, bool pairs)
{
	Text s = { .arena = L->a };
	int r = 0, last = lower_last(l);
	bool strip = L->strip && l->base[0] && !w->l.base[0];

	for (int i = 0; i < l->nd; i++)
		if (l->d[i].hw == HW_REG && !(pairs && r == last)) {
			if (strip && r == 0)
				text_add(&s, "[%d * %s + %s]", l->d[i].n, L->strip->var, v[r]);
			else
				text_add(&s, "[%s]", v[r]);
			r++;
		}
	return s.len ? s.s : "";
}

const char *lower_ref(Lower *L, const Version *w, const Layout *l, const char *const *v)
{
	const char *ty = L->f16 ? "f16" : "bf16", *e, *x;

	x = arena_printf(L->a, "%s%s", w->name, index_text(L, w, l, v, w->packed));
	if (!w->packed)
		return x;
	e = v[lower_last(l)];
	if (!strcmp(e, "0") || !strcmp(e, "1"))
		return arena_printf(L->a, "%s_%s(%s)", ty, *e == '0' ? "lo" : "hi", x);
	return arena_printf(L->a, "(%s ? %s_hi(%s) : %s_lo(%s))", e, ty, x, ty, x);
}

Version *lower_declare(Lower *L, const Op *op, const Layout *l, bool packed, const char *want)
{
	Version *w = ARENA_NEW(L->a, Version);
	Text s = { .arena = L->a };
	int last = lower_last(l), r = 0;

	w->op = op;
	w->l = *l;
	w->packed = packed;
	w->name = lower_name(L, want ? want : op->name ? op->name : op_info[op->code].name);
	w->scope = L->scope;
	w->next = L->versions;
	L->versions = w;
	text_add(&s, "%s %s", packed ? "u32" : op->dtype == DT_I32 || op->dtype == DT_MASK ? "int" : "float", w->name);
	for (int i = 0; i < l->nd; i++)
		if (l->d[i].hw == HW_REG) {
			if (!(packed && r == last))
				text_add(&s, "[%d]", l->d[i].n);
			r++;
		}
	lower_code(L, "%s;", s.s);
	return w;
}

const char *lower_pack(Lower *L, const char *lo, const char *hi)
{
	return arena_printf(L->a, "pack_%s(%s, %s)", L->f16 ? "f16" : "bf16", lo, hi);
}

/* -- loops over registers ------------------------------------------------------------------ */

/* The column-core digit of a core grid in the current strip, when columns right of the diagonal
 * are not needed. */
static bool limited(Lower *L, const Layout *l, int digit)
{
	return L->strip && l->tri && l->rank == 2 && l->orient == ORIENT_N && digit == 1;
}

Block *lower_nest(Lower *L, const Layout *l, bool pairs, const char **v)
{
	static const char *const names[] = { "i", "j", "e", "h", "x" };
	Block *saved = L->out;
	int last = lower_last(l), r = 0;

	L->nfor = 0;
	for (int i = 0; i < l->nd; i++) {
		if (l->d[i].hw != HW_REG)
			continue;
		if ((pairs && r == last) || l->d[i].n == 1) {
			v[r++] = "0";
			continue;
		}
		v[r] = l->d[i].stride == 1 && l->d[i].n == 2 ? "e" : names[r < 2 ? r : r + 1];
		if (limited(L, l, i))
			lower_open(L, S_FOR, true, "int %s = 0; %s < 2 * %s + 2; %s++", v[r], v[r],
			           L->strip->var, v[r]);
		else
			lower_open(L, S_FOR, true, "int %s = 0; %s < %d; %s++", v[r], v[r], l->d[i].n, v[r]);
		r++;
	}
	return saved;
}

void lower_scope(Lower *L, Block *saved)
{
	if (L->out == saved)
		lower_open(L, S_SCOPE, false, "%s", "");
}

void lower_nest_close(Lower *L, Block *saved)
{
	L->out = saved;
}

/* -- layouts ------------------------------------------------------------------------------- */

int lower_covered(const Layout *l, int d)
{
	int n = 1;

	for (int i = 0; i < l->nd; i++)
		if (l->d[i].dim == d)
			n += (l->d[i].n - 1) * l->d[i].stride;
	return n;
}

Layout lower_lane_layout(int n)
{
	Layout l = { .rank = 1, .orient = ORIENT_NONE };
	int per = (n + 31) / 32;

	l.d[l.nd++] = (Digit){ HW_REG, per, 0, 0, 1 };
	l.d[l.nd++] = (Digit){ HW_LANE, 32, 1, 0, per };
	return l;
}

/* A vector lies as the rows (or columns) of the accumulators it meets. */
Layout lower_vector_layout(Lower *L, const Op *op)
{
	Facts *f = L->f;
	int c = facts_class(f, op, 0);

	for (const Region *r = L->k->body; r; r = NULL)
		for (const Op *o = r->first; o;) {
			if (o->rank == 2 && f->op[o->id].anchored)
				for (int d = 0; d < 2; d++)
					if (facts_class(f, o, d) == c)
						return layout_drop(facts_layout(f, o, f->op[o->id].orient), 1 - d);
			if (o->body && o->body->first) {
				o = o->body->first;
				continue;
			}
			while (o && !o->next)
				o = o->parent->owner;
			o = o ? o->next : NULL;
		}
	return lower_lane_layout(op->dim[0].n);
}

Layout lower_value_layout(Lower *L, const Op *op)
{
	if (op->code == OP_state && op->rank == 2 && lower_is_thin(L, op))
		return lower_thin_layout(L, op);
	if (!L->f->ndots && op->rank)
		return op->rank == 2 ? lower_stream_layout(L, op) : lower_stream_vector(L, op);
	if (op->rank == 2)
		return facts_layout(L->f, op, L->f->op[op->id].anchored ? L->f->op[op->id].orient : ORIENT_N);
	if (op->rank == 1)
		return lower_vector_layout(L, op);
	return (Layout){ .rank = 0 };
}

/* Values that do not depend on the strip's rows are emitted before the loop over strips. */
Block *lower_hoist(Lower *L, const Layout *l, int *scope)
{
	Block *saved = L->out;

	*scope = L->scope;
	if (L->strip && !l->base[0] && !l->base[1]) {
		L->out = L->strip->outer;
		L->scope = L->strip->outer_scope;
	}
	return saved;
}

/* -- elementwise --------------------------------------------------------------------------- */

bool lower_trivial(const Op *x)
{
	switch (x->code) {
	case OP_const_: case OP_full: case OP_index: case OP_scalar: case OP_live:
		return true;
	case OP_expand: case OP_transpose:
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
static bool inlined(Lower *L, const Op *op)
{
	if (op->code == OP_expand || op->code == OP_transpose || lower_trivial(op))
		return true;
	if (!op_is_elementwise(op))
		return false;
	if (op->code == OP_where && op->rank == 2 && L->f->op[op->id].anchored && !lower_is_static(L, op))
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
	return poly_parse(L, op->src[0], a) && poly_parse(L, op->src[1], b) && (!a->x || !b->x || a->x == b->x);
}

static bool poly_parse(Lower *L, Op *op, Poly *out)
{
	Poly a, b;
	double v;

	*out = (Poly){ .x = op, .degree = 1, .c = { 0, 1 } };
	if (op_is_const(op, &v)) {
		*out = (Poly){ .x = NULL, .degree = 0, .c = { v } };
		return op->dtype == DT_F32;
	}
	if (op->dtype != DT_F32 || op->rank != 2)
		return op->rank == 2;
	if ((op->code != OP_add && op->code != OP_sub && op->code != OP_mul) || !poly_pair(L, op, &a, &b))
		return true;
	if (a.degree + b.degree > MAX_DEGREE || (!a.x && !b.x))
		return true;
	*out = (Poly){ .x = a.x ? a.x : b.x };
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
		s = i == 0 && q->c[0] == 0 ? arena_printf(L->a, "%s * %s", s, x)
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

static Layout child_layout(const Op *op, const Layout *l)
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
	Layout c, none = { .rank = 0 };
	Poly q;

	bool once = op->rank == 0 && l->rank > 0 && !lower_trivial(op); /* for all elements of l */

	if (op->rank == 0)
		l = &none;
	if (lower_find(L, op, l, false))
		return;
	if (once || !inlined(L, op)) {
		lower_need(L, op, l);
		return;
	}
	if (poly_parse(L, op, &q) && q.degree >= 2) {
		lower_ensure(L, q.x, l);
		return;
	}
	c = child_layout(op, l);
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
	Text s = { .arena = L->a };

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

static bool simple(const char *s)
{
	for (; *s; s++)
		if (strchr(" +-*/?<>&|=!", *s))
			return false;
	return true;
}

/* Drops the pattern's parentheses around operands that need none. */
static const char *tidy(Lower *L, const char *pattern, const char *x, const char *y)
{
	const char *s = pattern;

	if (simple(x)) {
		const char *p = strstr(s, "(x)");

		if (p && (p == s || !strchr("abcdefghijklmnopqrstuvwxyz0123456789_", p[-1])))
			s = arena_printf(L->a, "%.*sx%s", (int)(p - s), s, p + 3);
	}
	if (y && simple(y)) {
		const char *p = strstr(s, "(y)");

		if (p && (p == s || !strchr("abcdefghijklmnopqrstuvwxyz0123456789_", p[-1])))
			s = arena_printf(L->a, "%.*sy%s", (int)(p - s), s, p + 3);
	}
	return substitute(L, s, x, y ? y : "");
}

/* One element of an elementwise op, from those of its sources. */
const char *lower_combine(Lower *L, const Op *op, const char *const *x)
{
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
			return tidy(L, "(x) * (y)", x[0], number(L, 1 / d, false));
	}
	if (op->dtype == DT_I32 && (op->code == OP_min || op->code == OP_max))
		return arena_printf(L->a, "((%s) %c (%s) ? (%s) : (%s))", x[0], op->code == OP_min ? '<' : '>',
		                    x[1], x[0], x[1]);
	if (!op_info[op->code].cuda)
		lower_cannot(L, op, "no lowering for it here");
	return arena_printf(L->a, op->nsrc == 1 ? "%s" : "(%s)",
	                    tidy(L, op_info[op->code].cuda, x[0], op->nsrc > 1 ? x[1] : NULL));
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
	Layout c = child_layout(x, l);

	if (x->code == OP_index)
		return layout_coord(L->a, l, 0, v);
	child_vars(x, l, v, vv);
	return position(L, x->src[0], &c, vv);
}

/* Whether a select keeps x; columns left of a strip's diagonal need not be compared. */
static const char *condition(Lower *L, Op *where, const Layout *l, const char *const *v)
{
	const char *mask = lower_elem(L, where->src[0], l, v);

	if (L->strip && l->base[0] && l->orient == ORIENT_N && lower_is_static(L, where) &&
	    lower_is_tri(where->src[0]) && layout_spread_dim(l, HW_WARP, 0) == 1 && strcmp(v[1], "0"))
		return arena_printf(L->a, "%s < 2 * %s || %s", v[1], L->strip->var, mask);
	return mask;
}

/* exp of a select against -inf selects against 0. */
static const char *exp_select(Lower *L, Op *where, const Layout *l, const char *const *v)
{
	Op *x = where->src[1];
	const char *e = x->code == OP_sub && !lower_find(L, x, l, false)
	                ? exp_difference(L, x, l, v)
	                : arena_printf(L->a, "exp2_fast(1.44269504f * (%s))", lower_elem(L, x, l, v));

	return arena_printf(L->a, "(%s ? %s : 0.0f)", condition(L, where, l, v), e);
}

const char *lower_elem(Lower *L, Op *op, const Layout *l, const char *const *v)
{
	const char *x[3], *vv[MAX_DIGITS], *at;
	Layout c, none = { .rank = 0 };
	Version *w;
	double k;
	Poly q;

	if (op->rank == 0)
		l = &none;
	w = lower_find(L, op, l, false);
	if (w)
		return lower_ref(L, w, l, v);
	switch (op->code) {
	case OP_const_: case OP_full:
		return number(L, op->value, op->dtype == DT_I32);
	case OP_scalar:
		if (op->arg)
			return dev_param(L->dev, PARAM_SCALAR, op->arg->id, 0, op->arg->dtype, L->argname[op->arg->id]);
		return op->axis->size ? arena_printf(L->a, "%lld", (long long)op->axis->size)
		                      : dev_param(L->dev, PARAM_SIZE, 0, op->axis->id, DT_I32, op->axis->name);
	case OP_index:
		at = layout_coord(L->a, l, 0, v);
		if (!strcmp(lower_start(L, op->range), "0"))
			return arena_printf(L->a, "(%s)", at);
		return arena_printf(L->a, "(%s + %s)", lower_start(L, op->range), at);
	case OP_live: {
		const Range *r = op->dim[0].range;

		at = layout_coord(L->a, l, 0, v);
		if (!r || r->kind == RANGE_WHOLE)
			return arena_printf(L->a, "(%s < %d)", at, op->dim[0].n);
		return arena_printf(L->a, "(%s < %s_live)", at, lower_start(L, r));
	}
	default:
		break;
	}
	if (poly_parse(L, op, &q) && q.degree >= 2)
		return horner(L, &q, lower_elem(L, q.x, l, v));
	c = child_layout(op, l);
	if (op->code == OP_expand || op->code == OP_transpose) {
		child_vars(op, l, v, vv);
		return lower_elem(L, op->src[0], &c, vv);
	}
	if (!op_is_elementwise(op))
		lower_cannot(L, op, "no lowering for it here");
	if (op->code == OP_exp && op->src[0]->code == OP_sub && !lower_find(L, op->src[0], l, false))
		return exp_difference(L, op->src[0], l, v);
	if (op->code == OP_exp && op->src[0]->code == OP_where && op_is_const(op->src[0]->src[2], &k) &&
	    k == -INFINITY && !lower_find(L, op->src[0], l, false))
		return exp_select(L, op->src[0], l, v);
	for (int i = 0; i < op->nsrc; i++)
		if (op->code == OP_where && i == 0)
			x[i] = condition(L, op, l, v);
		else if (op_info[op->code].class == COMPARE && positions(op->src[0]) && positions(op->src[1]) &&
		         positions(op->src[0])->range == positions(op->src[1])->range)
			x[i] = position(L, op->src[i], l, v);
		else
			x[i] = lower_elem(L, op->src[i], l, v);
	return lower_combine(L, op, x);
}

static Version *make_elementwise(Lower *L, Op *op, const Layout *l)
{
	const char *v[MAX_DIGITS];
	Version *w;
	Block *b;
	Layout c = child_layout(op, l);

	if (op->code == OP_where && op->rank == 2 && (w = lower_where(L, op, l)))
		return w;
	for (int i = 0; i < op->nsrc; i++)
		lower_ensure(L, op->src[i], &c);
	w = lower_declare(L, op, l, false, NULL);
	w->op = NULL; /* not yet: the expression must not find itself */
	b = lower_nest(L, l, false, v);
	lower_code(L, "%s = %s;", lower_ref(L, w, l, v), lower_elem(L, op, l, v));
	lower_nest_close(L, b);
	w->op = op;
	return w;
}

/* add(x, dot) accumulates the product onto x. */
static Version *make_sum(Lower *L, Op *op, const Layout *l)
{
	int p = -1;
	Op *other;
	Version *w;

	if (op->code != OP_add || op->rank != 2)
		return NULL;
	for (int i = 0; i < 2; i++)
		if (op->src[i]->code == OP_dot && L->f->op[op->src[i]->id].uses == 1)
			p = i;
	if (p < 0 || lower_find(L, op->src[p], l, false))
		return NULL;
	other = op->src[1 - p];
	if (other->rank != 2 || other->dim[0].n != op->dim[0].n || other->dim[1].n != op->dim[1].n)
		return NULL;
	if (other->code == OP_dot && L->f->op[other->id].uses == 1) {
		w = lower_dot(L, other, l, NULL);
	} else if (other->code == OP_add && L->f->op[other->id].uses == 1 && make_sum(L, other, l)) {
		w = lower_find(L, other, l, false);
	} else {
		const char *v[MAX_DIGITS];
		Block *b;

		lower_ensure(L, other, l);
		w = lower_declare(L, op, l, false, NULL);
		w->op = NULL;
		b = lower_nest(L, l, false, v);
		lower_code(L, "%s = %s;", lower_ref(L, w, l, v), lower_elem(L, other, l, v));
		lower_nest_close(L, b);
	}
	lower_dot(L, op->src[p], l, w);
	w->op = op;
	return w;
}

Version *lower_need(Lower *L, Op *op, const Layout *l)
{
	Version *w = lower_find(L, op, l, false);
	Block *saved;
	int scope;

	if (w)
		return w;
	if (op->rank != 2 || op->code == OP_get) /* matrices are made again */
		for (Version *x = L->versions; x; x = x->next)
			if (x->op == op && !x->packed)
				return lower_convert(L, op, x, l);
	saved = lower_hoist(L, l, &scope);
	switch (op->code) {
	case OP_load:
		w = lower_load(L, op, l, false);
		break;
	case OP_dot:
		w = lower_dot(L, op, l, NULL);
		break;
	case OP_sum: case OP_rmax: case OP_rmin:
		w = lower_reduce(L, op, l);
		break;
	case OP_cumsum:
		w = lower_cumsum(L, op, l);
		break;
	case OP_cast:
		if ((op->dtype == DT_BF16 || op->dtype == DT_F16) && l->orient != ORIENT_NONE) {
			w = lower_need_packed(L, op, l);
			break;
		}
		w = make_elementwise(L, op, l);
		break;
	case OP_get:
		lower_cannot(L, op, "its variable is not laid out as this use needs it");
	case OP_concat: case OP_sympow2: case OP_slice:
		w = lower_gather(L, op, l);
		break;
	default:
		w = make_sum(L, op, l);
		if (!w)
			w = make_elementwise(L, op, l);
	}
	L->out = saved;
	L->scope = scope;
	return w;
}

/* As 16-bit pairs, for a product. */
Version *lower_need_packed(Lower *L, Op *op, const Layout *l)
{
	const char *v[MAX_DIGITS], *lo, *hi;
	int scope, last = lower_last(l);
	Version *w = lower_find(L, op, l, true);
	Block *saved, *b;
	Layout own;

	if (w)
		return w;
	saved = lower_hoist(L, l, &scope);
	own = *l;
	if (L->f->op[op->id].anchored && L->f->op[op->id].orient != l->orient) {
		Version *from;

		own = layout_core(L->f->op[op->id].orient,
		                  (Split){ l->d[0].n, 1, 1, 0 }, (Split){ l->d[1].n, 1, 1, 0 });
		for (int i = 3; i < l->nd; i++)
			if (l->d[i].hw == HW_WARP)
				own.d[own.nd++] = l->d[i];
		own.base[0] = l->base[0];
		own.base[1] = l->base[1];
		from = lower_need_packed(L, op, &own);
		w = lower_declare(L, op, l, true, NULL);
		b = lower_nest(L, l, true, v);
		lower_code(L, "%s%s = core_transpose(%s%s);", w->name,
		           arena_printf(L->a, "[%s][%s]", v[0], v[1]), from->name,
		           arena_printf(L->a, "[%s][%s]", v[0], v[1]));
		lower_nest_close(L, b);
	} else if (op->code == OP_load && lower_staged(L, op) && rounded(op)) {
		w = lower_load(L, op, l, true);
	} else {
		bool rounds = op->code == OP_cast && (op->dtype == DT_BF16 || op->dtype == DT_F16);
		Op *x = rounds ? op->src[0] : op; /* packing rounds */
		bool keep = !inlined(L, x) || lower_find(L, x, l, false);

		if (keep)
			lower_need(L, x, l);
		else
			lower_ensure(L, x, l);
		w = lower_declare(L, op, l, true,
		                  op->name ? arena_printf(L->a, "%s_h", op->name) : NULL);
		w->op = NULL;
		b = lower_nest(L, l, true, v);
		v[last] = "0";
		lo = lower_elem(L, x, l, v);
		v[last] = "1";
		hi = lower_elem(L, x, l, v);
		v[last] = "0";
		lower_code(L, "%s%s = %s;", w->name, index_text(L, w, l, v, true), lower_pack(L, lo, hi));
		lower_nest_close(L, b);
		w->op = op;
	}
	L->out = saved;
	L->scope = scope;
	return w;
}
