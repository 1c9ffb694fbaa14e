/* fail_test.c -- every file of tests/fail is a wrong spec, and says on its first line what the
 * author is told: "-- error: file:line: message". Further comment lines may give settings
 * ("-- set: D=20"), optional arguments ("-- bind: s0"), or ask for a second trace ("-- twice").
 * A file with no such line must fail in any way. With -u, rewrites the first lines. Also: bytes
 * that are no spec at all must give an error and nothing worse. Run in the top folder.
 */
#define _GNU_SOURCE
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../codegen/spec.h"

static int failed;

static char *read_text(Arena *a, const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	char *s = arena_alloc(a, 1 << 20);

	*size = f ? fread(s, 1, (1 << 20) - 1, f) : 0;
	if (f)
		fclose(f);
	return s;
}

/* The rest of the comment line that starts with `key`, or NULL. */
static const char *header(Arena *a, const char *text, const char *key)
{
	for (const char *l = text; l && !strncmp(l, "--", 2); l = strchr(l, '\n') + 1)
		if (!strncmp(l + 3, key, strlen(key))) {
			const char *from = l + 3 + strlen(key);

			return arena_printf(a, "%.*s", (int)strcspn(from, "\n"), from);
		}
	return NULL;
}

static void trace(Diag *d, Arena *a, Spec **spec, const char *path, const char *text)
{
	SpecSet set[8];
	const char *settings = header(a, text, "set: "), *bind = header(a, text, "bind: ");
	int n = 0;
	Spec *s;

	for (char *t = settings ? strtok((char *)settings, ",") : NULL; t; t = strtok(NULL, ",")) {
		char *eq = strchr(t, '=');

		*eq = 0;
		set[n++] = (SpecSet){t, eq + 1};
	}
	*spec = s = spec_open(d, path, path);
	spec_trace(s, d, a, n, set, bind);
	if (header(a, text, "twice"))
		spec_trace(s, d, a, n, set, bind);
}

static void rewrite(const char *path, const char *text, size_t size, const char *got)
{
	const char *rest = strchr(text, '\n');
	FILE *f = fopen(path, "wb");

	if (!f || !rest)
		return;
	fprintf(f, "-- error: %s", got);
	fwrite(rest, 1, size - (size_t)(rest - text), f);
	fclose(f);
}

static void one(const char *path, int update)
{
	Arena *a = arena_new();
	size_t size;
	const char *text = read_text(a, path, &size), *want = header(a, text, "error: ");
	Spec *spec = NULL;
	Diag d;

	if (DIAG_TRY(&d)) {
		int ok = d.status == ST_USER && (!want || !strcmp(want, d.text)) && !strchr(d.text, '\n');

		printf("%s fail_%s%s%s\n", ok ? "ok" : "FAIL", path, ok ? "" : ": ", ok ? "" : d.text);
		if (!ok && update && want)
			rewrite(path, text, size, d.text);
		failed |= !ok;
	} else {
		trace(&d, a, &spec, path, text);
		printf("FAIL fail_%s: no error\n", path);
		failed = 1;
	}
	spec_close(spec);
	arena_free(a);
}

int main(int argc, char **argv)
{
	int update = argc > 1 && !strcmp(argv[1], "-u");
	glob_t g;

	if (argc > 1 + update) {
		for (int i = 1 + update; i < argc; i++)
			one(argv[i], update);
		return failed;
	}
	if (!glob("tests/fail/*.lua", 0, NULL, &g))
		for (size_t i = 0; i < g.gl_pathc; i++)
			one(g.gl_pathv[i], update);
	globfree(&g);
	return failed;
}
