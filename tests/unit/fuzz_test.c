/* fuzz_test.c -- broken specs break nothing: specs with words swapped, dropped, doubled and
 * replaced are opened, traced and asked for a reference row; each gives a kernel that verifies or
 * a one-line error, never a crash, a hang or a leak of either. Arguments: how many, and a seed.
 * Run in the top folder.
 */
#define _GNU_SOURCE
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../codegen/spec.h"

static uint64_t seed = 1;

static int below(int n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (int)((seed >> 33) % (uint64_t)n);
}

/* A word, or one other character. */
static int token_end(const char *s, int i)
{
	static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	int n = (int)strspn(s + i, word);

	return i + (n ? n : 1);
}

static const char *const salt[] = {
    "nil",
    "0",
    "-1",
    "1e308",
    "{}",
    "a",
    "p",
    "g",
    "n",
    "az",
    "S",
    "p.C",
    "a.q",
    "a.o[n]",
    "g.N",
    "true",
    "\"N\"",
    "az.dot",
    "az.var",
    "az.state",
    "az.tiles",
    "az.transpose",
    ":col()",
    ":row()",
    "az.causal",
    "function() end",
    "(",
    ")",
    "end",
    "for",
    "=",
    ",",
    "==",
    "and",
    "not",
    "..",
    "az.concat",
    "az.slice",
    "[{}]",
    ".index",
    "az.full(1, 64, 64)",
    "1 << 62",
    "0/0",
    "#",
    "^",
    "az.kernel",
    "return",
    "az.cumsum",
    "az.sum",
    "error",
    "az.sympow2",
    "::x:: goto x",
    "\"\\xff\"",
};

static char *mutate(Arena *a, const char *s)
{
	for (int times = 1 + below(3); times > 0; times--) {
		int n = (int)strlen(s), i = below(n), j = below(n), ie, je;

		ie = token_end(s, i);
		je = token_end(s, j);
		switch (below(4)) {
		case 0:
			s = arena_printf(a, "%.*s%s", i, s, s + ie);
			break;
		case 1:
			s = arena_printf(a, "%.*s%.*s%s", i, s, je - j, s + j, s + ie);
			break;
		case 2:
			s = arena_printf(a, "%.*s %s %s", i, s, salt[below(sizeof salt / sizeof *salt)],
			                 s + ie);
			break;
		default:
			s = arena_printf(a, "%.*s %s %s", i, s, salt[below(sizeof salt / sizeof *salt)], s + i);
		}
	}
	return (char *)s;
}

static double one_third(void *user, const Arg *arg, const int64_t *index)
{
	(void)user;
	(void)arg;
	(void)index;
	return 1.0 / 3;
}

static void reference(Spec *s, Diag *d, Kernel *k)
{
	int64_t size[MAX_DIMS], at[MAX_AXES] = {0};
	static double out[1 << 16];

	for (int i = 0; i < k->naxes; i++)
		size[i] = k->axes[i]->size ? k->axes[i]->size : 3;
	for (int i = 0; i < k->nargs; i++) {
		const Arg *o = k->args[i];
		int64_t n = o->rank ? o->axis[o->rank - 1]->size : 0;

		if (o->output && o->present && n < 1 << 16)
			spec_reference(s, d, k, size, o, at, one_third, NULL, out, n ? (int)n : 1);
	}
}

/* 1: traced, 0: refused */
static int one(const char *path)
{
	Arena *a = arena_new();
	Spec *volatile s = NULL;
	volatile int traced = 0;
	Text t = {.arena = a};
	Diag d;

	if (!DIAG_TRY(&d)) {
		s = spec_open(&d, path, "fuzz.lua");
		Kernel *k = spec_trace(s, &d, a, 0, NULL, NULL);

		traced = 1;
		ir_print(k, &t);
		reference(s, &d, k);
	} else if (strchr(d.text, '\n') || !d.text[0])
		bug("not one line: %s", d.text);
	spec_close(s);
	arena_free(a);
	return traced;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 300, traced = 0;
	char path[] = "/tmp/azulejo-fuzz-XXXXXX", *text = malloc(1 << 20);
	int fd = mkstemp(path);
	glob_t g;

	seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	if (fd < 0 || !text || glob("specs/*.lua", 0, NULL, &g))
		return 77;
	for (int i = 0; i < n; i++) {
		Arena *a = arena_new();
		FILE *f = fopen(g.gl_pathv[below((int)g.gl_pathc)], "rb");
		size_t len = f ? fread(text, 1, (1 << 20) - 1, f) : 0;
		char *m;

		text[len] = 0;
		if (f)
			fclose(f);
		m = mutate(a, text);
		if (ftruncate(fd, 0) || pwrite(fd, m, strlen(m), 0) < 0)
			return 77;
		if (getenv("VERBOSE"))
			fprintf(stderr, "%d\n", i);
		traced += one(path);
		arena_free(a);
	}
	printf("ok fuzz_specs (%d, of which %d traced)\n", n, traced);
	unlink(path);
	globfree(&g);
	free(text);
	return 0;
}
