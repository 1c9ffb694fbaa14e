/* prims.c -- reads templates/ once from the embedded files, and picks what a text uses.
 *
 * A primitive is a block of lines
 *     //@ prim NAME / doc TEXT / needs FEATURE / cuda (lines) / sim (lines) / end
 * and everything outside the blocks is for the reader of the template. A block with lines
 *     //@ for VAR WORD ...             (or numbers: 8 16 .. 256)
 * is a family, a primitive for each choice of words. In its name, doc and halves $(VAR) is the word
 * and $(EXPRESSION) the number; a line after "//@ list j < EXPRESSION" is repeated for each j,
 * and its last comma only stands between.
 */
#include "prims.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../runtime/embed.h"
#include "diag.h"

enum { MAX_PRIMS = 512, MAX_WORDS = 64, NAMES = 1 << 14 };

static Prim prims[MAX_PRIMS];
static int nprims;
static char names[NAMES]; /* of the members of families, and their words */
static int nnames;

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

/* ---- Families ---- */

static bool ident(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static const char *keep(const char *fmt, const char *s, int n)
{
	char *p = names + nnames;

	nnames += 1 + snprintf(p, (size_t)(NAMES - nnames), fmt, n, s);
	if (nnames >= NAMES)
		bug("templates: too many names");
	return p;
}

/* "8 16 .. 256" is 8, 16, 24 and so on. */
static int read_words(const char *s, const char *end, const char **word)
{
	int n = 0;

	while (s < end) {
		const char *b = s;
		char number[16];

		while (s < end && *s != ' ')
			s++;
		if (n >= 2 && s - b == 2 && !memcmp(b, "..", 2)) {
			int last = atoi(s), at = atoi(word[n - 1]), step = at - atoi(word[n - 2]);

			for (at += step; at <= last && n < MAX_WORDS; at += step) {
				int k = snprintf(number, sizeof number, "%d", at);

				word[n++] = keep("%.*s", number, k);
			}
			break;
		}
		if (n < MAX_WORDS && s > b)
			word[n++] = keep("%.*s", b, (int)(s - b));
		while (s < end && *s == ' ')
			s++;
	}
	return n;
}

typedef struct Expr {
	const char *s, *end;
	const Prim *p;
	int j; /* the counter of a list */
} Expr;

static void blanks(Expr *e)
{
	while (e->s < e->end && *e->s == ' ')
		e->s++;
}

static const PrimVar *find_var(const Prim *p, const char *s, int n)
{
	for (int i = 0; i < p->nvar; i++)
		if (p->var[i].nname == n && !memcmp(p->var[i].name, s, (size_t)n))
			return &p->var[i];
	return NULL;
}

static int operand(Expr *e)
{
	const char *b = e->s;
	const PrimVar *v;

	while (e->s < e->end && ident(*e->s))
		e->s++;
	if (isdigit((unsigned char)*b))
		return atoi(b);
	v = find_var(e->p, b, (int)(e->s - b));
	if (!v && !(e->s - b == 1 && *b == 'j'))
		bug("templates: %.*s: what is %.*s?", e->p->nname, e->p->name, (int)(e->s - b), b);
	return v ? atoi(v->value) : e->j;
}

static int term(Expr *e)
{
	int x = operand(e);

	for (blanks(e); e->s < e->end && (*e->s == '*' || *e->s == '/'); blanks(e)) {
		char op = *e->s++;
		int y;

		blanks(e);
		y = operand(e);
		x = op == '*' ? x * y : x / y;
	}
	return x;
}

static int sum(const Prim *p, int j, const char *s, const char *end)
{
	Expr e = {s, end, p, j};
	int x = term(&e);

	for (blanks(&e); e.s < end && (*e.s == '+' || *e.s == '-'); blanks(&e)) {
		char op = *e.s++;
		int y;

		blanks(&e);
		y = term(&e);
		x = op == '+' ? x + y : x - y;
	}
	return x;
}

static void add_replaced(Text *out, const Prim *p, int j, const char *s, const char *end)
{
	while (s < end) {
		const char *b = s, *close;
		const PrimVar *v;

		while (s < end && !(s[0] == '$' && s + 1 < end && s[1] == '('))
			s++;
		text_add(out, "%.*s", (int)(s - b), b);
		if (s == end)
			break;
		s += 2;
		close = memchr(s, ')', (size_t)(end - s));
		if (!close)
			bug("templates: %.*s: $( without )", p->nname, p->name);
		if ((v = find_var(p, s, (int)(close - s))))
			text_puts(out, v->value);
		else
			text_add(out, "%d", sum(p, j, s, close));
		s = close + 1;
	}
}

static void add_list(Text *out, const Prim *p, int n, const char *s, const char *end)
{
	const char *comma = end, *rest;

	while (comma > s && *comma != ',')
		comma--;
	rest = comma + 1 + (comma[1] == ' ' && comma[2] == '"');
	for (int j = 0; j < n; j++) {
		add_replaced(out, p, j, s, j < n - 1 ? end : comma);
		if (j == n - 1)
			add_replaced(out, p, j, rest, end);
	}
}

/* A piece of a primitive as it stands in a text. */
static void add_piece(Text *out, const Prim *p, const char *s, int len)
{
	const char *end = s + len, *rest;
	int n;

	if (!p->nvar) {
		text_add(out, "%.*s", len, s);
		return;
	}
	while (s < end) {
		const char *e = s;

		while (e < end && *e++ != '\n')
			;
		if (directive(s, e, "list j <", &rest, &n)) {
			int count = sum(p, 0, rest, rest + n);

			s = e;
			e = line_end(s);
			add_list(out, p, count, s, e);
		} else {
			add_replaced(out, p, 0, s, e);
		}
		s = e;
	}
}

/* The block just read, once for each choice of words. */
static void add_family(Arena *a, const Prim *block, const char *const *list, const int *nlist)
{
	const char *word[PRIM_VARS][MAX_WORDS];
	int n[PRIM_VARS] = {1, 1};

	for (int v = 0; v < block->nvar; v++)
		n[v] = read_words(list[v], list[v] + nlist[v], word[v]);
	for (int i = 0; i < n[0]; i++)
		for (int k = 0; k < n[1]; k++) {
			Prim p = *block;
			Text name = {.arena = a};

			if (nprims == MAX_PRIMS)
				bug("templates: too many primitives");
			p.var[0].value = word[0][i];
			p.var[1].value = p.nvar > 1 ? word[1][k] : NULL;
			add_replaced(&name, &p, 0, p.name, p.name + p.nname);
			p.name = keep("%.*s", name.s, p.nname = (int)strlen(name.s));
			prims[nprims++] = p;
		}
}

/* ---- Files ---- */

/* "VAR WORD ..." */
static void read_for(Prim *p, const char *rest, int n, const char **list, int *nlist)
{
	PrimVar *v = &p->var[p->nvar];

	if (p->nvar == PRIM_VARS)
		bug("templates: %.*s has too many variables", p->nname, p->name);
	v->name = rest;
	while (v->nname < n && ident(rest[v->nname]))
		v->nname++;
	list[p->nvar] = rest + v->nname + 1;
	nlist[p->nvar++] = n - v->nname - 1;
}

static void read_file(Arena *a, const char *path)
{
	static const char *const halves[] = {"cuda", "sim"};
	Prim block, *p = NULL;
	int half = -1, n, nlist[PRIM_VARS];
	const char *text = embed_find(path, NULL), *rest, *list[PRIM_VARS];

	if (!text)
		bug("no %s", path);
	for (const char *s = text, *end; *s; s = end) {
		end = line_end(s);
		if (directive(s, end, "prim", &rest, &n)) {
			if (p || nprims == MAX_PRIMS)
				bug("%s: a primitive begins inside another, or too many", path);
			p = &block;
			*p = (Prim){.name = rest, .nname = n};
			half = -1;
		} else if (p && directive(s, end, "for", &rest, &n)) {
			read_for(p, rest, n, list, nlist);
		} else if (p && directive(s, end, "doc", &rest, &n)) {
			p->doc = rest, p->ndoc = n;
		} else if (p && directive(s, end, "needs", &rest, &n)) {
			p->needs = rest, p->nneeds = n;
		} else if (p && directive(s, end, "end", &rest, &n)) {
			if (!p->half[0] || !p->half[1])
				bug("%s: %.*s lacks a half", path, p->nname, p->name);
			if (p->nvar)
				add_family(a, p, list, nlist);
			else
				prims[nprims++] = *p;
			p = NULL;
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
		Arena *a = arena_new();

		read_file(a, "templates/types.cu");
		for (const char *const *f = embed_list("templates/", ".cu"); *f; f++) {
			snprintf(path, sizeof path, "templates/%s.cu", *f);
			if (strcmp(*f, "types"))
				read_file(a, path);
		}
		arena_free(a);
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
	if (p->ndoc) {
		text_puts(&k->out, "// ");
		add_piece(&k->out, p, p->doc, p->ndoc);
		text_puts(&k->out, "\n");
	}
	add_piece(&k->out, p, h, p->nhalf[k->half]);
	text_puts(&k->out, "\n");
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
