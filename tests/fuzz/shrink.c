/* shrink.c -- a failing case made small: whatever can be left out or replaced by something simpler,
 * one change at a time, as long as the case fails in the same way.
 */
#define _GNU_SOURCE
#include "shrink.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void signature(const Outcome *o, char *out, size_t size)
{
	const char *s = o->text, *place = strstr(s, ".lua:");
	size_t n = (size_t)snprintf(out, size, "%s: ", fate_text[o->fate]);

	if (place && (place = strstr(place, ": ")))
		s = place + 2;
	for (; *s && n + 2 < size; s++) {
		if (isdigit((unsigned char)*s)) {
			if (out[n - 1] != '#')
				out[n++] = '#';
		} else {
			out[n++] = *s;
		}
	}
	out[n] = 0;
}

static bool alike(const Outcome *a, const Outcome *b)
{
	char x[160], y[160];

	if (a->fate != b->fate)
		return false;
	if (a->fate != FATE_CRASH && a->fate != FATE_TEXT && a->fate != FATE_UNCLEAR)
		return true;
	signature(a, x, sizeof x);
	signature(b, y, sizeof y);
	return !strncmp(x, y, 60);
}

void suspect_write(Suspect *s, const char *path)
{
	Text t = {.arena = arena_new()};
	char options[1200], head[2000];
	FILE *f = path ? fopen(path, "wb") : stdout;

	case_options(&s->c, options, sizeof options);
	snprintf(head, sizeof head, "-- azulejo run %s\n-- %s", options, s->o.text);
	program_print(&s->p, &t, head);
	if (!f || fputs(t.s, f) < 0 || (path && fclose(f))) {
		perror(path);
		exit(3);
	}
	arena_free(t.arena);
}

typedef struct Shrink {
	Suspect *s;
	const char *path;
	double until;
	Outcome *slot;
	bool some; /* a change was kept in this turn */
} Shrink;

static bool stores(const Program *p)
{
	for (int i = 0; i < p->nnodes; i++)
		if (p->node[i].form == FORM_STORE && !p->node[i].dropped)
			return true;
	return false;
}

/* Keeps the changed suspect when it fails alike. */
static bool keep(Shrink *h, const Suspect *changed)
{
	static Suspect next;

	if (case_clock() > h->until)
		return false;
	next = *changed;
	if (next.c.generated && !stores(&next.p))
		return false;
	if (next.c.generated) {
		snprintf(next.c.spec, sizeof next.c.spec, "%s", h->path);
		suspect_write(&next, h->path);
	}
	case_whole(&next.c, h->slot);
	if (!alike(h->slot, &h->s->o))
		return false;
	next.o = *h->slot;
	*h->s = next;
	h->some = true;
	return true;
}

/* -- settings ---------------------------------------------------------------------------- */

/* "A=1,B=2" without piece `which`, or with its number replaced; false: there is none such. */
static bool edit(char *set, size_t size, int which, const char *with)
{
	char all[700], out[700] = "", *save, *t = strncpy(all, set, sizeof all - 1);
	int i = 0;
	bool found = false;

	all[sizeof all - 1] = 0;
	for (t = strtok_r(t, ",", &save); t; t = strtok_r(NULL, ",", &save), i++) {
		size_t n = strlen(out);

		if (i == which) {
			found = true;
			if (!with)
				continue;
			t[strcspn(t, "=")] = 0;
			snprintf(out + n, sizeof out - n, "%s%s=%s", n ? "," : "", t, with);
		} else {
			snprintf(out + n, sizeof out - n, "%s%s", n ? "," : "", t);
		}
	}
	snprintf(set, size, "%s", out);
	return found;
}

static int number_of(const char *set, int which)
{
	for (; which > 0 && set; which--)
		set = strchr(set, ',') ? strchr(set, ',') + 1 : NULL;
	return set && strchr(set, '=') ? atoi(strchr(set, '=') + 1) : 0;
}

static bool try_number(Shrink *h, int which, int n)
{
	static Suspect x;
	char text[16];

	if (n < 1 || n >= number_of(h->s->c.set, which))
		return false;
	x = *h->s;
	snprintf(text, sizeof text, "%d", n);
	return edit(x.c.set, sizeof x.c.set, which, text) && keep(h, &x);
}

static void settings(Shrink *h)
{
	static Suspect x;

	for (int i = 0; number_of(h->s->c.set, i) || i < 3; i++) {
		int n = number_of(h->s->c.set, i);

		x = *h->s;
		if (!h->s->c.generated && edit(x.c.set, sizeof x.c.set, i, NULL) && keep(h, &x))
			i--;
		else if (n > 1 && !try_number(h, i, 1) && !try_number(h, i, n / 2))
			(void)(try_number(h, i, n / 8 * 8) || try_number(h, i, n - 1));
	}
#define SIMPLER(field, value) \
	x = *h->s; \
	x.c.field = value; \
	if (memcmp(&x.c, &h->s->c, sizeof x.c)) \
		keep(h, &x);
	SIMPLER(bnhd, false)
	SIMPLER(align, 0)
	SIMPLER(orders, 0)
	SIMPLER(build, false)
	SIMPLER(with[0], 0)
#undef SIMPLER
}

/* -- the program ------------------------------------------------------------------------- */

static void drop_statements(Shrink *h)
{
	static Suspect x;

	for (int i = h->s->p.nnodes - 1; i >= 0; i--) {
		const Node *n = &h->s->p.node[i];

		if (!n->live || n->form < FORM_SET || n->form > FORM_STORE)
			continue;
		x = *h->s;
		x.p.node[i].dropped = true;
		keep(h, &x);
	}
}

static bool same_type(const Node *a, const Node *b)
{
	return a->rank == b->rank && (a->rank < 1 || a->dim[0] == b->dim[0]) &&
	       (a->rank < 2 || a->dim[1] == b->dim[1]) &&
	       (a->sort == SORT_MASK) == (b->sort == SORT_MASK);
}

/* Source s of node i becomes an earlier tile of its type, the simplest first. */
static void replace_source(Shrink *h, int i, int s)
{
	static Suspect x;
	int now = h->s->p.node[i].src[s], tries = 0;

	for (int k = 0; k < now && tries < 4; k++) {
		const Node *n = &h->s->p.node[k];

		if (n->form > FORM_LAST_VALUE || !same_type(n, &h->s->p.node[now]) ||
		    !program_visible(&h->s->p, k, h->s->p.node[i].scope))
			continue;
		tries++;
		x = *h->s;
		x.p.node[i].src[s] = k;
		if (keep(h, &x))
			return;
	}
}

static void to_constant(Shrink *h, int i)
{
	static Suspect x;
	Node *n;

	x = *h->s;
	n = &x.p.node[i];
	if (n->form == FORM_FULL || n->form > FORM_FEATURE + 1 || n->sort != SORT_F32)
		return;
	n->form = FORM_FULL;
	n->nsrc = 0;
	n->number = 1;
	n->has_number = n->minus_infinity = false;
	keep(h, &x);
}

static void simplify(Shrink *h)
{
	for (int i = h->s->p.nnodes - 1; i >= 0; i--) {
		if (!h->s->p.node[i].live)
			continue;
		for (int s = 0; s < h->s->p.node[i].nsrc; s++)
			replace_source(h, i, s);
		if (h->s->p.node[i].live)
			to_constant(h, i);
	}
}

static void shapes(Shrink *h)
{
	static const int sizes[] = {8, 16, 32};
	static Suspect x;

	for (int s = 0; s < h->s->p.nsyms; s++)
		for (int k = 0; k < 3; k++) {
			Symbol *y;

			x = *h->s;
			y = &x.p.sym[s];
			if ((y->kind != SYM_AXIS && y->kind != SYM_LOOP) || y->n <= sizes[k])
				continue;
			y->n = sizes[k];
			if (keep(h, &x))
				break;
		}
	for (int i = 0; i < h->s->p.nnodes; i++) {
		if (!h->s->p.node[i].live || h->s->p.node[i].form != FORM_LOOP)
			continue;
		x = *h->s;
		x.p.node[i].mask = x.p.node[i].reverse = 0;
		if (h->s->p.node[i].mask || h->s->p.node[i].reverse)
			keep(h, &x);
	}
#define SIMPLER(field, value) \
	x = *h->s; \
	x.p.field = value; \
	if (h->s->p.field != x.p.field) \
		keep(h, &x);
	SIMPLER(warps, 4)
	SIMPLER(warps, 1)
	SIMPLER(stages, 1)
#undef SIMPLER
}

void shrink(Suspect *s, const char *path, double seconds, Outcome *slot)
{
	Shrink h = {s, path, case_clock() + seconds, slot, true};

	s->c.seconds = s->o.fate == FATE_HANG ? 15 : 30;
	if (s->c.generated)
		program_mark(&s->p);
	while (h.some && case_clock() < h.until) {
		h.some = false;
		if (s->c.generated) {
			drop_statements(&h);
			shapes(&h);
			simplify(&h);
		}
		settings(&h);
	}
	if (s->c.generated)
		suspect_write(s, path);
}
