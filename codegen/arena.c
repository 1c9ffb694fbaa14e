/* arena.c -- memory for one compile: chunks in a list, freed together. */
#include "arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 16 };

typedef struct Chunk Chunk;
struct Chunk {
	Chunk *next;
	size_t used, cap;
	_Alignas(16) unsigned char data[];
};

struct Arena {
	Chunk *head;
};

static Chunk *chunk_new(Chunk *next, size_t cap)
{
	Chunk *c = malloc(sizeof *c + cap);

	if (!c) {
		fputs("azulejo: out of memory\n", stderr);
		abort();
	}
	c->next = next;
	c->used = 0;
	c->cap = cap;
	return c;
}

Arena *arena_new(void)
{
	Arena *a = malloc(sizeof *a);

	if (!a) {
		fputs("azulejo: out of memory\n", stderr);
		abort();
	}
	a->head = chunk_new(NULL, CHUNK);
	return a;
}

void arena_free(Arena *a)
{
	if (!a)
		return;
	for (Chunk *c = a->head, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	free(a);
}

void *arena_alloc(Arena *a, size_t bytes)
{
	Chunk *c = a->head;
	void *p;

	bytes = (bytes + 15) & ~(size_t)15;
	if (bytes == 0)
		bytes = 16;
	if (c->cap - c->used < bytes)
		c = a->head = chunk_new(c, bytes > CHUNK ? bytes : CHUNK);
	p = c->data + c->used;
	c->used += bytes;
	return memset(p, 0, bytes);
}

char *arena_strdup(Arena *a, const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(arena_alloc(a, n), s, n);
}

char *arena_vprintf(Arena *a, const char *fmt, va_list ap)
{
	va_list again;
	char *s;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	s = arena_alloc(a, (size_t)n + 1);
	vsnprintf(s, (size_t)n + 1, fmt, again);
	va_end(again);
	return s;
}

char *arena_printf(Arena *a, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return s;
}

static void text_reserve(Text *t, size_t more)
{
	size_t cap = t->cap ? t->cap : 256;
	char *s;

	if (t->len + more + 1 <= t->cap)
		return;
	while (cap < t->len + more + 1)
		cap *= 2;
	s = arena_alloc(t->arena, cap);
	if (t->len)
		memcpy(s, t->s, t->len);
	s[t->len] = 0;
	t->s = s;
	t->cap = cap;
}

void text_puts(Text *t, const char *s)
{
	size_t n = strlen(s);

	text_reserve(t, n);
	memcpy(t->s + t->len, s, n + 1);
	t->len += n;
}

void text_add(Text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	text_reserve(t, (size_t)n);
	va_start(ap, fmt);
	vsnprintf(t->s + t->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	t->len += (size_t)n;
}
