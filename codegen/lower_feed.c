/* lower_feed.c -- a warpgroup of its own that asks the copy engine for the loop's tiles.
 *
 * Where two warpgroups compute and an SM has room for one block, the thread that asks for tiles
 * holds up its warpgroup until the other one has let go of a stage. A third warpgroup waits in its
 * place: it asks for a tile as soon as its stage is empty, needs hardly any registers, and leaves
 * those of its launch to the others.
 *
 * requires: a loop in the body, its tiles by the copy engine, and no other loop; eight warps.
 * maintains: what the others compute, bit for bit.
 */
#include "divide.h"
#include "lower.h"

#include <string.h>

/* 65536 registers are 168 a thread for three warpgroups; 40 and two times 232 are as many. */
enum { FEEDER = 40, FED = 232, SM_REGISTERS = 65536 };

static Op *only_loop(const Kernel *k)
{
	Op *loop = NULL;

	for (Op *x = k->body->first; x; x = x->next)
		if (x->code == OP_loop) {
			if (loop)
				return NULL;
			loop = x;
		}
	for (const Op *x = loop ? loop->body->first : NULL; x; x = x->next)
		if (x->code == OP_loop)
			return NULL;
	return loop;
}

bool lower_feed_fits(Lower *L)
{
	const GpuTarget *g = L->dev->gpu;
	const Op *loop = only_loop(L->k);
	int regs = divide_registers(L->f, L->warps), shared = divide_shared(L->f, L->stages) + 2048;

	return g->wgmma && g->setmaxnreg && L->warps == 8 && L->part == PART_ALL && loop &&
	       lower_by_engine(L, loop) && regs <= FED &&
	       (2 * 32 * L->warps * regs > SM_REGISTERS || 2 * shared > g->smem_sm);
}

static void set_registers(Lower *L, Block *role, const char *how, int n)
{
	Stmt *s = ARENA_NEW(L->a, Stmt);

	s->kind = S_CODE;
	s->text = arena_printf(L->a, "%s(%d);", how, n);
	dev_insert(role, NULL, s);
}

/* All that a loop's turns need, in their order, by one thread. */
static void ask_in_turn(Lower *L, const Op *loop)
{
	const Range *r = loop->range;
	const char *n = lower_name(L, "n"), *lo, *hi, *end, *tiles;

	lower_comment(L, loop);
	tiles = r->n == 1 ? lower_size(L, r, 0)
	                  : arena_printf(L->a, "(%s + %d) / %d", lower_size(L, r, 0), r->n - 1, r->n);
	lower_loop_bounds(L, loop, tiles, &lo, &hi);
	end = lower_name(L, "end");
	lower_code(L, "const int %s = %s;", end, hi);
	lower_open(L, S_IF, false, "tid == 0");
	lower_ring_feed(L, &L->ring, loop, n, lo, end);
}

/* A block's programs one after another, where all are as long: no block is launched, no barrier
 * made and no tile of the loop waited for between them. Where they are not, blocks that come as SMs
 * are free share the work better than any fixed turns: on an H200 causal attention is 3 to 20 %
 * slower so, full attention 2 to 3 % faster. */
static bool in_turns(Lower *L)
{
	return !only_loop(L->k)->mask;
}

/* A role's text: what it keeps, and its prologue and body for each program. */
static void role_close(Lower *L, Block *role, const Block *keep, const Block *own,
                       const Block *body)
{
	Stmt *loop = ARENA_NEW(L->a, Stmt);

	if (!keep) {
		lower_splice(role, own);
		lower_splice(role, body);
		return;
	}
	loop->kind = S_FOR;
	loop->uniform = loop->entered_clean = true;
	loop->text =
	    L->again
	        ? arena_printf(L->a, "u32 %s = blockIdx.x, %s = 0; %s < %s; %s += gridDim.x, %s ^= 1",
	                       L->program, L->again, L->program, L->programs, L->program, L->again)
	        : arena_printf(L->a, "u32 %s = blockIdx.x; %s < %s; %s += gridDim.x", L->program,
	                       L->program, L->programs, L->program);
	lower_splice(&loop->body, own);
	lower_splice(&loop->body, body);
	lower_splice(role, keep);
	dev_append(role, loop);
}

static void role_open(Lower *L, Block *keep, Block *own, Block *body)
{
	*keep = *own = *body = (Block){0};
	L->pro = L->out = own;
	if (L->keep) {
		L->keep = keep;
		lower_program(L);
	}
	L->out = body;
}

/* All have read the program's own tiles: the next one's may come. */
static void program_end(Lower *L)
{
	Stmt *s = dev_add(L->dev, L->out, S_BARRIER, NULL);

	s->n = 1;
	s->threads = 32 * L->warps;
}

void lower_feed(Lower *L)
{
	Stmt *split = ARENA_NEW(L->a, Stmt);
	Block *saved = L->out, *pro = L->pro, keep, own, body;
	bool turns = in_turns(L);
	int names;

	split->kind = S_ROLES;
	split->text = "role == 0";
	split->uniform = true;
	L->dev->roles = 2;
	L->dev->last_warps = 4;
	L->fed = true;
	if (turns) { /* which program it is, each role finds anew */
		L->nnames = L->undecided;
		*pro = (Block){0};
		L->keep = &keep;
		L->program = lower_name(L, "program");
		L->again = lower_name(L, "again");
		L->programs = lower_name(L, "programs");
		L->out = pro;
		lower_code(L, "const u32 %s = %s;", L->programs, lower_programs(L));
		L->dev->text.most = L->dev->gpu->sms;
	}
	names = L->nnames;
	role_open(L, &keep, &own, &body);
	lower_region(L, L->k->body);
	lower_store_end(L);
	if (turns)
		program_end(L);
	role_close(L, &split->body, turns ? &keep : NULL, &own, &body);
	L->again = NULL;
	lower_forget(L, names);
	memcpy(L->staged, L->ring_tile, sizeof L->ring_tile);
	L->nstaged = L->ring.n;
	L->ring.first = 0;
	role_open(L, &keep, &own, &body);
	ask_in_turn(L, only_loop(L->k));
	role_close(L, &split->orelse, turns ? &keep : NULL, &own, &body);
	L->keep = NULL;
	L->nstaged = 0;
	set_registers(L, &split->body, "regs_raise", FED);
	set_registers(L, &split->orelse, "regs_lower", FEEDER);
	for (int i = 0; i < L->dev->nbufs; i++)
		if (L->dev->buf[i]->barriers)
			dev_access(split, L->dev->buf[i], ACC_READ);
	L->pro = pro;
	L->out = saved;
	dev_append(L->out, split);
}
