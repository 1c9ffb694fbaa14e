/* sim_turns.c -- makes a text tell in which turn of which loops a thread is, and when it passes a
 * spec line.
 *
 * Lanes run one after another, so what the warp does at once must be put together again: accesses
 * of one call in the same turn of every loop around it (sim_count.c). Each `for` around an access
 * gets a header of its own (SIM_LOOP, templates/types.cu) that changes sim_turn on the way in, is
 * added to with every turn, and puts it back behind the loop, however it is left. Lines stay where
 * they are. Not followed: `while` and `do`, whose turns count by order alone.
 *
 * A comment that names a spec line becomes a statement too (SIM_HERE), where one may stand.
 */
#include "sim_load.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Behind the comment, string or single character at p. */
static const char *token_end(const char *p)
{
	if (p[0] == '/' && p[1] == '/')
		return p + strcspn(p, "\n");
	if (p[0] == '/' && p[1] == '*') {
		const char *e = strstr(p + 2, "*/");

		return e ? e + 2 : p + strlen(p);
	}
	if (*p == '"' || *p == '\'') {
		const char *e = p + 1;

		while (*e && *e != *p)
			e += e[0] == '\\' && e[1] ? 2 : 1;
		return *e ? e + 1 : e;
	}
	return p + 1;
}

/* Behind the bracket that closes the one at p; at the end of the text when there is none. */
static const char *matching(const char *p)
{
	int depth = 0;

	while (*p) {
		depth += strchr("([{", *p) != NULL;
		depth -= strchr(")]}", *p) != NULL;
		p = token_end(p);
		if (!depth)
			return p;
	}
	return p;
}

/* Behind the statement at p. */
static const char *statement_end(const char *p)
{
	while (*p && *p != ';') {
		if (*p == '{')
			return matching(p);
		p = *p == '(' ? matching(p) : token_end(p);
	}
	return *p ? p + 1 : p;
}

static bool is_access(const char *name, size_t n)
{
	static const char *const prefix[] = {"ld_", "st_", "table_", "cp_async_"};

	for (size_t i = 0; i < sizeof prefix / sizeof *prefix; i++)
		if (n > strlen(prefix[i]) && !memcmp(name, prefix[i], strlen(prefix[i])))
			return true;
	return false;
}

static bool has_access(const char *p, const char *end)
{
	while (p < end) {
		const char *b = p;

		if (!word_char(*p)) {
			p = token_end(p);
			continue;
		}
		while (word_char(*p))
			p++;
		if (*p == '(' && is_access(b, (size_t)(p - b)))
			return true;
	}
	return false;
}

/* The first ';' of the header that opens at p. */
static const char *condition(const char *p)
{
	for (p++; *p && *p != ';';)
		p = strchr("([{", *p) ? matching(p) : token_end(p);
	return *p ? p + 1 : NULL;
}

/* A comment "// name.lua:21" at p. */
static bool names_spec(const char *p)
{
	size_t n = strcspn(p, "\n:");

	return n > 6 && p[n] == ':' && !memcmp(p + n - 4, ".lua", 4) &&
	       isdigit((unsigned char)p[n + 1]);
}

char *sim_turns(const char *text)
{
	int depth = 0;
	char last = 0; /* of the tokens so far, comments and blanks aside */
	size_t cap = strlen(text) + 1;
	const char *next = NULL; /* where the condition of an open header begins */
	char *out, *o;

	for (const char *p = text; (p = strstr(p, "for")); p += 3)
		cap += 32;
	for (const char *p = text; (p = strstr(p, "//")); p += 2)
		cap += 16;
	out = o = malloc(cap);
	if (!out)
		return NULL;
	for (const char *p = text, *b; *p;) {
		b = p;
		if (p == next) {
			const char *c = p + strspn(p, " \t");

			o += sprintf(o, *c == ';' ? " SIM_TURN 1" : " SIM_TURN");
			next = NULL;
		}
		if (!word_char(*p)) {
			bool comment = p[0] == '/' && (p[1] == '/' || p[1] == '*');

			if (comment && depth && last && strchr(";{}", last) && names_spec(p))
				o += sprintf(o, "SIM_HERE ");
			depth += (*p == '{') - (*p == '}');
			if (!comment && !isspace((unsigned char)*p))
				last = *p;
			p = token_end(p);
		} else {
			last = *p;
			while (word_char(*p))
				p++;
			if (p - b == 3 && !memcmp(b, "for", 3)) {
				const char *open = p + strspn(p, " \t");

				if (*open == '(' && condition(open) &&
				    has_access(open, statement_end(matching(open)))) {
					o += sprintf(o, "SIM_LOOP ");
					next = condition(open);
				}
			}
		}
		memcpy(o, b, (size_t)(p - b));
		o += p - b;
	}
	*o = 0;
	return out;
}
