/* core.h -- shared by the files of azcore: box.c, fromlua.c, fromlua_ask.c.
 *
 * A box is what Lua holds of the compiler: a full userdata with a kind and the generation of the
 * trace that made it, so that a box kept from an earlier trace is an error and never a dangling
 * pointer.
 */
#ifndef AZ_CORE_H
#define AZ_CORE_H

#include "sandbox.h"

typedef enum BoxKind {
	BOX_TILE,
	BOX_RANGE,
	BOX_AXIS,
	BOX_ARG,
	BOX_VAR,
	BOX_STATE,
	BOX_LOOP,
	NBOX
} BoxKind;

typedef struct Box {
	BoxKind kind;
	unsigned gen;
	void *p;
} Box;

extern const char *const box_name[NBOX], *const box_meta[NBOX];

int box_push(lua_State *L, Spec *s, BoxKind kind, void *p);
int box_push_tile(lua_State *L, Spec *s, Op *o);
Box *box_test(lua_State *L, int i);           /* NULL: no box */
Box *box_check(lua_State *L, Spec *s, int i); /* the same, of this trace */
void *box_need(lua_State *L, Spec *s, int i, BoxKind kind);
Op *box_operand(lua_State *L, Spec *s, int i);            /* whatever can be one, as a tile */
int box_dims(lua_State *L, Spec *s, int first, Dim *dim); /* arguments from `first` on */
void box_cut(lua_State *L, Spec *s, Arg *a, int i, Range **at);
Loc core_here(lua_State *L, Spec *s); /* the author's line */

typedef struct CoreFn {
	const char *name;
	int (*fn)(lua_State *L, Spec *s);
} CoreFn;

/* fromlua_ask.c */
extern const CoreFn core_questions[]; /* asked while body runs; ends with a NULL name */
void core_open_anytime(lua_State *L); /* adds those that may be asked at any time */
void core_name_locals(lua_State *L, Spec *s);

#endif
