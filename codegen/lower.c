/* lower.c -- a kernel's statements: its prologue, then its body.
 * requires: facts with warps assigned, tails masked. maintains: the tile IR.
 */
#include "segment.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

Block *lower_open(Lower *L, StmtKind kind, bool unroll, const char *fmt, ...)
{
	Block *saved = L->out;
	Stmt *st;
	va_list ap;

	va_start(ap, fmt);
	st = dev_add(L->dev, L->out, kind, arena_vprintf(L->a, fmt, ap));
	va_end(ap);
	st->unroll = unroll;
	L->out = &st->body;
	return saved;
}

void lower_close(Lower *L, Block *saved)
{
	L->out = saved;
}

Stmt *lower_code(Lower *L, const char *fmt, ...)
{
	va_list ap;
	const char *s;

	va_start(ap, fmt);
	s = arena_vprintf(L->a, fmt, ap);
	va_end(ap);
	return dev_add(L->dev, L->out, S_CODE, s);
}

_Noreturn void lower_cannot(Lower *L, const Op *op, const char *fmt, ...)
{
	char s[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s, sizeof s, fmt, ap);
	va_end(ap);
	diag_fail(L->k->diag, op->loc, "%s: no lowering on this GPU: %s", op_info[op->code].name, s);
}

/* A C identifier not yet taken, from what is wanted. */
const char *lower_name(Lower *L, const char *want)
{
	static const char *const taken[] = {
	    "i",      "j",        "e",        "h",       "x",       "k",     "r",      "c",
	    "p",      "I",        "J",        "t",       "g",       "tid",   "lane",   "warp",
	    "x0",     "x1",       "y00",      "y01",     "y10",     "y11",   "at",     "pair",
	    "lanes",  "high",     "smem",     "pid",     "on",      "up",    "d",      "w0",
	    "w1",     "m",        "int",      "float",   "char",    "short", "long",   "double",
	    "void",   "for",      "if",       "else",    "do",      "while", "const",  "static",
	    "return", "switch",   "case",     "break",   "default", "goto",  "auto",   "register",
	    "inline", "signed",   "unsigned", "struct",  "union",   "enum",  "extern", "volatile",
	    "sizeof", "typedef",  "bool",     "true",    "false",   "class", "new",    "delete",
	    "this",   "template", "operator", "private", "public",  "and",   "or",     "not",
	    "xor",    "inf",      "divide",   "sigmoid", "u32",     "u64",   "i64",    "b16",
	    "exp",    "log",      "abs",      "max",     "min",     "kk"};
	char s[64];
	const char *name;
	size_t n = 0;

	for (const char *c = want; *c && n < 40; c++)
		s[n++] = isalnum((unsigned char)*c) || *c == '_' ? *c : '_';
	s[n] = 0;
	if (!isalpha((unsigned char)s[0]))
		memcpy(s, "v", 2);
	name = arena_strdup(L->a, s);
	for (int k = 2;; k++) {
		bool used = false;

		for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
			used |= !strcmp(taken[i], name);
		for (int i = 0; i < L->nnames; i++)
			used |= !strcmp(L->names[i], name);
		if (!used)
			break;
		name = arena_printf(L->a, "%s%d", s, k);
	}
	if (L->nnames == 512)
		bug("too many names");
	return L->names[L->nnames++] = name;
}

static const char *lowered(Lower *L, const char *s, const char *suffix)
{
	char *r = arena_printf(L->a, "%s%s", s, suffix);

	for (char *p = r; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return r;
}

/* Where later tiles of the fastest axis mean longer loops, the longest go first: over NEAR programs
 * of the other axes together, so that the last blocks of a launch are short ones, and what blocks
 * of one program share is still near. Names this block's tile, in `at`, and returns the rest. */
static const char *longest_first(Lower *L, const char *pid, const char *count, const char **at)
{
	enum { NEAR = 16 };
	const Grid *grid = &L->k->grid;
	const char *others = "1", *tiles = lower_name(L, "tiles"), *first = lower_name(L, "first"),
	           *near = lower_name(L, "near"), *in = lower_name(L, "place"), *rest;

	for (int i = 0; i < grid->n - 1; i++) {
		const Range *r = grid->range[i];
		const char *size = lower_size(L, r, 0);

		if (r->kind == RANGE_GRID && r->n > 1)
			size = arena_printf(L->a, "((%s + %d) / %d)", size, r->n - 1, r->n);
		others = i ? arena_printf(L->a, "%s * %s", others, size) : size;
	}
	lower_code(L, "const int %s = %s;", tiles, count);
	lower_code(L, "const u32 %s = %s / (%d * %s) * %d;", first, pid, NEAR, tiles, NEAR);
	lower_code(L, "const u32 %s = %s - %s < %d ? %s - %s : %d;", near, others, first, NEAR, others,
	           first, NEAR);
	lower_code(L, "const u32 %s = %s - %s * %s;", in, pid, first, tiles);
	rest = lower_name(L, "pid");
	lower_code(L, "const u32 %s = %s + %s %% %s;", rest, first, in, near);
	*at = arena_printf(L->a, "%s - 1 - %s / %s", tiles, in, near);
	return rest;
}

/* How many programs there are. */
const char *lower_programs(Lower *L)
{
	const char *all = NULL;

	for (int i = 0; i < L->k->grid.n; i++) {
		const Range *r = L->k->grid.range[i];
		const char *n = lower_size(L, r, 0);

		if (r->kind == RANGE_GRID && r->n > 1)
			n = arena_printf(L->a, "((%s + %d) / %d)", n, r->n - 1, r->n);
		all = all ? arena_printf(L->a, "%s * %s", all, n) : n;
	}
	return all ? all : "1";
}

/* Which program this is: the last grid entry varies fastest. Unsigned: divisions are shorter so. */
void lower_program(Lower *L)
{
	const Grid *grid = &L->k->grid;
	KernelText *t = &L->dev->text;
	const char *pid = L->part != PART_ALL ? segment_program(L)
	                  : L->program        ? L->program
	                                      : "blockIdx.x";

	t->nfactors = 0;
	for (int i = 0; i < grid->n; i++) {
		const Range *r = grid->range[i];

		t->grid[t->nfactors++] = (Factor){FACTOR_AXIS, r->axis->id, r->n};
	}
	if (L->part != PART_ALL)
		t->grid[t->nfactors++] = (Factor){FACTOR_SEGS, 0, L->part == PART_LOCAL};
	for (int i = grid->n - 1; i >= 0; i--) {
		Range *r = grid->range[i];
		bool tiled = r->kind == RANGE_GRID, last = i == 0;
		bool ordered = tiled && i == grid->n - 1 && lower_grows_with(L, r) && L->part == PART_ALL;
		const char *size = lower_size(L, r, 0), *count, *at, *next = NULL;

		count =
		    tiled && r->n > 1 ? arena_printf(L->a, "((%s + %d) / %d)", size, r->n - 1, r->n) : size;
		at = last ? pid : arena_printf(L->a, "%s %% %s", pid, count);
		if (tiled) {
			const char *n0 = lower_name(L, lowered(L, r->axis->name, "0"));

			if (ordered && !last)
				next = longest_first(L, pid, count, &at);
			else if (ordered)
				at = arena_printf(L->a, "%s - 1 - %s", count, at);
			lower_code(L, "const int %s = %s * %d;", n0,
			           strchr(at, ' ') ? arena_printf(L->a, "(%s)", at) : at, r->n);
			lower_code(L, "const int %s_live = %s - %s < %d ? %s - %s : %d;", n0, size, n0, r->n,
			           size, n0, r->n);
			L->start[r->id] = n0;
		} else {
			const char *name = lower_name(L, lowered(L, r->axis->name, "i"));

			lower_code(L, "const int %s = %s;", name, at);
			L->prog[r->id] = name;
		}
		if (!last && !next) {
			next = lower_name(L, "pid");
			lower_code(L, "const u32 %s = %s / %s;", next, pid, count);
		}
		pid = next;
	}
	for (int i = 0; i < L->k->nranges; i++) /* the same axis outside the grid's own range objects */
		for (int j = 0; j < grid->n; j++)
			if (L->k->ranges[i]->kind == RANGE_ONE && L->k->ranges[i]->axis == grid->range[j]->axis)
				L->prog[i] = L->prog[grid->range[j]->id];
}

/* Columns that no copy fills are zeros from the start, so that padding multiplies as zero. */
static void zero_padding(Lower *L)
{
	for (int i = 0; i < L->dev->nbufs; i++) {
		Buffer *b = L->dev->buf[i];
		int threads = b->copies ? L->dev->warps * 32 : dev_threads(L->dev);
		Block *saved = L->out, *in;

		if (b->rows == 1 || !b->used_cols ||
		    (b->used_cols == b->cols && (b->elem == 4 || b->cols % b->pcols == 0)))
			continue;
		if (b->copies)
			lower_open(L, S_IF, false, "role > 0")->last->atomic = true;
		in = L->out;
		lower_open(L, S_FOR, false, "int x = %s; x < %d; x += %d",
		           L->dev->roles > 1 && !b->copies ? "(int)threadIdx.x" : "tid",
		           b->bytes * b->stages / 16, threads);
		in->last->atomic = true;
		dev_access(lower_code(L, "st_shared_v4(%s + 16 * x, 0, 0, 0, 0);", b->name), b, ACC_WRITE);
		L->out = saved;
		if (b->by_engine) /* whose readers sync does not look at */
			dev_access(dev_add(L->dev, L->out, S_PROXY, NULL), b, ACC_WRITE);
	}
}

void lower_splice(Block *to, const Block *from)
{
	if (!from->first)
		return;
	if (to->last)
		to->last->next = from->first;
	else
		to->first = from->first;
	to->last = from->last;
}

/* Pointers are read in the prologue alone, so that a loop's counter may shadow one. */
static const char *pointer_name(Lower *L, const Arg *a)
{
	if (a->rank > 0 && !a->name[1] && strchr("ijehxkrcpdmIJ", a->name[0]))
		return a->name;
	return lower_name(L, a->name);
}

Lower *lower_new(Dev *d, Facts *f, int stages, int align, LowerPart part)
{
	Lower *L = ARENA_NEW(d->arena, Lower);

	L->dev = d;
	L->k = d->k;
	L->f = f;
	L->a = d->arena;
	L->stages = stages;
	L->align = align;
	L->warps = d->warps;
	L->stride = 1;
	L->who = "0";
	L->f16 = ir_narrow(d->k) == DT_F16;
	for (int i = 0; i < d->k->naxes; i++)
		L->names[L->nnames++] = d->k->axes[i]->name;
	for (int i = 0; i < d->k->nargs; i++)
		L->argname[i] = pointer_name(L, d->k->args[i]);
	L->names[L->nnames++] = d->name;
	L->part = part;
	L->role = ROLE_ALL;
	return L;
}

void lower_kernel(Dev *d, Facts *f, int stages, int align, LowerPart part, Segments *s)
{
	Lower *L = lower_new(d, f, stages, align, part);
	Block pro = {0}, zero = {0}, body = {0};

	L->pro = &pro;
	L->out = L->pro;
	if (part != PART_ALL)
		segment_lower(L, s);
	L->undecided = L->nnames;
	lower_program(L);
	L->out = &body;
	if (lower_roles_fit(L))
		lower_roles(L);
	else if (lower_feed_fits(L))
		lower_feed(L);
	else {
		lower_ahead(L);
		lower_region(L, d->k->body);
	}
	lower_store_end(L);
	L->out = L->pro;
	lower_barriers_make(L);
	L->out = &zero;
	lower_ones_fill(L);
	zero_padding(L);
	lower_splice(&d->body, &pro);
	lower_splice(&d->body, &zero);
	lower_splice(&d->body, &body);
}
