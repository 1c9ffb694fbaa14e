/* json.c -- JSON, written as it comes. */
#include "json.h"

#include <math.h>

static void quote(Json *j, const char *s)
{
	putc('"', j->f);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c == '"' || c == '\\')
			fprintf(j->f, "\\%c", c);
		else if (c < 32)
			fprintf(j->f, "\\u%04x", c);
		else
			putc(c, j->f);
	}
	putc('"', j->f);
}

static void item(Json *j, const char *key)
{
	fputs(j->some[j->depth] ? ", " : "", j->f);
	j->some[j->depth] = true;
	if (key) {
		quote(j, key);
		fputs(": ", j->f);
	}
}

void json_begin(Json *j, FILE *f)
{
	j->f = f;
	j->depth = 0;
	j->some[0] = false;
	j->close[0] = '}';
	putc('{', f);
}

void json_end(Json *j)
{
	fputs("}\n", j->f);
}

void json_open(Json *j, const char *key, char bracket)
{
	item(j, key);
	putc(bracket, j->f);
	j->depth++;
	j->some[j->depth] = false;
	j->close[j->depth] = bracket == '{' ? '}' : ']';
}

void json_close(Json *j)
{
	putc(j->close[j->depth--], j->f);
}

void json_text(Json *j, const char *key, const char *value)
{
	item(j, key);
	if (value)
		quote(j, value);
	else
		fputs("null", j->f);
}

void json_number(Json *j, const char *key, double value)
{
	item(j, key);
	if (isfinite(value))
		fprintf(j->f, "%.9g", value);
	else
		fputs("null", j->f);
}

void json_int(Json *j, const char *key, long long value)
{
	item(j, key);
	fprintf(j->f, "%lld", value);
}

void json_bool(Json *j, const char *key, bool value)
{
	item(j, key);
	fputs(value ? "true" : "false", j->f);
}
