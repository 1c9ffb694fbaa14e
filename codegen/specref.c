/* specref.c -- asks a spec's reference for one output row, in fp64.
 *
 * An input's axes that are grid list entries are fixed by the output row's index of that name;
 * of the others, two give r.k[j] (a fresh row j of the last axis, specrow.c), one gives
 * r.g[j] (a number), none a number. j counts from 0, elements of a row from 1.
 */
#include "sandbox.h"

#include <lauxlib.h>
#include <string.h>

typedef struct Row {
	const Kernel *k;
	const int64_t *size; /* by Axis.id */
	const Arg *output;
	const int64_t *at;
	int nat; /* entries of `at`: all axes but the last, or all when nout is 1 */
	SpecFetch *fetch;
	void *user;
	double *out;
	int nout;
	struct {
		int64_t index[MAX_AXES]; /* fixed axes filled in */
		int nfree, free[MAX_AXES];
	} in[MAX_ARGS];
} Row;

static int64_t axis_extent(const Row *row, const Axis *x)
{
	return x->size ? x->size : row->size[x->id];
}

/* -- inputs ------------------------------------------------------------------------------- */

/* r.x[j] */
static int fetch_index(lua_State *L)
{
	Spec *s = sandbox_of(L);
	Row *row = s->row;
	lua_Integer id = lua_tointeger(L, lua_upvalueindex(1)), j;
	const Arg *a;
	int64_t *index, n;
	double *x;
	int ok;

	if (!row || id >= row->k->nargs || !row->in[id].nfree)
		return luaL_error(L, "an input kept from an earlier row of the reference");
	a = row->k->args[id];
	index = row->in[id].index;
	n = axis_extent(row, a->axis[row->in[id].free[0]]);
	j = lua_tointegerx(L, 2, &ok);
	if (!ok || j < 0 || j >= n)
		return luaL_error(L, "reference: r.%s[%s]: the index of %s is a whole number from 0 to %d",
		                  a->name, luaL_tolstring(L, 2, NULL), a->axis[row->in[id].free[0]]->name,
		                  (int)(n - 1));
	index[row->in[id].free[0]] = j;
	if (row->in[id].nfree == 1) {
		lua_pushnumber(L, row->fetch(row->user, a, index));
		return 1;
	}
	n = axis_extent(row, a->axis[row->in[id].free[1]]);
	x = row_push(L, (int)n);
	for (int64_t i = 0; i < n; i++) {
		index[row->in[id].free[1]] = i;
		x[i] = row->fetch(row->user, a, index);
	}
	return 1;
}

static bool grid_drops(const Kernel *k, const Axis *x)
{
	for (int g = 0; g < k->grid.n; g++)
		if (k->grid.range[g]->axis == x && k->grid.range[g]->kind == RANGE_ONE)
			return true;
	return false;
}

/* Leaves the value of r.<input> on the stack. */
static void push_input(lua_State *L, Row *row, const Arg *a)
{
	int64_t *index = row->in[a->id].index;
	int nfree = 0;

	for (int i = 0; i < a->rank; i++) {
		int o = 0;

		if (!grid_drops(row->k, a->axis[i])) {
			row->in[a->id].free[nfree++] = i;
			continue;
		}
		while (o < row->nat && row->output->axis[o] != a->axis[i])
			o++;
		if (o == row->nat)
			luaL_error(L, "reference: %s has no axis %s, so r.%s is not one value",
			           row->output->name, a->axis[i]->name, a->name);
		index[i] = row->at[o];
	}
	row->in[a->id].nfree = nfree;
	if (nfree == 0) {
		lua_pushnumber(L, row->fetch(row->user, a, index));
		return;
	}
	if (nfree > 2)
		luaL_error(L, "reference: r.%s has %d axes left; at most two can be indexed", a->name,
		           nfree);
	lua_newtable(L);
	lua_createtable(L, 0, 2);
	lua_pushinteger(L, a->id);
	lua_pushcclosure(L, fetch_index, 1);
	lua_setfield(L, -2, "__index");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
}

static void push_row(lua_State *L, Row *row)
{
	const Kernel *k = row->k;

	lua_newtable(L);
	for (int i = 0; i < k->naxes; i++) {
		lua_pushinteger(L, axis_extent(row, k->axes[i]));
		lua_setfield(L, -2, k->axes[i]->name);
	}
	for (int i = 0; i < k->nsettings; i++) {
		const Setting *s = &k->settings[i];

		if (s->text)
			lua_pushstring(L, s->text);
		else if (s->value == (double)(lua_Integer)s->value)
			lua_pushinteger(L, (lua_Integer)s->value);
		else
			lua_pushnumber(L, s->value);
		lua_setfield(L, -2, s->name);
	}
	for (int i = 0; i < k->nargs; i++) {
		const Arg *a = k->args[i];

		if (a->output || (a->optional && !a->present))
			continue;
		push_input(L, row, a);
		lua_setfield(L, -2, a->name);
	}
	lua_createtable(L, 0, row->nat);
	for (int i = 0; i < row->nat; i++) {
		lua_pushinteger(L, row->at[i]);
		lua_setfield(L, -2, row->output->axis[i]->name);
	}
	lua_setfield(L, -2, "at");
}

/* -- one row ------------------------------------------------------------------------------ */

static int reference_row(lua_State *L)
{
	Spec *s = sandbox_of(L);
	Row *row = lua_touserdata(L, 1);
	int n;

	s->row = row;
	sandbox_module(L, "reference");
	lua_getfield(L, -1, "row");
	lua_getfield(L, LUA_REGISTRYINDEX, "az.declaration");
	lua_pushstring(L, row->output->name);
	push_row(L, row);
	lua_call(L, 3, 1);
	if (lua_isnumber(L, -1) && row->nout == 1) {
		row->out[0] = lua_tonumber(L, -1);
		return 0;
	}
	n = row_length(L, -1);
	if (n < 0)
		return luaL_error(L, "reference.%s returned a %s, not a row of %d numbers",
		                  row->output->name, luaL_typename(L, -1), row->nout);
	if (n != row->nout)
		return luaL_error(L, "reference.%s returned %d numbers, not %d", row->output->name, n,
		                  row->nout);
	row_read(L, lua_gettop(L), row->out, n);
	return 0;
}

void spec_reference(Spec *s, Diag *d, const Kernel *k, const int64_t *axis_size, const Arg *output,
                    const int64_t *at, SpecFetch *fetch, void *user, double *out, int nout)
{
	Row row = {.k = k,
	           .size = axis_size,
	           .output = output,
	           .at = at,
	           .fetch = fetch,
	           .user = user,
	           .out = out,
	           .nout = nout};
	Diag own;

	row.nat = output->rank - (output->axis[output->rank - 1]->size != 0);
	if (DIAG_TRY(&own)) {
		s->row = NULL;
		diag_fail(d, (Loc){NULL, 0}, "%s", own.text);
	}
	sandbox_run(s, &own, SPEC_ROW_STEPS, reference_row, &row);
	s->row = NULL;
}
