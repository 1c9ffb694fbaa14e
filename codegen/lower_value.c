/* lower_value.c -- values as registers: finding, making and naming their versions, the loops over
 * them, and where they lie.
 */
#include "lower.h"

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
	whole.d[0] = l->d[0];
	return layout_same(&whole, l);
}

static const Block *root_of(const Block *b)
{
	while (b->outer)
		b = b->outer;
	return b;
}

/* Whether w's name stands where the text now is. Blocks that are spliced in later tell nothing. */
static bool in_sight(const Lower *L, const Version *w)
{
	for (const Block *b = L->out; b; b = b->outer)
		if (b == w->home)
			return true;
	return w->root != root_of(L->out);
}

/* A packed copy of an fp32 value is not the value. */
static bool rounded(const Op *op)
{
	return op->dtype == DT_BF16 || op->dtype == DT_F16;
}

Version *lower_find(Lower *L, const Op *op, const Layout *l, bool packed)
{
	for (Version *w = L->versions; w; w = w->next)
		if (w->op == op && (w->packed ? packed || rounded(op) : !packed) && serves(L, w, l) &&
		    in_sight(L, w)) {
			lower_wgmma_land(L, w->name);
			return w;
		}
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

/* Registers of a packed row: of a fragment one pair, of a vector as long as an access several. */
int lower_pairs(const Layout *l)
{
	int n = 0;

	for (int i = 0; i < l->nd; i++)
		if (l->d[i].hw == HW_REG)
			n = l->d[i].n;
	return n / 2;
}

/* "[i][j][e]"; without the pair when `pairs`. */
static const char *index_text(Lower *L, const Version *w, const Layout *l, const char *const *v,
                              bool pairs)
{
	Text s = {.arena = L->a};
	int r = 0, last = lower_last(l);
	bool strip = L->strip && l->base[0] && !w->l.base[0];

	for (int i = 0; i < l->nd; i++)
		if (l->d[i].hw == HW_REG && !(pairs && r == last)) {
			if (strip && r == 0 && L->strip->step && w->l.d[i].n < L->strip->count)
				text_add(&s, "[%s %% %d]", L->strip->var, w->l.d[i].n);
			else if (strip && r == 0)
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
	if (lower_pairs(l) > 1)
		return arena_printf(L->a, "%s_at(%s, %s)", ty, x, e);
	if (!strcmp(e, "0") || !strcmp(e, "1"))
		return arena_printf(L->a, "%s_%s(%s)", ty, *e == '0' ? "lo" : "hi", x);
	return arena_printf(L->a, "(%s ? %s_hi(%s) : %s_lo(%s))", e, ty, x, ty, x);
}

const char *lower_words(Lower *L, const Version *w, const Layout *l, const char *const *v)
{
	return arena_printf(L->a, "%s%s", w->name, index_text(L, w, l, v, true));
}

Version *lower_declare(Lower *L, const Op *op, const Layout *l, bool packed, const char *want)
{
	Version *w = ARENA_NEW(L->a, Version);
	Text s = {.arena = L->a};
	int last = lower_last(l), r = 0;

	w->op = op;
	w->l = *l;
	w->packed = packed;
	w->name = lower_name(L, want ? want : op->name ? op->name : op_info[op->code].name);
	w->scope = L->scope;
	w->home = L->out;
	w->root = root_of(L->out);
	w->next = L->versions;
	L->versions = w;
	text_add(&s, "%s %s",
	         packed                                        ? "u32"
	         : op->dtype == DT_I32 || op->dtype == DT_MASK ? "int"
	                                                       : "float",
	         w->name);
	for (int i = 0; i < l->nd; i++)
		if (l->d[i].hw == HW_REG) {
			if (!(packed && r == last))
				text_add(&s, "[%d]", l->d[i].n);
			else if (lower_pairs(l) > 1)
				text_add(&s, "[%d]", lower_pairs(l));
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

/* Whether of x in layout l no column right of the diagonal is needed, up to the rows of all warps:
 * the limit must be the same constant in each. Products of warpgroups take whole tiles. */
bool lower_takes_tri(Lower *L, const Op *x, const Layout *l)
{
	bool strip = L->strip && l->base[0] && layout_spread_dim(l, HW_WARP, 0) == 1;
	bool whole = !L->strip && l->rank == 2 && l->orient == ORIENT_N && l->d[0].n > 2 &&
	             l->d[0].n % 2 == 0 && !L->dev->gpu->wgmma;

	return (strip || whole) && lower_zero_upper(x);
}

/* The column core where a tri layout ends in its m-th pair of row cores. */
const char *lower_tri_end(Lower *L, const Layout *l, const char *m)
{
	int n = 2 * layout_core_step(l, 0);

	return l->base[0] ? arena_printf(L->a, "2 * %s + 2", L->strip->var)
	                  : arena_printf(L->a, "%d * (%s) + %d", n, m, n);
}

/* The column-core digit of a core grid, when columns right of the diagonal are not needed. */
static bool limited(const Layout *l, int digit)
{
	return l->tri && l->rank == 2 && l->orient == ORIENT_N && digit == 1;
}

Block *lower_nest(Lower *L, const Layout *l, bool pairs, const char **v)
{
	static const char *const names[] = {"i", "j", "e", "h", "x"};
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
		if (limited(l, i))
			lower_open(L, S_FOR, true, "int %s = 0; %s < %s; %s++", v[r], v[r],
			           lower_tri_end(L, l, arena_printf(L->a, "%s / 2", v[0])), v[r]);
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
	return layout_reach(l, d, true);
}

int lower_reach(Lower *L, const Op *op, const Layout *l, int d)
{
	if (l->base[d] && L->strip && L->strip->step)
		return (L->strip->count - 1) * L->strip->step + lower_covered(l, d);
	return l->base[d] ? facts_extent(L->f, facts_class(L->f, op, d)) : lower_covered(l, d);
}

Layout lower_lane_layout(int n)
{
	Layout l = {.rank = 1, .orient = ORIENT_NONE};
	int per = (n + 31) / 32;

	l.d[l.nd++] = (Digit){HW_REG, per, 0, 0, 1, 0, 0};
	l.d[l.nd++] = (Digit){HW_LANE, 32, 1, 0, per, 0, 0};
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
		return facts_layout(L->f, op,
		                    L->f->op[op->id].anchored ? L->f->op[op->id].orient : ORIENT_N);
	if (op->rank == 1)
		return lower_vector_layout(L, op);
	return (Layout){.rank = 0};
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

/* -- values ---------------------------------------------------------------------------------- */

static Version *make_elementwise(Lower *L, Op *op, const Layout *l)
{
	const char *v[MAX_DIGITS];
	Version *w;
	Block *b;
	Layout c = lower_child(op, l);

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
		L->then = op->src[p];
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

/* Whether x can be put in shared memory where the text now is, all of what l reads there. */
static bool converts(const Lower *L, const Version *x, const Layout *l)
{
	return in_sight(L, x) && !(L->strip && x->l.base[0] && !l->base[0]);
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
			if (x->op == op && !x->packed && converts(L, x, l)) {
				lower_wgmma_land(L, x->name);
				return lower_convert(L, op, x, l);
			}
	saved = lower_hoist(L, l, &scope);
	switch (op->code) {
	case OP_load:
		w = lower_load(L, op, l, false);
		break;
	case OP_dot:
		w = lower_dot(L, op, l, NULL);
		break;
	case OP_sum:
	case OP_rmax:
	case OP_rmin:
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
	case OP_concat:
	case OP_sympow2:
	case OP_slice:
	case OP_reshape:
		w = lower_gather(L, op, l);
		break;
	default:
		w = make_sum(L, op, l);
		if (!w)
			w = make_elementwise(L, op, l);
	}
	lower_wgmma_land(L, w->name);
	w->made_in = L->out;
	w->made_at = L->out->last;
	L->out = saved;
	L->scope = scope;
	return w;
}

void lower_pack_elem(Lower *L, const Version *w, Op *x, const Layout *l, const char **v)
{
	int last = lower_last(l);
	const char *lo, *hi;

	v[last] = "0";
	lo = lower_elem(L, x, l, v);
	v[last] = "1";
	hi = lower_elem(L, x, l, v);
	v[last] = "0";
	lower_code(L, "%s%s = %s;", w->name, index_text(L, w, l, v, true), lower_pack(L, lo, hi));
}

/* As 16-bit pairs, for a product. */
Version *lower_need_packed(Lower *L, Op *op, const Layout *l)
{
	const char *v[MAX_DIGITS];
	int scope;
	Version *w = lower_find(L, op, l, true);
	Block *saved, *b;
	Layout own;

	if (w)
		return w;
	saved = lower_hoist(L, l, &scope);
	own = *l;
	if (L->f->op[op->id].anchored && L->f->op[op->id].orient != l->orient) {
		Version *from;

		own = layout_core(L->f->op[op->id].orient, (Split){l->d[0].n, 1, 1},
		                  (Split){l->d[1].n, 1, 1});
		own.d[0] = l->d[0];
		own.d[1] = l->d[1];
		for (int i = 3; i < l->nd; i++)
			if (l->d[i].hw == HW_WARP)
				own.d[own.nd++] = l->d[i];
		own.base[0] = l->base[0];
		own.base[1] = l->base[1];
		from = lower_need_packed(L, op, &own);
		w = lower_declare(L, op, l, true, NULL);
		b = lower_nest(L, l, true, v);
		lower_code(L, "%s[%s][%s] = core_transpose(%s%s);", w->name, v[0], v[1], from->name,
		           index_text(L, from, &own, v, true));
		lower_nest_close(L, b);
	} else if (op->code == OP_load && lower_staged(L, op) && rounded(op)) {
		w = lower_load(L, op, l, true);
	} else {
		bool rounds = op->code == OP_cast && (op->dtype == DT_BF16 || op->dtype == DT_F16);
		Op *x = rounds ? op->src[0] : op; /* packing rounds */
		bool keep = !lower_inlined(L, x) || lower_find(L, x, l, false);

		if (keep)
			lower_need(L, x, l);
		else
			lower_ensure(L, x, l);
		w = lower_declare(L, op, l, true, op->name ? arena_printf(L->a, "%s_h", op->name) : NULL);
		w->op = NULL;
		if (L->f->op[op->id].uses > 1 || !lower_pack_square(L, w, x, l)) {
			b = lower_nest(L, l, true, v);
			lower_pack_elem(L, w, x, l, v);
			lower_nest_close(L, b);
		}
		w->op = op;
	}
	L->out = saved;
	L->scope = scope;
	return w;
}
