/* fromlua.c -- azcore: what the Lua side of the language calls to make things.
 *
 * Makers throw with diag_fail; core_entry turns that into a Lua error, so that no jump crosses a
 * Lua frame.
 * requires: runs inside sandbox_run.
 */
#include "core.h"

#include <lauxlib.h>
#include <string.h>

/* -- makers ------------------------------------------------------------------------------- */

static OpCode op_read(lua_State *L, int i)
{
	const char *name = luaL_checkstring(L, i);

	for (int c = 0; c < NOPS; c++)
		if (!strcmp(op_info[c].name, name))
			return (OpCode)c;
	bug("no op %s", name);
}

static int core_full(lua_State *L, Spec *s)
{
	double v = luaL_checknumber(L, 1);
	Dim dim[MAX_RANK];
	int rank = box_dims(L, s, 2, dim);

	return box_push_tile(L, s,
	                     rank ? ir_full(&s->b, core_here(L, s), rank, dim, v)
	                          : ir_const(&s->b, core_here(L, s), v));
}

static int core_index(lua_State *L, Spec *s)
{
	Range *r = box_need(L, s, 1, BOX_RANGE);

	return box_push_tile(L, s, ir_index(&s->b, core_here(L, s), r));
}

static int core_load(lua_State *L, Spec *s)
{
	Arg *a = box_need(L, s, 1, BOX_ARG);
	Range *at[MAX_AXES];

	luaL_checktype(L, 2, LUA_TTABLE);
	if (a->rank == 0)
		return box_push_tile(L, s, ir_load(&s->b, core_here(L, s), a, NULL));
	box_cut(L, s, a, 2, at);
	return box_push_tile(L, s, ir_load(&s->b, core_here(L, s), a, at));
}

static int core_store(lua_State *L, Spec *s)
{
	Arg *a = box_need(L, s, 1, BOX_ARG);
	Range *at[MAX_AXES];
	Op *x;

	luaL_checktype(L, 2, LUA_TTABLE);
	if (a->optional && !a->present)
		return 0;
	x = box_operand(L, s, 3);
	box_cut(L, s, a, 2, at);
	ir_store(&s->b, core_here(L, s), a, at, x);
	return 0;
}

/* map(name, x, ...): an elementwise op. */
static int core_map(lua_State *L, Spec *s)
{
	OpCode c = op_read(L, 1);
	Op *src[MAX_SRC];
	int n = op_info[c].nsrc;

	for (int i = 0; i < n; i++)
		src[i] = box_operand(L, s, i + 2);
	return box_push_tile(L, s, ir_elementwise(&s->b, core_here(L, s), c, n, src));
}

static int core_cast(lua_State *L, Spec *s)
{
	Op *x = box_operand(L, s, 1);
	const char *name = luaL_checkstring(L, 2);

	for (int dt = 0; dt < DT_MASK; dt++)
		if (!strcmp(dtype_name((Dtype)dt), name))
			return box_push_tile(L, s, ir_cast(&s->b, core_here(L, s), x, (Dtype)dt));
	diag_fail(&s->diag, core_here(L, s), "cast: no dtype '%s'; there are f32, bf16, f16 and i32",
	          name);
}

static int core_transpose(lua_State *L, Spec *s)
{
	Op *x = box_operand(L, s, 1);

	return box_push_tile(L, s, ir_transpose(&s->b, core_here(L, s), x));
}

static int core_expand(lua_State *L, Spec *s)
{
	Op *x = box_operand(L, s, 1);

	return box_push_tile(L, s, ir_expand(&s->b, core_here(L, s), x, (int)luaL_checkinteger(L, 2)));
}

static int core_reduce(lua_State *L, Spec *s)
{
	OpCode c = op_read(L, 1);
	Op *x = box_operand(L, s, 2);

	return box_push_tile(L, s,
	                     ir_reduce(&s->b, core_here(L, s), c, x, (int)luaL_checkinteger(L, 3)));
}

static int core_cumsum(lua_State *L, Spec *s)
{
	Op *x = box_operand(L, s, 1);

	return box_push_tile(L, s, ir_cumsum(&s->b, core_here(L, s), x));
}

static int core_concat(lua_State *L, Spec *s)
{
	Op *src[MAX_SRC];
	int n = lua_gettop(L);

	for (int i = 0; i < n && i < MAX_SRC; i++)
		src[i] = box_operand(L, s, i + 1);
	return box_push_tile(L, s, ir_concat(&s->b, core_here(L, s), n < MAX_SRC ? n : MAX_SRC, src));
}

static int core_sympow2(lua_State *L, Spec *s)
{
	Op *x = box_operand(L, s, 1);

	return box_push_tile(L, s, ir_sympow2(&s->b, core_here(L, s), x));
}

static int core_slice(lua_State *L, Spec *s)
{
	Op *x = box_operand(L, s, 1);
	int lo = (int)luaL_checkinteger(L, 2), n = (int)luaL_checkinteger(L, 3);

	return box_push_tile(L, s, ir_slice(&s->b, core_here(L, s), x, lo, n));
}

static int core_reshape(lua_State *L, Spec *s)
{
	Op *x = box_operand(L, s, 1);
	int rows = (int)luaL_checkinteger(L, 2), cols = (int)luaL_optinteger(L, 3, 0);

	return box_push_tile(L, s, ir_reshape(&s->b, core_here(L, s), x, rows, cols));
}

static int core_dot(lua_State *L, Spec *s)
{
	Op *x = box_operand(L, s, 1), *y = box_operand(L, s, 2);

	return box_push_tile(L, s, ir_dot(&s->b, core_here(L, s), x, y));
}

static int core_var(lua_State *L, Spec *s)
{
	Op *x = box_operand(L, s, 1);

	return box_push(L, s, BOX_VAR, ir_var(&s->b, core_here(L, s), x));
}

static int core_state(lua_State *L, Spec *s)
{
	Op *x = box_operand(L, s, 1);

	return box_push(L, s, BOX_STATE, ir_state(&s->b, core_here(L, s), x));
}

static int core_get(lua_State *L, Spec *s)
{
	return box_push_tile(L, s, box_operand(L, s, 1));
}

static int core_set(lua_State *L, Spec *s)
{
	Op *v = box_need(L, s, 1, BOX_VAR), *x = box_operand(L, s, 2);

	ir_set(&s->b, core_here(L, s), v, x);
	return 0;
}

static int core_update(lua_State *L, Spec *s)
{
	Op *v = box_need(L, s, 1, BOX_STATE), *x = box_operand(L, s, 2);

	ir_update(&s->b, core_here(L, s), v, x);
	return 0;
}

static int core_decay(lua_State *L, Spec *s)
{
	Op *v = box_need(L, s, 1, BOX_STATE), *x = box_operand(L, s, 2);

	ir_decay(&s->b, core_here(L, s), v, x);
	return 0;
}

/* loop_open(axis, chunk, reverse) -> loop, range */
static int core_loop_open(lua_State *L, Spec *s)
{
	Axis *x = box_need(L, s, 1, BOX_AXIS);
	Op *o =
	    ir_loop_open(&s->b, core_here(L, s), x, (int)luaL_checkinteger(L, 2), lua_toboolean(L, 3));

	box_push(L, s, BOX_LOOP, o);
	box_push(L, s, BOX_RANGE, o->range);
	return 2;
}

static int core_loop_mask(lua_State *L, Spec *s)
{
	Op *o = box_need(L, s, 1, BOX_LOOP), *m = box_operand(L, s, 2);

	if (m->dtype != DT_MASK)
		diag_fail(&s->diag, core_here(L, s),
		          "az.tiles: mask must return a comparison of i and j, not %s",
		          dtype_name(m->dtype));
	o->mask = m;
	return 0;
}

static int core_loop_close(lua_State *L, Spec *s)
{
	ir_loop_close(&s->b, box_need(L, s, 1, BOX_LOOP));
	return 0;
}

/* -- declarations ------------------------------------------------------------------------- */

static int core_setting(lua_State *L, Spec *s)
{
	Kernel *k = s->k;
	Setting *x;

	if (k->nsettings == MAX_DIMS * 2)
		diag_fail(&s->diag, (Loc){k->file, 0}, "more than %d settings", MAX_DIMS * 2);
	x = &k->settings[k->nsettings++];
	x->name = arena_strdup(k->arena, luaL_checkstring(L, 1));
	if (lua_type(L, 2) == LUA_TSTRING)
		x->text = arena_strdup(k->arena, lua_tostring(L, 2));
	else
		x->value = luaL_checknumber(L, 2);
	return 0;
}

static int core_axis(lua_State *L, Spec *s)
{
	Kernel *k = s->k;
	Axis *x = ARENA_NEW(k->arena, Axis);

	if (k->naxes == MAX_DIMS)
		diag_fail(&s->diag, (Loc){k->file, 0}, "more than %d dims", MAX_DIMS);
	*x = (Axis){arena_strdup(k->arena, luaL_checkstring(L, 1)), luaL_checkinteger(L, 2), k->naxes};
	k->axes[k->naxes++] = x;
	return box_push(L, s, BOX_AXIS, x);
}

/* arg(name, dtype, line, value, flags, mean, spread, axis, mem, axis, mem, ...); flags: of "oOp" */
static int core_arg(lua_State *L, Spec *s)
{
	Kernel *k = s->k;
	Arg *a = ARENA_NEW(k->arena, Arg);
	const char *dtype = luaL_checkstring(L, 2), *flags = luaL_checkstring(L, 5);

	if (k->nargs == MAX_ARGS)
		diag_fail(&s->diag, (Loc){k->file, 0}, "more than %d args", MAX_ARGS);
	a->name = arena_strdup(k->arena, luaL_checkstring(L, 1));
	for (a->dtype = 0; strcmp(dtype_name(a->dtype), dtype); a->dtype++)
		continue;
	a->loc = (Loc){k->file, (int)luaL_checkinteger(L, 3)};
	a->value = luaL_checknumber(L, 4);
	a->init_bias = luaL_checknumber(L, 6);
	a->init_scale = luaL_checknumber(L, 7);
	a->optional = strchr(flags, 'o') != NULL;
	a->output = strchr(flags, 'O') != NULL;
	a->present = strchr(flags, 'p') != NULL;
	for (int i = 8; i < lua_gettop(L); i += 2) {
		if (a->rank == MAX_AXES)
			diag_fail(&s->diag, a->loc, "%s: more than %d axes", a->name, MAX_AXES);
		a->mem_of[a->rank] = (int)luaL_checkinteger(L, i + 1);
		a->axis[a->rank++] = box_need(L, s, i, BOX_AXIS);
	}
	a->nmem = a->rank ? a->mem_of[a->rank - 1] + 1 : 0;
	a->id = k->nargs;
	k->args[k->nargs++] = a;
	return box_push(L, s, BOX_ARG, a);
}

/* grid(axis, n): n == 0: one program per element. -> range */
static int core_grid(lua_State *L, Spec *s)
{
	Kernel *k = s->k;
	Axis *x = box_need(L, s, 1, BOX_AXIS);
	int n = (int)luaL_checkinteger(L, 2);
	Range *r;

	if (k->grid.n == MAX_AXES)
		diag_fail(&s->diag, (Loc){k->file, 0}, "more than %d grid axes", MAX_AXES);
	r = ir_range(k, n ? RANGE_GRID : RANGE_ONE, x, n ? n : 1, NULL);
	k->grid.range[k->grid.n++] = r;
	return box_push(L, s, BOX_RANGE, r);
}

/* -- the table ---------------------------------------------------------------------------- */

static const CoreFn core_makers[] = {
#define CORE(n) \
	{ \
#n, core_##n \
	}
    CORE(full),   CORE(index),     CORE(load),      CORE(store),      CORE(map),
    CORE(cast),   CORE(transpose), CORE(expand),    CORE(reduce),     CORE(cumsum),
    CORE(concat), CORE(sympow2),   CORE(slice),     CORE(reshape),    CORE(dot),
    CORE(var),    CORE(state),     CORE(get),       CORE(set),        CORE(update),
    CORE(decay),  CORE(loop_open), CORE(loop_mask), CORE(loop_close), CORE(setting),
    CORE(axis),   CORE(arg),       CORE(grid),      {NULL, NULL},
#undef CORE
};

static const CoreFn *const core_parts[] = {core_makers, core_questions};

static int core_entry(lua_State *L)
{
	Spec *s = sandbox_of(L);
	lua_Integer part = lua_tointeger(L, lua_upvalueindex(1));
	lua_Integer i = lua_tointeger(L, lua_upvalueindex(2));

	if (!s->k)
		return luaL_error(L, "tiles exist only while body runs");
	luaL_checkstack(L, 32, NULL);
	core_name_locals(L, s);
	if (DIAG_TRY(&s->diag)) {
		lua_pushstring(L, s->diag.text);
		return lua_error(L);
	}
	return core_parts[part][i].fn(L, s);
}

void core_open(lua_State *L)
{
	static const char *const class_name[] = {
	    "leaf", "unary", "binary", "compare", "select", "view",   "reduce",
	    "scan", "grow",  "dot",    "state",   "effect", "region",
	};

	lua_newtable(L);
	for (int part = 0; part < 2; part++)
		for (int i = 0; core_parts[part][i].name; i++) {
			lua_pushinteger(L, part);
			lua_pushinteger(L, i);
			lua_pushcclosure(L, core_entry, 2);
			lua_setfield(L, -2, core_parts[part][i].name);
		}
	core_open_anytime(L);
	ref_open(L);
	lua_setfield(L, -2, "ref");
	lua_newtable(L);
	for (int c = 0; c < NOPS; c++) {
		lua_pushstring(L, class_name[op_info[c].class]);
		lua_setfield(L, -2, op_info[c].name);
	}
	lua_setfield(L, -2, "ops");
	lua_newtable(L);
	for (int kind = 0; kind < NBOX; kind++) {
		luaL_newmetatable(L, box_meta[kind]);
		lua_pushboolean(L, 0);
		lua_setfield(L, -2, "__metatable");
		lua_setfield(L, -2, box_name[kind]);
	}
	lua_setfield(L, -2, "meta");
}
