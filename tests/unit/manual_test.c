/* manual_test.c -- the manual and the editor's annotations name all that the language has: every
 * `function public.x` and `ref.x` of dsl/, and every elementwise op of ops.h. Run in the top
 * folder.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "../../codegen/ir.h"

static Arena *arena;
static char *manual, *types;
static int failed, count;

static char *read_text(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *s = arena_alloc(arena, 1 << 18);

	if (f) {
		s[fread(s, 1, (1 << 18) - 1, f)] = 0;
		fclose(f);
	}
	return s;
}

static int has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *s = text; (s = strstr(s, word)); s++)
		if ((s == text || (!isalnum((unsigned char)s[-1]) && s[-1] != '_')) &&
		    !isalnum((unsigned char)s[n]) && s[n] != '_')
			return 1;
	return 0;
}

static void need(const char *name, const char *prefix)
{
	int ok = has_word(manual, name) && has_word(types, arena_printf(arena, "%s.%s", prefix, name));

	count++;
	if (!ok) {
		printf("FAIL manual: %s.%s is not in dsl/manual.md or dsl/azulejo.d.lua\n", prefix, name);
		failed = 1;
	}
}

static void need_all(const char *text, const char *mark, const char *prefix)
{
	for (const char *s = text; (s = strstr(s, mark)); s++) {
		const char *from = s + strlen(mark);

		need(arena_printf(arena, "%.*s", (int)strspn(from, "abcdefghijklmnopqrstuvwxyz_0123456789"),
		                  from),
		     prefix);
	}
}

int main(void)
{
	glob_t g;

	arena = arena_new();
	manual = read_text("dsl/manual.md");
	types = read_text("dsl/azulejo.d.lua");
	if (glob("dsl/*.lua", 0, NULL, &g))
		return 77;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		const char *text = read_text(g.gl_pathv[i]);

		need_all(text, "\nfunction public.", "az");
		need_all(text, "\nreducer(\"", "az");
		need_all(text, "\nby_index(\"", "az");
		need_all(text, "\nfunction ref.", "az.ref");
		need_all(text, "\n--   ref.", "az.ref");
	}
	for (int c = 0; c < NOPS; c++)
		if ((op_info[c].class == UNARY || op_info[c].class == BINARY) && op_info[c].cuda &&
		    op_info[c].cuda[0] != '(' && op_info[c].cuda[0] != '!' && c != OP_neg && c != OP_div)
			need(op_info[c].name, "az");
	if (!failed)
		printf("ok manual (%d names)\n", count);
	globfree(&g);
	arena_free(arena);
	return failed;
}
