/* sim_origin.c -- which part of which box each 16 bytes of shared memory hold, so that a matrix
 * descriptor can be told wrong: what a product takes for neighbours must have been neighbours in
 * the boxes of tensor maps that were loaded there. Says nothing of bytes that came another way.
 */
#include "sim_state.h"

#include <stdlib.h>
#include <string.h>

#define M (&sim_machine)

enum { CHUNK = 16 };

/* A box that was loaded. */
typedef struct Box {
	u64 tensor;
	int inner, width; /* its coordinate along a row, and elements of a row */
	u32 rows, line;
	int columns;
} Box;

static Origin *origin; /* of the machine's shared memory; box 0: unknown */
static Box *boxes;     /* box k is boxes[k - 1] */
static u32 nboxes, capboxes;
static bool any;

void sim_origin_begin(void)
{
	size_t n = M->smem_bytes / CHUNK + 1;

	if (!origin && !(origin = malloc(n * sizeof *origin)))
		abort();
	if (any)
		memset(origin, 0, n * sizeof *origin);
	any = false;
	nboxes = 0;
}

u32 sim_origin_box(u64 tensor, int inner, int width, int columns, u32 rows, int line)
{
	if (nboxes == capboxes) {
		capboxes = capboxes * 2 + 64;
		boxes = realloc(boxes, capboxes * sizeof *boxes);
		if (!boxes)
			abort();
	}
	boxes[nboxes++] = (Box){tensor, inner, width, rows, (u32)line, columns};
	return nboxes;
}

void sim_origin_set(u32 addr, Origin o)
{
	if (!any)
		memset(origin, 0, (M->smem_bytes / CHUNK + 1) * sizeof *origin);
	any = true;
	origin[(addr - SMEM_BASE) / CHUNK] = o;
}

void sim_origin_forget(u32 addr, int bytes)
{
	u32 from = (addr - SMEM_BASE) / CHUNK, to = (addr - SMEM_BASE + (u32)bytes - 1) / CHUNK;

	for (; any && from <= to; from++)
		origin[from].box = 0;
}

/* The chunk at `next` follows that at `at`, down a column of rows or along a row: in its box, or
 * from the end of one to the beginning of another, which lies below it or beside it in the tensor
 * if that is the same. */
static bool follows(const Origin *at, const Origin *next, bool down)
{
	const Box *a = &boxes[at->box - 1], *b = &boxes[next->box - 1];
	bool same = at->box == next->box, one = a->tensor == b->tensor;

	if (down && at->column == next->column)
		return same ? next->row == at->row + 1
		            : at->row == a->rows - 1 && !next->row && (!one || a->inner == b->inner);
	if (!down && at->row == next->row)
		return same ? next->column == at->column + 1
		            : at->column == (u32)a->columns - 1 && !next->column &&
		                  (!one || b->inner == a->inner + a->width);
	return false;
}

void sim_origin_check(u64 at, u32 here, u32 next, bool down, const char *what)
{
	const Origin *a, *b;
	SimFinding *f;

	if (!any || here - SMEM_BASE >= M->smem_bytes || next - SMEM_BASE >= M->smem_bytes)
		return;
	a = &origin[(here - SMEM_BASE) / CHUNK];
	b = &origin[(next - SMEM_BASE) / CHUNK];
	if (a->box && b->box && !follows(a, b, down) && (f = sim_find(SIM_MAP, at)))
		sim_say(f,
		        "a wrong descriptor: the %s operand goes on from shared byte %u, row %u chunk %u of"
		        " the box of line %u, to byte %u, row %u chunk %u of that of line %u",
		        what, here - SMEM_BASE, a->row, a->column, boxes[a->box - 1].line, next - SMEM_BASE,
		        b->row, b->column, boxes[b->box - 1].line);
}
