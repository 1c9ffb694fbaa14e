/* sim_cores.c -- ldmatrix and mma without checks. A warp's first lane writes down what is to be
 * done (templates/types.cu), the others only the addresses of their loads; the lane that comes last
 * does it all, in order. Registers are named by the first lane's: they lie at the same place of
 * every lane's frame.
 *
 * In a batch the registers of all lanes are held together as cores, by place, from their first use
 * until all is done; only then do lanes get what changed.
 */
#include "sim_wide.h"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

#define M (&sim_machine)

static const u64 F16 = 1ull << 63;

enum { HELD = 512, OPERANDS = 8 };

typedef struct Held {
	_Alignas(LINE) union {
		Core core;
		float sum[8][8]; /* pairs by lane: the same order */
		u64 pair[WARP];
	};
	u32 place; /* in bytes from a lane's base */
	int bytes; /* of a lane: 4, a core; 8, sums */
	bool changed;
} Held;

static Held held[HELD];
static int nheld;
static uint16_t at_word[STACK / 4]; /* 1 + the one that holds it; 0: none */
static int changes;                 /* of cores, by loads */

static void give(const Thread *lane, const Held *h)
{
	u32 place = h->place;

	if (h->bytes == 4)
		for (int l = 0; l < WARP; l++)
			memcpy(lane[l].base + place, &h->core.reg[l], 4);
	else
		for (int l = 0; l < WARP; l++)
			memcpy(lane[l].base + place, &h->pair[l], 8);
}

static void forget(const Thread *lane)
{
	for (int i = 0; i < nheld; i++) {
		const Held *h = &held[i];

		for (int w = 0; w < h->bytes / 4; w++)
			at_word[h->place / 4 + (u32)w] = 0;
		if (h->changed)
			give(lane, h);
	}
	nheld = 0;
	changes++;
}

/* What holds the first lane's register `reg`; NULL: something else holds a part of it. */
static Held *hold(const Thread *lane, const void *reg, int bytes, bool old)
{
	u32 place = (u32)((const char *)reg - lane->base), i;
	Held *h;

	if ((u64)((const char *)reg - lane->base) > STACK - 8 || place % 4)
		bug("simulator: the register of a product lies in no frame");
	if ((i = at_word[place / 4])) {
		h = &held[i - 1];
		return h->place == place && h->bytes == bytes ? h : NULL;
	}
	if (bytes == 8 && at_word[place / 4 + 1])
		return NULL;
	h = &held[nheld++];
	for (int w = 0; w < bytes / 4; w++)
		at_word[place / 4 + (u32)w] = (uint16_t)nheld;
	h->place = place;
	h->bytes = bytes;
	h->changed = false;
	for (int l = 0; old && bytes == 4 && l < WARP; l++)
		memcpy(&h->core.reg[l], lane[l].base + place, 4);
	for (int l = 0; old && bytes == 8 && l < WARP; l++)
		memcpy(&h->pair[l], lane[l].base + place, 8);
	return h;
}

/* All registers of a call: cores, then sums. */
static void hold_all(const Thread *lane, const Note *q, Held **out)
{
	int cores = q->count ? q->count : 6, n = q->count ? q->count : OPERANDS;
	bool again = false;

	if (nheld > HELD - OPERANDS)
		forget(lane);
	for (int i = 0; i < n; i++) {
		out[i] = i < cores ? hold(lane, q->reg[i], 4, !q->count)
		                   : hold(lane, q->acc[i - cores], 8, true);
		if (out[i])
			continue;
		if (again)
			bug("simulator: registers of a product overlap");
		again = true;
		forget(lane);
		i = -1;
	}
}

/* Lane 8i + r gives the address of row r of core i. */
static void load(const Thread *lane, const Note *q, int nth)
{
	Held *to[OPERANDS];

	hold_all(lane, q, to);
	for (int i = 0; i < q->count; i++) {
		Half8 x[8];

		for (int r = 0; r < 8; r++)
			memcpy(&x[r], M->smem + sim_plain_offset(lane[8 * i + r].noted[nth] & ~15u, 16), 16);
		if (q->trans)
			transpose8(x);
		memcpy(to[i]->core.half, x, sizeof x);
		to[i]->changed = true;
	}
	changes++;
}

static void multiply(const Thread *lane, const Note *q)
{
	static double left[16][16];
	static const Held *of[4];
	static int when;
	static bool of_f16;
	bool f16 = q->at & F16;
	Held *r[OPERANDS];

	hold_all(lane, q, r);
	if (when != changes || f16 != of_f16 || memcmp(of, r, sizeof of)) {
		const Core *const a[] = {&r[0]->core, &r[1]->core, &r[2]->core, &r[3]->core};

		sim_cores_left(a, f16, left);
		memcpy(of, r, sizeof of);
		of_f16 = f16;
		when = changes;
	}
	sim_cores_multiply(left, (const Core *const[]){&r[4]->core, &r[5]->core}, f16,
	                   (float(*const[])[8]){r[6]->sum, r[7]->sum});
	r[6]->changed = r[7]->changed = true;
}

static void perform(const Thread *lane)
{
	int loads = 0;

	for (const Note *q = lane->note; q < lane->note + lane->asked; q++)
		if (q->count)
			load(lane, q, loads++);
		else
			multiply(lane, q);
	forget(lane);
}

void sim_plain_batch(u64 at, int load)
{
	Thread *t = M->cur, *lane = t - t->lane;
	bool in_run = M->notes->end != NULL;

	t->asked = (int)(M->notes->next - t->note);
	M->calls += (u64)t->asked;
	if (sim_warp_meet(at, load ? WAIT_LDMATRIX : WAIT_MMA)) {
		for (int l = 1; l < WARP; l++)
			if (lane[l].asked != lane->asked)
				sim_abandon();
		perform(lane);
		sim_warp_go();
	}
	*M->notes = (Notes){t->note, in_run ? t->note + NOTES : NULL, t->noted};
}
