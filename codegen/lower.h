/* lower.h -- from tile ops to statements: the context the lower_*.c files share.
 *
 * Effects (store, set, update, decay) are lowered in program order; each asks for the values it
 * needs in the layout it needs them, and a value is computed where it is first asked for. A
 * Version is a value held by each thread in one layout; cheap elementwise ops have none and are
 * written out inside their consumer's loops.
 *
 * Strips. A tile whose rows are not divided over warps can be large; a root whose value comes from
 * products is lowered 16 rows at a time, in an unrolled loop over strips. What does not depend on
 * the rows is emitted before that loop (lower_hoist). Inside, a layout's row base is the strip's.
 */
#ifndef AZ_LOWER_H
#define AZ_LOWER_H

#include "dev.h"
#include "facts.h"

typedef struct Version Version;
struct Version {
	const Op *op;
	Layout l;
	bool packed;      /* two 16-bit values a register, innermost digit the pair */
	const char *name; /* the array */
	int scope;
	const Block *home, *root; /* where it is declared, and what that stands in */
	int more;                 /* columns of cores behind those of l */
	Block *made_in;           /* where its last statement is, made_at; NULL: not told */
	Stmt *made_at;
	Version *next;
};

/* A load that lives in shared memory. */
typedef struct Staged {
	const Op *op;
	Buffer *buf;
	const char *base; /* name of the tile's address at this point of the text */
} Staged;

/* Of 16 rows and columns: left of a triangle's diagonal, where it keeps all; or on it. */
typedef enum Square { SQUARE_NONE, SQUARE_LEFT, SQUARE_DIAGONAL } Square;

typedef struct Strip {
	const char *var, *base; /* "m", "16 * m" */
	Block *outer;
	int outer_scope, count;
	int step; /* rows from one strip of a stream to the next; else 0 */
} Strip;

/* A reduction on its way: threads' parts, then lanes', then warps'. */
typedef struct Fold {
	Op *op;
	Version *w;
	Layout from, to;
	Buffer *buf; /* of warps' parts, where there are */
	const char *name;
	int warps;
} Fold;

/* What is lowered: the kernel; or, of its segmented schedule, a segment's change of the states; or
 * a segment from its states at the start (segment.c). */
typedef enum LowerPart { PART_ALL, PART_LOCAL, PART_SEGMENT } LowerPart;
typedef struct Segments Segments;

/* A staged tile turned round, its columns as rows: lower_share.c. */
typedef struct Turned {
	const Op *op;
	Buffer *buf;
	const char *base, *lane; /* lane: where this lane's part begins */
} Turned;

/* Who the warps are: all of them one, or (lower_roles.c) those of two roles. */
typedef enum Role { ROLE_STATE, ROLE_OUTPUT, ROLE_ALL } Role;

/* A state's rounded copy, written by one role and read by the other. */
typedef struct Published {
	const Op *op;
	const char *base;
	Buffer *buf, *full, *empty; /* barriers: of all that are published together */
	int stride;                 /* bytes from one copy to the other */
	bool read;
} Published;

/* A ring filled by the bulk copy engine: lower_tma.c. */
typedef struct Ring {
	int first, n, stages; /* the tiles are L->staged[first ..], n of them */
	int ahead;            /* chunks asked for ahead of their turn */
	bool counts;          /* the loop's turns, by a variable of its own */
	bool asks;            /* this role's first thread asks for them */
	Buffer *full, *empty;
	const char *map[MAX_BUFFERS];
	const char *slot, *phase, *fill, *fill_phase, *done; /* names */
} Ring;

/* What a turn asks for ahead, where it is not placed yet: behind `at` of `home`, or later. */
typedef struct Asking {
	Block *home;
	Stmt *at;
	Block text;
} Asking;

typedef struct Next Next; /* lower_next.c */

/* A product that a turn of a loop leaves to the next: lower_late.c. */
typedef struct Late Late;

/* An array of registers that a product in flight owns. */
enum { MAX_FLYING = 16, MAX_FOLDS = 8 };
typedef struct Flying {
	const char *array;
	bool f32;
	int dims, n[4], group;
} Flying;

typedef struct Lower {
	Dev *dev;
	const Kernel *k;
	Facts *f;
	Arena *a;
	Block *out, *pro; /* pro: before the body, or before a role's */
	Version *versions;
	int scope;
	Strip *strip;
	Square square; /* which a packed triangle's elements are of */
	int nstaged;
	Staged staged[MAX_BUFFERS];
	const char *start[64];          /* by Range.id: the name of its first element */
	const char *prog[64];           /* RANGE_ONE: by Range.id, the program's index */
	const char *homes[MAX_BUFFERS]; /* vectors already in shared memory */
	const Op *home_op[MAX_BUFFERS];
	Buffer *home_buf[MAX_BUFFERS];
	int nhomes;
	const char *lane_key[64], *lane_name[64]; /* lane addresses already in the prologue */
	int nlanes;
	const char *diagonal[2];       /* lane constants of states over POW2 features, once declared */
	const char *pointer[MAX_ARGS]; /* base pointers declared in the prologue */
	Block *store;                  /* a store behind the loops: its pointer is made there, */
	Stmt *store_at;                /* after this, and holds no registers before */
	const char *argname[MAX_ARGS]; /* parameters: the author's names where C allows */
	const char *names[512];
	int nnames, nfor;
	int stages, align, warps;
	bool f16;
	int room;           /* a role's registers a thread, once they are known; else 0 */
	int nflying, group; /* products of warpgroups not waited for: lower_wgmma.c */
	Role role;
	int shared; /* bytes of shared memory that roles need, an estimate */
	int depth;  /* stages of the ring that roles share */
	int stride; /* a loop's turns from one of this role's to its next; who begins with which */
	const char *who;
	Buffer *ready; /* the barrier of tiles that were fetched and not waited for */
	bool fed;      /* another warpgroup asks for the loop's tiles */
	int undecided; /* names taken before this block's program was named */
	Block *keep;   /* where a block has several programs: what outlives one; else NULL */
	const char *program, *programs, *again; /* then: which it is, of how many; 0 and 1 by turns */
	const char *turn;                       /* in roles: counts the loop's turns */
	bool stores_fly;                        /* stores by the copy engine were made */
	int nturned;
	Turned turned[MAX_BUFFERS];
	Version *begun; /* accumulators of begun_dot: lower_ones.c */
	const Op *begun_dot;
	const Op *then; /* the product that will be added to the one being made, or NULL */
	Staged *ones;   /* lower_ones.c */
	int npublished;
	Published published[MAX_BUFFERS];
	Ring ring;    /* the loop's; of the first role, for the second */
	Next *next;   /* what the loop's turns make ready for the next, or NULL */
	Stmt *stored; /* the last statement before the region's last store */
	Asking asking;
	bool defers;       /* a product awaits what it reads itself (lower_await) */
	const char *await; /* that wait */
	Staged ring_tile[MAX_BUFFERS];
	Flying flying[MAX_FLYING];
	LowerPart part;
	Segments *segments;  /* unless PART_ALL */
	const Op *cut;       /* the loop cut in segments, else NULL */
	const bool *live;    /* by Op.id: what PART_LOCAL needs; else NULL */
	const Op *spread[4]; /* vectors of which each lane holds the element of its number */
	const char *spread_name[4];
	int nspread, nahead; /* nahead of them since the start of the kernel */
	Late *late;          /* of the loop being lowered, if it has one: lower_late.c */
	Block *body;         /* the region's being lowered, where no condition or strip is open */
	const Op *at;        /* its op being lowered */
	const Op *early;     /* an update to come that is made already: lower_both.c */
	const Op *parts;     /* a sum whose lanes keep their parts */
	bool streams;        /* all matrices are streamed, and asked for before anything else */
	bool sweeps, swept;
	int nfolds;
	Fold folds[MAX_FOLDS]; /* of the sweep: lower_sweep.c */
} Lower;

/* lower.c */
Lower *lower_new(Dev *d, Facts *f, int stages, int align, LowerPart part);
void lower_kernel(Dev *d, Facts *f, int stages, int align, LowerPart part, Segments *s);
Block *lower_open(Lower *L, StmtKind kind, bool unroll, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void lower_close(Lower *L, Block *saved);
void lower_splice(Block *to, const Block *from); /* appends */
void lower_program(Lower *L);                    /* which one this is: where its tiles start */
const char *lower_programs(Lower *L);            /* how many there are */
Stmt *lower_code(Lower *L, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *lower_name(Lower *L, const char *want);
_Noreturn void lower_cannot(Lower *L, const Op *op, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* lower_value.c: values as registers. v: one expression for each register digit of l. */
Version *lower_need(Lower *L, Op *op, const Layout *l);
Version *lower_need_packed(Lower *L, Op *op, const Layout *l);
Version *lower_find(Lower *L, const Op *op, const Layout *l, bool packed);
Version *lower_declare(Lower *L, const Op *op, const Layout *l, bool packed, const char *want);
const char *lower_ref(Lower *L, const Version *w, const Layout *l, const char *const *v);
/* w's word at v = x's elements there, packed. */
void lower_pack_elem(Lower *L, const Version *w, Op *x, const Layout *l, const char **v);
const char *lower_pack(Lower *L, const char *lo, const char *hi);
/* Opens loops over l's register digits (all but the pair when `pairs`), fills v. */
Block *lower_nest(Lower *L, const Layout *l, bool pairs, const char **v);
void lower_scope(Lower *L, Block *saved); /* after lower_nest: room for names of its body's own */
void lower_nest_close(Lower *L, Block *saved);
bool lower_takes_tri(Lower *L, const Op *x, const Layout *l);
const char *lower_tri_end(Lower *L, const Layout *l, const char *m);
Layout lower_vector_layout(Lower *L, const Op *op);
Layout lower_value_layout(Lower *L, const Op *op);
Layout lower_lane_layout(int n);
int lower_last(const Layout *l); /* the last register digit's place in v */
int lower_pairs(const Layout *l);
/* The words that hold v's element of a packed version: an array where lower_pairs is more than 1.
 */
const char *lower_words(Lower *L, const Version *w, const Layout *l, const char *const *v);
int lower_covered(const Layout *l,
                  int d); /* elements along dimension d, from the first to the last */
/* The same from 0 on, over all strips: more than the coordinates that occur. */
int lower_reach(Lower *L, const Op *op, const Layout *l, int d);
Block *lower_hoist(Lower *L, const Layout *l, int *scope);

/* lower_expr.c: one element as a C expression, over versions that lower_ensure has made. */
bool lower_trivial(const Op *x);                   /* costs nothing to write out again */
bool lower_inlined(Lower *L, const Op *op);        /* has no registers of its own */
Layout lower_child(const Op *op, const Layout *l); /* of the op's sources */
void lower_ensure(Lower *L, Op *op, const Layout *l);
const char *lower_elem(Lower *L, Op *op, const Layout *l, const char *const *v);
const char *lower_combine(Lower *L, const Op *op, const char *const *x);

/* lower_reduce.c */
Version *lower_reduce(Lower *L, Op *op, const Layout *l);
void lower_fold_open(Lower *L, Fold *f, Op *op, const Layout *from);
void lower_fold_turn(Lower *L, Fold *f, const Layout *from);
void lower_fold_close(Lower *L, Fold *f);
Version *lower_fold_take(Lower *L, Fold *f, const Layout *want);
Version *lower_cumsum(Lower *L, Op *op, const Layout *l);
Version *lower_convert(Lower *L, Op *op, Version *from, const Layout *l);
bool lower_reduce_parts(Lower *L, Op *op, const Layout *to);
void lower_reduce_join(Lower *L, Op *op, Version *w);

/* lower_dot.c: into `acc` when given (adds to it), else into a new zeroed array. */
Version *lower_dot(Lower *L, Op *op, const Layout *l, Version *acc);

/* lower_wgmma.c: waits for all products in flight. */
void lower_wgmma_settle(Lower *L);
void lower_wgmma_land(Lower *L, const char *array); /* or for the one that owns it, if any */

/* lower_grow.c: operands over a grown dimension.
 *
 * DIAGONAL is what a diagonal feature of a state is multiplied by when it is formed: 1 / sqrt(2),
 * rounded to 16 bits (the same value in bf16 and f16). */
#define DIAGONAL 0.70703125
typedef struct Leaf {
	const Grow *g;
	Orient orient;
	const char *a[MAX_SRC],
	    *b[MAX_SRC];        /* per POW2 piece: arrays xa[row core][I], xb[row core][J][b1] */
	Version *elem[MAX_SRC]; /* per ELEM piece: packed cores */
	bool state;             /* formed for a state: diagonal features as it holds them */
	bool lifts;             /* xa have the pairs' common weight (lower_pair_lift) */
	const char *row;        /* first row core of the leaf in the versions of `elem` */
} Leaf;
Leaf lower_leaf(Lower *L, const Grow *g, Orient o, const Layout *rows, const char *first, int nrows,
                bool lifts);
/* What rows that read a state take into the first factor of a piece's pairs, and the state's copy
 * need not be weighed by: a power of two. */
double lower_pair_lift(Lower *L, const Piece *p);
int lower_pair(Lower *L, int groups, int I, int J); /* a pair's step of 16 slots in its piece */
/* Of a piece of pairs in shared memory, whose groups are read as they come: opens the loop over
 * groups J, in which lower_group_loops opens those over I <= J. */
bool lower_leaf_by_groups(Lower *L, const Grow *g); /* all pieces with slots are such */
Leaf lower_leaf_columns(Lower *L, const Grow *g, int q, const Layout *rows, int nrows);
const char *lower_group_loops(Lower *L, const Piece *p, int part);
/* Just the tiles' cores, as arrays a[b + row][column core], for whoever forms products itself. */
Leaf lower_leaf_cores(Lower *L, const Grow *g, const Layout *rows, const char *first);
/* What diagonal features of a state take, half h of a core in the T orientation. */
const char *lower_diagonal_factor(Lower *L, int h);
/* A POW2 piece is formed in two parts, its diagonal pairs and the others; any other in one. */
enum { PAIRS_DIAGONAL, PAIRS_OTHERS };
int lower_piece_parts(const Piece *p);
/* Opens the loops over the k16 steps of a part; returns the step, counted from slot 0 for POW2
 * (whose loops also give I and J), from the piece's own start otherwise. */
const char *lower_piece_loops(Lower *L, const Piece *p, int part);
/* Register of row core r (0..nrows-1) and half b1 of a step. */
const char *lower_form_piece(Lower *L, const Leaf *x, int piece, int part, const char *r,
                             const char *step, const char *b1);
const Grow *lower_state_grow(Lower *L, const Op *state);
bool lower_state_diagonal(const Piece *p);
const char *lower_number(Lower *L, double v); /* an fp32 literal */

/* lower_publish.c: a right operand that no warp holds whole, rounded into shared memory. */
bool lower_must_publish(Lower *L, const Op *x, bool swapped);
Staged *lower_publish(Lower *L, Op *x, const Grow *left);
void lower_publish_get(Lower *L, Op *get);
/* The parts of that: what x's copy is called, its buffer, writing it; who reads a state's. */
const char *lower_publish_name(Lower *L, const Op *x);
Buffer *lower_publish_buffer(Lower *L, Op *x, const Grow *right, const char *name, int stages);
void lower_publish_write(Lower *L, const Staged *s, Op *x, const Grow *right, const Grow *left);
Op *lower_publish_reader(Lower *L, const Op *get);
#define LOWER_NOT_FEATURES "a state over features read by something other than the features"

/* lower_published.c */
void lower_published_write(Lower *L, Op *get); /* and what is read with it */
void lower_await(Lower *L);
bool lower_one_group(const Lower *L); /* this is the second role, a warpgroup; so is the first */
void lower_published_read(Lower *L, Staged *s, const Op *x);
void lower_publish_release(Lower *L); /* at the end of a reader's turn */

/* lower_share.c */
const Turned *lower_turned(Lower *L, const Op *x); /* NULL: it is not */

/* lower_roles.c */
bool lower_roles_fit(Lower *L);
void lower_roles(Lower *L);
/* Several warpgroups for the states, in f->keepers: where they must since their registers do not
 * suffice otherwise, or where it pays. */
bool lower_roles_widen(Dev *d, Facts *f, int stages, int align, bool must);
void lower_forget(Lower *L, int names); /* between roles: all names but the first `names` */

/* lower_feed.c */
bool lower_feed_fits(Lower *L);
void lower_feed(Lower *L);

/* lower_order.c */
const char *lower_weight_table(Lower *L, const Grow *right, const Grow *left, bool state);
/* The same as numbers, of slots as a state holds them. */
const double *lower_weights(Lower *L, const Grow *right, const Grow *left);
void lower_state_load(Lower *L, Op *state, Version *to);
bool lower_state_whole(Lower *L, const Op *state, const Layout *l);
void lower_state_store(Lower *L, Op *store, Op *get, Version *from);

/* lower_thin.c */
bool lower_is_thin(Lower *L, const Op *state);
Layout lower_thin_layout(Lower *L, const Op *state);
void lower_thin_update(Lower *L, Version *w, Op *dot);
Version *lower_form_all(Lower *L, Op *x, const Layout *own, const char *table);
Buffer *lower_thin_publish(Lower *L, Op *get, const Grow *left);

/* lower_beside.c */
bool lower_is_beside(Lower *L, const Op *state); /* updated along with a wide state */
Layout lower_beside_layout(Lower *L, int slots);
/* What another role reads: the value's two 16-bit parts, the first two rows of a tile of slots. */
Buffer *lower_beside_buffer(Lower *L, const Op *state, const char *name);
int lower_beside_bytes(Lower *L, const Op *state); /* of one copy */
void lower_beside_write(Lower *L, const Staged *s, const Op *get, const Grow *left);

void lower_ones_fill(Lower *L); /* lower_ones.c: what it has in shared memory from the start */

/* lower_gather.c */
const char *lower_at(Lower *L, Op *op,
                     const char *const *coord); /* the element there, from memory */
Version *lower_gather(Lower *L, Op *op, const Layout *want);
void lower_gather_ahead(Lower *L, Op *op);

/* lower_stream.c */
Layout lower_stream_layout(Lower *L, const Op *op);
Layout lower_stream_vector(Lower *L, const Op *op);
Layout lower_thread_layout(Lower *L, int n);
bool lower_is_plain(Lower *L, const Op *load);
void lower_ahead(Lower *L); /* before a body: loads that nothing need precede */
/* Elements one access of `io` moves for the last register digit of l; 1: no wide access. */
int lower_wide(const Op *io, const Op *tile, const Layout *l);
void lower_wide_load(Lower *L, const Op *io, int n, const char *const *elem, const char *ptr);
void lower_wide_store(Lower *L, const Op *io, int n, const char *const *elem, const char *ptr);

/* lower_sweep.c: one loop over the rows of streamed matrices for all that is stored or folded of
 * them, before the first that is needed. False: op is none of those. */
typedef struct Sweep {
	int strips, regs; /* asked for ahead, 0: there is no sweep; registers that a thread needs */
} Sweep;
Sweep lower_sweep_plan(Lower *L);
bool lower_sweep(Lower *L, const Op *op);
bool lower_is_swept(Lower *L, const Op *op); /* it has been part of one */
Fold *lower_swept(Lower *L, const Op *op);

/* lower_mem.c */
const char *lower_pointer(Lower *L, const Op *op); /* base pointer with program axes applied */
const char *lower_stride(Lower *L, const Op *op, int tile_dim);
const char *lower_start(Lower *L, const Range *r); /* "0" for none */
const char *lower_size(Lower *L, const Range *r, int n);
const Range *lower_io_range(const Op *io, int d); /* of the argument's axis behind dimension d */
bool lower_range_whole(const Range *r);           /* its tiles have all their elements */
/* "row < N && col < V" for the ragged dimensions; NULL when always true. */
const char *lower_guard(Lower *L, const Op *io, const Op *tile, const Layout *l,
                        const char *const *v);
/* "coordinate d < n", with the turns said that are inside in every thread; NULL: always. */
const char *lower_within(Lower *L, const Layout *l, int d, const char *const *v, int n);
const char *lower_element(Lower *L, const Op *io, const Op *tile,
                          const char *const *coord); /* its pointer */
void lower_stage(Lower *L, Op *load, int stages);
/* `ring`: the loop's range, whose tile starts at ring_start; NULL outside rings. */
void lower_issue(Lower *L, const Staged *s, const char *dst, const Range *ring,
                 const char *ring_start);
Staged *lower_staged(Lower *L, const Op *op);
/* Address of 16-byte unit c of row r, in bytes from the tile's base. */
const char *lower_unit(Lower *L, const Buffer *b, const char *r, const char *c);

/* lower_tma.c */
Buffer *lower_barriers(Lower *L, const char *want, int n, int count);
void lower_barriers_make(Lower *L);
int lower_tma_axis(const Op *op,
                   int d); /* of its argument, behind the tile's dimension d; -1: none */
int lower_maps_left(Lower *L);
const char *lower_map_param(Lower *L, const Op *op, const Buffer *b, int height);
bool lower_tma_fits(Lower *L, const Op *load);
Ring lower_ring_new(Lower *L, int first, int stages);
void lower_ring_fill(Lower *L, Ring *r, const Op *loop, const char *lo, const char *end);
void lower_ring_turn(Lower *L, Ring *r, const Op *loop, const char *n, const char *lo,
                     const char *end);
void lower_fetch(Lower *L, int first);
void lower_fetch_wait(Lower *L);
void lower_ring_ask(Lower *L);   /* here, if not yet */
void lower_ring_asked(Lower *L); /* at the turn's start, if not yet */
void lower_ring_feed(Lower *L, const Ring *r, const Op *loop, const char *n, const char *lo,
                     const char *end);
void lower_ring_release(Lower *L, const Ring *r);
/* Stores `from` in layout l by op through the copy engine; false: it cannot be. */
bool lower_store_engine(Lower *L, Op *op, Op *from, const Layout *l);
void lower_store_end(Lower *L);

/* lower_late.c */
const char *lower_run_time_size(Lower *L); /* one that only a launch knows, or NULL */
Late *lower_late_find(Lower *L, const Op *loop);
const char *lower_run_time_size(Lower *L); /* that only a launch knows; NULL: none */
void lower_late_open(Lower *L, const Ring *r);
void lower_late_turn(Lower *L, const char *when);
void lower_late_issue(Lower *L);
bool lower_is_late(const Lower *L, const Op *effect);
void lower_late_land(Lower *L);
void lower_late_keep(Lower *L, const Ring *r);
void lower_late_close(Lower *L, const char *when);

/* lower_load.c */
Version *lower_load(Lower *L, Op *op, const Layout *l, bool packed);
/* The elements that l names, to registers of w that no longer hold others. */
void lower_load_more(Lower *L, Op *op, const Layout *l, Version *w);
const char *lower_load_global(Lower *L, Dtype dt, const char *ptr); /* one element, as fp32 */
/* Emits loads of cores rows [r0, r0+nr) x [c0, c0+nc) of the staged tile into array `to`. */
void lower_cores(Lower *L, const Staged *s, const Layout *l, const char *to, const char *r0, int nr,
                 const char *c0, int nc);
/* Address of 16-byte unit u of the row that lane group g holds in row core r0 + r of layout l. */
const char *lower_row_unit(Lower *L, const Staged *s, const Layout *l, const char *r0,
                           const char *u);

/* lower_store.c */
void lower_store(Lower *L, Op *op);
void lower_store_tile(Lower *L, Op *op, const Layout *l); /* or a strip of it */
Op *lower_stored(const Op *store);                        /* what the store itself rounds */

/* lower_image.c: by whole rows, through shared memory; false: not this tile. */
bool lower_store_image(Lower *L, Op *op);
bool lower_image_takes(Lower *L, const Op *store);

/* lower_mask.c */
bool lower_grows_with(Lower *L, const Range *r); /* later tiles of r mean longer loops */
typedef struct Mask Mask;
Version *lower_where(Lower *L, Op *op, const Layout *l);
bool lower_is_static(Lower *L, const Op *where);
bool lower_is_triangle(Lower *L, const Op *where);
bool lower_pack_square(Lower *L, const Version *w, Op *x, const Layout *l);
bool lower_zero_upper(const Op *x);
bool lower_loop_bounds(Lower *L, const Op *loop, const char *tiles, const char **lo,
                       const char **hi);

/* lower_effect.c */
void lower_var(Lower *L, Op *op);
void lower_effect(Lower *L, Op *op);
const char *lower_store_when(Lower *L, const Op *store); /* NULL: always */
void lower_settle_loop(Lower *L, Op *loop);
/* The sum that effect `set`, v = v f + sum, adds to v in a loop, where lanes keep their parts of v
 * until the loop's end; NULL: it is another effect. */
Op *lower_kept_parts(Lower *L, const Op *set);
Version *lower_var_version(Lower *L, const Op *var);
typedef struct When {
	int homes, staged;
	Block *outer;
} When;
When lower_when_open(Lower *L, const char *condition); /* the same in all threads of the block */
void lower_when_close(Lower *L, When w);

/* lower_loop.c */
void lower_region(Lower *L, Region *r);
bool lower_by_engine(Lower *L, const Op *loop); /* its matrices, by the copy engine */
void lower_comment(Lower *L, const Op *op);
void lower_drop_versions(Lower *L, int scope); /* those of this scope and inside it */
void lower_root_strips(Lower *L, Op *op, Op *value, void (*body)(Lower *, Op *, const Layout *));

#endif
