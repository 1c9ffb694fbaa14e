/* hopper.h -- what the tests of Hopper's primitives in the simulator share. */
#ifndef HOPPER_TEST_H
#define HOPPER_TEST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../codegen/prims.h"
#include "../../runtime/sim.h"
#include "../../runtime/tensormap.h"

static int failed;
static Arena *arena;
static Diag diag;

static inline void check(int ok, const char *name)
{
	printf("%s %s\n", ok ? "ok" : "FAIL", name);
	failed += !ok;
}

static inline char *read_text(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *s = arena_alloc(arena, 1 << 16);

	if (!f || !fread(s, 1, (1 << 16) - 1, f)) {
		fprintf(stderr, "hopper_test: cannot read %s\n", path);
		exit(1);
	}
	fclose(f);
	return s;
}

static inline Sim *load(const char *defs, const char *body, const char *entries)
{
	char *all = arena_printf(arena, "%s\n%s\n%s\n", defs, body, entries);
	char *text = arena_printf(arena, "%s%s", prims_text(arena, all, true), all);

	if (DIAG_TRY(&diag)) {
		fprintf(stderr, "hopper_test: %s\n", diag.text);
		exit(diag.status == ST_ENV ? 77 : 1);
	}
	return sim_load(&diag, text, NULL);
}

static inline void show(const SimResult *r)
{
	if (!getenv("VERBOSE"))
		return;
	for (int i = 0; i < r->nfindings; i++)
		printf("  kind %d line %d %s: %s (x%ld)\n", r->finding[i].kind, r->finding[i].line,
		       r->finding[i].spec, r->finding[i].text, r->finding[i].count);
}

static inline uint16_t to_bf16(float x)
{
	uint32_t u;

	memcpy(&u, &x, 4);
	return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

static inline float from_bf16(uint16_t h)
{
	uint32_t u = (uint32_t)h << 16;
	float f;

	memcpy(&f, &u, 4);
	return f;
}

#endif
