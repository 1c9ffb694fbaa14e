/* lower_published.c -- states' rounded copies between roles (lower_roles.c): two by turns, with a
 * barrier that says that they are full, which every writing warp passes, and one that says that
 * they are empty, which every reading warp passes. States that are read with none changed in
 * between are written and waited for together.
 */
#include "lower.h"

static void publish_to_role(Lower *L, Op *const *get, Op *const *dot, int n)
{
	Published *first = &L->published[L->npublished];
	Stmt *fence;
	Block *saved;
	bool grown = true; /* read by the engine: a lane arrives for its warp */

	for (int i = 0; i < n; i++)
		grown &= L->f->op[get[i]->src[0]->id].unscaled;

	for (int i = 0; i < n; i++) {
		Published *p = &L->published[L->npublished++];
		Op *state = get[i]->src[0];
		const Grow *right = L->f->op[state->id].unscaled ? lower_state_grow(L, state) : NULL;
		const char *base = lower_publish_name(L, get[i]),
		           *both = arena_printf(L->a, "%s_both", base);

		p->op = get[i];
		p->base = base;
		p->buf = lower_is_thin(L, state) ? lower_beside_buffer(L, state, both)
		                                 : lower_publish_buffer(L, get[i], right, both, 2);
		p->buf->by_engine = true;
		p->stride = p->buf->swizzle ? (p->buf->bytes + 1023) / 1024 * 1024 : p->buf->bytes;
		if (!i) {
			p->full = lower_barriers(L, arena_printf(L->a, "%s_full", base), 2,
			                         grown ? L->warps : L->warps * 32);
			p->empty = lower_barriers(L, arena_printf(L->a, "%s_empty", base), 2, L->dev->warps);
		}
		p->full = first->full;
		p->empty = first->empty;
	}
	lower_code(L, "mbarrier_wait(%s + %s %% 2 * 8, %s / 2 %% 2 ^ 1);", first->empty->name, L->turn,
	           L->turn);
	for (int i = 0; i < n; i++) {
		Published *p = first + i;
		Op *state = get[i]->src[0];
		bool sw = false;
		const Grow *left = grow_parse(L->a, op_base(dot[i]->src[0], &sw));
		const Grow *right = L->f->op[state->id].unscaled ? lower_state_grow(L, state) : NULL;
		Staged s = {get[i], p->buf, p->base};

		if (right && !left)
			lower_cannot(L, get[i], LOWER_NOT_FEATURES);
		lower_code(L, "const u32 %s = %s + %s %% 2 * %d;", s.base, s.buf->name, L->turn, p->stride);
		if (lower_is_thin(L, state))
			lower_beside_write(L, &s, get[i], left);
		else
			lower_publish_write(L, &s, get[i], right, left);
	}
	fence = dev_add(L->dev, L->out, S_PROXY, NULL);
	for (int i = 0; i < n; i++)
		dev_access(fence, first[i].buf, ACC_WRITE);
	saved = L->out;
	if (grown) {
		dev_add(L->dev, L->out, S_WARP, NULL)->n = 1;
		lower_open(L, S_IF, false, "lane == 0");
	}
	lower_code(L, "mbarrier_arrive(%s + %s %% 2 * 8);", first->full->name, L->turn);
	lower_close(L, saved);
}

/* Whether something published together with p is known to be full. */
static bool is_full(Lower *L, const Published *p, const Staged *now)
{
	for (const Published *q = L->published; q < L->published + L->npublished; q++) {
		const Staged *s = q->full == p->full ? lower_staged(L, q->op) : NULL;

		if (s && s != now)
			return true;
	}
	return false;
}

void lower_await(Lower *L)
{
	if (L->await)
		lower_code(L, "%s", L->await);
	L->await = NULL;
}

void lower_published_read(Lower *L, Staged *s, const Op *x)
{
	Published *p = L->published;

	while (p < L->published + L->npublished && p->op != x)
		p++;
	if (p == L->published + L->npublished)
		bug("a state that no role publishes");
	p->read = true;
	s->buf = p->buf;
	if (!is_full(L, p, s))
		L->await = arena_printf(L->a, "mbarrier_wait(%s + %s %% 2 * 8, %s / 2 %% 2);",
		                        p->full->name, L->turn, L->turn);
	if (!L->defers)
		lower_await(L);
	lower_code(L, "const u32 %s = %s + %s %% 2 * %d;", s->base, p->buf->name, L->turn, p->stride);
}

void lower_publish_release(Lower *L)
{
	for (int i = 0, n; i < L->npublished; i += n) {
		bool read = false;

		for (n = 0; i + n < L->npublished && L->published[i + n].empty == L->published[i].empty;
		     n++)
			read |= L->published[i + n].read;
		if (L->role == ROLE_OUTPUT && read)
			lower_code(L, "mbarrier_arrive(%s + %s %% 2 * 8);", L->published[i].empty->name,
			           L->turn);
	}
}

/* Those from `get` on that are of the states as they are here. */
void lower_published_write(Lower *L, Op *get)
{
	Op *gets[MAX_BUFFERS], *dots[MAX_BUFFERS];
	int n = 0;

	for (int i = 0; i < L->npublished; i++)
		if (L->published[i].op == get)
			return;
	for (Op *x = get; x && (op_info[x->code].class != STATE || x->code == OP_get); x = x->next) {
		dots[n] = lower_publish_reader(L, x);
		if (!dots[n])
			continue;
		if (L->npublished + n + 1 >= MAX_BUFFERS)
			lower_cannot(L, x, "too many tiles in shared memory");
		gets[n++] = x;
	}
	if (n)
		publish_to_role(L, gets, dots, n);
}
