/* sim_mutate.c -- the one text in which all mutants of a generated text are.
 *
 * A change puts text before and after a stretch of tokens and never replaces any, so that changes
 * within one another need no order but that of their brackets.
 */
#define _GNU_SOURCE
#include "sim_mutate.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "sim_load.h"
#include "sim_rules.h"

struct Edit {
	size_t at;
	int span, id; /* span: of the stretch, in bytes */
	bool close;
	const char *s;
};

static const char *const names[] = {
#define ROW(name, doc) #name,
    SIM_MUTATIONS(ROW)
#undef ROW
};

const char *sim_mutation_name(SimMutation m)
{
	return names[m];
}

static const char *copy(Maker *m, const char *from, const char *to)
{
	return arena_printf(m->a, "%.*s", (int)(to - from), from);
}

/* The next line of code after `s`, or NULL: neither empty, nor a comment, nor for the compiler. */
static const char *next_line(const char *s)
{
	while ((s = strchr(s, '\n'))) {
		s += 1 + strspn(s + 1, " \t");
		if (*s != '\n' && *s != '#' && strncmp(s, "//", 2))
			return *s ? s : NULL;
	}
	return NULL;
}

/* The code line before `s`, or NULL; *end gets its end. */
static const char *line_before(const Maker *m, const char *s, const char **end)
{
	for (;;) {
		while (s > m->text && s[-1] != '\n')
			s--;
		if (s == m->text)
			return NULL;
		*end = --s;
		while (s > m->text && s[-1] != '\n')
			s--;
		s += strspn(s, " \t");
		if (s < *end && *s != '#' && strncmp(s, "//", 2))
			return s;
	}
}

/* The lines before `s` that open the blocks it begins. */
static const char *blocks_before(Maker *m, const char *s)
{
	const char *all = "", *end;

	while ((s = line_before(m, s, &end)) && end[-1] == '{')
		all = arena_printf(m->a, "%s %s", copy(m, s, end), all);
	return all;
}

/* The line around [from, to), with that written as [from -> to]; when it opens a block or loses its
 * statement, also the lines up to the first statement that says something. */
static const char *show(Maker *m, const char *from, const char *to, const char *becomes)
{
	const char *b = from, *e = to + strcspn(to, "\n");
	Text t = {.arena = m->a};

	while (b > m->text && b[-1] != '\n')
		b--;
	b += strspn(b, " \t");
	text_add(&t, "%s[%s -> %s]%s", copy(m, b, from), copy(m, from, to), becomes, copy(m, to, e));
	for (bool more = e[-1] == '{' || !*becomes; more && (b = next_line(e));) {
		e = b + strcspn(b, "\n");
		more = e[-1] == '{' || !strncmp(b, "const ", 6) || !strncmp(b, "compiler_fence", 14);
		text_add(&t, " %s", copy(m, b, e));
	}
	return t.s;
}

static char *fill(Maker *m, const char *format, int id, const char *by)
{
	const char *d = strstr(format, "%d");

	if (!d)
		return arena_strdup(m->a, format);
	if (!strstr(d, "%s"))
		return arena_printf(m->a, "%.*s%d%s", (int)(d - format), format, id, d + 2);
	return arena_printf(m->a, "%.*s%d%.*s%s%s", (int)(d - format), format, id,
	                    (int)(strstr(d, "%s") - d - 2), d + 2, by, strstr(d, "%s") + 2);
}

static void put(Maker *m, size_t at, int span, int id, bool close, const char *s)
{
	if (m->nedit == m->cap) {
		Edit *more = ARENA_ARRAY(m->a, Edit, m->cap * 2 + 256);

		memcpy(more, m->edit, (size_t)m->nedit * sizeof *more);
		m->edit = more;
		m->cap = m->cap * 2 + 256;
	}
	m->edit[m->nedit++] = (Edit){at, span, id, close, s};
}

void sim_change(Maker *m, SimMutation kind, int from, int to, const Form *f, const char *by)
{
	const char *b = m->t.t[from].s, *e = m->t.t[to - 1].s + m->t.t[to - 1].n;
	const char *was = copy(m, b, e), *shown = f->shown, *s;
	int id = ++m->out->n;
	SimMutant *x = &m->out->mutant[id];
	Text becomes = {.arena = m->a};

	text_puts(&becomes, "");
	for (int k = 0; (s = strstr(shown, "%s")); shown = s + 2, k++)
		text_add(&becomes, "%.*s%s", (int)(s - shown), shown, k ? by : was);
	text_puts(&becomes, shown);
	x->kind = kind;
	x->line = m->t.t[from].line;
	x->kernel = m->t.kernel[m->t.t[from].kernel];
	x->what = show(m, b, e, becomes.s);
	x->within = blocks_before(m, b);
	x->closed = m->closed;
	put(m, (size_t)(b - m->text), (int)(e - b), id, false, fill(m, f->before, id, by));
	put(m, (size_t)(e - m->text), (int)(e - b), id, true, fill(m, f->after, id, by));
}

void sim_insert(Maker *m, size_t at, int span, bool close, const char *s)
{
	put(m, at, span, 0, close, s);
}

/* At one place: first what ends there, inner before outer; then what begins, outer before inner. */
static int by_place(const void *x, const void *y)
{
	const Edit *a = x, *b = y;
	int inner = (a->span > b->span) - (a->span < b->span);

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	if (a->close != b->close)
		return a->close ? -1 : 1;
	inner = inner ? inner : (a->id < b->id) - (a->id > b->id);
	return a->close ? inner : -inner;
}

static void rewrite(Maker *m)
{
	Text t = {.arena = m->a};
	size_t at = 0;

	qsort(m->edit, (size_t)m->nedit, sizeof *m->edit, by_place);
	text_puts(&t, "int sim_mut, sim_poison; ");
	for (int i = 0; i < m->nedit; i++) {
		text_puts(&t, copy(m, m->text + at, m->text + m->edit[i].at));
		text_puts(&t, m->edit[i].s);
		at = m->edit[i].at;
	}
	text_puts(&t, m->text + at);
	m->out->text = t.s;
}

SimMutants *sim_mutate(Arena *a, const char *text)
{
	Maker m = {.a = a, .text = text, .t = sim_tokens(a, text), .out = ARENA_NEW(a, SimMutants)};

	m.base = ARENA_ARRAY(a, bool, m.t.n + 8);
	m.fixed = ARENA_ARRAY(a, bool, m.t.n + 8);
	sim_find_fixed(&m);
	m.out->mutant = ARENA_ARRAY(a, SimMutant, (size_t)m.t.n * 8 + 1);
	for (int i = 0; i < m.t.n; i++)
		sim_look(&m, i);
	rewrite(&m);
	return m.out;
}

static void set(Sim *s, const char *name, int value)
{
	int *at = dlsym(s->lib, name);

	if (!at)
		bug("simulator: the text was not made by sim_mutate");
	*at = value;
}

void sim_set_mutant(Sim *s, int mutant, bool nan)
{
	set(s, "sim_mut", mutant);
	set(s, "sim_poison", nan ? 0xff : 0x7f);
}
