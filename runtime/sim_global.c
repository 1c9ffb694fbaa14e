/* sim_global.c -- global memory: bounds, alignment, writes to inputs, and who wrote what.
 *
 * Every writable buffer has a tag per element, of 2 bytes or 4. Blocks of one launch have no order,
 * so a byte written by one block may be neither read nor written by another; within a block the
 * barriers order accesses as in shared memory.
 */
#include "sim_state.h"

#include <stdio.h>
#include <string.h>

#define M (&sim_machine)

enum { POISON = 0xff };

/* And the last one found is M->last_buffer. */
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

/* A finding about a byte of a buffer: "thread 3 of block 0 DOES byte 128". */
static SimFinding *find(SimKind kind, u64 at, const Buffer *b, const char *does, int64_t off)
{
	SimFinding *f = sim_find(kind, at);

	if (!f)
		return NULL;
	snprintf(f->buffer, sizeof f->buffer, "%s", b->user.name);
	sim_say(f, "thread %d of block %lld %s byte %lld", M->cur->id, (long long)M->block, does,
	        (long long)off);
	return f;
}

static void stray(u64 at, const unsigned char *p, int bytes, const char *what)
{
	const Buffer *best = NULL;
	SimFinding *f;
	int64_t near = 0;

	for (int i = 0; i < M->nbuffer; i++) {
		const Buffer *b = &M->buffer[i];
		int64_t off = p - b->data, past = off < 0 ? -off : off - (int64_t)b->user.bytes;

		if (!best || past < near)
			best = b, near = past;
	}
	if (p && best && near <= 1 << 30) {
		if ((f = find(SIM_BOUNDS, at, best, what, p - best->data)))
			sim_say(f, " and on, %d bytes at once, of %zu", bytes, best->user.bytes);
	} else if ((f = sim_find(SIM_BOUNDS, at))) {
		sim_say(f, "thread %d of block %lld %s %d bytes at %p, which is in no buffer", M->cur->id,
		        (long long)M->block, what, bytes, (const void *)p);
	}
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

static void race(u64 at, const Buffer *b, int64_t off, const char *now, u64 tag, int line,
                 const char *then)
{
	SimFinding *f = find(SIM_RACE, at, b, now, off);
	int64_t block = tag_block(tag);

	if (!f)
		return;
	if (tag & TAG_MANY)
		sim_say(f, ", which several blocks %s, one at line %d, in the same launch", then, line);
	else
		sim_say(f, ", which thread %d of block %lld %s at line %d%s",
		        (int)(tag >> TAG_CLOCK & ((1 << TAG_THREAD) - 1)), (long long)block, then, line,
		        block == M->block ? ", and no barrier lies between" : ", in the same launch");
}

static uint16_t line_tag(u64 at)
{
	return (u32)at < 0xffff ? (uint16_t)at : 0xffff;
}

static void tag_read(u64 at, Buffer *b, int64_t off, bool *fresh)
{
	Tag *t = &b->tag[off >> b->shift];
	u64 w = __atomic_load_n(&t->write, __ATOMIC_RELAXED), r;

	if (!w)
		*fresh |= !b->written || !b->written[off / 2];
	else if (!tag_ordered(w))
		race(at, b, off, "reads", w, t->write_line, "wrote");
	r = __atomic_load_n(&t->read, __ATOMIC_RELAXED);
	r = r && tag_block(r) != M->block ? r | TAG_MANY : tag_now();
	t->read_line = line_tag(at);
	__atomic_store_n(&t->read, r, __ATOMIC_RELAXED);
}

static void tag_write(u64 at, Buffer *b, int64_t off)
{
	Tag *t = &b->tag[off >> b->shift];
	int line = t->write_line;
	u64 w = __atomic_exchange_n(&t->write, tag_now(), __ATOMIC_RELAXED);
	u64 r = __atomic_load_n(&t->read, __ATOMIC_RELAXED);

	if (w && !tag_ordered(w))
		race(at, b, off, "overwrites", w, line, "wrote");
	else if (r && !tag_ordered(r))
		race(at, b, off, "overwrites", r, t->read_line, "read");
	t->write_line = line_tag(at);
}

/* ---- Accesses ---- */

bool sim_global_check(u64 at, const void *ptr, int bytes, int align, bool store)
{
	const unsigned char *p = ptr;
	Buffer *b = owner(p);
	SimFinding *f;
	const char *does = store ? "writes" : "reads";
	int64_t off;
	bool fresh = false;

	if (!b || p + bytes > b->data + b->user.bytes) {
		stray(at, p, bytes, does);
		return false;
	}
	off = p - b->data;
	if ((uintptr_t)p % (uintptr_t)align && (f = find(SIM_ALIGN, at, b, does, off)))
		sim_say(f, " and on, %d bytes at once, but the address is no multiple of %d", bytes, align);
	if (store && !b->user.writable) {
		find(SIM_READONLY, at, b, does, off);
		return false;
	}
	for (int64_t o = off >> b->shift << b->shift; b->tag && o < off + bytes; o += 1 << b->shift)
		if (store)
			tag_write(at, b, o);
		else
			tag_read(at, b, o, &fresh);
	if (!store && !b->user.initialised && (fresh || !b->tag) &&
	    (f = find(SIM_UNINIT, at, b, does, off)))
		sim_say(f, ", which nothing has written");
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

/* Tables are part of the text: always there, always written. */
void sim_do_table_load(u64 at, void *out, const void *p, int bytes)
{
	M->cur->at = at;
	M->calls++;
	memcpy(out, p, (size_t)bytes);
	sim_count(M->cur, at, GLOBAL_LOAD, bytes, (u64)(uintptr_t)p);
}

static void check_nan(u64 at, const void *p, const void *v, int bytes)
{
	const Buffer *b = &M->buffer[M->last_buffer];
	SimFinding *f;
	int i;

	sim_nan_poll(M->cur, (int)at);
	if (!b->nan || (i = sim_nan_find(b->nan, v, bytes)) < 0)
		return;
	if ((f = find(SIM_NAN, at, b, "writes", (const unsigned char *)p - b->data + i)))
		sim_nan_say(f, M->cur);
}

void sim_do_global_store(u64 at, void *p, const void *v, int bytes)
{
	M->cur->at = at;
	M->calls++;
	if (!sim_global_check(at, p, bytes, bytes, true))
		return;
	check_nan(at, p, v, bytes);
	memcpy(p, v, (size_t)bytes);
	sim_count(M->cur, at, GLOBAL_STORE, bytes, (u64)(uintptr_t)p);
}
