/* sim_runs.c -- finds the runs of ldmatrix calls, or of mma calls, at whose end the lanes of a warp
 * may meet once instead of at every call.
 *
 * A run is a sequence of statements that are calls of one of the two kinds, loops of nothing else,
 * and, at its outermost level, declarations without a value. Neither the arguments nor the loops'
 * headers call anything, so nothing between two calls can see what the first has brought; the
 * operands of an mma are values, taken when it is asked for. Without checks they are places, taken
 * when it is done: a run may have both kinds, and declarations in its loops too. "SIM_RUN" is put
 * before and "SIM_RUN_END" behind; lines stay where they are.
 */
#include "sim_load.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum Kind { NEITHER, PRODUCTS, LOADS, EITHER } Kind;

static bool word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static const char *word_end(const char *p)
{
	while (word_char(*p))
		p++;
	return p;
}

/* Behind blanks, comments and "#pragma unroll". */
static const char *skip(const char *p)
{
	for (;;) {
		p += strspn(p, " \t\r\n");
		if ((p[0] == '/' && p[1] == '/') || !strncmp(p, "#pragma unroll", 14))
			p += strcspn(p, "\n");
		else
			return p;
	}
}

/* Behind the ')' of the '(' at p; NULL where something within is called, assigned or quoted, which
 * the header of a loop may do (`header`) but for calls. */
static const char *arguments(const char *p, bool header)
{
	int depth = 0;
	char last = 0;

	for (; *p; p++) {
		if (*p == '(' && depth++ && word_char(last))
			return NULL;
		if (strchr("\"'{}#", *p) || (!header && (*p == ';' || *p == '=')) ||
		    (!header && (!strncmp(p, "++", 2) || !strncmp(p, "--", 2))))
			return NULL;
		if (!isspace((unsigned char)*p))
			last = *p;
		if (*p == ')' && !--depth)
			return p + 1;
	}
	return NULL;
}

static Kind kind_of(const char *name, const char *end)
{
	static const struct {
		const char *prefix;
		Kind kind;
	} prefixes[] = {{"mma_", PRODUCTS}, {"cores_load", LOADS}, {"ldmatrix_x", LOADS}};

	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
		size_t n = strlen(prefixes[i].prefix);

		if ((size_t)(end - name) > n && !memcmp(name, prefixes[i].prefix, n))
			return prefixes[i].kind;
	}
	return NEITHER;
}

/* Behind "u32 x[2][8];"; NULL: it is something else. */
static const char *declaration(const char *p)
{
	const char *e = word_end(p);

	if (!((e - p == 3 && !memcmp(p, "u32", 3)) || (e - p == 5 && !memcmp(p, "float", 5))))
		return NULL;
	p = e + strspn(e, " \t");
	e = word_end(p);
	if (e == p)
		return NULL;
	for (p = e; *p == '[';) {
		p += strcspn(p, "];\n");
		if (*p++ != ']')
			return NULL;
	}
	return *p == ';' ? p + 1 : NULL;
}

/* Behind the argument at p and the ',' or ')' after it. */
static const char *argument_end(const char *p)
{
	for (int depth = 0; *p; p++) {
		if (!depth && (*p == ',' || *p == ')'))
			return p + 1;
		depth += (*p == '(' || *p == '[') - (*p == ')' || *p == ']');
	}
	return p;
}

enum { SUMS = 2 }; /* arguments of a product before its operands */

/* Behind "x[2 * k][0]" at p. */
static const char *place_end(const char *p)
{
	int depth = 0;

	for (p = word_end(p); *p == '[' || depth; p++)
		depth += (*p == '[') - (*p == ']');
	return p;
}

/* Are a product's operands variables or elements of such? p: behind its '('. */
static bool places(const char *p)
{
	for (int i = 0; p[-1] != ')'; i++, p = argument_end(p)) {
		const char *b = p + strspn(p, " \t\r\n");

		if (i >= SUMS && (isdigit((unsigned char)*b) || place_end(b) + 1 != argument_end(p)))
			return false;
	}
	return true;
}

static const char *statement(const char *p, Kind *kind, int *calls);

/* Behind a block of nothing but calls of the kind, and, where operands are places, declarations;
 * NULL: it is something else. */
static const char *block(const char *p, Kind *kind, int *calls)
{
	const char *e;

	for (p = skip(p + 1); *p != '}'; p = skip(e))
		if (!*p ||
		    (!(e = *kind == EITHER ? declaration(p) : NULL) && !(e = statement(p, kind, calls))))
			return NULL;
	return p + 1;
}

/* Behind a call of the kind, or of either where it is not known yet, or a loop of such. */
static const char *statement(const char *p, Kind *kind, int *calls)
{
	const char *e = word_end(p);
	Kind own = kind_of(p, e);

	if (e - p == 3 && !memcmp(p, "for", 3)) {
		p = e + strspn(e, " \t");
		if (*p != '(' || !(p = arguments(p, true)))
			return NULL;
		p = skip(p);
		*calls += 1; /* it may turn several times */
		return *p == '{' ? block(p, kind, calls) : statement(p, kind, calls);
	}
	if (own == NEITHER || *e != '(' || (*kind != NEITHER && *kind != EITHER && own != *kind))
		return NULL;
	*kind = *kind == EITHER ? EITHER : own;
	*calls += 1;
	p = arguments(e, false);
	if (p && *kind == EITHER && own == PRODUCTS && !places(e + 1))
		return NULL;
	return p && *p == ';' ? p + 1 : NULL;
}

/* Behind the run at p, of more than one call, and of which kind; NULL: there is none. */
static const char *run(const char *p, Kind *kind, bool mixed)
{
	const char *end = NULL, *e;
	int calls = 0;

	*kind = mixed ? EITHER : NEITHER;
	for (p = skip(p); *p; p = skip(e)) {
		Kind k = *kind;
		int n = calls;

		if ((e = statement(p, &k, &n))) {
			*kind = k;
			calls = n;
			end = e;
		} else if (!calls || !(e = declaration(p))) {
			break;
		}
	}
	return calls > 1 ? end : NULL;
}

/* The run from p to end; with '&' before operands that are to be places. */
static char *put_run(char *o, const char *p, const char *end, Kind kind)
{
	o += sprintf(o, " SIM_RUN;");
	while (p < end) {
		const char *b = p;

		if (p[0] == '/' && p[1] == '/')
			p += strcspn(p, "\n");
		else
			p = word_char(*p) ? word_end(p) : p + 1;
		memcpy(o, b, (size_t)(p - b));
		o += p - b;
		if (kind != EITHER || kind_of(b, p) != PRODUCTS)
			continue;
		for (int i = -1; p[-1] != ')'; i++) { /* its name, then its arguments */
			b = p;
			p = i < 0 ? p + 1 : argument_end(p);
			o += sprintf(o, "%s%.*s", i >= SUMS ? "&" : "", (int)(p - b), b);
		}
	}
	return o + sprintf(o, " SIM_RUN_END(%d);", kind == LOADS);
}

char *sim_runs(const char *text, bool mixed)
{
	size_t cap = strlen(text) + 1, n;
	char *out, *o, last = 0;
	int depth = 0, parens = 0;

	for (const char *p = text; (p = strpbrk(p, "_")); p++)
		cap += 48; /* every call that can be in a run has one in its name; two marks a run */
	out = o = malloc(cap);
	if (!out)
		return NULL;
	for (const char *p = text; *p; p += n) {
		const char *end = NULL;
		Kind kind;

		n = 1;
		if (depth && !parens && last && strchr(";{}", last) && isspace((unsigned char)*p) &&
		    (end = run(p, &kind, mixed))) {
			n = (size_t)(end - p);
			o = put_run(o, p, end, kind);
			last = ';';
			continue;
		}
		if (p[0] == '/' && p[1] == '/')
			n = strcspn(p, "\n");
		else if (p[0] == '/' && p[1] == '*' && (end = strstr(p + 2, "*/")))
			n = (size_t)(end - p) + 2;
		else if (*p == '"' || *p == '\'')
			for (; p[n] && p[n] != *p; n++)
				n += p[n] == '\\' && p[n + 1];
		else if (*p == '#' && (!depth || strncmp(p, "#pragma unroll", 14)))
			n = strcspn(p, "\n");
		else if (!isspace((unsigned char)*p))
			last = *p;
		if (*p == '"' || *p == '\'')
			n += p[n] != 0;
		depth += n == 1 ? (*p == '{') - (*p == '}') : 0;
		parens += n == 1 ? (*p == '(') - (*p == ')') : 0;
		memcpy(o, p, n);
		o += n;
	}
	*o = 0;
	return out;
}
