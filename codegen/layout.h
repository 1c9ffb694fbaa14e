/* layout.h -- where the elements of a tile live: which thread, which register.
 *
 * A layout is a list of digits. Each digit says that one mixed-radix digit of a hardware index
 * (register, lane, warp) moves the element's coordinate along one dimension by `stride`:
 *
 *     coordinate[d] = base[d] + sum over digits of d:  ((hw / pos) % n) * stride
 *
 * A lane or warp index that no digit mentions is a replica: it holds the same element. The
 * register digits, in list order, are the dimensions of the array that a thread keeps.
 *
 * Fragments. Every tile that meets a matrix instruction is a grid of 8x8 cores, a core being one
 * register across the warp (PTX ISA, "Matrix fragments for mma.m16n8k16"): lane 4g + t holds
 * elements [g][2t, 2t+1] of it in the N orientation and [2t, 2t+1][g] in the T orientation. An
 * mma reads and writes whole cores: both operands need their pairs along the contraction, and the
 * result has its pairs along n (N), or along m (T) when the product is formed as its transpose.
 * So a result feeds the next product with no data movement whenever its orientation fits.
 */
#ifndef AZ_LAYOUT_H
#define AZ_LAYOUT_H

#include "ir.h"

typedef enum Hw { HW_REG, HW_LANE, HW_WARP } Hw;

typedef struct Digit {
	Hw hw;
	int n, pos, dim, stride;
	int fold; /* > 0, a register digit: every `fold` values the coordinate goes on `far` further */
	int far;
} Digit;

enum { MAX_DIGITS = 12 };

typedef enum Orient { ORIENT_N, ORIENT_T, ORIENT_NONE } Orient;

typedef struct Layout {
	int rank, nd;
	Digit d[MAX_DIGITS];
	Orient orient;              /* of a grid of cores, or ORIENT_NONE */
	const char *base[MAX_RANK]; /* C expression added to the coordinate, or NULL */
	bool far;                   /* behind what the thread adds: a constant of an unrolled turn */
	bool tri;                   /* of a strip: columns right of its diagonal are never needed */
} Layout;

/* One dimension of a core grid: cores per warp, and how warps divide it. With an even number of
 * cores the warps' parts are dealt out in pairs: cores 2 i, 2 i + 1 of warp w are cores 2 (i warps
 * + w) and the next of the tile. So a strip of every warp's rows is one range of the tile's, and
 * four warps hold the 64 rows of a warpgroup's product as the hardware wants them (PTX ISA, wgmma).
 * An odd number of cores is one range a warp. */
typedef struct Split {
	int cores, warps, pos;
} Split;

Layout layout_core(Orient o, Split rows, Split cols);
/* Without dimension d: its digits' threads become replicas. */
Layout layout_drop(Layout l, int d);
/* Of a core grid: what one of a warp's row (column) cores counts for in the tile: 1, or, where
 * pairs are dealt out, the number of warps (at even cores). */
int layout_core_step(const Layout *l, int d);
/* Elements along dimension d from a part's first to its last; warps too when `warps`. */
int layout_reach(const Layout *l, int d, bool warps);
/* What register digit x adds to its coordinate, for the value i. */
const char *layout_reg_coord(Arena *a, const Digit *x, const char *i);
/* The same layout, one pair of row cores of each warp, the strip's index m beside it. */
Layout layout_strip(Arena *a, Layout l, const char *m);
/* With dimensions 0 and 1 exchanged. */
Layout layout_swap(Layout l);
bool layout_same(const Layout *a, const Layout *b);
/* Registers a thread holds. */
int layout_regs(const Layout *l);
/* Number of lanes (or warps) that hold distinct elements. */
int layout_spread(const Layout *l, Hw hw);
int layout_spread_dim(const Layout *l, Hw hw, int dim); /* along one dimension */

/* The part of coordinate d that lanes and warps contribute, as a C expression on lane, warp, g and
 * t (g = lane / 4, t = lane % 4); "0" when there is none. */
const char *layout_thread_coord(Arena *a, const Layout *l, int d);
/* The whole coordinate, given one expression for each register digit (list order). */
const char *layout_coord(Arena *a, const Layout *l, int d, const char *const *reg);
/* "lane / 4 == 0 && ..." : true in exactly one of each set of replicas; NULL when always true. */
const char *layout_owner(Arena *a, const Layout *l, int warps);

#endif
