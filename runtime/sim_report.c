/* sim_report.c -- findings of a worker, and the watch over code that never comes back.
 *
 * A finding is made once per (kind, generated line) and then counted.
 */
#define _GNU_SOURCE
#include "sim_load.h"
#include "sim_state.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define M (&sim_machine)

SimFinding *sim_find_in(Report *r, SimKind kind, int line)
{
	SimFinding *f;

	for (int i = 0; i < r->nfound; i++) {
		f = &r->found[i];
		if (f->kind == kind && f->line == line) {
			f->count++;
			return NULL;
		}
	}
	if (r->nfound == MAX_FOUND)
		return NULL;
	f = &r->found[r->nfound++];
	*f = (SimFinding){.kind = kind, .line = line, .count = 1};
	return f;
}

/* What a run without checks knows nothing of. */
static bool needs_checks(SimKind kind)
{
	return kind == SIM_RACE || kind == SIM_UNINIT || kind == SIM_PENDING || kind == SIM_FENCE ||
	       kind == SIM_NAN;
}

SimFinding *sim_find(SimKind kind, u64 at)
{
	if (M->unchecked && needs_checks(kind))
		return NULL;
	return sim_find_in(M->report, kind, (int)(u32)at);
}

/* Appends. */
void sim_say(SimFinding *f, const char *fmt, ...)
{
	size_t n = strlen(f->text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->text + n, sizeof f->text - n, fmt, ap);
	va_end(ap);
}

/* ---- Places in shared memory ---- */

void sim_places_init(const SimPlace *all, const char *kernel)
{
	const SimPlace *p = all;

	while (p && p->name && strcmp(p->kernel, kernel))
		p++;
	M->place = p;
	for (; p && p->name && !strcmp(p->kernel, kernel); p++)
		M->nplaces++;
	M->in_place = calloc(M->smem_bytes / 8 + 2, 1);
	if (!M->in_place)
		abort();
	for (int i = 0; i < M->nplaces; i++)
		memset(M->in_place + M->place[i].offset / 8, 1,
		       (size_t)(M->place[i].bytes * M->place[i].stages + 7) / 8);
	if (!M->nplaces)
		memset(M->in_place, 1, M->smem_bytes / 8 + 2);
}

/* The last buffer that begins at or below. */
static const SimPlace *place_of(int64_t at)
{
	const SimPlace *best = NULL;

	for (int i = 0; i < M->nplaces; i++)
		if (M->place[i].offset <= at && (!best || M->place[i].offset > best->offset))
			best = &M->place[i];
	return best;
}

SimFinding *sim_find_shared(SimKind kind, u64 at, int actor, const char *does, u32 addr)
{
	SimFinding *f = sim_find(kind, at);
	int64_t off = (int64_t)addr - SMEM_BASE;
	const SimPlace *p;

	if (!f)
		return NULL;
	p = place_of(off);
	if (!p) {
		snprintf(f->buffer, sizeof f->buffer, "shared memory");
	} else if (p->stages > 1 && off < p->offset + p->bytes * p->stages) {
		off -= p->offset;
		snprintf(f->buffer, sizeof f->buffer, "%s, stage %d", p->name, (int)(off / p->bytes));
		off %= p->bytes;
	} else {
		off -= p->offset;
		snprintf(f->buffer, sizeof f->buffer, "%s", p->name);
	}
	sim_say(f, "%s of block %lld %s byte %lld", sim_actor(actor), (long long)M->block, does,
	        (long long)off);
	return f;
}

/* ---- Watch ---- */

enum { SILENT = 5 }; /* seconds without one primitive: the kernel's own code loops */

static int seconds, limit, silent;
static u64 last_calls;

static _Noreturn void give_up(SimKind kind, const char *what)
{
	const Thread *t = M->cur;
	SimFinding *f = sim_find(kind, t ? t->at : 0);

	if (f)
		sim_say(f, "%s: block %lld, thread %d, last seen in the primitive of line %d", what,
		        (long long)M->block, t ? t->id : -1, t ? (int)(u32)t->at : 0);
	M->report->done = 1;
	_exit(0);
}

static void on_tick(int sig)
{
	(void)sig;
	silent = M->calls == last_calls ? silent + 1 : 0;
	last_calls = M->calls;
	if (silent >= SILENT)
		give_up(SIM_DEADLOCK, "computes for ever");
	if (++seconds >= limit)
		give_up(SIM_DEADLOCK, "out of time");
}

static void on_fault(int sig)
{
	if (sig == SIGILL || sig == SIGTRAP) /* sim_load.c: BOUNDS */
		give_up(SIM_BOUNDS, "the kernel's own code indexes an array beyond its end");
	give_up(SIM_BOUNDS, "the kernel's own code faulted (an array overrun, or too deep a stack)");
}

/* AZULEJO_SIM_SECONDS: processor seconds one worker may take; 600 when unset. */
void sim_watch(void)
{
	static char stack[1 << 16];
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
	const char *s = getenv("AZULEJO_SIM_SECONDS");
	struct itimerval every = {{1, 0}, {1, 0}};
	struct sigaction act;
	stack_t alt;

	limit = s && atoi(s) > 0 ? atoi(s) : 600;
	memset(&alt, 0, sizeof alt);
	alt.ss_sp = stack;
	alt.ss_size = sizeof stack;
	sigaltstack(&alt, NULL);
	memset(&act, 0, sizeof act);
	act.sa_flags = SA_ONSTACK;
	act.sa_handler = on_fault;
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		sigaction(faults[i], &act, NULL);
	act.sa_handler = on_tick;
	sigaction(SIGPROF, &act, NULL);
	setitimer(ITIMER_PROF, &every, NULL);
}
