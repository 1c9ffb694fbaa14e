/* lower_tma_store.c -- tiles that leave by the bulk copy engine: through shared memory in its
 * order, in a place of their own or in that of a tile that nobody reads any more.
 */
#include "lower.h"

#include <string.h>

static bool needs(const Op *x, const Op *tile)
{
	if (x == tile)
		return true;
	for (int i = 0; i < x->nsrc; i++)
		if ((op_info[x->code].class != STATE || i) && needs(x->src[i], tile))
			return true;
	return false;
}

/* A tile's place in shared memory, of the size the store needs, that nothing from the store on
 * reads; NULL: there is none. */
static Buffer *place_left(Lower *L, const Op *op, int rows, int cols)
{
	for (int i = 0; i < L->nstaged && L->role == ROLE_ALL && !op->parent->owner && !L->strip; i++) {
		Buffer *b = L->staged[i].buf;
		bool free = b->stages == 1 && !(b->by_engine && b->whole) && b->rows == rows &&
		            b->cols == cols && b->elem == 2 && !b->left;

		for (const Op *x = op; x && free; x = x->next)
			free = !x->body && (op_info[x->code].class != EFFECT || !needs(x, L->staged[i].op));
		if (free)
			return b;
	}
	return NULL;
}

/* Whether a tile in layout l may leave through the copy engine: each warp's pairs of row cores are
 * whole boxes, rows and columns beyond the tensor are beyond the tile as well, and nobody else
 * holds the same elements. `op` is the store; dims are those of what it stores. */
static bool store_fits(Lower *L, const Op *op, const Layout *l)
{
	const GpuTarget *g = L->dev->gpu;
	const Op *x = op->src[0];
	int rows, cols, warps = 1, shared = 0;
	const Range *r;

	if (!g->tma || !g->stmatrix || L->align < 16 || x->rank != 2 || l->orient != ORIENT_N ||
	    op->arg->rank > MAX_MAP_RANK || (op->arg->dtype != DT_BF16 && op->arg->dtype != DT_F16) ||
	    l->d[0].n != 2 || l->d[1].n % 2 || layout_owner(L->a, l, L->warps))
		return false;
	for (int i = 3; i < l->nd; i++)
		if (l->d[i].hw == HW_WARP && l->d[i].dim == 1)
			return false;
		else if (l->d[i].hw == HW_WARP)
			warps = l->d[i].n;
	rows = lower_tma_axis(op, 0);
	cols = lower_tma_axis(op, 1);
	if (warps != L->warps || cols != op->arg->rank - 1 || rows < 0 ||
	    strcmp(lower_stride(L, op, 1), "1") != 0)
		return false;
	r = op->at[cols];
	if (lower_maps_left(L) < 1 || (r && r->kind != RANGE_WHOLE))
		return false;
	for (int i = 0; i < L->dev->nbufs; i++)
		shared += (L->dev->buf[i]->bytes + 1023) / 1024 * 1024 * L->dev->buf[i]->stages;
	if (place_left(L, op, 16 * L->warps, 8 * l->d[1].n))
		shared = 0;
	return x->dim[0].n == facts_extent(L->f, facts_class(L->f, x, 0)) &&
	       x->dim[1].n == 8 * l->d[1].n && x->dim[1].n * 2 >= 64 &&
	       shared + 32 * L->warps * 8 * l->d[1].n * L->stride <= g->smem_block;
}

/* Each warp puts its sixteen rows into shared memory, in the engine's order, and one of its lanes
 * sends them off; the warp alone waits before it writes there again. */
bool lower_store_engine(Lower *L, Op *op, Op *from, const Layout *l)
{
	const Op *x = op->src[0];
	int n = l->d[1].n, fours = n % 4 ? 2 : 4, rows, cols, panels;
	const char *v[3] = {"0", "0", "0"}, *lane, *map, *name, *j = "0", *at;
	Text s = {.arena = L->a}, where = {.arena = L->a};
	Block *saved = L->out, *into;
	Stmt *meet;
	Buffer *b;

	if (!store_fits(L, op, l))
		return false;
	rows = lower_tma_axis(op, 0);
	cols = lower_tma_axis(op, 1);
	b = place_left(L, op, 16 * L->warps, 8 * n);
	if (b) {
		b->left = true;
		name = b->name;
	} else {
		name = lower_name(L, arena_printf(L->a, "%s_s", op->arg->name));
		b = dev_buffer(L->dev, name, 16 * L->warps, 8 * n, 2, 1);
		b->by_engine = true;
		b->used_cols = 0;
	}
	map = lower_map_param(L, op, b, 16);
	lane = lower_name(L, arena_printf(L->a, "%s_w", op->arg->name));
	L->out = L->pro;
	lower_code(
	    L, "const u32 %s = %s + %s;", lane, name,
	    lower_unit(L, b, "(16 * warp + lane % 8)", fours == 4 ? "(lane / 8)" : "(lane / 8 % 2)"));
	L->out = saved;
	if (b->left && b->whole) {
		meet = ARENA_NEW(L->a, Stmt);
		meet->kind = S_SCOPE;
		meet->atomic = true;
		dev_access(meet, b, ACC_WRITE);
		dev_append(L->out, meet);
		L->out = &meet->body;
	} else if (b->left) {
		; /* products of this warp's own warpgroup alone read its rows, and it has waited for them
		   */
	} else if (op->parent->owner || L->strip) { /* the last turn's, or strip's */
		lower_open(L, S_IF, false, "lane == 0");
		lower_code(L, "tma_store_wait_read(0);");
		L->out = saved;
		dev_add(L->dev, L->out, S_WARP, NULL)->n = 1;
	}
	into = L->out;
	for (int i = 0; i < 2; i++) {
		v[0] = i ? "1" : "0";
		if (n > fours) {
			lower_open(L, S_FOR, true, "int j = 0; j < %d; j += %d", n, fours);
			j = "j";
		}
		s.len = 0;
		s.s = NULL;
		s.cap = 0;
		at = strcmp(j, "0") ? arena_printf(L->a, "(%s ^ 16 * %s)", lane, j) : lane;
		if (b->cols > b->pcols)
			at = arena_printf(L->a, "(%s ^ 16 * (j %% %d)) + j / %d * %d", lane, b->pcols / 8,
			                  b->pcols / 8, b->rows * b->pbytes);
		text_add(&s, "cores_store%d(%s%s", fours, at,
		         i ? arena_printf(L->a, " + %d", 8 * b->pbytes) : "");
		for (int c = 0; c < fours; c++) {
			const char *lo, *hi;

			v[1] = !c               ? j
			       : strcmp(j, "0") ? arena_printf(L->a, "%s + %d", j, c)
			                        : arena_printf(L->a, "%d", c);
			v[2] = "0";
			lo = lower_elem(L, from, l, v);
			v[2] = "1";
			hi = lower_elem(L, from, l, v);
			text_add(&s, ", %s", lower_pack(L, lo, hi));
		}
		lower_code(L, "%s);", s.s);
		L->out = into;
	}
	L->out = saved;
	lower_code(L, "proxy_fence();");
	dev_add(L->dev, L->out, S_WARP, NULL)->n = 1;
	lower_open(L, S_IF, false, "lane == 0");
	panels = (b->cols + b->pcols - 1) / b->pcols;
	text_add(&where, ", %s%s16 * warp", lower_start(L, op->at[rows]), " + ");
	if (l->base[0])
		text_add(&where, " + %s", l->base[0]);
	for (int a = op->arg->rank - 1; a >= 0; a--)
		if (a != rows && a != cols)
			text_add(&where, ", %s", lower_start(L, op->at[a]));
	for (int c = 0; c < panels; c++)
		lower_code(L, "tma_store_%d(&%s, %s + %d * warp%s, %d%s);", op->arg->rank, map, name,
		           16 * b->pbytes, c ? arena_printf(L->a, " + %d", c * b->rows * b->pbytes) : "",
		           c * b->pcols, where.s);
	lower_code(L, "tma_store_commit();");
	L->out = saved;
	(void)x;
	L->stores_fly = true;
	return true;
}

/* At the end of those who store: shared memory may go when it has been read. */
void lower_store_end(Lower *L)
{
	Block *saved = L->out;

	if (!L->stores_fly)
		return;
	lower_open(L, S_IF, false, "lane == 0");
	lower_code(L, "tma_store_wait_read(0);");
	L->out = saved;
	L->stores_fly = false;
}
