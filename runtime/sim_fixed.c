/* sim_fixed.c -- which names of a kernel depend on nothing but the thread's number, and turns of
 * loops whose bounds do: not on sizes, nor on data.
 */
#include "sim_rules.h"

#include <stdlib.h>
#include <string.h>

static const char *const roots[] = {"threadIdx", "x", "int", "u32", "smem_base", "warp_uniform"};

static bool is_name(const Maker *m, int i)
{
	return i >= 0 && i < m->t.n && m->t.t[i].kind == TOKEN_NAME;
}

static bool same(const Maker *m, int i, int k)
{
	const Token *a = &m->t.t[i], *b = &m->t.t[k];

	return a->n == b->n && !memcmp(a->s, b->s, (size_t)a->n);
}

/* Also "table_s16(NAME": tables are constant. */
static bool is_root(const Maker *m, int i)
{
	for (size_t k = 0; k < sizeof roots / sizeof *roots; k++)
		if (token_is(&m->t, i, roots[k]))
			return true;
	return !strncmp(m->t.t[i].s, "table_", 6) ||
	       (token_is(&m->t, i - 1, "(") && i > 1 && !strncmp(m->t.t[i - 2].s, "table_", 6));
}

static bool fixed(const Maker *m, int from, int to)
{
	while (from < to && m->fixed[from])
		from++;
	return from == to;
}

static int semicolon(const Maker *m, int i)
{
	while (i < m->t.n && !token_is(&m->t, i, ";"))
		i = m->t.t[i].match > i ? m->t.t[i].match + 1 : i + 1;
	return i;
}

/* "int NAME =": a name that is declared with a value, or in the header of a loop. */
static bool declares(const Maker *m, int i)
{
	return is_name(m, i) && token_is(&m->t, i + 1, "=") &&
	       (token_is(&m->t, i - 1, "int") || token_is(&m->t, i - 1, "u32"));
}

static bool in_header(const Maker *m, int i)
{
	return token_is(&m->t, i - 2, "(") && token_is(&m->t, i - 3, "for");
}

/* Behind the statement at i. */
static int statement_end(const Maker *m, int i)
{
	while (token_is(&m->t, i, "for") || token_is(&m->t, i, "if"))
		i = m->t.t[i + 1].match + 1;
	return token_is(&m->t, i, "{") ? m->t.t[i].match + 1 : semicolon(m, i) + 1;
}

/* Where the name declared at i is known no more. */
static int scope_end(const Maker *m, int i)
{
	int kernel = m->t.t[i].kernel;

	if (in_header(m, i))
		return statement_end(m, m->t.t[i - 2].match + 1);
	for (; i < m->t.n && m->t.t[i].kernel == kernel && !token_is(&m->t, i, "}"); i++)
		if (m->t.t[i].match > i)
			i = m->t.t[i].match;
	return i;
}

/* Is the name at i declared there with a fixed value: "const int NAME = .." or "for (int NAME = ..
 * ; .. ; ..)"? */
static bool declared_fixed(const Maker *m, int i)
{
	int value = semicolon(m, i), bound = semicolon(m, value + 1);

	if (token_is(&m->t, i - 2, "const"))
		return fixed(m, i + 2, value);
	return in_header(m, i) && fixed(m, i + 2, value) && fixed(m, value + 1, bound) &&
	       fixed(m, bound + 1, m->t.t[i - 2].match);
}

/* At first every name that is declared is thought to be fixed; then those whose value is not are
 * taken out, until none is left. */
void sim_find_fixed(Maker *m)
{
	int *declaration = ARENA_ARRAY(m->a, int, m->t.n + 1); /* of the name at i; 0: none */
	bool more = true;

	for (int i = 0; i < m->t.n; i++) {
		m->fixed[i] |= !is_name(m, i) || is_root(m, i);
		for (int k = i, end = declares(m, i) ? scope_end(m, i) : i; k < end; k++)
			if (is_name(m, k) && same(m, i, k)) {
				declaration[k] = i;
				m->fixed[k] = true;
			}
	}
	while (more) {
		more = false;
		for (int i = 0; i < m->t.n; i++) {
			if (!declares(m, i) || !m->fixed[i] || declared_fixed(m, i))
				continue;
			more = true;
			for (int k = i; k < m->t.n; k++)
				if (declaration[k] == i)
					m->fixed[k] = false;
		}
	}
}
