/* lower_lookup.c -- which pairs (I, J) of column groups a warp's steps of features are: looked up
 * once, in the prologue, as the places that each lane reads them from; and which of them serve
 * again.
 */
#include "lower_dot.h"

#include <string.h>

/* same[d][u]: the first step whose factors of d (0: I, 1: J) are those of step u in all warps. */
static void share_same(const int *pair, const Share *s, signed char *const *same)
{
	for (int d = 0; d < 2; d++)
		for (int u = 0; u < s->n; u++) {
			int v = 0, w = 0;

			for (; v < u && w < s->warps; v += w < s->warps)
				for (w = 0; w < s->warps; w++)
					if (((pair[v * s->warps + w] ^ pair[u * s->warps + w]) >> 8 * d & 255) != 0)
						break;
			same[d][u] = (signed char)v;
		}
}

static const char *group_table(Lower *L, const Piece *pc, int steps, const Share *share,
                               signed char *const *same)
{
	int G = pc->groups, first = pc->slot / 16, *pair = ARENA_ARRAY(L->a, int, steps);
	const char *name;
	Text t = {.arena = L->a};

	for (int I = 0; I < G; I++)
		for (int J = I; J < G; J++)
			if (first + lower_pair(L, G, I, J) < steps)
				pair[first + lower_pair(L, G, I, J)] = I + 256 * J;
	share_same(pair, share, same);
	for (int i = 0; i < steps; i++)
		text_add(&t, "%s%d", i == 0 ? "\n\t" : i % 12 ? ", " : ",\n\t", pair[i]);
	for (int i = 0; i < L->dev->ntables; i++)
		if (strstr(L->dev->table[i].text, t.s) && strstr(L->dev->table[i].name, "groups"))
			return L->dev->table[i].name;
	name = lower_name(L, arena_printf(L->a, "%s_groups", L->dev->name));
	if (L->dev->ntables == MAX_TABLES)
		bug("too many tables");
	L->dev->table[L->dev->ntables++] =
	    (Table){name, arena_printf(L->a,
	                               "// step of 16 slots -> I + 256 J, its groups of four columns\n"
	                               "static __device__ const short %s[%d] = {%s\n};",
	                               name, steps, t.s)};
	return name;
}

int lower_share_piece(const Grow *g)
{
	int q = -1;

	for (int i = 0; i < g->npieces; i++)
		if (g->piece[i].nslots && (q >= 0 || g->piece[i].kind != PIECE_POW2))
			return -1;
		else if (g->piece[i].nslots)
			q = i;
	return q;
}

int lower_share_again(const Steps *h, int u)
{
	while (u < h->s.n && h->same[0][u] == u && h->same[1][u] == u)
		u++;
	return u;
}

/* Steps that read nothing of their own are not looked up. */
static void skip_found(Lower *L, const Steps *h)
{
	Text t = {.arena = L->a};

	for (int u = 0; h->again && u < h->s.n; u++)
		if (h->same[0][u] != u && h->same[1][u] != u)
			text_add(&t, "%su != %d", t.s ? " && " : "", u);
	if (t.s)
		lower_open(L, S_IF, false, "%s", t.s);
}

void lower_share_lookup(Product *p, Steps *h, const Piece *pc)
{
	Lower *L = p->L;
	const char *x = pc->x->name ? pc->x->name : "x";
	const char *table;
	Block *saved = L->out;

	for (int d = 0; d < 2; d++)
		h->same[d] = ARENA_ARRAY(L->a, signed char, h->s.n);
	table = group_table(L, pc, h->s.warps * h->s.n, &h->s, h->same);
	h->turned = lower_turned(L, pc->x);
	h->again = h->turned && !h->turned->buf->swizzle && lower_share_piece(p->a.grow) >= 0 &&
	           lower_share_again(h, 0) < h->s.n;
	L->out = L->pro;
	h->look = lower_name(L, arena_printf(L->a, "%s_pair", x));
	lower_code(L, "u32 %s[%d];", h->look, h->s.n);
	lower_open(L, S_FOR, true, "int u = 0; u < %d; u++", h->s.n);
	skip_found(L, h);
	lower_code(L, "const int pair = table_s16(%s + %d * u + %s);", table, h->s.warps, h->s.w);
	lower_code(L, "const int I = pair %% 256;");
	lower_code(L, "const int J = pair / 256;");
	if (h->turned) {
		const Buffer *b = h->turned->buf;

		lower_code(L, "const int row = lane < 16 ? 4 * I + lane %% 8 / 2 : 4 * J + lane %% 2;");
		lower_code(L, "const int high = 4 * J + 2 + lane %% 2;");
		lower_code(L, "%s[u] = %s + 65536u * (%s);", h->look,
		           lower_unit(L, b, "row", "(lane / 8 % 2)"),
		           lower_unit(L, b, "high", "(lane / 8 % 2)"));
	} else {
		lower_code(L, "const u32 lanes = 4 * (4 * (I %% 2) + g / 2) + t + 256 * (4 * (4 * (J %% 2) "
		              "+ g %% 2) + t);");
		lower_code(L, "%s[u] = lanes + 65536u * (I / 2 + J / 2 * 256);", h->look);
	}
	L->out = saved;
}
