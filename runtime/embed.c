/* embed.c -- the files the program carries, or the tree beside it. */
#define _GNU_SOURCE
#include "embed.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Files read from disk, kept so that a path always gives the same pointer. */
typedef struct Loaded {
	struct Loaded *next;
	char *path, *data;
	size_t size;
} Loaded;

static Loaded *loaded;

static void *keep(void *p)
{
	if (!p) {
		fputs("azulejo: out of memory\n", stderr);
		abort();
	}
	return p;
}

const char *embed_root(void)
{
	static char root[PATH_MAX + 32];
	static int known;
	const char *home = getenv("AZULEJO_HOME");
	char *cut, probe[PATH_MAX + 64];
	ssize_t n;

	if (known)
		return root[0] ? root : NULL;
	known = 1;
	if (home && *home) {
		snprintf(root, sizeof root, "%s", home);
		return root;
	}
	n = readlink("/proc/self/exe", root, PATH_MAX);
	root[n > 0 ? n : 0] = 0;
	/* <root>/build/azulejo or <root>/build/tests/x_test */
	cut = strstr(root, "/build/");
	for (char *c = cut; c; c = strstr(c + 1, "/build/"))
		cut = c;
	if (cut) {
		*cut = 0;
		snprintf(probe, sizeof probe, "%s/dsl/azulejo.lua", root);
		if (!access(probe, R_OK))
			return root;
	}
	root[0] = 0;
	return NULL;
}

static const char *load(const char *path, size_t *size)
{
	char full[PATH_MAX * 2];
	const char *root = embed_root();
	Loaded *l;
	FILE *f;
	size_t cap = 1 << 14;

	for (l = loaded; l; l = l->next)
		if (!strcmp(l->path, path)) {
			if (size)
				*size = l->size;
			return l->data;
		}
	if (!root)
		return NULL;
	snprintf(full, sizeof full, "%s/%s", root, path);
	f = fopen(full, "rb");
	if (!f)
		return NULL;
	l = keep(calloc(1, sizeof *l));
	l->path = keep(strdup(path));
	l->data = keep(malloc(cap + 1));
	for (;;) {
		l->size += fread(l->data + l->size, 1, cap - l->size, f);
		if (l->size < cap)
			break;
		l->data = keep(realloc(l->data, (cap *= 2) + 1));
	}
	fclose(f);
	l->data[l->size] = 0;
	l->next = loaded;
	loaded = l;
	if (size)
		*size = l->size;
	return l->data;
}

const char *embed_find(const char *path, size_t *size)
{
	const EmbeddedFile *e;
	const char *data = load(path, size);

	if (data)
		return data;
	for (e = embedded_files; e->path; e++)
		if (!strcmp(e->path, path)) {
			if (size)
				*size = e->size;
			return e->data;
		}
	return NULL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_name(char ***list, int *n, const char *name, const char *suffix)
{
	size_t len = strlen(name), tail = strlen(suffix);

	if (len <= tail || strcmp(name + len - tail, suffix) || strchr(name, '/') || name[0] == '.')
		return;
	*list = keep(realloc(*list, sizeof **list * (size_t)(*n + 2)));
	(*list)[(*n)++] = keep(strndup(name, len - tail));
}

const char *const *embed_list(const char *folder, const char *suffix)
{
	char full[PATH_MAX * 2], **list = keep(calloc(1, sizeof *list));
	const EmbeddedFile *e;
	struct dirent *d;
	int i, n = 0, m = 0;
	DIR *dir = NULL;

	if (embed_root()) {
		snprintf(full, sizeof full, "%s/%s", embed_root(), folder);
		dir = opendir(full);
	}
	while (dir && (d = readdir(dir)))
		add_name(&list, &n, d->d_name, suffix);
	if (dir)
		closedir(dir);
	for (e = embedded_files; e->path; e++)
		if (!strncmp(e->path, folder, strlen(folder)))
			add_name(&list, &n, e->path + strlen(folder), suffix);
	qsort(list, (size_t)n, sizeof *list, by_name);
	for (i = 0; i < n; i++) {
		if (m && !strcmp(list[m - 1], list[i]))
			free(list[i]);
		else
			list[m++] = list[i];
	}
	list[m] = NULL;
	return (const char *const *)list;
}
