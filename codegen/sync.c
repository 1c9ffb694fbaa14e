/* sync.c -- inserts every block barrier, from what the statements read and write.
 *
 * requires: accesses said on statements; waits and commits placed by pipeline.
 * maintains: everything else. No later pass removes a barrier.
 *
 * The asynchronous engines read through another proxy: before a barrier that shows them what
 * threads (or their own copies, which are ordinary writes) have written, each thread fences; what
 * barriers in shared memory order (by_engine) has fences of its own.
 *
 * A buffer is, since the last barrier: READ by some thread, WRITTEN by ordinary stores, IN FLIGHT
 * (an asynchronous copy was issued) or LANDED (its issuer has waited, the others have not met it).
 * A statement needs a barrier before it when it reads what was WRITTEN or LANDED, or when it
 * writes or issues a copy into what was READ or WRITTEN. Copies issued into a ring touch another
 * stage than the one being read, which pipeline guarantees, so IN FLIGHT alone orders nothing.
 * What a product reads is READING until the wait that retires it, barriers or not, and READ then.
 * What the lanes themselves have read since (LANES) is all that a lane which speaks for its warp
 * has to wait for: a product's end is known to every thread that waits for it. Loop bodies are
 * walked until the state at their end no longer changes.
 */
#include "dev.h"

enum { READ = 1, WRITTEN = 2, INFLIGHT = 4, LANDED = 8, READING = 16, LANES = 32 };

typedef struct State {
	unsigned char flag[MAX_BUFFERS];
	int role; /* 0: all threads meet; else the number of a role's own barrier */
} State;

static void walk(Dev *d, Block *b, State *s);

static bool is_read(const Access *a)
{
	return a->kind == ACC_READ || a->kind == ACC_PROXY;
}

static bool needs_barrier(const Stmt *s, const State *st)
{
	for (int i = 0; i < s->nacc; i++) {
		unsigned f = st->flag[s->acc[i].buf->id];

		if (s->acc[i].buf->by_engine)
			continue;
		if (s->acc[i].buf->by_turns && !is_read(&s->acc[i]))
			continue;
		if (is_read(&s->acc[i]) ? f & (WRITTEN | LANDED) : f & (READ | WRITTEN | LANDED | READING))
			return true;
	}
	return false;
}

static void barrier(State *st)
{
	for (int i = 0; i < MAX_BUFFERS; i++)
		st->flag[i] &= INFLIGHT | READING;
}

static void record(const Stmt *s, State *st)
{
	for (int i = 0; i < s->nacc; i++) {
		unsigned char *f = &st->flag[s->acc[i].buf->id];

		if (s->acc[i].kind == ACC_PROXY)
			*f |= READING;
		if (s->acc[i].kind == ACC_READ && s->acc[i].buf->by_engine)
			*f |= LANES;
		*f |= is_read(&s->acc[i]) ? READ : s->acc[i].kind == ACC_WRITE ? WRITTEN : INFLIGHT;
	}
}

static void join(State *a, const State *b)
{
	for (int i = 0; i < MAX_BUFFERS; i++)
		a->flag[i] |= b->flag[i];
}

/* The accesses of everything inside, on the statement itself. */
static void gather(Stmt *to, const Block *b)
{
	for (const Stmt *s = b->first; s; s = s->next) {
		for (int i = 0; i < s->nacc; i++)
			dev_access(to, s->acc[i].buf, s->acc[i].kind);
		gather(to, &s->body);
		gather(to, &s->orelse);
	}
}

static void gather_reads(Stmt *to, const Block *b)
{
	for (const Stmt *s = b->first; s; s = s->next) {
		for (int i = 0; i < s->nacc; i++)
			if (is_read(&s->acc[i]))
				dev_access(to, s->acc[i].buf, ACC_READ);
		gather_reads(to, &s->body);
		gather_reads(to, &s->orelse);
	}
}

/* Every wait marks what is in flight as landed, even where younger groups may be pending: that
 * costs no barrier, since the stage being read always needs the one it causes. */
static void landed(State *st)
{
	for (int i = 0; i < MAX_BUFFERS; i++)
		if (st->flag[i] & INFLIGHT)
			st->flag[i] |= LANDED;
}

/* Products in flight read on behind a barrier, until a wait says that they are over. */
static void settled(State *st)
{
	for (int i = 0; i < MAX_BUFFERS; i++)
		if (st->flag[i] & READING)
			st->flag[i] = (unsigned char)((st->flag[i] & ~READING) | READ);
}

/* A warp_sync that is there, or that what the lanes have read since the last one calls for. */
static void meet_lanes(Stmt *s, State *st)
{
	for (int i = 0; i < MAX_BUFFERS; i++)
		s->n |= (st->flag[i] & LANES) != 0;
	for (int i = 0; s->n && i < MAX_BUFFERS; i++)
		st->flag[i] &= (unsigned char)~LANES;
}

static bool writes(const Stmt *s, const Buffer *b)
{
	for (int i = 0; i < s->nacc; i++)
		if (s->acc[i].buf == b && !is_read(&s->acc[i]))
			return true;
	return false;
}

/* Stores that `next` follows with more into the same buffer are shown by the fence after those. */
static void put_before(Dev *d, Block *b, Stmt *prev, const Stmt *next, State *st)
{
	Stmt *s = ARENA_NEW(d->arena, Stmt);
	bool fence = false;

	for (int i = 0; i < d->nbufs; i++)
		fence |= d->buf[i]->proxied && !d->buf[i]->by_engine &&
		         (st->flag[i] & LANDED || (st->flag[i] & WRITTEN && !writes(next, d->buf[i])));
	for (int i = 0; prev && prev->kind == S_PROXY && i < prev->nacc; i++)
		fence &= !prev->acc[i].buf->proxied; /* there is one */
	s->kind = S_BARRIER;
	s->n = st->role;
	s->shifted = d->keepers && d->takers > 1;
	s->threads = (st->role == 1 && d->keepers ? d->keepers : d->warps) * 32;
	dev_insert(b, prev, s);
	if (fence) {
		s = ARENA_NEW(d->arena, Stmt);
		s->kind = S_PROXY;
		dev_insert(b, prev, s);
	}
	barrier(st);
}

/* A loop whose body reads what is not yet published needs one barrier before it rather than one in
 * every turn. */
static bool enters_dirty(const Stmt *s, const State *st)
{
	Stmt all = {.kind = S_CODE};

	if (s->kind != S_FOR || s->atomic || (s->uniform && !s->entered_clean))
		return false;
	gather_reads(&all, &s->body);
	return needs_barrier(&all, st);
}

static void walk(Dev *d, Block *b, State *st)
{
	for (Stmt *s = b->first, *prev = NULL; s; prev = s, s = s->next) {
		if (s->kind == S_IF && !s->uniform) /* some threads only */
			s->atomic = true;
		if (s->atomic) {
			gather(s, &s->body);
			gather(s, &s->orelse);
		}
		if (needs_barrier(s, st) || enters_dirty(s, st))
			put_before(d, b, prev, s, st);
		record(s, st);
		if (s->kind == S_BARRIER)
			barrier(st);
		if (s->kind == S_WAIT)
			landed(st);
		if (s->kind == S_WARP)
			meet_lanes(s, st);
		if (s->settles)
			settled(st);
		if (s->atomic)
			continue;
		if (s->kind == S_FOR) {
			State before = *st;

			for (int i = 0; i < 3; i++) {
				walk(d, &s->body, st);
				if (s->uniform)
					join(st, &before);
			}
		} else if (s->kind == S_SCOPE) {
			walk(d, &s->body, st);
		} else if (s->kind == S_ROLES) {
			State other = *st;

			st->role = 1;
			walk(d, &s->body, st);
			other.role = 2;
			walk(d, &s->orelse, &other);
			join(st, &other);
			st->role = 0;
		} else if (s->kind == S_IF) {
			State other = *st;

			walk(d, &s->body, st);
			walk(d, &s->orelse, &other);
			join(st, &other);
		}
	}
}

void sync_insert(Dev *d)
{
	State st = {{0}, 0};

	walk(d, &d->body, &st);
}
