/* sandbox.c -- what a spec may do: compute, and call the language.
 *
 * maintains: a spec reaches no file but neighbouring specs, no process, no clock; it holds at
 * most SPEC_MEMORY bytes, and runs for at most its limit of instructions and of seconds, watched
 * by a hook that nothing in its environment can catch (no pcall, no coroutines). Left out of the
 * environment: whatever loops in C without bound (string.rep, table.move, patterns), loads code,
 * reads raw tables or sets metatables. Only text chunks are loaded: Lua does not check bytecode.
 */
#define _POSIX_C_SOURCE 200809L
#include "sandbox.h"

#include <errno.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../runtime/embed.h"

/* The environment of a spec, by library. */
static const char *const allowed_base[] = {
    "assert", "error", "ipairs", "next", "pairs", "select", "tonumber", "tostring", "type", NULL,
};
static const char *const allowed_math[] = {
    "abs",  "acos", "asin", "atan", "ceil",       "cos",  "deg",        "exp",  "floor",
    "fmod", "huge", "log",  "max",  "maxinteger", "min",  "mininteger", "modf", "pi",
    "rad",  "sin",  "sqrt", "tan",  "tointeger",  "type", "ult",        NULL,
};
static const char *const allowed_string[] = {
    "byte", "char", "format", "len", "lower", "reverse", "sub", "upper", NULL,
};
static const char *const allowed_table[] = {
    "concat", "insert", "pack", "remove", "sort", "unpack", NULL,
};
static const struct {
	const char *name;
	const char *const *allowed;
} libraries[] = {
    {"math", allowed_math},
    {"string", allowed_string},
    {"table", allowed_table},
};

/* -- memory and time ---------------------------------------------------------------------- */

static void *capped_alloc(void *ud, void *p, size_t old, size_t new)
{
	Spec *s = ud;
	void *q;

	if (!p)
		old = 0;
	if (new == 0) {
		s->mem -= old;
		free(p);
		return NULL;
	}
	if (new > old && s->mem - old + new > SPEC_MEMORY)
		return NULL;
	q = realloc(p, new);
	if (q)
		s->mem = s->mem - old + new;
	return q;
}

/* Often enough that no run of library calls on the largest strings and tables lasts long
 * between two looks at the clock. */
enum { HOOK_STEPS = 250 };

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void count_hook(lua_State *L, lua_Debug *ar)
{
	Spec *s = sandbox_of(L);

	(void)ar;
	if (seconds() > s->deadline) {
		lua_pushliteral(L, "runs for too long; is there an endless loop?");
		lua_error(L);
	}
	s->steps += HOOK_STEPS;
	if (s->steps > s->step_limit) {
		lua_pushfstring(L, "runs for more than %d million instructions; is there an endless loop?",
		                (int)(s->step_limit / 1000000));
		lua_error(L);
	}
}

Spec *sandbox_of(lua_State *L)
{
	return *(Spec **)lua_getextraspace(L);
}

static int panic(lua_State *L)
{
	(void)L;
	bug("Lua error outside sandbox_run");
}

Spec *sandbox_new(void)
{
	Spec *s = calloc(1, sizeof *s);

	if (!s)
		bug("out of memory");
	s->arena = arena_new();
	s->L = lua_newstate(capped_alloc, s);
	if (!s->L)
		bug("out of memory");
	*(Spec **)lua_getextraspace(s->L) = s;
	lua_atpanic(s->L, panic);
	lua_sethook(s->L, count_hook, LUA_MASKCOUNT, HOOK_STEPS);
	return s;
}

void sandbox_free(Spec *s)
{
	lua_close(s->L);
	arena_free(s->arena);
	free(s);
}

/* -- errors ------------------------------------------------------------------------------- */

Loc sandbox_where(lua_State *L)
{
	lua_Debug ar;

	for (int level = 0; lua_getstack(L, level, &ar); level++) {
		lua_getinfo(L, "S", &ar);
		if (ar.source[0] == '@') {
			lua_getinfo(L, "l", &ar);
			return (Loc){ar.source + 1, ar.currentline};
		}
	}
	return (Loc){NULL, 0};
}

/* True for "file:line: ..." or "file: ..." of the spec or a neighbour. */
static int is_located(const char *msg)
{
	const char *dot = strstr(msg, ".lua:");

	return dot && strncmp(msg, "dsl/", 4) && !memchr(msg, ' ', (size_t)(dot - msg));
}

static int on_error(lua_State *L)
{
	Spec *s = sandbox_of(L);
	const char *msg = lua_tostring(L, 1);
	Loc at = sandbox_where(L);

	if (lua_type(L, 1) != LUA_TSTRING)
		msg = lua_pushfstring(L, "error with a %s, not a message", luaL_typename(L, 1));
	if (is_located(msg))
		return 1;
	if (at.file)
		lua_pushfstring(L, "%s:%d: %s", at.file, at.line, msg);
	else
		lua_pushfstring(L, "%s: %s", s->shown, msg);
	return 1;
}

void sandbox_run(Spec *s, Diag *d, int64_t steps, lua_CFunction fn, void *arg)
{
	lua_State *L = s->L;
	char text[500];
	int rc;

	s->steps = 0;
	s->step_limit = steps;
	s->deadline = seconds() + (steps > SPEC_STEPS ? SPEC_ROW_SECONDS : SPEC_SECONDS);
	lua_settop(L, 0);
	lua_pushcfunction(L, on_error);
	lua_pushcfunction(L, fn);
	lua_pushlightuserdata(L, arg);
	rc = lua_pcall(L, 1, 0, 1);
	if (rc == LUA_OK) {
		lua_settop(L, 0);
		return;
	}
	if (rc == LUA_ERRMEM)
		snprintf(text, sizeof text, "%s: uses more than %d MiB of memory", s->shown,
		         SPEC_MEMORY >> 20);
	else
		snprintf(text, sizeof text, "%s",
		         lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1)
		                                        : "an error while handling an error");
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
	lua_settop(L, 0);
	s->k = NULL;
	diag_fail(d, (Loc){NULL, 0}, "%s", text);
}

/* -- loading ------------------------------------------------------------------------------ */

/* Trusted code: runs with the full base, math, string and table libraries, `core` and `use`. */
static int use_module(lua_State *L)
{
	sandbox_module(L, luaL_checkstring(L, 1));
	return 1;
}

void sandbox_module(lua_State *L, const char *name)
{
	const char *text;
	size_t size;

	luaL_getsubtable(L, LUA_REGISTRYINDEX, "az.modules");
	if (lua_getfield(L, -1, name) != LUA_TNIL) {
		lua_remove(L, -2);
		return;
	}
	lua_pop(L, 1);
	lua_pushfstring(L, "dsl/%s.lua", name);
	text = embed_find(lua_tostring(L, -1), &size);
	if (!text)
		bug("no module %s", name);
	lua_pop(L, 1);
	lua_pushfstring(L, "=dsl/%s.lua", name);
	if (luaL_loadbufferx(L, text, size, lua_tostring(L, -1), "t") != LUA_OK)
		bug("%s", lua_tostring(L, -1));
	lua_call(L, 0, 1);
	lua_pushvalue(L, -1);
	lua_setfield(L, -4, name);
	lua_replace(L, -3);
	lua_pop(L, 1);
}

/* A copy of library `name` (or of the globals) with the allowed fields only. */
static void push_allowed(lua_State *L, int from, const char *const *allowed)
{
	lua_newtable(L);
	for (; *allowed; allowed++) {
		lua_getfield(L, from, *allowed);
		lua_setfield(L, -2, *allowed);
	}
}

static int unknown_name(lua_State *L)
{
	return luaL_error(L, "unknown name '%s'%s", luaL_tolstring(L, 2, NULL),
	                  "; names must be declared with local, and the language is az.*");
}

static int forgotten_local(lua_State *L)
{
	const char *name = luaL_tolstring(L, 2, NULL);

	return luaL_error(L, "'%s' is not declared; write local %s = ...", name, name);
}

static int read_only(lua_State *L)
{
	return luaL_error(L, "'%s' belongs to a library and cannot be changed",
	                  luaL_tolstring(L, 2, NULL));
}

/* Replaces the table on top by an empty one that reads it strictly. */
static void make_strict(lua_State *L, lua_CFunction unknown, lua_CFunction assign)
{
	lua_newtable(L); /* metatable */
	lua_createtable(L, 0, 1);
	lua_pushcfunction(L, unknown);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -3); /* of the table read: unknown names end here */
	lua_pushvalue(L, -2);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, assign);
	lua_setfield(L, -2, "__newindex");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_newtable(L);
	lua_insert(L, -2);
	lua_setmetatable(L, -2);
	lua_remove(L, -2);
}

static int spec_require(lua_State *L)
{
	Spec *s = sandbox_of(L);
	const char *name = luaL_checkstring(L, 1);
	const char *slash;

	if (!strcmp(name, "azulejo")) {
		sandbox_module(L, "azulejo");
		return 1;
	}
	if (!*name || strlen(name) > 64 ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                 "0123456789_") != strlen(name))
		return luaL_error(L, "require: '%s' is neither azulejo nor the name of a neighbouring spec",
		                  name);
	luaL_getsubtable(L, LUA_REGISTRYINDEX, "az.required");
	if (lua_getfield(L, -1, name) != LUA_TNIL) {
		if (lua_isboolean(L, -1))
			return luaL_error(L, "require: '%s' requires itself", name);
		return 1;
	}
	lua_pop(L, 1);
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, name);
	slash = strrchr(s->path, '/');
	lua_pushfstring(L, "%s%s.lua",
	                slash ? lua_pushlstring(L, s->path, (size_t)(slash - s->path) + 1) : "", name);
	slash = strrchr(s->shown, '/');
	lua_pushfstring(L, "%s%s.lua",
	                slash ? lua_pushlstring(L, s->shown, (size_t)(slash - s->shown) + 1) : "",
	                name);
	luaL_checkstack(L, 8, "require");
	sandbox_spec(L, lua_tostring(L, slash ? -3 : -2), lua_tostring(L, -1));
	lua_getfield(L, LUA_REGISTRYINDEX, "az.required");
	lua_pushvalue(L, -2);
	lua_setfield(L, -2, name);
	lua_pop(L, 1);
	return 1;
}

/* The environment is made once; `az.env` in the registry. */
static void push_env(lua_State *L)
{
	if (lua_getfield(L, LUA_REGISTRYINDEX, "az.env") != LUA_TNIL)
		return;
	lua_pop(L, 1);
	lua_pushglobaltable(L);
	push_allowed(L, lua_gettop(L), allowed_base);
	for (size_t i = 0; i < sizeof libraries / sizeof libraries[0]; i++) {
		lua_getglobal(L, libraries[i].name);
		push_allowed(L, lua_gettop(L), libraries[i].allowed);
		if (!strcmp(libraries[i].name, "string")) { /* what ("x"):method() finds */
			lua_pushliteral(L, "");
			lua_getmetatable(L, -1);
			lua_pushvalue(L, -3);
			lua_setfield(L, -2, "__index");
			lua_pop(L, 2);
		}
		make_strict(L, unknown_name, read_only);
		lua_setfield(L, -3, libraries[i].name);
		lua_pop(L, 1);
	}
	lua_pushcfunction(L, spec_require);
	lua_setfield(L, -2, "require");
	make_strict(L, unknown_name, forgotten_local);
	lua_remove(L, -2);
	lua_pushvalue(L, -1);
	lua_setfield(L, LUA_REGISTRYINDEX, "az.env");
}

/* Leaves the text of a spec file on the stack, and keeps it in az.sources. */
static void push_source(lua_State *L, const char *path, const char *shown)
{
	char *buf = lua_newuserdatauv(L, SPEC_SOURCE + 1, 0);
	FILE *f = fopen(path, "rb"); /* no Lua error may be raised while it is held */
	const char *text;
	size_t n;

	if (f) {
		n = fread(buf, 1, SPEC_SOURCE + 1, f);
		fclose(f);
		text = buf;
	} else {
		text = embed_find(path, &n);
		if (!text)
			luaL_error(L, "%s: %s", shown, strerror(errno));
	}
	if (n > SPEC_SOURCE)
		luaL_error(L, "%s: longer than %d bytes", shown, SPEC_SOURCE);
	lua_pushlstring(L, text, n);
	lua_replace(L, -2);
	luaL_getsubtable(L, LUA_REGISTRYINDEX, "az.sources");
	lua_pushvalue(L, -2);
	lua_setfield(L, -2, shown);
	lua_pop(L, 1);
}

void sandbox_spec(lua_State *L, const char *path, const char *shown)
{
	const char *text;
	size_t n;

	push_source(L, path, shown);
	text = lua_tolstring(L, -1, &n);
	lua_pushfstring(L, "@%s", shown);
	if (luaL_loadbufferx(L, text, n, lua_tostring(L, -1), "t") != LUA_OK)
		lua_error(L);
	lua_replace(L, -3);
	lua_pop(L, 1);
	push_env(L);
	if (!lua_setupvalue(L, -2, 1))
		lua_pop(L, 1);
	lua_call(L, 0, 1);
}

/* Opens the trusted libraries; called once, inside sandbox_run. */
void sandbox_libraries(lua_State *L)
{
	luaL_requiref(L, LUA_GNAME, luaopen_base, 1);
	luaL_requiref(L, LUA_TABLIBNAME, luaopen_table, 1);
	luaL_requiref(L, LUA_STRLIBNAME, luaopen_string, 1);
	luaL_requiref(L, LUA_MATHLIBNAME, luaopen_math, 1);
	lua_settop(L, 0);
	core_open(L);
	lua_setglobal(L, "core");
	lua_pushcfunction(L, use_module);
	lua_setglobal(L, "use");
}
