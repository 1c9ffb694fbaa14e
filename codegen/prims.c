/* prims.c -- reads templates/ once from the embedded files, and picks what a text uses.
 *
 * A primitive is a block of lines
 *     //@ prim NAME / doc TEXT / needs FEATURE / cuda (lines) / sim (lines) / end
 * and everything outside the blocks is for the reader of the template.
 */
#include "prims.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "../runtime/embed.h"
#include "diag.h"

enum { MAX_PRIMS = 256 };

static Prim prims[MAX_PRIMS];
static int nprims;

/* ---- Reading ---- */

static const char *line_end(const char *s)
{
	const char *e = strchr(s, '\n');

	return e ? e + 1 : s + strlen(s);
}

/* The rest of a directive line after its keyword, without the newline. */
static bool directive(const char *s, const char *end, const char *key, const char **rest, int *n)
{
	size_t len = strlen(key);

	if (strncmp(s, "//@ ", 4) || strncmp(s + 4, key, len) || isalnum((unsigned char)s[4 + len]))
		return false;
	s += 4 + len;
	while (*s == ' ')
		s++;
	while (end > s && isspace((unsigned char)end[-1]))
		end--;
	*rest = s;
	*n = (int)(end - s);
	return true;
}

static void read_file(const char *path)
{
	static const char *const halves[] = {"cuda", "sim"};
	Prim *p = NULL;
	int half = -1, n;
	const char *text = embed_find(path, NULL), *rest;

	if (!text)
		bug("no %s", path);
	for (const char *s = text, *end; *s; s = end) {
		end = line_end(s);
		if (directive(s, end, "prim", &rest, &n)) {
			if (p || nprims == MAX_PRIMS)
				bug("%s: a primitive begins inside another, or too many", path);
			p = &prims[nprims];
			*p = (Prim){.name = rest, .nname = n};
			half = -1;
		} else if (p && directive(s, end, "doc", &rest, &n)) {
			p->doc = rest, p->ndoc = n;
		} else if (p && directive(s, end, "needs", &rest, &n)) {
			p->needs = rest, p->nneeds = n;
		} else if (p && directive(s, end, "end", &rest, &n)) {
			if (!p->half[0] || !p->half[1])
				bug("%s: %.*s lacks a half", path, p->nname, p->name);
			p = NULL;
			nprims++;
		} else if (p) {
			int h = 0;

			while (h < 2 && !directive(s, end, halves[h], &rest, &n))
				h++;
			if (h < 2)
				p->half[half = h] = end;
			else if (half >= 0)
				p->nhalf[half] += (int)(end - s);
			else
				bug("%s: stray line in %.*s", path, p->nname, p->name);
		}
	}
	if (p)
		bug("%s: %.*s has no end", path, p->nname, p->name);
}

const Prim *prims_list(int *n)
{
	char path[256];

	if (!nprims) {
		read_file("templates/types.cu");
		for (const char *const *f = embed_list("templates/", ".cu"); *f; f++) {
			snprintf(path, sizeof path, "templates/%s.cu", *f);
			if (strcmp(*f, "types"))
				read_file(path);
		}
	}
	*n = nprims;
	return prims;
}

/* ---- Picking ---- */

typedef struct Pick {
	Text out;
	int half;
	unsigned char state[MAX_PRIMS]; /* 1: being written; 2: written */
} Pick;

static bool ident(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static int find(const char *s, int n)
{
	for (int i = 0; i < nprims; i++)
		if (prims[i].nname == n && !memcmp(prims[i].name, s, (size_t)n))
			return i;
	return -1;
}

static void pick_used(Pick *k, const char *s, const char *end);

static void pick(Pick *k, int i)
{
	const Prim *p = &prims[i];
	const char *h = p->half[k->half];

	if (k->state[i])
		return;
	k->state[i] = 1;
	pick_used(k, h, h + p->nhalf[k->half]);
	if (p->ndoc)
		text_add(&k->out, "// %.*s\n", p->ndoc, p->doc);
	text_add(&k->out, "%.*s\n", p->nhalf[k->half], h);
	k->state[i] = 2;
}

/* Comments do not use anything. */
static void pick_used(Pick *k, const char *s, const char *end)
{
	while (s < end && *s) {
		if (s[0] == '/' && s[1] == '/') {
			s = line_end(s);
		} else if (ident(*s)) {
			const char *b = s;
			int i;

			while (s < end && ident(*s))
				s++;
			i = find(b, (int)(s - b));
			if (i >= 0)
				pick(k, i);
		} else {
			s++;
		}
	}
}

const char *prims_text(Arena *a, const char *body, bool sim)
{
	Pick k = {.out = {.arena = a}, .half = sim};
	int n;

	prims_list(&n);
	pick(&k, 0);
	pick_used(&k, body, body + strlen(body));
	return k.out.s;
}
