/* specrow.c -- rows of numbers for references: userdata of doubles that reads and writes like a
 * Lua table from 1, and the helpers used once for every key. In C because a reference may touch
 * millions of rows, and Lua under a count hook takes several times as long.
 */
#include "sandbox.h"

#include <lauxlib.h>
#include <string.h>

typedef struct Numbers {
	int n;
	double x[];
} Numbers;

static const char meta[] = "az.row";

static Numbers *row_test(lua_State *L, int i)
{
	return lua_type(L, i) == LUA_TUSERDATA ? luaL_testudata(L, i, meta) : NULL;
}

double *row_push(lua_State *L, int n)
{
	Numbers *r = lua_newuserdatauv(L, sizeof *r + (size_t)n * sizeof r->x[0], 0);

	r->n = n;
	luaL_setmetatable(L, meta);
	sandbox_of(L)->steps += n;
	return r->x;
}

int row_length(lua_State *L, int i)
{
	const Numbers *r = row_test(L, i);

	return r ? r->n : lua_istable(L, i) ? (int)lua_rawlen(L, i) : -1;
}

void row_read(lua_State *L, int t, double *x, int n)
{
	const Numbers *r = row_test(L, t);

	if (r) {
		memcpy(x, r->x, (size_t)n * sizeof *x);
		return;
	}
	for (int i = 0; i < n; i++) {
		if (lua_rawgeti(L, t, i + 1) != LUA_TNUMBER)
			luaL_error(L, "element %d of a row is a %s, not a number", i + 1, luaL_typename(L, -1));
		x[i] = lua_tonumber(L, -1);
		lua_pop(L, 1);
	}
}

/* Argument i as doubles, and their number; a table is copied to a row, left at i. */
static double *row_check(lua_State *L, int i, int *n)
{
	Numbers *r = row_test(L, i);

	*n = row_length(L, i);
	if (*n < 0)
		luaL_error(L, "az.ref: expected a row of numbers, got a %s", luaL_typename(L, i));
	if (r) {
		sandbox_of(L)->steps += *n;
		return r->x;
	}
	row_read(L, i, row_push(L, *n), *n);
	lua_replace(L, i);
	return row_test(L, i)->x;
}

/* -- as a table --------------------------------------------------------------------------- */

static int row_index(lua_State *L)
{
	const Numbers *r = row_test(L, 1);
	int ok;
	lua_Integer i = lua_tointegerx(L, 2, &ok);

	if (!r || !ok || i < 1 || i > r->n)
		return 0;
	lua_pushnumber(L, r->x[i - 1]);
	return 1;
}

static int row_newindex(lua_State *L)
{
	Numbers *r = row_test(L, 1);
	int ok;
	lua_Integer i = lua_tointegerx(L, 2, &ok);

	if (!r || !ok || i < 1 || i > r->n)
		return luaL_error(L, "a row has elements 1 to %d, not %s; copy it to a table to grow it",
		                  r ? r->n : 0, luaL_tolstring(L, 2, NULL));
	r->x[i - 1] = luaL_checknumber(L, 3);
	return 0;
}

static int row_len(lua_State *L)
{
	lua_pushinteger(L, row_length(L, 1));
	return 1;
}

/* -- helpers ------------------------------------------------------------------------------ */

static void need_length(lua_State *L, int n, int m)
{
	if (n != m)
		luaL_error(L, "az.ref: rows of %d and %d numbers", n, m);
}

static int ref_dot(lua_State *L)
{
	int n, m;
	const double *x = row_check(L, 1, &n), *y = row_check(L, 2, &m);
	double sum = 0;

	need_length(L, n, m);
	for (int i = 0; i < n; i++)
		sum += x[i] * y[i];
	lua_pushnumber(L, sum);
	return 1;
}

/* y <- y + a x; y is a row or a table, changed in place */
static int ref_axpy(lua_State *L)
{
	double a = luaL_checknumber(L, 1), *y;
	const double *x;
	int n, m;

	lua_settop(L, 3);
	lua_pushvalue(L, 3);
	x = row_check(L, 2, &n);
	y = row_check(L, 3, &m);
	need_length(L, n, m);
	for (int i = 0; i < n; i++)
		y[i] += a * x[i];
	for (int i = 0; lua_istable(L, 4) && i < n; i++) {
		lua_pushnumber(L, y[i]);
		lua_rawseti(L, 4, i + 1);
	}
	return 1;
}

static int ref_scale(lua_State *L)
{
	double a = luaL_checknumber(L, 1), *x;
	int n;

	lua_settop(L, 2);
	lua_pushvalue(L, 2);
	x = row_check(L, 2, &n);
	for (int i = 0; i < n; i++)
		x[i] *= a;
	for (int i = 0; lua_istable(L, 3) && i < n; i++) {
		lua_pushnumber(L, x[i]);
		lua_rawseti(L, 3, i + 1);
	}
	return 1;
}

static int ref_zeros(lua_State *L)
{
	lua_Integer n = luaL_checkinteger(L, 1);
	double *x;

	if (n < 0 || n > SPEC_MEMORY / 8)
		return luaL_error(L, "az.ref.zeros: a row of %d numbers", (int)n);
	x = row_push(L, (int)n);
	memset(x, 0, (size_t)n * sizeof *x);
	return 1;
}

/* table(x): the row as a Lua table, which can grow */
static int ref_table(lua_State *L)
{
	int n;
	const double *x = row_check(L, 1, &n);

	lua_createtable(L, n, 0);
	for (int i = 0; i < n; i++) {
		lua_pushnumber(L, x[i]);
		lua_rawseti(L, -2, i + 1);
	}
	return 1;
}

void ref_open(lua_State *L)
{
	static const luaL_Reg events[] = {
	    {"__index", row_index},
	    {"__newindex", row_newindex},
	    {"__len", row_len},
	    {NULL, NULL},
	};
	static const luaL_Reg helpers[] = {
	    {"dot", ref_dot},     {"axpy", ref_axpy},   {"scale", ref_scale},
	    {"zeros", ref_zeros}, {"table", ref_table}, {NULL, NULL},
	};

	luaL_newmetatable(L, meta);
	luaL_setfuncs(L, events, 0);
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);
	luaL_newlib(L, helpers);
}
