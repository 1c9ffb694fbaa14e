/* sim_sets.c -- the registers that a product of a warpgroup takes together, accumulators or a left
 * operand: where they are in each of its threads, and moving values out of and into them.
 */
#include "sim_wgmma.h"

#include <stdlib.h>
#include <string.h>

#define M (&sim_machine)

static const u32 poison = 0x7f9eadbe; /* a signalling NaN: arithmetic on it changes its bits */

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static void free_set(Set *s)
{
	free(s->reg);
	free(s->known);
	free(s->value);
	free(s);
}

void set_free_all(SetList *g)
{
	for (int k = 0; k < g->n; k++)
		free_set(g->set[k]);
	g->n = 0;
}

/* By the registers' places in the first thread: arrays of one place, one after the other, may be
 * taken in different orders. */
static Set *find_set(SetList *g, u32 *const *reg, int n)
{
	int k = g->n, idle = -1;
	Set *s;

	for (int i = 0; i < g->n; i++) {
		s = g->set[i];
		if (s->n == n && !memcmp(s->reg, reg, (size_t)n * sizeof *reg)) {
			s->used = ++g->turn;
			return s;
		}
		if (!s->inflight && (idle < 0 || s->used < g->set[idle]->used))
			idle = i;
	}
	if (k == MAX_SETS && idle < 0)
		bug("simulator: more than %d operands of products in flight", MAX_SETS);
	if (k == MAX_SETS)
		free_set(g->set[k = idle]);
	else
		g->n++;
	s = g->set[k] = must(calloc(1, sizeof *s));
	s->n = n;
	s->used = ++g->turn;
	s->reg = must(calloc(GROUP * (size_t)n, sizeof *s->reg));
	s->known = must(calloc(GROUP * (size_t)n, sizeof *s->known));
	return s;
}

/* d0[j][0], d0[j][1], d1[j][0], d1[j][1] */
static void places(const Thread *t, u32 **reg, int n)
{
	for (int r = 0; r < n; r++)
		reg[r] = (u32 *)t->wgmma_d[r / 2 % 2] + r / 4 * 2 + r % 2;
}

static void bound(Set *s, int t)
{
	u32 *const *reg = &s->reg[t * s->n];
	const u32 *low = reg[0], *high = reg[0];

	for (int r = 1; r < s->n; r++) {
		low = reg[r] < low ? reg[r] : low;
		high = reg[r] > high ? reg[r] : high;
	}
	s->low[t] = low;
	s->high[t] = high;
}

Set *set_accumulators(SetList *g, const Thread *t, int columns)
{
	u32 *first[WGMMA_N / 2];
	Set *s;

	places(t, first, columns / 2);
	s = find_set(g, first, columns / 2);
	if (!s->value)
		s->value = must(aligned_alloc(LINE, WGMMA_M * sizeof *s->value));
	for (int i = 0; i < GROUP; i++) {
		if (!memcmp(s->d[i], t[i].wgmma_d, sizeof s->d[i]))
			continue;
		memcpy(s->d[i], t[i].wgmma_d, sizeof s->d[i]);
		places(&t[i], &s->reg[i * s->n], s->n);
		bound(s, i);
	}
	return s;
}

Set *set_left(SetList *g, const Thread *t)
{
	Set *s = find_set(g, t->wgmma_a, LEFT_REGS);

	for (int i = 0; i < GROUP; i++) {
		memcpy(&s->reg[i * LEFT_REGS], t[i].wgmma_a, sizeof t[i].wgmma_a);
		bound(s, i);
	}
	return s;
}

void set_note(Set *s)
{
	for (int k = 0; k < GROUP * s->n; k++)
		s->known[k] = *s->reg[k];
	s->valid = true;
}

/* The value that register r of thread t holds. */
static float *element(const Set *s, int t, int r)
{
	return &s->value[t / WARP * 16 + t % WARP / 4 + r / 2 % 2 * 8][r / 4 * 8 + t % 4 * 2 + r % 2];
}

/* Where thread t's first pair of rows g, or g + 8, is. */
static float *first_pair(float (*value)[WGMMA_N], int t, int half)
{
	return &value[t / WARP * 16 + t % WARP / 4 + half * 8][t % 4 * 2];
}

void sums_take(float *(*d)[2], int columns, float (*value)[WGMMA_N])
{
	for (int t = 0; t < GROUP; t++)
		for (int h = 0; h < 2; h++) {
			float *to = first_pair(value, t, h), *from = d[t][h];

			for (int j = 0; j < columns / 8; j++)
				memcpy(to + 8 * j, from + 2 * j, 2 * sizeof *to);
		}
}

void sums_give(float *(*d)[2], int columns, float (*value)[WGMMA_N])
{
	for (int t = 0; t < GROUP; t++)
		for (int h = 0; h < 2; h++) {
			float *from = first_pair(value, t, h), *to = d[t][h];

			for (int j = 0; j < columns / 8; j++)
				memcpy(to + 2 * j, from + 8 * j, 2 * sizeof *to);
		}
}

void set_take(Set *s)
{
	sums_take(s->d, 2 * s->n, s->value);
}

void set_give(Set *s)
{
	sums_give(s->d, 2 * s->n, s->value);
}

void set_poison(const Set *s)
{
	for (int k = 0; k < GROUP * s->n; k++)
		*s->reg[k] = poison;
}

int set_touched(const Set *s)
{
	int n = GROUP * s->n;

	for (int k = 0; k < n; k++) {
		u32 want = poison;

		if (M->early)
			memcpy(&want, element(s, k / s->n, k % s->n), sizeof want);
		if (*s->reg[k] != want)
			return k;
	}
	return n;
}
