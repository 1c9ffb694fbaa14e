/* lower_gather.c -- any element of a tile, from memory (lower_at): grown tiles, or slices of them,
 * element by element in the author's order, where no product takes them. Each element is computed
 * from the elements it is made of, read again through the cache; those of short vectors come from
 * other lanes.
 */
#include "lower.h"

#include <string.h>

/* -- any element, anywhere ------------------------------------------------------------------- */

/* Row and column of each pair i <= j of d. */
static const char *pair_table(Lower *L, int d)
{
	const char *name = arena_printf(L->a, "pairs_%d", d);
	Text t = {.arena = L->a};

	for (int i = 0; i < L->dev->ntables; i++)
		if (!strcmp(L->dev->table[i].name, name))
			return name;
	text_add(&t,
	         "// i + 256 j for each pair i <= j of %d\nstatic __device__ const unsigned short "
	         "%s[%d] = {",
	         d, name, d * (d + 1) / 2);
	for (int i = 0, n = 0; i < d; i++)
		for (int j = i; j < d; j++, n++)
			text_add(&t, "%s%d", n == 0 ? "\n\t" : n % 12 ? ", " : ",\n\t", i + 256 * j);
	text_puts(&t, "\n};");
	if (L->dev->ntables == MAX_TABLES)
		bug("too many tables");
	L->dev->table[L->dev->ntables++] = (Table){name, t.s};
	return name;
}

static const char *at_load(Lower *L, const Op *op, const char *const *c)
{
	Text s = {.arena = L->a}, on = {.arena = L->a};
	const char *v;

	text_puts(&s, lower_pointer(L, op));
	for (int d = 0; d < op->rank; d++) {
		const char *stride = lower_stride(L, op, d), *start = lower_start(L, op->dim[d].range);
		const char *at = strcmp(start, "0") ? arena_printf(L->a, "%s + %s", start, c[d]) : c[d];

		if (!strcmp(stride, "1"))
			text_add(&s, " + %s", at);
		else
			text_add(&s, " + (i64)(%s) * %s", at, stride);
		if (op->dim[d].range && op->dim[d].range->kind != RANGE_WHOLE)
			text_add(&on, "%s%s < %s", on.len ? " && " : "", at,
			         lower_size(L, op->dim[d].range, 0));
	}
	v = op->arg->dtype == DT_F32   ? arena_printf(L->a, "ld_global_f32(%s)", s.s)
	    : op->arg->dtype == DT_I32 ? arena_printf(L->a, "ld_global_i32(%s)", s.s)
	                               : arena_printf(L->a, "widen_%s(ld_global_b16(%s))",
	                                              op->arg->dtype == DT_F16 ? "f16" : "bf16", s.s);
	return on.len ? arena_printf(L->a, "(%s ? %s : 0)", on.s, v) : v;
}

/* -- vectors over the lanes ------------------------------------------------------------------ */

/* Whether the elements of x are made of short vectors alone. */
static bool of_short(const Op *x)
{
	double v;

	if (x->code == OP_load)
		return x->rank == 1 && x->dim[0].n <= 32 && x->dtype != DT_I32 &&
		       lower_range_whole(x->dim[0].range);
	if (op_is_const(x, &v))
		return true;
	if (x->rank != 1 || (x->code != OP_concat && x->code != OP_sympow2 && x->code != OP_slice &&
	                     !op_is_elementwise(x)))
		return false;
	for (int i = 0; i < x->nsrc; i++)
		if (!of_short(x->src[i]))
			return false;
	return true;
}

/* Each such vector is loaded once, before the elements: a load for each of them would wait for the
 * one before it, in branches of its own. Lanes that no element is asked from load one again: in a
 * condition, what is loaded is waited for at its end, before any load that follows. */
static void spread(Lower *L, Op *x)
{
	const char *lane[1], *name;
	int n = x->rank ? x->dim[0].n : 0;

	for (int i = 0; i < x->nsrc; i++)
		spread(L, x->src[i]);
	if (x->code != OP_load)
		return;
	for (int i = 0; i < L->nspread; i++)
		if (L->spread[i] == x)
			return;
	if (L->nspread == 4)
		return;
	name = lower_name(L, arena_printf(L->a, "%s_lane", x->arg->name));
	lane[0] = n == 32       ? "lane"
	          : n & (n - 1) ? arena_printf(L->a, "(lane < %d ? lane : %d)", n, n - 1)
	                        : arena_printf(L->a, "lane %% %d", n);
	lower_code(L, "const float %s = %s;", name, at_load(L, x, lane));
	L->spread[L->nspread] = x;
	L->spread_name[L->nspread++] = name;
}

/* An element of it: all lanes take part, whether they use it or not. */
static const char *from_lanes(Lower *L, const Op *x, const char *c)
{
	for (int i = 0; i < L->nspread; i++)
		if (L->spread[i] == x) {
			const char *name = lower_name(L, x->arg->name);

			lower_code(L, "const float %s = shfl_idx_f32(%s, %s);", name, L->spread_name[i], c);
			return name;
		}
	return NULL;
}

/* The pair of slot c, whether or not there is one. */
static const char *pair_at(Lower *L, const Op *x, const char *c, int d)
{
	const char *name = lower_name(L, "ij");
	int n = x->dim[x->rank - 1].n;

	lower_code(L, "const int %s = %s[%s < 0 ? 0 : %s < %d ? %s : %d];", name, pair_table(L, d), c,
	           c, n, c, n - 1);
	return name;
}

/* An element to choose from: where all lanes have what it is made of, computing it costs less than
 * a branch around it. */
static const char *chosen(Lower *L, const Op *x, const char *e)
{
	const char *name;
	double v;

	if (!L->nspread || op_is_const(x, &v) || x->dtype != DT_F32)
		return e;
	name = lower_name(L, "piece");
	lower_code(L, "const float %s = %s;", name, e);
	return name;
}

/* The inner coordinate c plus n, with the sum folded where it can be. */
static const char *shifted(Lower *L, const char *c, int n)
{
	if (!n)
		return c;
	return arena_printf(L->a, "(%s %c %d)", c, n < 0 ? '-' : '+', n < 0 ? -n : n);
}

const char *lower_at(Lower *L, Op *op, const char *const *c)
{
	const char *x[3], *cc[MAX_RANK];
	int inner = op->rank - 1;

	switch (op->code) {
	case OP_load:
		x[0] = from_lanes(L, op, c[0]);
		return x[0] ? x[0] : at_load(L, op, c);
	case OP_const_:
	case OP_full:
	case OP_scalar:
		return lower_elem(L, op, NULL, NULL);
	case OP_index:
		return arena_printf(L->a, "(%s + %s)", lower_start(L, op->range), c[0]);
	case OP_live:
		if (!op->dim[0].range || op->dim[0].range->kind == RANGE_WHOLE)
			return arena_printf(L->a, "(%s < %d)", c[0], op->dim[0].n);
		return arena_printf(L->a, "(%s < %s_live)", c[0], lower_start(L, op->dim[0].range));
	case OP_transpose:
		cc[0] = c[1];
		cc[1] = c[0];
		return lower_at(L, op->src[0], cc);
	case OP_expand:
		for (int d = 0, s = 0; d < op->rank; d++)
			if (d != op->axis_dim)
				cc[s++] = c[d];
		return lower_at(L, op->src[0], cc);
	case OP_slice:
		memcpy(cc, c, sizeof(char *) * (size_t)op->rank);
		cc[inner] = shifted(L, c[inner], op->lo);
		return lower_at(L, op->src[0], cc);
	case OP_reshape:
		if (op->rank == 2) {
			cc[0] = arena_printf(L->a, "(%s * %d + %s)", c[0], op->dim[1].n, c[1]);
		} else {
			cc[0] = arena_printf(L->a, "(%s / %d)", c[0], op->src[0]->dim[1].n);
			cc[1] = arena_printf(L->a, "(%s %% %d)", c[0], op->src[0]->dim[1].n);
		}
		return lower_at(L, op->src[0], cc);
	case OP_concat: {
		Text s = {.arena = L->a};

		memcpy(cc, c, sizeof(char *) * (size_t)op->rank);
		for (int i = 0, lo = 0; i < op->nsrc; i++) {
			int n = op->src[i]->dim[op->src[i]->rank - 1].n;
			const char *x;

			cc[inner] = shifted(L, c[inner], -lo);
			lo += n;
			x = chosen(L, op->src[i], lower_at(L, op->src[i], cc));
			if (i + 1 < op->nsrc)
				text_add(&s, "%s < %d ? %s : ", c[inner], lo, x);
			else
				text_puts(&s, x);
		}
		return arena_printf(L->a, "(%s)", s.s);
	}
	case OP_sympow2: {
		int d = op->src[0]->dim[inner].n;
		const char *ij = pair_at(L, op, c[inner], d), *a, *b;

		memcpy(cc, c, sizeof(char *) * (size_t)op->rank);
		cc[inner] = arena_printf(L->a, "%s %% 256", ij);
		a = lower_at(L, op->src[0], cc);
		cc[inner] = arena_printf(L->a, "%s / 256", ij);
		b = lower_at(L, op->src[0], cc);
		return arena_printf(L->a, "(%s %% 256 != %s / 256 ? 1.41421356f : 1.0f) * %s * %s", ij, ij,
		                    a, b);
	}
	default:
		break;
	}
	if (!op_is_elementwise(op))
		lower_cannot(L, op, "an element of it on its own; store it to an output first");
	for (int i = 0; i < op->nsrc; i++) {
		Op *s = op->src[i];

		for (int d = 0; d < s->rank; d++)
			cc[d] = s->dim[d].n == 1 ? "0" : c[d];
		x[i] = lower_at(L, s, cc);
	}
	return lower_combine(L, op, x);
}

/* What it is made of is loaded here, at the start of the kernel. */
void lower_gather_ahead(Lower *L, Op *op)
{
	if (of_short(op))
		spread(L, op);
	L->nahead = L->nspread;
}

/* A grown tile (or a slice of one) in layout l, element by element. */
Version *lower_gather(Lower *L, Op *op, const Layout *want)
{
	Layout l = op->rank == 1 ? lower_thread_layout(L, op->dim[0].n) : *want;
	const char *v[MAX_DIGITS], *c[MAX_RANK], *e, *in = NULL;
	Version *w;
	Block *saved, *b;
	int scope;

	saved = lower_hoist(L, &l, &scope);
	L->nspread = L->nahead;
	if (of_short(op))
		spread(L, op);
	w = lower_declare(L, op, &l, false, NULL);
	w->op = NULL;
	b = lower_nest(L, &l, false, v);
	lower_scope(L, b);
	for (int d = 0; d < op->rank; d++) {
		const char *name = lower_name(L, op->rank == 2 && !d ? "row_at" : "col");

		lower_code(L, "const int %s = %s;", name, layout_coord(L->a, &l, d, v));
		c[d] = name;
	}
	e = lower_at(L, op, c);
	in = arena_printf(L->a, "%s < %d", c[op->rank - 1], op->dim[op->rank - 1].n);
	if (op->rank == 2 && (!op->dim[0].range || op->dim[0].range->kind == RANGE_WHOLE))
		in = arena_printf(L->a, "%s && %s < %d", in, c[0], op->dim[0].n);
	lower_code(L, "%s = %s ? %s : 0.0f;", lower_ref(L, w, &l, v), in, e);
	lower_nest_close(L, b);
	L->nspread = L->nahead;
	w->op = op;
	L->out = saved;
	L->scope = scope;
	return layout_same(&l, want) ? w : lower_convert(L, op, w, want);
}
