/* harmless.c -- reading and matching tests/mutate.harmless. */
#include "harmless.h"

#include <stdio.h>
#include <string.h>

enum { MAX_ENTRIES = 512 };

static Entry entry[MAX_ENTRIES];
static int nentries;

static bool like(const char *pattern, const char *s)
{
	for (; *pattern && *pattern != '~'; pattern++, s++)
		if (*pattern != *s)
			return false;
	if (!*pattern)
		return !*s;
	while (*pattern == '~')
		pattern++;
	for (;; s++) {
		if (like(pattern, s))
			return true;
		if (!*s)
			return false;
	}
}

/* LINE is that of the mutant, or that with the blocks around it in front. */
static bool says(const char *line, const SimMutant *x)
{
	char whole[8192];

	snprintf(whole, sizeof whole, "%s%s", x->within, x->what);
	return like(line, x->what) || (*x->within && like(line, whole));
}

Entry *harmless_find(const char *name, const SimMutant *x)
{
	for (int i = 0; i < nentries; i++)
		if (!strcmp(entry[i].kind, sim_mutation_name(x->kind)) && like(entry[i].in, name) &&
		    says(entry[i].what, x))
			return &entry[i];
	return NULL;
}

int harmless_read(Arena *arena, const char *path)
{
	FILE *f = fopen(path, "rb");
	char line[2048];
	bool reason = false;
	int failures = 0;

	for (int n = 1; f && fgets(line, sizeof line, f); n++) {
		char *s = line, *kind, *what;

		line[strcspn(line, "\n")] = 0;
		if (*line == '#' || !*line) {
			reason = *line == '#' && (reason || line[1]);
			continue;
		}
		kind = strstr(s, ": ");
		what = kind ? strstr(kind + 2, ": ") : NULL;
		if (!what || !reason || nentries == MAX_ENTRIES) {
			printf("FAIL %s:%d: %s\n", path, n,
			       reason ? "expected CASE: KIND: LINE" : "no reason stands above it");
			failures++;
			continue;
		}
		*kind = *what = 0;
		entry[nentries++] = (Entry){arena_strdup(arena, s), arena_strdup(arena, kind + 2),
		                            arena_strdup(arena, what + 2), n, 0};
	}
	if (f)
		fclose(f);
	return failures;
}

int harmless_check(void)
{
	int failures = 0;

	for (int i = 0; i < nentries; i++) {
		const Entry *e = &entry[i];

		if (!e->needed) {
			printf("FAIL tests/mutate.harmless:%d: stale: no survivor is like it\n", e->line);
			failures++;
		}
	}
	return failures;
}
