/* lower_dot.c -- matrix products, as mma.sync on cores.
 *
 * A product is formed as written (result in the N orientation) or as its transpose (T): which
 * operand plays mma's A is all that differs. An operand is
 *   ARRAY   cores already in registers, whole;
 *   STREAM  cores read from shared memory for one k16 step at a time;
 *   MADE    an expression over such tiles, computed for one k16 step at a time;
 *   THIN    a one-column state, rounded into shared memory (lower_thin.c);
 *   FORMED  a grown tile, its cores made by multiplying leaf registers just before their use.
 * With a grown contraction (state reads) the leaf belongs to a row of cores, so rows are the outer
 * loop; with a grown outer dimension (state updates) it belongs to a k16 step, so k is.
 */
#include "lower.h"

#include <string.h>

typedef enum OperandKind { ARRAY, STREAM, MADE, FORMED, THIN } OperandKind;

typedef struct Operand {
	OperandKind kind;
	Op *x;        /* behind casts and transposes */
	bool swapped; /* x's dimension 0 is the operand's dimension 1 */
	bool left;
	Layout need; /* of the operand [m, k] or [k, n] */
	Layout own;  /* the same in terms of x */
	Version *array;
	Staged *staged;
	Buffer *thin;
	const char *frag; /* STREAM: array of this k step's cores, [outer][2] */
	const Grow *grow;
	int outer, k; /* cores per warp */
} Operand;

typedef struct Product {
	Lower *L;
	Op *op;
	Version *acc;
	Layout l;
	bool flip;
	Operand a, b; /* left, right */
	const char *ty;
} Product;

static const char *strip_first(Lower *L, const Layout *l, int d)
{
	return l->base[d] ? arena_printf(L->a, "%d * %s", l->d[d].n, L->strip->var) : "0";
}

typedef struct Readers {
	const Op *x;
	int n;
} Readers;

static void reader_op(void *user, Op *op)
{
	Readers *r = user;

	for (int i = 0; op->code == OP_dot && i < 2; i++) {
		bool sw = false;

		r->n += op_base(op->src[i], &sw) == r->x;
	}
}

/* A small staged tile that several products read keeps its cores in registers; one that each strip
 * reads again keeps them only if they are very few. */
static bool worth_keeping(Lower *L, const Operand *o)
{
	Readers r = {o->x, 0};

	ir_walk(L->k->body, reader_op, &r);
	return o->outer * o->k <= (r.n > 1 ? 16 : L->strip ? 8 : 0);
}

static bool is_grown(Lower *L, const Op *x)
{
	return (op_info[x->code].class == GROW || op_is_elementwise(x)) && grow_parse(L->a, x);
}

/* The layout of the operand, from the result's rows (left) or columns (right). */
static Layout operand_layout(Lower *L, Product *p, Operand *o, const Op *src)
{
	Split k = facts_dim(L->f, src, o->left ? 1 : 0), out = {0, 1, 1, 0};
	const Layout *l = &p->l;
	int d = o->left ? 0 : 1;
	Layout r;

	k = (Split){k.cores * k.warps, 1, 1, 0};
	out.cores = l->d[d].n;
	for (int i = 3; i < l->nd; i++)
		if (l->d[i].hw == HW_WARP && l->d[i].dim == d) {
			out.warps = l->d[i].n;
			out.pos = l->d[i].pos;
			out.per = l->d[i].stride / 8;
		}
	r = o->left ? layout_core(ORIENT_N, out, k) : layout_core(ORIENT_T, k, out);
	r.base[d] = l->base[d];
	o->outer = out.cores;
	o->k = k.cores;
	return r;
}

static void operand_open(Product *p, Operand *o, Op *src, bool left)
{
	Lower *L = p->L;
	bool sw = false;

	o->left = left;
	o->x = op_base(src, &sw);
	o->swapped = sw;
	o->need = operand_layout(L, p, o, src);
	if (left && !sw && L->strip && o->need.base[0] &&
	    layout_spread_dim(&o->need, HW_WARP, 0) == 1 && lower_zero_upper(o->x))
		o->need.tri = true;
	o->own = sw ? layout_swap(o->need) : o->need;
	o->staged = lower_staged(L, o->x);
	o->array = lower_find(L, o->x, &o->own, true);
	if (o->array) {
		o->kind = ARRAY;
	} else if (o->x->rank == 2 && is_grown(L, o->x)) {
		o->kind = FORMED;
		o->grow = grow_parse(L->a, o->x);
	} else if (o->staged && o->staged->buf->elem == 2 && !worth_keeping(L, o)) {
		o->kind = STREAM;
	} else {
		o->kind = ARRAY;
	}
}

/* Whether x is computed, element by element, from a tile in shared memory. */
static bool over_staged(Lower *L, const Op *x)
{
	const Staged *s = lower_staged(L, x);

	if (s)
		return x->rank == 2 && s->buf->elem == 2;
	if (!op_is_elementwise(x) || L->f->op[x->id].anchored)
		return false;
	for (int i = 0; i < x->nsrc; i++)
		if (over_staged(L, x->src[i]))
			return true;
	return false;
}

/* A step is a strip of x's rows, so x is contracted along its rows, outside any other strips. */
static void operand_by_steps(Product *p, Operand *o)
{
	Lower *L = p->L;

	if (o->kind != ARRAY || o->array || L->strip || o->left != o->swapped || o->k <= 2 ||
	    o->staged || L->f->op[o->x->id].uses > 1 || !over_staged(L, o->x))
		return;
	o->kind = MADE;
	o->own.d[0].n = 2;
	o->own.base[0] = "16 * k";
}

static void operand_array(Product *p, Operand *o)
{
	Lower *L = p->L;

	if (o->kind == ARRAY && !o->array)
		o->array = lower_need_packed(L, o->x, &o->own);
}

/* Core (outer, k) of an operand held whole; index expressions as C text. */
static const char *core(Product *p, Operand *o, const char *outer, const char *k)
{
	Lower *L = p->L;
	const char *i, *j;
	bool strip;

	if (o->kind == STREAM)
		return arena_printf(L->a, "%s[%s][%s]", o->frag, outer, k);
	strip = o->array->l.base[o->swapped] == NULL && o->own.base[o->swapped] != NULL;
	if (strip)
		outer = arena_printf(L->a, "%s + %s", strip_first(L, &o->own, o->swapped), outer);
	i = o->left ? outer : k;
	j = o->left ? k : outer;
	if (o->swapped) {
		const char *x = i;

		i = j;
		j = x;
	}
	return arena_printf(L->a, "%s[%s][%s]", o->array->name, i, j);
}

/* Loads the k16 step's cores of a STREAM operand into a fresh array [outer][2] (or, for an
 * operand whose outer dimension is x's second, [2][outer], renamed by index order). */
static void stream_step(Product *p, Operand *o, const char *k)
{
	Lower *L = p->L;
	bool rows_outer = o->left != o->swapped; /* x's rows are the operand's outer dimension */
	const char *name =
	    lower_name(L, arena_printf(L->a, "%s_f", o->x->name ? o->x->name : o->x->arg->name));
	const char *k0 = strcmp(k, "0") ? arena_printf(L->a, "2 * %s", k) : "0";

	if (rows_outer) {
		lower_code(L, "u32 %s[%d][2];", name, o->outer);
		lower_cores(L, o->staged, &o->own, name, strip_first(L, &o->own, 0), o->outer, k0, 2);
	} else {
		lower_code(L, "u32 %s[2][%d];", name, o->outer);
		lower_cores(L, o->staged, &o->own, name, k0, 2, strip_first(L, &o->own, 1), o->outer);
	}
	o->frag = name;
}

static const char *frag(Product *p, Operand *o, const char *outer, int half, const char *k)
{
	Lower *L = p->L;

	if (o->kind == MADE)
		k = "0";
	if (o->kind == STREAM) {
		bool rows_outer = o->left != o->swapped;

		return rows_outer ? arena_printf(L->a, "%s[%s][%d]", o->frag, outer, half)
		                  : arena_printf(L->a, "%s[%d][%s]", o->frag, half, outer);
	}
	if (!strcmp(k, "0"))
		return core(p, o, outer, half ? "1" : "0");
	return core(p, o, outer, arena_printf(L->a, half ? "2 * %s + 1" : "2 * %s", k));
}

static const char *second(Lower *L, const char *i)
{
	return arena_printf(L->a, "2 * %s + 1", i);
}

static const char *first(Lower *L, const char *i)
{
	return strcmp(i, "0") ? arena_printf(L->a, "2 * %s", i) : "0";
}

/* acc core (row, column) as a pointer to its pair */
static const char *acc_core(Product *p, const char *i, const char *j)
{
	Lower *L = p->L;

	if (L->strip && p->l.base[0] && !p->acc->l.base[0])
		i = arena_printf(L->a, "%d * %s + %s", p->l.d[0].n, L->strip->var, i);
	return arena_printf(L->a, "%s[%s][%s]", p->acc->name, i, j);
}

static Block *loop_over(Lower *L, const char *v, int n, const char **out)
{
	Block *saved = L->out;

	*out = "0";
	if (n > 1) {
		lower_open(L, S_FOR, true, "int %s = 0; %s < %d; %s++", v, v, n, v);
		*out = v;
	}
	return saved;
}

/* The mma over all tiles of the result for one k step, operands by core expressions. */
static void mma_tiles(Product *p, const char *k)
{
	Lower *L = p->L;
	const char *i, *j;
	int mi = p->l.d[0].n, nj = p->l.d[1].n;
	Block *saved = L->out;

	if (!p->flip) {
		loop_over(L, "i", mi / 2, &i);
		if (p->l.tri) {
			lower_open(L, S_FOR, true, "int j = 0; j < 2 * %s + 2; j++", L->strip->var);
			j = "j";
		} else {
			loop_over(L, "j", nj, &j);
		}
		lower_code(L, "mma_%s(%s, %s, %s, %s, %s, %s, %s, %s);", p->ty, acc_core(p, first(L, i), j),
		           acc_core(p, mi > 1 ? second(L, i) : "1", j), frag(p, &p->a, first(L, i), 0, k),
		           frag(p, &p->a, second(L, i), 0, k), frag(p, &p->a, first(L, i), 1, k),
		           frag(p, &p->a, second(L, i), 1, k), frag(p, &p->b, j, 0, k),
		           frag(p, &p->b, j, 1, k));
	} else {
		loop_over(L, "i", mi, &i);
		loop_over(L, "j", nj / 2, &j);
		lower_code(L, "mma_%s(%s, %s, %s, %s, %s, %s, %s, %s);", p->ty, acc_core(p, i, first(L, j)),
		           acc_core(p, i, second(L, j)), frag(p, &p->b, first(L, j), 0, k),
		           frag(p, &p->b, second(L, j), 0, k), frag(p, &p->b, first(L, j), 1, k),
		           frag(p, &p->b, second(L, j), 1, k), frag(p, &p->a, i, 0, k),
		           frag(p, &p->a, i, 1, k));
	}
	L->out = saved;
}

/* The steps are strips: what does not depend on them goes before their loop. */
static void product_by_steps(Product *p)
{
	Lower *L = p->L;
	Operand *const side[] = {&p->a, &p->b};
	Block *outer = L->out;
	Strip s = {"k", "16 * k", outer, L->scope, p->a.k / 2};
	Stmt *loop = ARENA_NEW(L->a, Stmt);

	loop->kind = S_FOR;
	loop->unroll = true;
	loop->text = arena_printf(L->a, "int k = 0; k < %d; k++", s.count);
	L->strip = &s;
	L->out = &loop->body;
	L->scope++;
	for (int i = 0; i < 2; i++)
		if (side[i]->kind == STREAM)
			stream_step(p, side[i], "k");
		else if (side[i]->kind == MADE)
			side[i]->array = lower_need_packed(L, side[i]->x, &side[i]->own);
	mma_tiles(p, "k");
	lower_drop_versions(L, L->scope);
	L->scope--;
	L->strip = NULL;
	L->out = outer;
	dev_append(outer, loop);
}

static void plain_product(Product *p)
{
	Lower *L = p->L;
	const char *k;
	Block *saved = L->out;

	operand_array(p, &p->a);
	operand_array(p, &p->b);
	if (p->a.need.tri) {
		lower_open(L, S_FOR, true, "int k = 0; k <= %s; k++", L->strip->var);
		k = "k";
	} else {
		loop_over(L, "k", p->a.k / 2, &k);
	}
	if (p->a.kind == STREAM)
		stream_step(p, &p->a, k);
	if (p->b.kind == STREAM)
		stream_step(p, &p->b, k);
	mma_tiles(p, k);
	L->out = saved;
}

/* One k16 (or m16) step of a formed operand: its cores for row cores 0, 1 and halves b1 = 0, 1. */
static void form_step(Product *p, const Leaf *x, int piece, const char *s, const char *name)
{
	Lower *L = p->L;

	lower_code(L, "u32 %s[2][2];", name);
	for (int r = 0; r < 2; r++)
		for (int b = 0; b < 2; b++)
			lower_code(L, "%s[%d][%d] = %s;", name, r, b,
			           lower_form_piece(L, x, piece, r ? "1" : "0", s, b ? "1" : "0"));
}

/* Left operand grown along the contraction: phi [m, F] times [F, n]. Accumulating odd steps apart,
 * for four chains of mma instead of two, changed nothing on an H200: ptxas overlaps the strips
 * already. */
static void product_over_features(Product *p)
{
	Lower *L = p->L;
	const Grow *g = p->a.grow;
	const char *i, *j, *s;
	Block *saved = L->out, *rows;
	Leaf x;
	int mi = p->l.d[0].n;

	if (p->flip || p->a.swapped)
		lower_cannot(L, p->op, "a grown operand in this place");
	operand_array(p, &p->b);
	if (p->b.kind != ARRAY && p->b.kind != THIN)
		lower_cannot(L, p->op, "both operands grown or streamed");
	loop_over(L, "i", mi / 2, &i);
	x = lower_leaf(L, g, ORIENT_N, &p->a.own, first(L, i), 2);
	rows = L->out;
	for (int q = 0; q < g->npieces; q++) {
		const Piece *pc = &g->piece[q];
		const char *f = lower_name(L, "phi");

		if (!pc->nslots)
			continue;
		s = lower_piece_loops(L, pc);
		form_step(p, &x, q, s, f);
		if (pc->kind != PIECE_POW2 && pc->slot)
			s = arena_printf(L->a, "%d + %s", pc->slot / 16, s);
		if (p->b.kind == THIN) {
			for (int h = 0; h < 2; h++)
				dev_access(lower_code(L,
				                      "const u32 b%d = g < 2 ? ld_shared_b32(%s + %d * g + 32 * "
				                      "(%s) + %d + 4 * t) : 0;",
				                      h, p->b.thin->name, 2 * g->slots, s, 16 * h),
				           p->b.thin, ACC_READ);
			lower_code(L, "mma_%s(%s, %s, %s[0][0], %s[1][0], %s[0][1], %s[1][1], b0, b1);", p->ty,
			           acc_core(p, first(L, i), "0"), acc_core(p, second(L, i), "0"), f, f, f, f);
			L->out = rows;
			continue;
		}
		loop_over(L, "j", p->l.d[1].n, &j);
		lower_code(L, "mma_%s(%s, %s, %s[0][0], %s[1][0], %s[0][1], %s[1][1], %s, %s);", p->ty,
		           acc_core(p, first(L, i), j), acc_core(p, second(L, i), j), f, f, f, f,
		           core(p, &p->b, j, arena_printf(L->a, "2 * (%s)", s)),
		           core(p, &p->b, j, arena_printf(L->a, "2 * (%s) + 1", s)));
		L->out = rows;
	}
	if (p->b.kind == THIN) /* the two columns of a thin state */
		for (int r = 0; r < 2; r++) {
			const char *c = acc_core(p, r ? second(L, i) : first(L, i), "0");

			lower_code(L, "%s[0] += %s[1];", c, c);
		}
	L->out = saved;
}

/* Left operand the transpose of a grown tile: T(phi) [F, k] times [k, n]. */
static void product_to_features(Product *p)
{
	Lower *L = p->L;
	const Grow *g = p->a.grow;
	const char *k, *j, *s;
	Block *saved = L->out, *step;
	Leaf x;

	operand_array(p, &p->b);
	loop_over(L, "k", p->a.k / 2, &k);
	if (p->b.kind == STREAM)
		stream_step(p, &p->b, k);
	x = lower_leaf(L, g, ORIENT_T, &p->a.own, first(L, k), 2);
	x.state = true;
	step = L->out;
	for (int q = 0; q < g->npieces; q++) {
		const Piece *pc = &g->piece[q];
		const char *f = lower_name(L, "phi"), *c0, *c1;

		if (!pc->nslots)
			continue;
		s = lower_piece_loops(L, pc);
		form_step(p, &x, q, s, f);
		if (pc->kind != PIECE_POW2 && pc->slot)
			s = arena_printf(L->a, "%d + %s", pc->slot / 16, s);
		c0 = arena_printf(L->a, "2 * (%s)", s);
		c1 = arena_printf(L->a, "2 * (%s) + 1", s);
		if (p->flip) {
			loop_over(L, "j", p->l.d[1].n / 2, &j);
			for (int b = 0; b < 2; b++)
				lower_code(L, "mma_%s(%s, %s, %s, %s, %s, %s, %s[0][%d], %s[1][%d]);", p->ty,
				           acc_core(p, b ? c1 : c0, first(L, j)),
				           acc_core(p, b ? c1 : c0, second(L, j)),
				           frag(p, &p->b, first(L, j), 0, k), frag(p, &p->b, second(L, j), 0, k),
				           frag(p, &p->b, first(L, j), 1, k), frag(p, &p->b, second(L, j), 1, k), f,
				           b, f, b);
		} else {
			loop_over(L, "j", p->l.d[1].n, &j);
			lower_code(L, "mma_%s(%s, %s, %s[0][0], %s[0][1], %s[1][0], %s[1][1], %s, %s);", p->ty,
			           acc_core(p, c0, j), acc_core(p, c1, j), f, f, f, f, frag(p, &p->b, j, 0, k),
			           frag(p, &p->b, j, 1, k));
		}
		L->out = step;
	}
	L->out = saved;
}

Version *lower_dot(Lower *L, Op *op, const Layout *l, Version *acc)
{
	Product p = {.L = L, .op = op, .l = *l};
	const char *v[MAX_DIGITS];
	Block *b;

	if (l->orient == ORIENT_NONE)
		lower_cannot(L, op, "a product used where its fragments do not fit");
	p.flip = l->orient == ORIENT_T;
	p.ty = L->f16 ? "f16" : "bf16";
	operand_open(&p, &p.a, op->src[0], true);
	operand_open(&p, &p.b, op->src[1], false);
	if (p.a.kind == FORMED && p.b.kind == FORMED && !p.a.swapped && p.b.swapped) {
		p.b.array =
		    lower_form_all(L, p.b.x, &p.b.own, lower_weight_table(L, p.b.grow, p.a.grow, false));
		p.b.kind = ARRAY;
	}
	/* what the operands need is made before the accumulators come to life */
	if (p.a.kind == FORMED && !p.a.swapped && p.b.x->code == OP_get &&
	    lower_is_thin(L, p.b.x->src[0]))
		p.b.thin = lower_thin_publish(L, p.b.x, p.a.grow), p.b.kind = THIN;
	else if (p.a.kind == FORMED && !p.a.swapped && p.b.x->code == OP_get && !p.b.array)
		p.b.array = lower_pack_state(L, p.b.x, &p.b.own, p.a.grow), p.b.kind = ARRAY;
	if (p.a.kind != FORMED && p.b.kind != FORMED) {
		operand_by_steps(&p, &p.a);
		operand_by_steps(&p, &p.b);
	}
	operand_array(&p, &p.a);
	operand_array(&p, &p.b);
	if (!acc) {
		acc = lower_declare(L, op, l, false, NULL);
		b = lower_nest(L, l, false, v);
		lower_code(L, "%s = 0.0f;", lower_ref(L, acc, l, v));
		lower_nest_close(L, b);
	}
	p.acc = acc;
	if (p.a.kind == FORMED)
		(p.a.swapped ? product_to_features : product_over_features)(&p);
	else if (p.b.kind == FORMED)
		lower_cannot(L, op, "a grown right operand; write the product the other way round");
	else
		(p.a.kind == MADE || p.b.kind == MADE ? product_by_steps : plain_product)(&p);
	return acc;
}
