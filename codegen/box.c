/* box.c -- boxes: tiles, ranges, axes, arguments and carried tiles as Lua holds them.
 * requires: runs inside sandbox_run; whatever is called with a Spec, inside core_entry.
 */
#include "core.h"

#include <lauxlib.h>
#include <math.h>
#include <string.h>

const char *const box_name[NBOX] = {
    "tile", "range", "axis", "argument", "variable", "state", "loop",
};
const char *const box_meta[NBOX] = {
    "az.tile", "az.range", "az.axis", "az.argument", "az.variable", "az.state", "az.loop",
};

int box_push(lua_State *L, Spec *s, BoxKind kind, void *p)
{
	Box *x = lua_newuserdatauv(L, sizeof *x, 0);

	*x = (Box){kind, s->gen, p};
	luaL_setmetatable(L, box_meta[kind]);
	return 1;
}

Box *box_test(lua_State *L, int i)
{
	if (lua_type(L, i) != LUA_TUSERDATA)
		return NULL;
	for (int kind = 0; kind < NBOX; kind++) {
		Box *x = luaL_testudata(L, i, box_meta[kind]);

		if (x)
			return x;
	}
	return NULL;
}

Loc core_here(lua_State *L, Spec *s)
{
	Loc at = sandbox_where(L);

	if (!at.file)
		return (Loc){s->k->file, 0};
	if (at.file != s->source) {
		s->source = at.file;
		s->source_copy = arena_strdup(s->k->arena, at.file);
	}
	at.file = s->source_copy;
	return at;
}

Box *box_check(lua_State *L, Spec *s, int i)
{
	Box *x = box_test(L, i);

	if (x && x->gen != s->gen)
		diag_fail(&s->diag, core_here(L, s), "a %s kept from an earlier trace; make it inside body",
		          box_name[x->kind]);
	return x;
}

void *box_need(lua_State *L, Spec *s, int i, BoxKind kind)
{
	Box *x = box_check(L, s, i);

	if (!x || x->kind != kind)
		diag_fail(&s->diag, core_here(L, s), "expected a %s, got %s%s", box_name[kind],
		          x ? "a " : "", x ? box_name[x->kind] : luaL_typename(L, i));
	return x->p;
}

/* Anything that can be an operand, as a tile. */
Op *box_operand(lua_State *L, Spec *s, int i)
{
	Loc at = core_here(L, s);
	Box *x = box_check(L, s, i);

	if (lua_type(L, i) == LUA_TNUMBER) {
		double v = lua_tonumber(L, i);

		if (isnan(v))
			diag_fail(&s->diag, at, "a constant is not a number (nan)");
		return ir_const(&s->b, at, v);
	}
	if (x) {
		switch (x->kind) {
		case BOX_TILE:
			return x->p;
		case BOX_VAR:
		case BOX_STATE:
			return ir_get(&s->b, at, x->p);
		case BOX_AXIS:
			return ir_scalar_size(&s->b, at, x->p);
		case BOX_ARG:
			return ir_scalar_arg(&s->b, at, x->p);
		default:
			break;
		}
	}
	diag_fail(&s->diag, at, "expected a tile or a number, got %s%s%s", x ? "a " : "",
	          x ? box_name[x->kind] : luaL_typename(L, i),
	          x && x->kind == BOX_RANGE
	              ? "; a range cuts an argument (a.x[range]); its positions are "
	                "range.index"
	              : "");
}

int box_push_tile(lua_State *L, Spec *s, Op *o)
{
	return box_push(L, s, BOX_TILE, o);
}

/* A dimension given as an integer, a range or a compile-time axis. */
static Dim dim_read(lua_State *L, Spec *s, int i)
{
	Box *x = box_check(L, s, i);
	lua_Integer n;
	int ok;

	if (x && x->kind == BOX_RANGE) {
		Range *r = x->p;
		return (Dim){r->n, r->kind == RANGE_WHOLE ? NULL : r};
	}
	if (x && x->kind == BOX_AXIS) {
		Axis *a = x->p;
		if (!a->size)
			diag_fail(&s->diag, core_here(L, s),
			          "%s is known only at launch; a tile's dimension is a "
			          "range of it, such as g.%s or a loop's",
			          a->name, a->name);
		return (Dim){(int)a->size, NULL};
	}
	n = lua_tointegerx(L, i, &ok);
	if (!ok || n < 1 || n > 65536)
		diag_fail(&s->diag, core_here(L, s),
		          "a dimension is a range, an axis or a whole number from 1, "
		          "not %s",
		          luaL_tolstring(L, i, NULL));
	return (Dim){(int)n, NULL};
}

int box_dims(lua_State *L, Spec *s, int first, Dim *dim)
{
	int n = lua_gettop(L) - first + 1;

	if (n > MAX_RANK)
		diag_fail(&s->diag, core_here(L, s), "a tile has at most %d dimensions", MAX_RANK);
	for (int i = 0; i < n; i++)
		dim[i] = dim_read(L, s, first + i);
	return n < 0 ? 0 : n;
}

/* The ranges in the table at `i`, in the order of a's axes; the others from the grid, or whole. */
void box_cut(lua_State *L, Spec *s, Arg *a, int i, Range **at)
{
	Kernel *k = s->k;
	Loc loc = core_here(L, s);
	int n = (int)lua_rawlen(L, i);

	memset(at, 0, sizeof *at * MAX_AXES);
	for (int j = 1; j <= n; j++) {
		Range *r;
		int d;

		lua_rawgeti(L, i, j);
		r = box_need(L, s, lua_gettop(L), BOX_RANGE);
		lua_pop(L, 1);
		for (d = 0; d < a->rank && (a->axis[d] != r->axis || at[d]); d++)
			continue;
		if (d == a->rank)
			diag_fail(k->diag, loc, "%s has no axis %s%s", a->name, r->axis->name,
			          a->rank ? "; the bracket takes a range of one of its own axes" : "");
		at[d] = r;
	}
	for (int d = 0; d < a->rank; d++) {
		for (int g = 0; !at[d] && g < k->grid.n; g++)
			if (k->grid.range[g]->axis == a->axis[d] && k->grid.range[g]->kind == RANGE_ONE)
				at[d] = k->grid.range[g];
		if (!at[d] && a->axis[d]->size)
			at[d] = ir_range(k, RANGE_WHOLE, a->axis[d], (int)a->axis[d]->size, NULL);
		if (!at[d])
			diag_fail(k->diag, loc,
			          "a.%s[...]: axis %s is known only at launch and nothing cuts it; give a "
			          "range of %s in the bracket",
			          a->name, a->axis[d]->name, a->axis[d]->name);
	}
}
