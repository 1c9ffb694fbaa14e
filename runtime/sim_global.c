/* sim_global.c -- global memory: bounds, alignment, writes to inputs, and who wrote what.
 *
 * Every writable buffer has a tag per two bytes. Blocks of one launch have no order, so a byte
 * written by one block may be neither read nor written by another; within a block the barriers
 * order accesses as in shared memory.
 */
#include "sim_state.h"

#include <string.h>

#define M (&sim_machine)

enum { POISON = 0xff };

static Buffer *owner(const unsigned char *p)
{
	Buffer *b = &M->buffer[M->last_buffer];

	if (M->nbuffer && p >= b->data && p < b->data + b->user.bytes)
		return b;
	for (int i = 0; i < M->nbuffer; i++) {
		b = &M->buffer[i];
		if (p >= b->data && p < b->data + b->user.bytes) {
			M->last_buffer = i;
			return b;
		}
	}
	return NULL;
}

static void stray(u64 at, const unsigned char *p, int bytes, const char *what)
{
	const Buffer *best = NULL;
	SimFinding *f = sim_find(SIM_BOUNDS, at);
	int64_t near = 0;

	if (!f)
		return;
	for (int i = 0; i < M->nbuffer; i++) {
		const Buffer *b = &M->buffer[i];
		int64_t off = p - b->data, past = off < 0 ? -off : off - (int64_t)b->user.bytes;

		if (!best || past < near)
			best = b, near = past;
	}
	if (!p || !best || near > 1 << 30)
		sim_say(f, "block %lld, thread %d %s %d bytes at %p, which is in no buffer",
		        (long long)M->block, M->cur->id, what, bytes, (const void *)p);
	else
		sim_say(f, "block %lld, thread %d %s %d bytes at byte %lld of %s, which has %zu",
		        (long long)M->block, M->cur->id, what, bytes, (long long)(p - best->data),
		        best->user.name, best->user.bytes);
}

/* ---- Tags ---- */

static u64 tag_now(void)
{
	u64 clock = M->cur->clock - M->block_clock, most = (1u << TAG_CLOCK) - 1;

	return ((u64)M->block + 1) << (TAG_CLOCK + TAG_THREAD) | (u64)M->cur->id << TAG_CLOCK |
	       (clock < most ? clock : most);
}

static int64_t tag_block(u64 tag)
{
	return (int64_t)((tag & ~TAG_MANY) >> (TAG_CLOCK + TAG_THREAD)) - 1;
}

/* Is what `tag` says certainly before the current thread's present? */
static bool tag_ordered(u64 tag)
{
	Access a;

	if (tag_block(tag) != M->block || tag & TAG_MANY)
		return false;
	a.thread = tag >> TAG_CLOCK & ((1 << TAG_THREAD) - 1);
	a.clock = M->block_clock + (u32)(tag & ((1u << TAG_CLOCK) - 1));
	a.line = 0;
	return sim_ordered(&a, M->cur);
}

static void race(u64 at, const Buffer *b, int64_t off, const char *now, u64 tag, const char *then)
{
	SimFinding *f = sim_find(SIM_RACE, at);
	int64_t block = tag_block(tag);

	if (!f)
		return;
	sim_say(f, "byte %lld of %s: block %lld, thread %d %s what ", (long long)off, b->user.name,
	        (long long)M->block, M->cur->id, now);
	if (tag & TAG_MANY)
		sim_say(f, "several blocks %s", then);
	else
		sim_say(f, "block %lld, thread %d %s%s", (long long)block,
		        (int)(tag >> TAG_CLOCK & ((1 << TAG_THREAD) - 1)), then,
		        block == M->block ? ", and no barrier lies between" : " in the same launch");
}

static void tag_read(u64 at, Buffer *b, int64_t off, bool *fresh)
{
	Tag *t = &b->tag[off / 2];
	u64 w = __atomic_load_n(&t->write, __ATOMIC_RELAXED), r;

	if (!w)
		*fresh = true;
	else if (!tag_ordered(w))
		race(at, b, off, "reads", w, "wrote");
	r = __atomic_load_n(&t->read, __ATOMIC_RELAXED);
	r = r && tag_block(r) != M->block ? r | TAG_MANY : tag_now();
	__atomic_store_n(&t->read, r, __ATOMIC_RELAXED);
}

static void tag_write(u64 at, Buffer *b, int64_t off)
{
	Tag *t = &b->tag[off / 2];
	u64 w = __atomic_exchange_n(&t->write, tag_now(), __ATOMIC_RELAXED);
	u64 r = __atomic_load_n(&t->read, __ATOMIC_RELAXED);

	if (w && !tag_ordered(w))
		race(at, b, off, "overwrites", w, "wrote");
	else if (r && !tag_ordered(r))
		race(at, b, off, "overwrites", r, "read");
}

/* ---- Accesses ---- */

bool sim_global_check(u64 at, const void *ptr, int bytes, int align, bool store)
{
	const unsigned char *p = ptr;
	Buffer *b = owner(p);
	SimFinding *f;
	int64_t off;
	bool fresh = false;

	if (!b || p + bytes > b->data + b->user.bytes) {
		stray(at, p, bytes, store ? "writes" : "reads");
		return false;
	}
	off = p - b->data;
	if ((uintptr_t)p % (uintptr_t)align && (f = sim_find(SIM_ALIGN, at)))
		sim_say(f, "block %lld, thread %d %s %d bytes at byte %lld of %s: not aligned to %d",
		        (long long)M->block, M->cur->id, store ? "writes" : "reads", bytes, (long long)off,
		        b->user.name, align);
	if (store && !b->user.writable) {
		if ((f = sim_find(SIM_READONLY, at)))
			sim_say(f, "block %lld, thread %d writes byte %lld of %s, which is an input",
			        (long long)M->block, M->cur->id, (long long)off, b->user.name);
		return false;
	}
	for (int i = 0; b->tag && i < bytes; i += 2)
		if (store)
			tag_write(at, b, off + i);
		else
			tag_read(at, b, off + i, &fresh);
	if (!store && !b->user.initialised && (fresh || !b->tag) && (f = sim_find(SIM_UNINIT, at)))
		sim_say(f, "block %lld, thread %d reads byte %lld of %s, which nothing has written",
		        (long long)M->block, M->cur->id, (long long)off, b->user.name);
	return true;
}

void sim_do_global_load(u64 at, void *out, const void *p, int bytes)
{
	M->cur->at = at;
	M->calls++;
	if (!sim_global_check(at, p, bytes, bytes, false)) {
		memset(out, POISON, (size_t)bytes);
		return;
	}
	memcpy(out, p, (size_t)bytes);
	sim_count(M->cur, at, GLOBAL_LOAD, bytes, (u64)(uintptr_t)p);
}

void sim_do_global_store(u64 at, void *p, const void *v, int bytes)
{
	M->cur->at = at;
	M->calls++;
	if (!sim_global_check(at, p, bytes, bytes, true))
		return;
	memcpy(p, v, (size_t)bytes);
	sim_count(M->cur, at, GLOBAL_STORE, bytes, (u64)(uintptr_t)p);
}
