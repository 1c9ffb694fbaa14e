/* sim_sites.c -- enough of C's grammar to change a generated text in one place: its tokens, its
 * brackets, and the extents of operands.
 *
 * requires: a text as dev_print writes it (no macros, strings or labels inside kernels).
 */
#include "sim_sites.h"

#include <ctype.h>
#include <string.h>

/* ---- Tokens ---- */

static const char *const long_signs[] = {
    "<<=", ">>=", "<=", ">=", "==", "!=", "&&", "||", "<<", ">>", "++",
    "--",  "+=",  "-=", "*=", "/=", "%=", "&=", "|=", "^=", "->"};

static int sign_length(const char *s)
{
	for (size_t i = 0; i < sizeof long_signs / sizeof *long_signs; i++)
		if (!strncmp(s, long_signs[i], strlen(long_signs[i])))
			return (int)strlen(long_signs[i]);
	return 1;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static int word_length(const char *s)
{
	int n = 0;

	bool decimal = isdigit((unsigned char)*s) && s[1] != 'x';

	while (is_word(s[n]) ||
	       (decimal && (s[n] == '.' || (strchr("+-", s[n]) && n && s[n - 1] == 'e'))))
		n++;
	return n;
}

typedef struct Reader {
	const char *s;
	int line;
	bool fresh; /* nothing but blanks on this line so far */
} Reader;

static void skip_to(Reader *r, const char *end)
{
	for (; *r->s && r->s < end; r->s++)
		r->line += *r->s == '\n';
}

static const char *after(const char *s, const char *what)
{
	const char *e = strstr(s, what);

	return e ? e + strlen(what) : s + strlen(s);
}

/* The next token, past blanks, comments, preprocessor lines and strings; false at the end. */
static bool next_token(Reader *r, Token *t)
{
	for (;;) {
		const char *s = r->s;

		if (!*s)
			return false;
		if (*s == '\n')
			r->fresh = true;
		if (isspace((unsigned char)*s))
			skip_to(r, s + 1);
		else if ((*s == '#' && r->fresh) || !strncmp(s, "//", 2))
			skip_to(r, s + strcspn(s, "\n"));
		else if (!strncmp(s, "/*", 2))
			skip_to(r, after(s + 2, "*/"));
		else if (*s == '"')
			skip_to(r, after(s + 1, "\""));
		else
			break;
	}
	r->fresh = false;
	t->s = r->s;
	t->line = r->line;
	t->match = -1;
	t->kind = isdigit((unsigned char)*r->s) ? TOKEN_NUMBER
	          : is_word(*r->s)              ? TOKEN_NAME
	                                        : TOKEN_SIGN;
	t->n = t->kind == TOKEN_SIGN ? sign_length(r->s) : word_length(r->s);
	r->s += t->n;
	return true;
}

static bool is(const Token *t, const char *s)
{
	return (size_t)t->n == strlen(s) && !memcmp(t->s, s, (size_t)t->n);
}

bool token_is(const Tokens *t, int i, const char *s)
{
	return i >= 0 && i < t->n && is(&t->t[i], s);
}

static void match_brackets(Tokens *t, Arena *a)
{
	int *open = ARENA_ARRAY(a, int, t->n + 1), depth = 0;

	for (int i = 0; i < t->n; i++) {
		char c = t->t[i].n == 1 ? *t->t[i].s : ' ';

		if (strchr("([{", c)) {
			open[depth++] = i;
		} else if (strchr(")]}", c) && depth) {
			t->t[i].match = open[--depth];
			t->t[open[depth]].match = i;
		}
	}
}

static const char **name_kernel(Arena *a, const char **old, int kernel, const Token *name)
{
	const char **all = ARENA_ARRAY(a, const char *, kernel + 2);

	memcpy(all, old, (size_t)kernel * sizeof *all);
	all[kernel] = arena_printf(a, "%.*s", name->n, name->s);
	return all;
}

Tokens sim_tokens(Arena *a, const char *text)
{
	Reader r = {text, 1, true};
	Tokens out = {0, ARENA_ARRAY(a, Token, strlen(text) + 1), ARENA_ARRAY(a, const char *, 1)};
	Token t, name = {.n = 0};
	int depth = 0, kernel = 0;
	bool inside = false; /* seen "__global__", whose body has not ended */

	while (next_token(&r, &t)) {
		inside |= is(&t, "__global__");
		if (t.kind == TOKEN_NAME)
			name = t;
		/* "__global__ void [__launch_bounds__(..)] NAME(": the last name before a bracket counts */
		if (inside && !depth && is(&t, "(") && name.n)
			out.kernel = name_kernel(a, out.kernel, kernel, &name);
		depth -= is(&t, "}");
		t.kernel = kernel;
		if (inside && depth > 0)
			out.t[out.n++] = t;
		if (inside && is(&t, "}") && !depth)
			inside = false, kernel++;
		depth += is(&t, "{");
	}
	match_brackets(&out, a);
	return out;
}

/* ---- Operands ---- */

static const struct {
	const char *sign;
	int level;
} levels[] = {{"*", 1},   {"/", 1},   {"%", 1},   {"+", 2},   {"-", 2},   {"<<", 3},  {">>", 3},
              {"<", 4},   {">", 4},   {"<=", 4},  {">=", 4},  {"==", 5},  {"!=", 5},  {"&", 6},
              {"^", 7},   {"|", 8},   {"&&", 9},  {"||", 10}, {"?", 11},  {":", 11},  {"=", 12},
              {"+=", 12}, {"-=", 12}, {"*=", 12}, {"/=", 12}, {"%=", 12}, {"&=", 12}, {"|=", 12},
              {"^=", 12}, {",", 13},  {";", 13},  {"(", 13},  {")", 13},  {"[", 13},  {"]", 13},
              {"{", 13},  {"}", 13}};

/* A sign behind an operand is binary; behind an operator, unary. */
static bool ends_operand(const Token *t)
{
	return t->kind != TOKEN_SIGN ? !is(t, "return") : is(t, ")") || is(t, "]");
}

int token_level(const Tokens *t, int i)
{
	if (i < 0 || i >= t->n)
		return LEVEL_END;
	if (t->t[i].kind != TOKEN_SIGN)
		return is(&t->t[i], "return") ? LEVEL_END : 0;
	for (size_t k = 0; k < sizeof levels / sizeof *levels; k++) {
		if (!is(&t->t[i], levels[k].sign))
			continue;
		if (levels[k].level < LEVEL_END && (!i || !ends_operand(&t->t[i - 1])))
			return 0;
		return levels[k].level;
	}
	return 0;
}

int token_left(const Tokens *t, int i)
{
	int level = token_level(t, i), k = i;

	while (k > 0) {
		const Token *p = &t->t[k - 1];

		if ((is(p, ")") || is(p, "]")) && p->match >= 0)
			k = p->match;
		else if (token_level(t, k - 1) > level)
			break;
		else
			k--;
	}
	return k;
}

int token_right(const Tokens *t, int i)
{
	int level = token_level(t, i), k = i + 1;

	while (k < t->n) {
		const Token *p = &t->t[k];

		if ((is(p, "(") || is(p, "[") || is(p, "{")) && p->match >= 0)
			k = p->match + 1;
		else if (token_level(t, k) >= level)
			break;
		else
			k++;
	}
	return k;
}

bool token_argument(const Tokens *t, int open, int k, int *from, int *to)
{
	int end = t->t[open].match, at = open + 1;

	if (end < 0 || at == end)
		return false;
	for (;; k--) {
		int e = at;

		while (e < end && !token_is(t, e, ","))
			e = t->t[e].match > e ? t->t[e].match + 1 : e + 1;
		if (!k) {
			*from = at;
			*to = e;
			return true;
		}
		if (e == end)
			return false;
		at = e + 1;
	}
}
