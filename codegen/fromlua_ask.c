/* fromlua_ask.c -- the part of azcore that asks and makes nothing: kinds, shapes, the author's
 * local variables, the end of the body.
 * requires: as fromlua.c.
 */
#include "core.h"

#include <lauxlib.h>
#include <string.h>

/* -- questions ---------------------------------------------------------------------------- */

/* kind(x): "tile", "range", ... or nil */
static int core_kind(lua_State *L)
{
	Box *x = box_test(L, 1);

	if (!x)
		return 0;
	lua_pushstring(L, box_name[x->kind]);
	return 1;
}

/* dims(x) -> for each dimension its extent; then for each its range or false */
static int core_dims(lua_State *L, Spec *s)
{
	Box *x = box_check(L, s, 1);
	Op *o = x && (x->kind == BOX_VAR || x->kind == BOX_STATE) ? x->p : box_operand(L, s, 1);

	lua_createtable(L, o->rank, 0);
	lua_createtable(L, o->rank, 0);
	for (int i = 0; i < o->rank; i++) {
		lua_pushinteger(L, o->dim[i].n);
		lua_rawseti(L, -3, i + 1);
		if (o->dim[i].range)
			box_push(L, s, BOX_RANGE, o->dim[i].range);
		else
			lua_pushboolean(L, 0);
		lua_rawseti(L, -2, i + 1);
	}
	return 2;
}

static int core_dtype(lua_State *L, Spec *s)
{
	Box *x = box_check(L, s, 1);

	lua_pushstring(L, x && x->kind == BOX_TILE  ? dtype_name(((Op *)x->p)->dtype)
	                  : x && x->kind == BOX_ARG ? dtype_name(((Arg *)x->p)->dtype)
	                                            : "f32");
	return 1;
}

/* arg_info(arg) -> name, present, output, rank */
static int core_arg_info(lua_State *L, Spec *s)
{
	Arg *a = box_need(L, s, 1, BOX_ARG);

	lua_pushstring(L, a->name);
	lua_pushboolean(L, a->present);
	lua_pushboolean(L, a->output);
	lua_pushinteger(L, a->rank);
	return 4;
}

/* arg_dims(arg): the dimensions that no grid list entry drops: axes */
static int core_arg_dims(lua_State *L, Spec *s)
{
	Arg *a = box_need(L, s, 1, BOX_ARG);
	Kernel *k = s->k;

	lua_newtable(L);
	for (int i = 0, n = 0; i < a->rank; i++) {
		int g;

		for (g = 0; g < k->grid.n &&
		            (k->grid.range[g]->axis != a->axis[i] || k->grid.range[g]->kind != RANGE_ONE);
		     g++)
			continue;
		if (g < k->grid.n)
			continue;
		box_push(L, s, BOX_AXIS, a->axis[i]);
		lua_rawseti(L, -2, ++n);
	}
	return 1;
}

/* axis_info(axis or range) -> name, size (0: at launch) */
static int core_axis_info(lua_State *L, Spec *s)
{
	Box *x = box_check(L, s, 1);
	Axis *a;

	if (x && x->kind == BOX_RANGE)
		a = ((Range *)x->p)->axis;
	else
		a = box_need(L, s, 1, BOX_AXIS);
	lua_pushstring(L, a->name);
	lua_pushinteger(L, a->size);
	return 2;
}

static int core_fail(lua_State *L, Spec *s)
{
	diag_fail(&s->diag, core_here(L, s), "%s", luaL_checkstring(L, 1));
}

/* name(x, name): what a library calls a tile it makes */
static int core_name(lua_State *L, Spec *s)
{
	Box *x = box_check(L, s, 1);

	if (x && (x->kind == BOX_TILE || x->kind == BOX_VAR || x->kind == BOX_STATE))
		((Op *)x->p)->name = arena_strdup(s->k->arena, luaL_checkstring(L, 2));
	lua_settop(L, 1);
	return 1;
}

/* finish() -> { { name, line, live }, ... } of every named tile; checks the whole body first */
static void push_names(lua_State *L, const Region *r, const unsigned char *live, int *n)
{
	for (const Op *o = r->first; o; o = o->next) {
		if (o->name) {
			lua_createtable(L, 3, 0);
			lua_pushstring(L, o->name);
			lua_rawseti(L, -2, 1);
			lua_pushinteger(L, o->loc.line);
			lua_rawseti(L, -2, 2);
			lua_pushboolean(L, live[o->id]);
			lua_rawseti(L, -2, 3);
			lua_rawseti(L, -2, ++*n);
		}
		if (o->body)
			push_names(L, o->body, live, n);
	}
}

static int core_finish(lua_State *L, Spec *s)
{
	int n = 0;

	ir_check(s->k);
	lua_newtable(L);
	push_names(L, s->k->body, ir_live(s->k), &n);
	return 1;
}

/* fail_at(line, message) */
static int core_fail_at(lua_State *L, Spec *s)
{
	diag_fail(&s->diag, (Loc){s->k->file, (int)luaL_checkinteger(L, 1)}, "%s",
	          luaL_checkstring(L, 2));
}

/* -- the author's names ------------------------------------------------------------------- */

/* Calls each(L, frame, name) with the value on top for the locals of one spec frame. */
static int spec_frame(lua_State *L, lua_Debug *ar, int from)
{
	for (int level = from; lua_getstack(L, level, ar); level++) {
		lua_getinfo(L, "S", ar);
		if (ar->source[0] == '@')
			return level;
	}
	return -1;
}

/* Tiles and carried tiles take the name of the first local that holds them. */
void core_name_locals(lua_State *L, Spec *s)
{
	lua_Debug ar;
	const char *name;

	if (spec_frame(L, &ar, 0) < 0)
		return;
	for (int i = 1; (name = lua_getlocal(L, &ar, i)); i++) {
		Box *x = name[0] == '(' ? NULL : box_test(L, -1);

		if (x && x->gen == s->gen &&
		    (x->kind == BOX_TILE || x->kind == BOX_VAR || x->kind == BOX_STATE)) {
			Op *o = x->p;

			if (!o->name)
				o->name = arena_strdup(s->k->arena, name);
		}
		lua_pop(L, 1);
	}
}

/* locals() -> { { key, name, value }, ... } of every spec frame, the innermost first; key counts
 * from the outermost frame, so that it is the same when a loop opens and closes. */
static int core_locals(lua_State *L, Spec *s)
{
	lua_Debug ar;
	const char *name;
	int depth = 0, n = 0;

	(void)s;
	while (lua_getstack(L, depth, &ar))
		depth++;
	lua_newtable(L);
	for (int level = spec_frame(L, &ar, 0); level >= 0; level = spec_frame(L, &ar, level + 1)) {
		for (int i = 1; (name = lua_getlocal(L, &ar, i)); i++) {
			if (name[0] != '(') {
				lua_createtable(L, 3, 0);
				lua_pushfstring(L, "%d:%d", depth - level, i);
				lua_rawseti(L, -2, 1);
				lua_pushstring(L, name);
				lua_rawseti(L, -2, 2);
				lua_pushvalue(L, -2);
				lua_rawseti(L, -2, 3);
				lua_rawseti(L, -3, ++n);
			}
			lua_pop(L, 1);
		}
		lua_getinfo(L, "f", &ar);
		for (int i = 1; (name = lua_getupvalue(L, -1, i)); i++) {
			if (strcmp(name, "_ENV")) {
				lua_createtable(L, 3, 0);
				lua_pushfstring(L, "%d:up%d", depth - level, i);
				lua_rawseti(L, -2, 1);
				lua_pushstring(L, name);
				lua_rawseti(L, -2, 2);
				lua_pushvalue(L, -2);
				lua_rawseti(L, -2, 3);
				lua_rawseti(L, -4, ++n);
			}
			lua_pop(L, 1);
		}
		lua_pop(L, 1);
	}
	return 1;
}

static int core_tracing(lua_State *L)
{
	lua_pushboolean(L, sandbox_of(L)->k != NULL);
	return 1;
}

/* metatable(x): whatever its __metatable says */
static int core_metatable(lua_State *L)
{
	return lua_getmetatable(L, 1);
}

/* body_lines(f) -> first line, last line, name of the first parameter */
static int core_body_lines(lua_State *L)
{
	lua_Debug ar;

	lua_pushvalue(L, 1);
	lua_getinfo(L, ">S", &ar);
	lua_pushinteger(L, ar.linedefined);
	lua_pushinteger(L, ar.lastlinedefined);
	lua_settop(L, 3);
	lua_pushvalue(L, 1);
	lua_pushstring(L, lua_getlocal(L, NULL, 1));
	lua_remove(L, 4);
	return 3;
}

/* source() -> the text of the spec's file */
static int core_source(lua_State *L)
{
	luaL_getsubtable(L, LUA_REGISTRYINDEX, "az.sources");
	lua_getfield(L, -1, sandbox_of(L)->shown);
	return 1;
}

/* where() -> line and file of the innermost spec frame; 0, nil outside */
static int core_where(lua_State *L)
{
	Loc at = sandbox_where(L);

	lua_pushinteger(L, at.line);
	lua_pushstring(L, at.file);
	return 2;
}

/* -- the table ---------------------------------------------------------------------------- */

const CoreFn core_questions[] = {
#define CORE(n) \
	{ \
#n, core_##n \
	}
    CORE(dims), CORE(dtype),  CORE(arg_info), CORE(arg_dims), CORE(axis_info), CORE(fail),
    CORE(name), CORE(finish), CORE(fail_at),  CORE(locals),   {NULL, NULL},
#undef CORE
};

void core_open_anytime(lua_State *L)
{
	static const luaL_Reg anytime[] = {
	    {"kind", core_kind},
	    {"where", core_where},
	    {"tracing", core_tracing},
	    {"metatable", core_metatable},
	    {"body_lines", core_body_lines},
	    {"source", core_source},
	    {NULL, NULL},
	};

	luaL_setfuncs(L, anytime, 0);
}
