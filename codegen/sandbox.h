/* sandbox.h -- the Lua state a spec lives in, shared by spec.c, specref.c, fromlua.c, sandbox.c.
 *
 * Everything that touches the state runs inside sandbox_run, so that no Lua error, not even one
 * of memory, escapes except as a Diag.
 */
#ifndef AZ_SANDBOX_H
#define AZ_SANDBOX_H

#include <lua.h>

#include "spec.h"

struct Spec {
	lua_State *L;
	Arena *arena; /* strings of `info` */
	SpecInfo info;
	const char *path;  /* of the file */
	const char *shown; /* as named in messages */
	size_t mem;        /* bytes in use by Lua */
	int64_t steps, step_limit;
	double deadline; /* in seconds of the monotonic clock */

	/* the trace under way; k is NULL outside one */
	Kernel *k;
	Builder b;
	Diag diag;          /* armed by core_entry alone */
	unsigned gen;       /* of the boxes that are alive */
	const char *source; /* the last chunk name seen, and its copy in k's arena */
	const char *source_copy;
	struct Row *row; /* the reference row under way (specref.c), or NULL */
};

Spec *sandbox_new(void);
void sandbox_free(Spec *s);
/* Calls fn(L) protected, with `arg` as light userdata on its stack; throws through d. */
void sandbox_run(Spec *s, Diag *d, int64_t steps, lua_CFunction fn, void *arg);
Spec *sandbox_of(lua_State *L);
/* Leaves what module `name` of dsl/ returns on the stack; loads it at first use. */
void sandbox_module(lua_State *L, const char *name);
/* Loads a spec file in the spec's environment, runs it, leaves its one result on the stack. */
void sandbox_spec(lua_State *L, const char *path, const char *shown);
/* The innermost line of a spec file on the call stack; file NULL when there is none. */
Loc sandbox_where(lua_State *L);

void sandbox_libraries(lua_State *L); /* the trusted part of the state; once */
void core_open(lua_State *L);         /* fromlua.c: leaves the azcore table on the stack */

/* specrow.c: rows of numbers, as userdata or as Lua tables */
void ref_open(lua_State *L);           /* leaves the helpers on the stack */
double *row_push(lua_State *L, int n); /* not set to anything */
int row_length(lua_State *L, int i);   /* -1: not a row */
void row_read(lua_State *L, int t, double *x, int n);

enum { SPEC_MEMORY = 64 << 20, SPEC_SOURCE = 1 << 20, SPEC_SECONDS = 60, SPEC_ROW_SECONDS = 600 };
#define SPEC_STEPS 200000000LL       /* of one trace, or of opening */
#define SPEC_ROW_STEPS 20000000000LL /* of one reference row */

#endif
