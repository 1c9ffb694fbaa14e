/* lower_wgmma.c -- products of warpgroups (PTX ISA, "Asynchronous warpgroup level matrix multiply-
 * accumulate"): the right operand from shared memory, the left one from there or from registers.
 *
 * The accumulators of m64nN are N cores, warp w of four with rows 16 w .. 16 w + 15: what
 * layout_core deals out to warps. So a product goes this way when its result lies in N, its rows
 * are dealt to whole warpgroups, its columns to nobody, and its right operand is in shared memory.
 *
 * A product is in flight from its issue until a wait retires it, and owns its registers till then.
 * The compiler of the text does not know that: a register may be given to another value, or a value
 * moved across the wait, unless the text names it behind the wait (wgmma_hold). So whoever issues
 * notes the arrays here, and lower_wgmma_settle waits and names them.
 */
#include "lower_dot.h"

#include <string.h>

static bool in_memory(const Operand *o)
{
	return !o->array && o->staged && o->staged->buf->elem == 2 && o->staged->buf->pbytes >= 32 &&
	       (o->kind == STREAM || o->kind == ARRAY);
}

bool lower_wgmma_fits(Product *p)
{
	const Layout *l = &p->l;
	int rows = 1, cols = 1;

	if (!p->L->dev->gpu->wgmma || p->flip || l->orient != ORIENT_N || l->d[0].n % 2 || l->tri)
		return false;
	for (int i = 3; i < l->nd; i++) {
		if (l->d[i].hw == HW_WARP && l->d[i].dim == 0)
			rows = l->d[i].pos == 1 && l->d[i].stride == 16 ? l->d[i].n : 0;
		if (l->d[i].hw == HW_WARP && l->d[i].dim == 1)
			cols = l->d[i].n;
	}
	return rows && rows % 4 == 0 && cols == 1 && l->d[1].n <= 32 && in_memory(&p->b) &&
	       (!p->b.swapped || !p->b.own.base[0]);
}

/* -- what is in flight ------------------------------------------------------------------------- */

/* The array belongs to the group that the next commit closes. */
static void note(Lower *L, const char *array, bool f32, const int *n, int dims)
{
	Flying *f = L->flying;

	while (f < L->flying + L->nflying && strcmp(f->array, array))
		f++;
	if (f == L->flying + MAX_FLYING)
		bug("too many arrays in flight");
	L->nflying += f == L->flying + L->nflying;
	*f = (Flying){array, f32, dims, {0}, L->group};
	for (int i = 0; i < dims; i++)
		f->n[i] = n[i];
}

static void hold(Lower *L, const Flying *f)
{
	static const char *const index[] = {"i", "j", "e", "h"};
	Text s = {.arena = L->a};
	Block *saved = L->out;

	text_puts(&s, f->array);
	for (int d = 0; d < f->dims; d++) {
		lower_open(L, S_FOR, true, "int %s = 0; %s < %d; %s++", index[d], index[d], f->n[d],
		           index[d]);
		text_add(&s, "[%s]", index[d]);
	}
	lower_code(L, "wgmma_hold_%s(&%s);", f->f32 ? "f32" : "b32", s.s);
	L->out = saved;
}

void lower_wgmma_commit(Lower *L)
{
	lower_code(L, "wgmma_commit();");
	L->group++;
	lower_ring_ask(L);
}

/* Group `g` and those before it have been waited for. */
void lower_wgmma_over(Lower *L, int g)
{
	int kept = 0;

	for (int i = 0; i < L->nflying; i++)
		if (L->flying[i].group <= g)
			hold(L, &L->flying[i]);
		else
			L->flying[kept++] = L->flying[i];
	L->nflying = kept;
}

static void wait_for(Lower *L, int g)
{
	lower_code(L, "wgmma_wait(%d);", L->group - 1 - g)->settles = g == L->group - 1;
	lower_wgmma_over(L, g);
}

void lower_wgmma_settle(Lower *L)
{
	if (L->nflying)
		wait_for(L, L->group - 1);
}

/* Gives up what groups before the last own: their registers have other uses. */
void lower_wgmma_trim(Lower *L)
{
	for (int i = 0; i < L->nflying; i++)
		if (L->flying[i].group < L->group - 1) {
			wait_for(L, L->group - 2);
			return;
		}
}

void lower_wgmma_land(Lower *L, const char *array)
{
	for (int i = 0; i < L->nflying; i++)
		if (!strcmp(L->flying[i].array, array)) {
			wait_for(L, L->flying[i].group);
			return;
		}
}

void lower_wgmma_note(Lower *L, const Version *w)
{
	int n[4] = {0}, dims = 0;

	for (int i = 0; i < w->l.nd; i++)
		if (w->l.d[i].hw == HW_REG)
			n[dims++] = w->l.d[i].n + (i == 1 ? w->more : 0);
	note(L, w->name, !w->packed, n, dims - w->packed);
}

/* What wrote the accumulators comes before the fence, unless a product did. */
void lower_wgmma_take(Lower *L, const Version *sums)
{
	bool flies = false;

	for (int i = 0; i < L->nflying; i++)
		flies |= !strcmp(L->flying[i].array, sums->name);
	lower_wgmma_note(L, sums);
	for (int i = 0; i < L->nflying && !flies; i++)
		if (!strcmp(L->flying[i].array, sums->name))
			hold(L, &L->flying[i]);
}

/* -- operands in shared memory ------------------------------------------------------------------
 */

/* Names the operand's part of its buffer in a descriptor. It runs along the contraction in memory
 * (K-major) or across it; rows (columns) of the left operand are the warpgroup's own. */
static const char *describe(Product *p, Operand *o, const char *i)
{
	Lower *L = p->L;
	const Buffer *b = o->staged->buf;
	bool major = o->left != o->swapped;
	bool far = !major && b->cols > b->pcols; /* else the leading offset is ignored */
	int panel = b->rows * b->pbytes, step = layout_core_step(&p->l, 0);
	const char *name = lower_name(L, arena_printf(L->a, "%s_d", o->staged->base));
	const char *at = o->staged->base, *first = "0", *leading;
	Stmt *desc;

	if (o->left) {
		Text row = {.arena = L->a};

		if (p->l.base[0])
			text_add(&row, "%s", p->l.base[0]);
		if (strcmp(i, "0"))
			text_add(&row, "%s%d * %s", row.len ? " + " : "", 16 * step, i);
		if (step > 4)
			text_add(&row, "%s64 * (warp / 4 %% %d)", row.len ? " + " : "", step / 4);
		first = row.len ? row.s : "0";
		if (strcmp(first, "0"))
			at = major ? arena_printf(L->a, "%s + %d * (%s)", at, b->pbytes, first)
			           : arena_printf(L->a, "%s + (%s) / %d * %d", at, first, b->pcols, panel);
	}
	o->staged->buf->whole |= !o->left || !major || (step <= 4 && L->warps > 4);
	leading = o->more ? arena_printf(L->a, "%s - %s", o->more->base, at)
	                  : arena_printf(L->a, "%d", far ? panel : 16);
	desc = lower_code(L, "const u64 %s = wgmma_desc(%s, %s, %d, %d);", name, at, leading,
	                  8 * b->pbytes, b->pbytes);
	dev_access(desc, o->staged->buf, ACC_PROXY);
	if (o->more)
		dev_access(desc, o->more->buf, ACC_PROXY);
	return name;
}

/* The descriptor of k16 step k. */
static const char *at_step(Product *p, const Operand *o, const char *desc, const char *k)
{
	const Buffer *b = o->staged->buf;
	Lower *L = p->L;
	int per = b->pbytes / 32, panel = b->rows * b->pbytes / 16;

	if (!strcmp(k, "0"))
		return desc;
	if (strchr(k, ' '))
		k = arena_printf(L->a, "(%s)", k);
	if (o->more) { /* the step's rows; of the panel behind, the same ones, or the step's columns */
		const char *back = arena_printf(L->a, "-%d * %s", 16 * b->pbytes, k);

		if (o->more->buf->stages > 1)
			back = arena_printf(L->a, "%s / 8 * %d + %s %% 8 * 16 - %d * %s", k,
			                    16 * o->more->buf->pbytes, k, 16 * b->pbytes, k);
		return arena_printf(L->a, "wgmma_desc_move(%s, %d * %s, %s)", desc, 16 * b->pbytes, k,
		                    back);
	}
	if (o->thin) /* a column of eight, after eight another panel */
		return arena_printf(L->a, "%s + %s / 8 * %d + %s %% 8", desc, k, panel, k);
	if (o->left == o->swapped)
		return arena_printf(L->a, "%s + %d * %s", desc, b->pbytes, k);
	if (b->cols <= b->pcols)
		return arena_printf(L->a, "%s + 2 * %s", desc, k);
	return arena_printf(L->a, "%s + %s / %d * %d + 2 * (%s %% %d)", desc, k, per, panel, k, per);
}

/* -- issue --------------------------------------------------------------------------------------
 */

static const char *row_of(Product *p, int half, const char *i)
{
	Lower *L = p->L;
	const char *row = product_twice(L, half, i);

	if (L->strip && p->l.base[0] && !p->acc->l.base[0])
		row = arena_printf(L->a, "%d * %s + %s", p->l.d[0].n, L->strip->var, row);
	return arena_printf(L->a, "%s[%s]", p->acc->name, row);
}

static const char *sums_of(Product *p, int half, const char *i)
{
	return arena_printf(p->L->a, "%s[%s]", p->sums->name, product_twice(p->L, half, i));
}

/* Whether the step overwrites: the first of a product that begins its accumulators. */
static const char *adds(Product *p, const char *k)
{
	if (!p->fresh)
		return "1";
	return strcmp(k, "0") ? arena_printf(p->L->a, "%s > 0", k) : "0";
}

void lower_wgmma_open(Product *p)
{
	if (p->fresh)
		lower_wgmma_note(p->L, p->acc);
	else
		lower_wgmma_take(p->L, p->acc);
	p->b_desc = describe(p, &p->b, "0");
}

/* Sums over the rows of a left operand in registers, of which a role has few, are taken before it
 * flies: it need not be kept behind its product. */
static void fold_rows(Product *p)
{
	Lower *L = p->L;

	for (Op *x = p->op->parent->first; L->role == ROLE_OUTPUT && x; x = x->next)
		if (x->code == OP_sum && x->axis_dim == 1 && x->src[0] == p->a.array->op &&
		    L->live[x->id]) {
			Layout l = layout_drop(p->a.array->l, 1);

			if (!lower_ones_rows(p, x))
				lower_need(L, x, &l);
		}
}

void lower_wgmma_plain(Product *p)
{
	lower_wgmma_issue(p);
	lower_wgmma_commit(p->L);
	lower_late_issue(p->L);
}

void lower_wgmma_issue(Product *p)
{
	Lower *L = p->L;
	const char *i, *k, *d = NULL, *ones = NULL;
	Block *saved = L->out;
	bool memory =
	    in_memory(&p->a) && (p->a.left != p->a.swapped || p->a.staged->buf->pbytes == 128);
	int cols = 8 * (p->l.d[1].n + p->acc->more);

	if (!memory) {
		product_array(p, &p->a);
		fold_rows(p);
		if (p->acc->more && !L->begun)
			bug("eight columns of sums that nobody takes");
		lower_wgmma_take(L, p->a.array);
	}
	lower_wgmma_open(p);
	if (p->sums) {
		ones = lower_ones(L);
		lower_wgmma_note(L, p->sums);
	}
	lower_code(L, "wgmma_fence();");
	product_loop(L, "i", p->l.d[0].n / 2, &i);
	if (memory)
		d = describe(p, &p->a, i);
	product_loop(L, "k", p->a.k / 2, &k);
	if (memory) {
		lower_code(L, "wgmma_%s_ss_n%d(%s, %s, %s, %s, %s, %d, %d);", p->ty, cols, row_of(p, 0, i),
		           row_of(p, 1, i), at_step(p, &p->a, d, k), at_step(p, &p->b, p->b_desc, k),
		           adds(p, k), p->a.swapped, !p->b.swapped);
	} else {
		const char *a[4];

		for (int h = 0; h < 4; h++)
			a[h] = product_frag(p, &p->a, product_twice(L, h % 2, i), h / 2, k);
		lower_code(L, "wgmma_%s_rs_n%d(%s, %s, %s, %s, %s, %s, %s, %s, %d);", p->ty, cols,
		           row_of(p, 0, i), row_of(p, 1, i), a[0], a[1], a[2], a[3],
		           at_step(p, &p->b, p->b_desc, k), adds(p, k), !p->b.swapped);
		if (p->sums)
			lower_ones_step(p, sums_of(p, 0, i), sums_of(p, 1, i), a, ones, "0",
			                strcmp(k, "0") ? arena_printf(L->a, "%s > 0", k) : "0");
	}
	L->out = saved;
}

/* -- operands formed in registers ----------------------------------------------------------------
 */

/* An array of operand registers, [..][2][2]: of `dims` leading dimensions. It is formed whole, then
 * its products are issued as one group. */
const char *lower_wgmma_batch(Lower *L, const char *want, const int *n, int dims)
{
	const char *name = lower_name(L, want);
	Text s = {.arena = L->a};

	for (int i = 0; i < dims; i++)
		text_add(&s, "[%d]", n[i]);
	lower_code(L, "u32 %s%s[2][2];", name, s.s);
	return name;
}

/* The batch, one of the sets of `array` when `set` is not NULL, is about to be formed anew: the
 * group that read it last, `behind` groups ago, is over. */
void lower_wgmma_reuse(Lower *L, const char *array, int n, int behind)
{
	Flying f = {array, false, 3, {n, 2, 2}, 0};

	lower_code(L, "wgmma_wait(%d);", behind - 1);
	hold(L, &f);
}

/* The batch is formed: its registers are in place before any product reads them. */
void lower_wgmma_formed(Lower *L, const char *array, int n)
{
	Flying f = {array, false, 3, {n, 2, 2}, 0};

	hold(L, &f);
	lower_code(L, "wgmma_fence();");
}

/* The batch's array belongs to the group now open. */
void lower_wgmma_own(Lower *L, const char *array, const int *n, int dims)
{
	int all[4] = {0};

	for (int i = 0; i < dims; i++)
		all[i] = n[i];
	all[dims] = all[dims + 1] = 2;
	note(L, array, false, all, dims + 2);
}

/* The accumulators belong to the last group committed. */
void lower_wgmma_close(Lower *L, const Version *sums)
{
	L->group--;
	lower_wgmma_note(L, sums);
	L->group++;
}

/* acc rows (2 i, 2 i + 1) += the cores `a`, [row core][half] of the operand or, `turned`, of its
 * transpose, times step k of the right operand. */
void lower_wgmma_step(Product *p, const char *a, bool turned, const char *i, const char *k)
{
	Lower *L = p->L;

	lower_code(L, "wgmma_%s_rs_n%d(%s, %s, %s[0][0], %s[%d][%d], %s[%d][%d], %s[1][1], %s, 1, %d);",
	           p->ty, 8 * (p->l.d[1].n + p->acc->more), row_of(p, 0, i), row_of(p, 1, i), a, a,
	           !turned, turned, a, turned, !turned, a, at_step(p, &p->b, p->b_desc, k),
	           !p->b.swapped);
}
