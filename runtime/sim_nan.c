/* sim_nan.c -- NaNs that reach an output, and where they arose.
 *
 * The host's arithmetic raises IEEE 754's "invalid" flag when it makes a NaN of numbers (0 * inf,
 * inf - inf, 0 / 0, a logarithm of less than 0), and leaves it alone when a NaN is handed on. The
 * flag is read whenever a thread passes a spec line, calls something that may wait, or stores, and
 * belongs to the stretch since the last reading. A NaN that is deselected later is no mistake, so
 * nothing is said before one is stored.
 */
#include "sim_state.h"

#include <fenv.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define M (&sim_machine)

static bool take_invalid(void)
{
#if defined(__SSE2__)
	unsigned csr = _mm_getcsr();

	if (!(csr & 1))
		return false;
	_mm_setcsr(csr & ~1u);
	return true;
#else
	if (!fetestexcept(FE_INVALID))
		return false;
	feclearexcept(FE_INVALID);
	return true;
#endif
}

void sim_nan_poll(Thread *t, int line)
{
	if (take_invalid() && t->poll) {
		t->nan_last = t->poll;
		if (!t->nan_first)
			t->nan_first = t->poll;
	}
	t->poll = line;
}

void sim_do_here(int line)
{
	sim_nan_poll(M->cur, line);
}

static bool is_nan(SimElem kind, const unsigned char *p)
{
	uint16_t h;
	u32 u;

	if (kind == SIM_F32) {
		memcpy(&u, p, sizeof u);
		return (u & 0x7fffffff) > 0x7f800000;
	}
	memcpy(&h, p, sizeof h);
	return (h & 0x7fff) > (kind == SIM_F16 ? 0x7c00 : 0x7f80);
}

/* The thread itself, or another of its block whose value it may have been given. */
static const Thread *origin(const Thread *t)
{
	if (t->nan_first)
		return t;
	for (int i = 0; i < M->nthreads; i++)
		if (M->thread[i].nan_first)
			return &M->thread[i];
	return NULL;
}

int sim_nan_find(SimElem kind, const void *v, int bytes)
{
	int each = kind == SIM_F32 ? 4 : 2;

	for (int i = 0; i + each <= bytes; i += each)
		if (is_nan(kind, (const unsigned char *)v + i))
			return i;
	return -1;
}

void sim_nan_say(SimFinding *f, const Thread *t)
{
	const Thread *from = origin(t);

	sim_say(f, ", a NaN");
	if (!from) {
		sim_say(f, " that no operation of this block made");
		return;
	}
	sim_say(f, "; %s made one of numbers at line %d", from == t ? "it" : "another thread",
	        from->nan_first);
	if (from->nan_last != from->nan_first)
		sim_say(f, ", and later at line %d", from->nan_last);
}
