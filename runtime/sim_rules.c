/* sim_rules.c -- where a mistake could be made in a generated text: patterns of tokens, no kernels.
 *
 * Primitives are known by name from two tables: sim_is_sync's (which can be left out) and
 * `arguments` below (which arguments can be wrong).
 */
#include "sim_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_load.h"

static const Form ADD = {"((", ") + (sim_mut == %d) * (%s))", "%s + %s"},
                  SUB = {"((", ") - (sim_mut == %d) * (%s))", "%s - %s"},
                  DIV = {"((", ") / (sim_mut == %d ? %s : 1))", "%s / %s"},
                  FLIP = {"((", ") ^ (sim_mut == %d))", "%s ^ 1"},
                  NOT = {"((", ") != (sim_mut == %d))", "!(%s)"},
                  ALSO = {"((", ") || (sim_mut == %d && (%s)))", "%s || %s"},
                  ZERO = {"(sim_mut == %d ? 0 : (", "))", "0"},
                  SKIP = {"if (sim_mut == %d) ; else ", "", ""},
                  SKIP_VALUE = {"(sim_mut == %d ? (void)0 : (void)(", "))", ""};

/* Arguments of primitives that a mistake could change. A name's last * stands for any ending; of
 * `more`, the arguments behind this one as well. */
static const struct {
	const char *prim;
	int argument;
	bool more;
	const Form *form;
	const char *by;
} arguments[] = {
    /* clang-format off */
    {"cp_async_wait", 0, false, &ADD, "1"},
    {"wgmma_wait", 0, false, &ADD, "1"},
    {"tma_store_wait", 0, false, &ADD, "1"},
    {"tma_store_wait_read", 0, false, &ADD, "1"},
    {"mbarrier_init", 1, false, &ADD, "1"},
    {"mbarrier_init", 1, false, &SUB, "1"},
    {"mbarrier_expect", 1, false, &ADD, "16"},
    {"mbarrier_expect", 1, false, &SUB, "16"},
    {"mbarrier_wait", 1, false, &FLIP, "1"},
    {"named_sync", 0, false, &SUB, "1"},
    {"named_sync", 1, false, &ADD, "32"},
    {"named_sync", 1, false, &SUB, "32"},
    {"named_arrive", 0, false, &SUB, "1"},
    {"named_arrive", 1, false, &ADD, "32"},
    {"named_arrive", 1, false, &SUB, "32"},
    {"bulk_load", 2, false, &SUB, "16"},
    {"tma_load_*", 3, true, &ADD, "1"},
    {"tma_store_2", 2, true, &ADD, "1"},
    {"tma_store_3", 2, true, &ADD, "1"},
    {"tma_store_4", 2, true, &ADD, "1"},
    {"tma_store_5", 2, true, &ADD, "1"},
    {"wgmma_desc", 0, false, &ADD, "16"},
    {"wgmma_desc", 1, false, &ADD, "16"},
    {"wgmma_desc", 2, false, &ADD, "16"},
    {"wgmma_desc", 3, false, &DIV, "2"},
    /* clang-format on */
};

/* ---- Numbers and names ---- */

static bool is_number(const Maker *m, int i)
{
	return i >= 0 && i < m->t.n && m->t.t[i].kind == TOKEN_NUMBER;
}

static bool is_name(const Maker *m, int i)
{
	return i >= 0 && i < m->t.n && m->t.t[i].kind == TOKEN_NAME;
}

static long value(const Maker *m, int i)
{
	return is_number(m, i) ? strtol(m->t.t[i].s, NULL, 0) : 0;
}

static bool same(const Maker *m, int i, int k)
{
	const Token *a = &m->t.t[i], *b = &m->t.t[k];

	return a->n == b->n && !memcmp(a->s, b->s, (size_t)a->n);
}

static bool starts(const Maker *m, int i, const char *prefix)
{
	size_t n = strcspn(prefix, "*");

	return prefix[n] ? !strncmp(m->t.t[i].s, prefix, n) : token_is(&m->t, i, prefix);
}

/* Is there a fractional number, or an infinity, in [from, to)? */
static bool is_float(const Maker *m, int from, int to)
{
	for (int i = from; i < to; i++) {
		const Token *t = &m->t.t[i];

		if (token_is(&m->t, i, "inf") ||
		    (is_number(m, i) && t->s[1] != 'x' && t->s[t->n - 1] == 'f'))
			return true;
	}
	return false;
}

/* The statement's end: the next semicolon outside brackets. */
static int statement_end(const Maker *m, int i)
{
	while (i < m->t.n && !token_is(&m->t, i, ";"))
		i = m->t.t[i].match > i ? m->t.t[i].match + 1 : i + 1;
	return i;
}

static bool begins_statement(const Maker *m, int i)
{
	return token_is(&m->t, i - 1, ";") || token_is(&m->t, i - 1, "{") ||
	       token_is(&m->t, i - 1, "}");
}

/* "const TYPE NAME =" at i. */
static bool declares(const Maker *m, int i, const char *type)
{
	return token_is(&m->t, i, "const") && token_is(&m->t, i + 1, type) && is_name(m, i + 2) &&
	       token_is(&m->t, i + 3, "=");
}

static bool all_fixed(const Maker *m, int from, int to)
{
	while (from < to && m->fixed[from])
		from++;
	return from == to;
}

/* ---- Primitives ---- */

static void drop_call(Maker *m, int i)
{
	const Token *t = &m->t.t[i];
	const Tokens *s = &m->t;
	int end = m->t.t[i + 1].match;
	bool alone = begins_statement(m, i) || token_is(s, i - 1, ")") || token_is(s, i - 1, "else");

	if (sim_is_sync(t->s, (size_t)t->n) && end > 0)
		sim_change(m, MUT_drop, i, end + 1, alone ? &SKIP : &SKIP_VALUE, "");
}

/* A descriptor's leading offset is 16 where the layout has no use for it. */
static bool unused_leading(const Maker *m, int i, int argument)
{
	int from, to, mode;

	return token_is(&m->t, i, "wgmma_desc") && argument == 1 &&
	       token_argument(&m->t, i + 1, 1, &from, &to) && to == from + 1 && value(m, from) == 16 &&
	       token_argument(&m->t, i + 1, 3, &mode, &to) && value(m, mode);
}

static void change_arguments(Maker *m, int i)
{
	for (size_t r = 0; r < sizeof arguments / sizeof *arguments; r++) {
		int from, to, k = arguments[r].argument;

		if (!starts(m, i, arguments[r].prim) || unused_leading(m, i, k))
			continue;
		for (; token_argument(&m->t, i + 1, k, &from, &to); k++) {
			sim_change(m, MUT_weaken, from, to, arguments[r].form, arguments[r].by);
			if (!arguments[r].more)
				break;
		}
	}
}

/* ---- Shared memory ---- */

/* Marks every later use of the name at i, to the end of its kernel, as a place in shared memory. */
static void mark_base(Maker *m, int i)
{
	for (int k = i + 1; k < m->t.n && m->t.t[k].kernel == m->t.t[i].kernel; k++)
		if (is_name(m, k) && same(m, i, k))
			m->base[k] = true;
}

static const char *number(Maker *m, long v)
{
	return arena_printf(m->a, "%ld", v);
}

static void move_number(Maker *m, SimMutation kind, int i, int to, long by)
{
	if (by > 0)
		sim_change(m, kind, i, to, &ADD, number(m, by));
	if (by > 0)
		sim_change(m, kind, i, to, &SUB, number(m, by));
}

/* Where the buffer before the one at `at` ends, where that ends and where the next begins. */
typedef struct Room {
	long before, end, next; /* -1: there is none; of `end`: unknown */
} Room;

/* By the text's table of places: { "KERNEL", "NAME", offset, bytes, stages }. */
static Room room_in_table(const Maker *m, int i, long at)
{
	const char *p = strstr(m->text, "sim_places[]"), *kernel = m->t.kernel[m->t.t[i].kernel];
	Room r = {-1, -1, -1};
	char name[128];

	for (; p && (p = strstr(p, "{ \"")); p++) {
		long offset, bytes, stages, end;

		if (sscanf(p, "{ \"%127[^\"]\", \"%*[^\"]\", %ld, %ld, %ld }", name, &offset, &bytes,
		           &stages) != 4 ||
		    strcmp(name, kernel))
			continue;
		end = offset + bytes * stages;
		if (offset == at)
			r.end = end;
		else if (offset < at && end > r.before)
			r.before = end;
		else if (offset > at && (r.next < 0 || offset < r.next))
			r.next = offset;
	}
	return r;
}

/* Without a table buffers are thought to fill the distance to the next one; the last, as much as
 * the one before. */
static Room room_by_order(const Maker *m, int i, long at)
{
	Room r = {-1, -1, -1};

	for (int k = 0; k < m->t.n; k++) {
		long other = value(m, k + 6);

		if (m->t.t[k].kernel != m->t.t[i].kernel || !declares(m, k, "u32") || !m->base[k + 4])
			continue;
		if (other > at && (r.next < 0 || other < r.next))
			r.next = other;
		if (other < at && other > r.before)
			r.before = other;
	}
	r.end = r.next >= 0 ? r.next : r.before >= 0 ? 2 * at - r.before : at;
	r.before = r.before >= 0 ? at : -1;
	return r;
}

/* "const u32 NAME = smem + 6144;": the buffer's place, up and down to 16 bytes into its neighbours
 * (or beyond the block's memory), and by half its size. */
static void move_buffer(Maker *m, int i, int end)
{
	long at = value(m, i + 6), half;
	Room r = room_in_table(m, i, at);

	if (r.end < 0)
		r = room_by_order(m, i, at);
	sim_change(m, MUT_offset, i + 4, end, &ADD, number(m, (r.next < 0 ? 0 : r.next - r.end) + 16));
	sim_change(m, MUT_offset, i + 4, end, &SUB, number(m, (r.before < 0 ? 0 : at - r.before) + 16));
	half = (r.end - at) / 2 / 16 * 16;
	if (half > 16)
		move_number(m, MUT_offset, i + 4, end, half);
}

/* Numbers added to a place in shared memory, or multiplied into what is added: steps. */
static void change_steps(Maker *m, int i)
{
	int k = i + 1;

	while (token_is(&m->t, k, "+") || token_is(&m->t, k, "*") || token_is(&m->t, k, "/") ||
	       token_is(&m->t, k, "%")) {
		int x = k + 1;

		k = token_is(&m->t, x, "(") ? m->t.t[x].match + 1 : x + 1;
		if (value(m, x) < 16 || token_is(&m->t, x - 1, "/") || token_is(&m->t, x - 1, "%"))
			continue;
		move_number(m, MUT_stride, x, x + 1, 16);
		sim_change(m, MUT_stride, x, x + 1, &DIV, "2");
	}
}

/* Without "^ x", or, where the other side of it is 0 and only "x & 7" is left, without that. */
static void drop_swizzle(Maker *m, int i)
{
	int end = statement_end(m, i), masks = 0;
	bool swizzled = false;

	for (int k = i; k < end; k++) {
		swizzled |= token_is(&m->t, k, "^");
		masks += token_level(&m->t, k) == LEVEL_AND;
	}
	for (int k = i; k < end && masks && !swizzled; k++)
		if (token_level(&m->t, k) == LEVEL_AND)
			sim_change(m, MUT_swizzle, token_left(&m->t, k), token_right(&m->t, k), &ZERO, "");
}

/* ---- Bounds ---- */

/* Loops that only pin registers for the compiler (wgmma_hold_*) have no instruction to notice. */
static bool only_holds(const Maker *m, int i)
{
	for (; i < m->t.n; i++) {
		if (token_is(&m->t, i, "for") || token_is(&m->t, i, "("))
			i = m->t.t[i + token_is(&m->t, i, "for")].match;
		else if (!token_is(&m->t, i, ")") && !token_is(&m->t, i, "{"))
			return is_name(m, i) && starts(m, i, "wgmma_hold_*");
	}
	return false;
}

/* A for loop whose bounds and step are numbers: "for (int i = 0; i < 8; i += 2)". */
typedef struct Trip {
	long step; /* 0: no such loop */
	bool times;
} Trip;

static Trip trip_of(const Maker *m, int cmp)
{
	int b = cmp - 1, e = cmp + 2;
	Trip none = {0, false};

	if (!is_name(m, b) || !is_number(m, cmp + 1) || !token_is(&m->t, e, ";") ||
	    !token_is(&m->t, b - 1, ";") || !is_number(m, b - 2) || !token_is(&m->t, b - 3, "="))
		return none;
	if (token_is(&m->t, e + 2, "++"))
		return (Trip){1, false};
	if (token_is(&m->t, e + 2, "+="))
		return (Trip){value(m, e + 3), false};
	return token_is(&m->t, e + 2, "*=") ? (Trip){value(m, e + 3), true} : none;
}

/* Behind the ")" of the for header around i. */
static int header_end(const Maker *m, int i)
{
	while (i < m->t.n && !token_is(&m->t, i, ")"))
		i = m->t.t[i].match > i ? m->t.t[i].match + 1 : i + 1;
	return i + 1;
}

/* "lane == 0": one lane more would be as well. */
static const char *one_more(Maker *m, int from, int to)
{
	const char *b = m->t.t[from].s, *e = m->t.t[to - 1].s + m->t.t[to - 1].n;

	return arena_printf(m->a, "%.*s + 1", (int)(e - b), b);
}

/* "if (.. i .. )", however deep. */
static bool in_condition(const Maker *m, int i)
{
	while (--i >= 0 && !begins_statement(m, i + 1)) {
		if (token_is(&m->t, i, ")") || token_is(&m->t, i, "]"))
			i = m->t.t[i].match;
		else if (token_is(&m->t, i, "(") && token_is(&m->t, i - 1, "if"))
			return true;
	}
	return false;
}

/* In "warp_any(..)": a lane's part of a question whose answer others may give as well. */
static bool one_of_many(const Maker *m, int i)
{
	while (--i > 0 && !begins_statement(m, i + 1)) {
		if (token_is(&m->t, i, ")") || token_is(&m->t, i, "]"))
			i = m->t.t[i].match;
		else if (token_is(&m->t, i, "(") && token_is(&m->t, i - 1, "warp_any"))
			return true;
	}
	return false;
}

static void change_comparison(Maker *m, int i)
{
	int from = token_left(&m->t, i), to = token_right(&m->t, i);
	bool order = token_level(&m->t, i) == LEVEL_ORDER, real = is_float(m, from, to);
	Trip trip = trip_of(m, i);

	bool around = m->closed;

	m->closed = all_fixed(m, from, to);
	if (trip.step && only_holds(m, header_end(m, i))) {
		; /* nothing would notice */
	} else if (trip.step && trip.times) {
		sim_change(m, MUT_trip, i + 1, to, &DIV, number(m, trip.step));
	} else if (trip.step) {
		move_number(m, MUT_trip, i + 1, to, trip.step);
	} else {
		if (m->closed && token_is(&m->t, i, "==") && in_condition(m, i))
			sim_change(m, MUT_bound, from, to, &ALSO, one_more(m, from, to));
		else if (!real)
			move_number(m, MUT_bound, i + 1, to, 1);
		if (!order || real)
			sim_change(m, MUT_bound, from, to, &NOT, "");
	}
	m->closed = around;
}

/* "const int n_end = (N + 63) / 64": numbers added. */
static void change_place(Maker *m, int i)
{
	int end = statement_end(m, i);

	for (int k = i + 4; k < end; k++)
		if (is_number(m, k) && token_level(&m->t, k - 1) == LEVEL_SUM &&
		    (token_level(&m->t, k + 1) == LEVEL_SUM || token_level(&m->t, k + 1) >= LEVEL_ORDER))
			move_number(m, MUT_place, k, k + 1, 1);
}

/* ---- Stricter C ---- */

/* "float x[2][8], y[4];": an array of registers begins as bytes of sim_poison. */
static void poison_arrays(Maker *m, int i)
{
	int end = statement_end(m, i), k = i + 1;

	while (is_name(m, k) && token_is(&m->t, k + 1, "[") && end < m->t.n) {
		int name = k++;
		const char *s = m->t.t[end].s + 1;

		while (token_is(&m->t, k, "["))
			k = m->t.t[k].match + 1;
		if (token_is(&m->t, k, "="))
			return;
		sim_insert(m, (size_t)(s - m->text), 0, true,
		           arena_printf(m->a, " __builtin_memset(%.*s, sim_poison, sizeof %.*s);",
		                        m->t.t[name].n, m->t.t[name].s, m->t.t[name].n, m->t.t[name].s));
		k += token_is(&m->t, k, ",");
	}
}

/* "table_s16(row + 2 * i)": within the table. */
static void guard_table(Maker *m, int i)
{
	const Token *name = &m->t.t[i + 2];
	int end = m->t.t[i + 1].match;

	if (!starts(m, i, "table_*") || !is_name(m, i + 2) || !token_is(&m->t, i + 3, "+"))
		return;
	sim_insert(m, (size_t)(m->t.t[i + 4].s - m->text), 1 << 20, false, "({ long at_ = (");
	sim_insert(m, (size_t)(m->t.t[end].s - m->text), 1 << 20, true,
	           arena_printf(m->a,
	                        "); if (at_ < 0 || at_ >= (long)(sizeof %.*s / sizeof *%.*s))"
	                        " __builtin_trap(); at_; })",
	                        name->n, name->s, name->n, name->s));
}

/* ---- The rules ---- */

void sim_look(Maker *m, int i)
{
	const Tokens *t = &m->t;
	int level = token_level(t, i);

	if (declares(m, i, "u32"))
		m->closed = all_fixed(m, i + 4, statement_end(m, i));
	else if (begins_statement(m, i))
		m->closed = false;
	if (is_name(m, i) && token_is(t, i + 1, "(")) {
		drop_call(m, i);
		change_arguments(m, i);
		guard_table(m, i);
	}
	if (is_name(m, i) && begins_statement(m, i))
		poison_arrays(m, i);
	if (declares(m, i, "u32") && m->base[i + 4]) {
		int end = statement_end(m, i);

		mark_base(m, i + 2);
		if (end == i + 5 || (end == i + 7 && is_number(m, i + 6)))
			move_buffer(m, i, end);
	}
	if (declares(m, i, "u32") && token_is(t, i + 4, "smem_base"))
		mark_base(m, i + 2);
	if (declares(m, i, "u32"))
		drop_swizzle(m, i);
	if (declares(m, i, "int"))
		change_place(m, i);
	if (m->base[i] && !(declares(m, i - 4, "u32") && value(m, i + 2)))
		change_steps(m, i);
	if (level == LEVEL_XOR)
		sim_change(m, MUT_swizzle, i + 1, token_right(t, i), &ZERO, "");
	if (token_is(t, i, "warp_any") && token_is(t, i + 1, "("))
		sim_change(m, MUT_bound, i, m->t.t[i + 1].match + 1, &ZERO, "");
	if ((level == LEVEL_ORDER || level == LEVEL_EQUAL) && !one_of_many(m, i))
		change_comparison(m, i);
}
