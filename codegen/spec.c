/* spec.c -- a spec file: opened, described, traced. The work on the Lua side is kernel.lua's. */
#include "sandbox.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

/* -- opening ------------------------------------------------------------------------------ */

static double number_field(lua_State *L, int t, const char *name)
{
	double v;

	lua_getfield(L, t, name);
	v = lua_isboolean(L, -1) ? lua_toboolean(L, -1) : lua_tonumber(L, -1);
	lua_pop(L, 1);
	return v;
}

static const char *string_field(lua_State *L, Spec *s, int t, const char *name)
{
	const char *v;

	lua_getfield(L, t, name);
	v = arena_strdup(s->arena, luaL_checkstring(L, -1));
	lua_pop(L, 1);
	return v;
}

static int read_dims(lua_State *L, Spec *s, SpecDim *dim)
{
	int n = (int)lua_rawlen(L, -1);

	for (int i = 0; i < n; i++) {
		lua_rawgeti(L, -1, i + 1);
		if (!dim[i].name)
			dim[i].name = string_field(L, s, lua_gettop(L), "name");
		dim[i].has_default = number_field(L, lua_gettop(L), "static") != 0;
		dim[i].value = (int64_t)number_field(L, lua_gettop(L), "now");
		lua_getfield(L, -1, "derive");
		dim[i].derived = !lua_isnil(L, -1);
		lua_pop(L, 1);
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	return n;
}

static int read_choices(lua_State *L, Spec *s, SpecTune *tune)
{
	int n = (int)lua_rawlen(L, -1);

	if (n > MAX_DIMS)
		return luaL_error(L, "more than %d entries in tune or flags", MAX_DIMS);
	for (int i = 0; i < n; i++) {
		lua_rawgeti(L, -1, i + 1);
		tune[i].name = string_field(L, s, lua_gettop(L), "name");
		lua_getfield(L, -1, "values");
		tune[i].n = (int)lua_rawlen(L, -1);
		for (int j = 0; j < tune[i].n; j++) {
			lua_rawgeti(L, -1, j + 1);
			tune[i].value[j] = lua_isboolean(L, -1) ? lua_toboolean(L, -1) : lua_tonumber(L, -1);
			lua_pop(L, 1);
		}
		lua_pop(L, 2);
	}
	lua_pop(L, 1);
	return n;
}

/* Calls kernel.<name>(declaration, ...): pushes function and declaration. */
static void push_driver(lua_State *L, const char *module, const char *name)
{
	sandbox_module(L, module);
	lua_getfield(L, -1, name);
	lua_remove(L, -2);
	lua_getfield(L, LUA_REGISTRYINDEX, "az.declaration");
}

static int open_spec(lua_State *L)
{
	Spec *s = lua_touserdata(L, 1);
	SpecInfo *info = &s->info;
	int n;

	sandbox_libraries(L);
	sandbox_module(L, "kernel");
	lua_getfield(L, -1, "open");
	sandbox_spec(L, s->path, s->shown);
	lua_call(L, 1, 1);
	lua_setfield(L, LUA_REGISTRYINDEX, "az.declaration");
	push_driver(L, "kernel", "describe");
	lua_newtable(L);
	lua_call(L, 2, 1);
	info->name = string_field(L, s, lua_gettop(L), "name");
	info->doc = string_field(L, s, lua_gettop(L), "doc");
	info->file = s->shown;
	lua_getfield(L, -1, "dims");
	info->ndims = read_dims(L, s, info->dims);
	lua_getfield(L, -1, "tune");
	info->ntune = read_choices(L, s, info->tune);
	lua_getfield(L, -1, "flags");
	info->nflags = read_choices(L, s, info->flags);
	lua_getfield(L, -1, "smoke");
	n = (int)lua_rawlen(L, -1);
	for (int i = 0; i < n; i++) {
		lua_rawgeti(L, -1, i + 1);
		info->smoke[i] = arena_strdup(s->arena, lua_tostring(L, -1));
		lua_pop(L, 1);
	}
	return 0;
}

Spec *spec_open(Diag *d, const char *path, const char *shown)
{
	Spec *volatile s = sandbox_new();
	Diag own;

	s->path = arena_strdup(s->arena, path);
	s->shown = arena_strdup(s->arena, shown ? shown : path);
	if (DIAG_TRY(&own)) {
		sandbox_free(s);
		diag_fail(d, (Loc){NULL, 0}, "%s", own.text);
	}
	sandbox_run(s, &own, SPEC_STEPS, open_spec, s);
	return s;
}

void spec_close(Spec *s)
{
	if (s)
		sandbox_free(s);
}

const SpecInfo *spec_info(const Spec *s)
{
	return &s->info;
}

/* -- tracing ------------------------------------------------------------------------------ */

typedef struct Trace {
	Spec *s;
	int nset;
	const SpecSet *set;
	const char *bind;
} Trace;

static void push_sets(lua_State *L, const Trace *t)
{
	lua_createtable(L, t->nset, 0);
	for (int i = 0; i < t->nset; i++) {
		lua_createtable(L, 2, 0);
		lua_pushstring(L, t->set[i].name);
		lua_rawseti(L, -2, 1);
		lua_pushstring(L, t->set[i].value);
		lua_rawseti(L, -2, 2);
		lua_rawseti(L, -2, i + 1);
	}
}

static int trace_spec(lua_State *L)
{
	Trace *t = lua_touserdata(L, 1);

	push_driver(L, "kernel", "describe");
	push_sets(L, t);
	lua_call(L, 2, 1);
	lua_getfield(L, -1, "dims");
	read_dims(L, t->s, t->s->info.dims);
	push_driver(L, "kernel", "trace");
	push_sets(L, t);
	lua_pushstring(L, t->bind ? t->bind : "");
	lua_call(L, 3, 0);
	return 0;
}

Kernel *spec_trace(Spec *s, Diag *d, Arena *a, int nset, const SpecSet *set, const char *bind)
{
	Kernel *k = ARENA_NEW(a, Kernel);
	Trace t = {s, nset, set, bind};

	k->arena = a;
	k->diag = &s->diag;
	k->name = arena_strdup(a, s->info.name);
	k->file = arena_strdup(a, s->shown);
	k->doc = arena_strdup(a, s->info.doc);
	k->body = ARENA_NEW(a, Region);
	s->gen++;
	s->source = NULL;
	s->k = k;
	s->b = (Builder){k, k->body};
	sandbox_run(s, d, SPEC_STEPS, trace_spec, &t);
	s->k = NULL;
	k->diag = d;
	ir_prune(k);
	ir_verify(k);
	return k;
}
