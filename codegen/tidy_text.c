/* tidy_text.c -- statements of the generated text, by their expressions (tidy.c). */
#include "tidy.h"

#include <string.h>

/* Where an assignment's right side begins, or 0. */
static size_t after_assignment(const char *text, size_t n)
{
	int depth = 0;

	for (size_t i = 1; i + 1 < n; i++) {
		depth += text[i] == '(' || text[i] == '[' || text[i] == '{';
		depth -= text[i] == ')' || text[i] == ']' || text[i] == '}';
		if (depth == 0 && text[i] == '=' && text[i + 1] == ' ' && strchr(" +-*", text[i - 1]))
			return i + 2;
	}
	return 0;
}

static void tidy_part(Arena *a, const char *text, size_t n, int warps, Text *out)
{
	size_t at = after_assignment(text, n), op;

	if (!at) {
		tidy_expression(a, text, n, warps, out);
		return;
	}
	for (op = at - 2; op > 0 && text[op - 1] != ' '; op--)
		;
	tidy_expression(a, text, op - 1, warps, out);
	text_add(out, "%.*s", (int)(at - op + 1), text + op - 1);
	tidy_expression(a, text + at, n - at, warps, out);
}

const char *tidy_text(Arena *a, const char *text, int warps)
{
	Text out = {.arena = a};
	const char *p = text, *end;

	if (strpbrk(text, "\n{}\""))
		return text;
	for (; (end = strchr(p, ';')); p = end + 1) {
		while (*p == ' ')
			text_add(&out, "%c", *p++);
		tidy_part(a, p, (size_t)(end - p), warps, &out);
		text_puts(&out, ";");
	}
	while (*p == ' ')
		text_add(&out, "%c", *p++);
	if (*p)
		tidy_part(a, p, strlen(p), warps, &out);
	return out.s ? out.s : text;
}
