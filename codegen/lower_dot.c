/* lower_dot.c -- matrix products, as mma.sync on cores.
 *
 * A product is formed as written (result in the N orientation) or as its transpose (T): which
 * operand plays mma's A is all that differs. An operand is
 *   ARRAY   cores already in registers, whole;
 *   STREAM  cores read from shared memory for one k16 step at a time;
 *   MADE    an expression over such tiles, computed for one k16 step at a time;
 *   THIN    a one-column state, rounded into shared memory (lower_thin.c);
 *   FORMED  a grown tile, its cores made just before their use (lower_features.c).
 * A right operand whose warps each hold only a part, or a state, is published: rounded into shared
 * memory (lower_publish.c) and streamed from there.
 */
#include "lower_dot.h"

#include <string.h>

static const char *product_strip(Lower *L, const Layout *l, int d)
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
	Split k = facts_dim(L->f, src, o->left ? 1 : 0), out = {0, 1, 1};
	const Layout *l = &p->l;
	int d = o->left ? 0 : 1;
	Layout r;

	k = (Split){k.cores * k.warps, 1, 1};
	out.cores = l->d[d].n;
	for (int i = 3; i < l->nd; i++)
		if (l->d[i].hw == HW_WARP && l->d[i].dim == d) {
			out.warps = l->d[i].n;
			out.pos = l->d[i].pos;
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
	if (left && !sw && !p->flip && lower_takes_tri(L, o->x, &o->need))
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

void product_array(Product *p, Operand *o)
{
	Lower *L = p->L;

	if (o->kind == ARRAY && !o->array)
		o->array = lower_need_packed(L, o->x, &o->own);
}

/* Core (outer, k) of an operand held whole; index expressions as C text. */
const char *product_core(Product *p, Operand *o, const char *outer, const char *k)
{
	Lower *L = p->L;
	const char *i, *j;
	int d = o->left == o->swapped; /* x's dimension that is the operand's outer one */

	if (o->kind == STREAM)
		return arena_printf(L->a, "%s[%s][%s]", o->frag, outer, k);
	if (!o->array->l.base[d] && o->own.base[d])
		outer = arena_printf(L->a, "%s + %s", product_strip(L, &o->own, d), outer);
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
void product_stream(Product *p, Operand *o, const char *k)
{
	Lower *L = p->L;
	bool rows_outer = o->left != o->swapped; /* x's rows are the operand's outer dimension */
	const char *name = lower_name(L, arena_printf(L->a, "%s_f",
	                                              o->x->name  ? o->x->name
	                                              : o->x->arg ? o->x->arg->name
	                                                          : o->staged->base));
	const char *k0 =
	    strcmp(k, "0") ? arena_printf(L->a, strchr(k, ' ') ? "2 * (%s)" : "2 * %s", k) : "0";

	if (rows_outer) {
		lower_code(L, "u32 %s[%d][2];", name, o->outer);
		lower_cores(L, o->staged, &o->own, name, product_strip(L, &o->own, 0), o->outer, k0, 2);
	} else {
		lower_code(L, "u32 %s[2][%d];", name, o->outer);
		lower_cores(L, o->staged, &o->own, name, k0, 2, product_strip(L, &o->own, 1), o->outer);
	}
	o->frag = name;
}

const char *product_frag(Product *p, Operand *o, const char *outer, int half, const char *k)
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
		return product_core(p, o, outer, half ? "1" : "0");
	return product_core(p, o, outer, arena_printf(L->a, half ? "2 * %s + 1" : "2 * %s", k));
}

/* 2 i + half, as text */
const char *product_twice(Lower *L, int half, const char *i)
{
	if (!strcmp(i, "0"))
		return half ? "1" : "0";
	if (strchr(i, ' '))
		i = arena_printf(L->a, "(%s)", i);
	return arena_printf(L->a, half ? "2 * %s + 1" : "2 * %s", i);
}

/* acc core (row, column) as a pointer to its pair */
const char *product_acc(const Product *p, const char *i, const char *j)
{
	Lower *L = p->L;

	if (L->strip && p->l.base[0] && !p->acc->l.base[0])
		i = arena_printf(L->a, "%d * %s + %s", p->l.d[0].n, L->strip->var, i);
	return arena_printf(L->a, "%s[%s][%s]", p->acc->name, i, j);
}

Block *product_loop(Lower *L, const char *v, int n, const char **out)
{
	Block *saved = L->out;

	*out = "0";
	if (L->strip && !strcmp(v, L->strip->var)) /* whose strips this product is made for */
		v = "kk";
	if (n > 1) {
		lower_open(L, S_FOR, true, "int %s = 0; %s < %d; %s++", v, v, n, v);
		*out = v;
	}
	return saved;
}

/* The mma over all tiles of the result for one k step, operands by core expressions. */
void product_step(Product *p, const char *k)
{
	Lower *L = p->L;
	const char *i, *j;
	int mi = p->l.d[0].n, nj = p->l.d[1].n;
	Block *saved = L->out;

	if (!p->flip) {
		if (p->a.need.tri && !p->a.need.base[0]) { /* rows above step k have none of its columns */
			lower_open(L, S_FOR, true, "int i = %s / %d; i < %d; i++", k,
			           layout_core_step(&p->l, 0), mi / 2);
			i = "i";
		} else {
			product_loop(L, "i", mi / 2, &i);
		}
		if (p->l.tri) {
			lower_open(L, S_FOR, true, "int j = 0; j < %s; j++", lower_tri_end(L, &p->l, i));
			j = "j";
		} else {
			product_loop(L, "j", nj, &j);
		}
		lower_code(L, "mma_%s(%s, %s, %s, %s, %s, %s, %s, %s);", p->ty,
		           product_acc(p, product_twice(L, 0, i), j),
		           product_acc(p, product_twice(L, 1, i), j),
		           product_frag(p, &p->a, product_twice(L, 0, i), 0, k),
		           product_frag(p, &p->a, product_twice(L, 1, i), 0, k),
		           product_frag(p, &p->a, product_twice(L, 0, i), 1, k),
		           product_frag(p, &p->a, product_twice(L, 1, i), 1, k),
		           product_frag(p, &p->b, j, 0, k), product_frag(p, &p->b, j, 1, k));
	} else {
		product_loop(L, "i", mi, &i);
		product_loop(L, "j", nj / 2, &j);
		lower_code(L, "mma_%s(%s, %s, %s, %s, %s, %s, %s, %s);", p->ty,
		           product_acc(p, i, product_twice(L, 0, j)),
		           product_acc(p, i, product_twice(L, 1, j)),
		           product_frag(p, &p->b, product_twice(L, 0, j), 0, k),
		           product_frag(p, &p->b, product_twice(L, 1, j), 0, k),
		           product_frag(p, &p->b, product_twice(L, 0, j), 1, k),
		           product_frag(p, &p->b, product_twice(L, 1, j), 1, k),
		           product_frag(p, &p->a, i, 0, k), product_frag(p, &p->a, i, 1, k));
	}
	L->out = saved;
}

/* A step's part of a vector that threads fold is not theirs to fold: the whole is made before. */
static void fold_vectors(Lower *L, Op *x)
{
	if (x->rank == 1 && op_info[x->code].class == REDUCE) {
		Layout l = lower_value_layout(L, x);

		lower_need(L, x, &l);
	} else if (op_is_elementwise(x) || op_info[x->code].class == VIEW) {
		for (int i = 0; i < x->nsrc; i++)
			fold_vectors(L, x->src[i]);
	}
}

/* The steps are strips: what does not depend on them goes before their loop. */
static void product_by_steps(Product *p)
{
	Lower *L = p->L;
	Operand *const side[] = {&p->a, &p->b};
	Block *outer = L->out;
	Strip s = {"k", "16 * k", outer, L->scope, p->a.k / 2, 0};
	Stmt *loop = ARENA_NEW(L->a, Stmt);

	for (int i = 0; i < 2; i++)
		if (side[i]->kind == MADE)
			fold_vectors(L, side[i]->x);
	loop->kind = S_FOR;
	loop->unroll = true;
	loop->text = arena_printf(L->a, "int k = 0; k < %d; k++", s.count);
	L->strip = &s;
	loop->body.outer = outer;
	L->out = &loop->body;
	L->scope++;
	for (int i = 0; i < 2; i++)
		if (side[i]->kind == STREAM)
			product_stream(p, side[i], "k");
		else if (side[i]->kind == MADE)
			side[i]->array = lower_need_packed(L, side[i]->x, &side[i]->own);
	product_step(p, "k");
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
	Both both;
	bool two;

	product_array(p, &p->a);
	product_array(p, &p->b);
	two = lower_both_open(&both, p);
	if (p->a.need.tri && p->a.need.base[0]) {
		lower_open(L, S_FOR, true, "int k = 0; k <= %s; k++", L->strip->var);
		k = "k";
	} else {
		product_loop(L, "k", p->a.k / 2, &k);
	}
	if (p->a.kind == STREAM)
		product_stream(p, &p->a, k);
	if (p->b.kind == STREAM)
		product_stream(p, &p->b, k);
	product_step(p, k);
	if (two)
		lower_both_step(&both, p, k);
	L->out = saved;
	if (two)
		lower_both_close(&both);
}

/* A thin state that another role publishes: the first two columns of each step's eight. */
static void thin_operand(Product *p, Operand *o)
{
	o->staged = lower_publish(p->L, o->x, p->a.grow);
	o->thin = o->staged->buf;
	o->kind = STREAM;
}

/* Makes q the product `op`, a thin state's, by the features that p forms; false: it is not that
 * kind. Its accumulators are zeros. */
bool product_thin(const Product *p, Product *q, Op *op, const Layout *l)
{
	Lower *L = p->L;
	const char *v[MAX_DIGITS];
	Block *b;

	*q = (Product){.L = L, .op = op, .l = *l, .ty = p->ty};
	operand_open(q, &q->a, op->src[0], true);
	operand_open(q, &q->b, op->src[1], false);
	thin_operand(q, &q->b);
	q->wgmma = lower_wgmma_fits(q);
	if (!q->wgmma)
		return false;
	q->acc = lower_ones_begun(L, op);
	if (q->acc)
		return true;
	q->acc = lower_declare(L, op, l, false, NULL);
	b = lower_nest(L, l, false, v);
	lower_code(L, "%s = 0.0f;", lower_ref(L, q->acc, l, v));
	lower_nest_close(L, b);
	return true;
}

Product lower_product_open(Lower *L, Op *op, const Layout *l)
{
	Product p = {.L = L, .op = op, .l = *l};

	if (l->orient == ORIENT_NONE)
		lower_cannot(L, op, "a product used where its fragments do not fit");
	p.flip = l->orient == ORIENT_T;
	if (l->d[p.flip].n % 2)
		bug("a product of half an mma");
	p.ty = L->f16 ? "f16" : "bf16";
	operand_open(&p, &p.a, op->src[0], true);
	operand_open(&p, &p.b, op->src[1], false);
	return p;
}

bool lower_dot_flies(Lower *L, Op *op, const Layout *l, Product *p)
{
	if (l->orient != ORIENT_N || l->d[0].n % 2)
		return false;
	*p = lower_product_open(L, op, l);
	return p->a.kind != FORMED && lower_wgmma_fits(p);
}

void product_count(Product *p)
{
	const Op *a = p->op->src[0];

	p->L->dev->products[p->wgmma] += (double)p->op->dim[0].n * p->op->dim[1].n * a->dim[1].n;
}

/* Features are formed before what they are multiplied by is waited for. */
static void publish_operand(Product *p)
{
	Lower *L = p->L;
	bool formed = p->a.kind == FORMED && !p->a.swapped;

	L->defers = formed && !L->strip && lower_one_group(L);
	p->b.staged = lower_publish(L, p->b.x, formed ? p->a.grow : NULL);
	p->b.kind = STREAM;
	L->defers = false;
}

Version *lower_dot(Lower *L, Op *op, const Layout *l, Version *acc)
{
	const Op *then = L->then;
	const char *v[MAX_DIGITS];
	Product p;
	Block *b;

	L->then = NULL; /* not that of what the operands are made of */
	p = lower_product_open(L, op, l);
	if (p.a.kind == FORMED && p.b.kind == FORMED && !p.a.swapped && p.b.swapped) {
		p.b.array =
		    lower_form_all(L, p.b.x, &p.b.own, lower_weight_table(L, p.b.grow, p.a.grow, false));
		p.b.kind = ARRAY;
	}
	/* what the operands need is made before the accumulators come to life */
	if (p.a.kind == FORMED && !p.a.swapped && p.b.x->code == OP_get &&
	    lower_is_thin(L, p.b.x->src[0]) && L->role == ROLE_OUTPUT)
		thin_operand(&p, &p.b);
	else if (p.a.kind == FORMED && !p.a.swapped && p.b.x->code == OP_get &&
	         lower_is_thin(L, p.b.x->src[0]))
		p.b.thin = lower_thin_publish(L, p.b.x, p.a.grow), p.b.kind = THIN;
	else if (p.b.kind == ARRAY && !p.b.array && lower_must_publish(L, p.b.x, p.b.swapped))
		publish_operand(&p);
	if (p.a.kind != FORMED && p.b.kind != FORMED && !lower_wgmma_fits(&p)) {
		operand_by_steps(&p, &p.a);
		operand_by_steps(&p, &p.b);
	}
	if (!lower_wgmma_fits(&p)) {
		product_array(&p, &p.a);
		product_array(&p, &p.b);
	}
	p.wgmma = lower_wgmma_fits(&p);
	if (!acc)
		acc = lower_ones_begun(L, op);
	if (acc && !p.wgmma)
		lower_wgmma_land(L, acc->name);
	if (p.b.thin && p.b.kind == STREAM && !p.wgmma)
		lower_cannot(L, op, "a column over features read by a product of few rows");
	product_count(&p);
	p.fresh = p.wgmma && !acc && p.a.kind != FORMED;
	if (p.fresh) {
		Layout all = *l;

		all.d[1].n += p.a.kind == ARRAY && lower_ones_join(&p, then);
		acc = lower_declare(L, op, &all, false, NULL);
		acc->more = all.d[1].n - l->d[1].n;
		acc->l = *l;
	} else if (!acc) {
		acc = lower_declare(L, op, l, false, NULL);
		b = lower_nest(L, l, false, v);
		lower_code(L, "%s = 0.0f;", lower_ref(L, acc, l, v));
		lower_nest_close(L, b);
	}
	p.acc = acc;
	if (p.a.kind == FORMED)
		(p.a.swapped ? lower_to_features : lower_over_features)(&p);
	else if (p.b.kind == FORMED)
		lower_cannot(L, op, "a grown right operand; write the product the other way round");
	else if (p.wgmma)
		lower_wgmma_plain(&p);
	else
		(p.a.kind == MADE || p.b.kind == MADE ? product_by_steps : plain_product)(&p);
	return acc;
}
