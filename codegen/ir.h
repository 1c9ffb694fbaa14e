/* ir.h -- the tile IR: what the author wrote, after tracing.
 *
 * A Kernel is a tree of regions; a region is a list of ops in program order. An op that has a
 * result is a tile of rank 0 to 3 whose extents are known; ops refer to their sources directly.
 * Tile values are immutable; only vars and states change, by set, decay and update, and a `get`
 * is the value at its place in program order.
 *
 * Invariants (verify.c): a source is defined before its use, in the same region or one that
 * encloses it; elementwise sources have rank 0 or the result's rank, each dimension equal or 1;
 * a dimension's range agrees wherever two sources both have one.
 */
#ifndef AZ_IR_H
#define AZ_IR_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "diag.h"

typedef enum Dtype { DT_F32, DT_BF16, DT_F16, DT_I32, DT_MASK, NDTYPE } Dtype;

enum { MAX_RANK = 3, MAX_AXES = 6, MAX_ARGS = 24, MAX_SRC = 8, MAX_DIMS = 24 };
enum { MAX_RANGES = 64, MAX_OPS = 20000 };

typedef enum OpCode {
#define OP(name, class, nsrc, cuda, doc) OP_##name,
#include "ops.h"
#undef OP
	NOPS
} OpCode;

typedef enum OpClass {
	LEAF,
	UNARY,
	BINARY,
	COMPARE,
	SELECT,
	VIEW,
	REDUCE,
	SCAN,
	GROW,
	DOT,
	STATE,
	EFFECT,
	REGION
} OpClass;

typedef struct OpInfo {
	const char *name;
	OpClass class;
	int nsrc;
	const char *cuda;
	const char *doc;
} OpInfo;

extern const OpInfo op_info[NOPS];

/* A named axis of the arguments: "B", "N", "D". */
typedef struct Axis {
	const char *name;
	int64_t size; /* compile-time extent, or 0: known at launch */
	int id;       /* index into Kernel.axes */
} Axis;

/* The part of an axis that one tile dimension covers. */
typedef enum RangeKind {
	RANGE_ONE,  /* a grid list entry: one element, the dimension is dropped */
	RANGE_GRID, /* a keyed grid entry: elements [pid * n, pid * n + n) */
	RANGE_LOOP, /* the current chunk of a loop: [start, start + n) */
	RANGE_WHOLE /* all of a compile-time axis, n = its size */
} RangeKind;

typedef struct Op Op;

typedef struct Range {
	RangeKind kind;
	Axis *axis;
	int n;    /* extent of the tile dimension; 1 for RANGE_ONE */
	Op *loop; /* RANGE_LOOP: the loop */
	int id;   /* index into Kernel.ranges */
} Range;

typedef struct Dim {
	int n;
	Range *range; /* NULL: a plain compile-time extent (D, V, F, or 1) */
} Dim;

typedef struct Arg {
	const char *name;
	Dtype dtype;
	int rank;             /* 0: a scalar passed by value */
	Axis *axis[MAX_AXES]; /* outermost first; the last has stride 1 for rank > 1 + grid axes
	                         (matrices) */
	/* Memory axes: a group "(G R)" is one, indexed g * R + r. stride(axis i) is the stride of
	 * memory axis mem_of[i] times the sizes of the axes after i in the same group. */
	int nmem, mem_of[MAX_AXES];
	double value; /* rank 0: the value when the caller gives none */
	bool output, optional;
	bool present;                 /* optional arguments: bound in this trace */
	double init_scale, init_bias; /* random input: bias + scale * z; 0, 0 means 1, 0 */
	Loc loc;
	int id; /* index into Kernel.args, in order of declaration */
} Arg;

typedef struct Region {
	Op *first, *last;
	Op *owner; /* the loop; NULL for the kernel body */
} Region;

struct Op {
	OpCode code;
	Dtype dtype;
	int rank;
	Dim dim[MAX_RANK];
	int nsrc;
	Op *src[MAX_SRC];
	Loc loc;
	const char *name; /* the author's local variable, where one is known; else NULL */
	int id;           /* unique, in order of creation */
	Region *parent;
	Op *prev, *next;

	/* attributes, by code */
	double value;        /* const_, full */
	Arg *arg;            /* load, store, scalar (rank-0 argument) */
	Axis *axis;          /* scalar (size of an axis) */
	Range *at[MAX_AXES]; /* load, store: the range of each of arg's axes, RANGE_ONE for dropped
	                      * ones; dims of the tile are the others in order */
	Range *range;        /* index */
	int axis_dim;        /* sum, rmax, rmin, expand: the dimension */
	int lo;              /* slice */
	bool shared;         /* cast: has several users (set by simplify) */
	bool is_state;       /* get: of a state rather than a var */
	/* loop: chunks of `range`; body in `body`. The mask, if any, was traced into the body as
	 * ordinary comparisons of index ops; place.c bounds the loop by reading them. */
	Region *body;
	Op *mask; /* loop: the mask op that says which elements are seen, or NULL */
	bool reverse;
};

/* One entry of the grid: program axes, outermost first. */
typedef struct Grid {
	int n;
	Range *range[MAX_AXES]; /* RANGE_ONE or RANGE_GRID */
} Grid;

/* A compile-time choice in force in this trace: tune point, dims, flags. Sorted by name. */
typedef struct Setting {
	const char *name;
	double value;
	const char *text; /* for strings such as dtype; else NULL */
} Setting;

typedef struct Kernel {
	Arena *arena;
	Diag *diag;
	const char *name; /* "based_prefill" */
	const char *file; /* as shown to the author */
	const char *doc;
	int naxes, nargs, nranges, nsettings, nops;
	Axis *axes[MAX_DIMS];
	Arg *args[MAX_ARGS];
	Range *ranges[MAX_RANGES];
	Setting settings[MAX_DIMS * 2];
	Grid grid;
	Region *body;
	Range *divided; /* the part of an axis each program has (divide.c), or NULL */
} Kernel;

/* -- build.c: the only makers of ops; each infers dtype and shape, or fails at `at` ------- */

/* Appends to k->open (the innermost open region). */
typedef struct Builder {
	Kernel *k;
	Region *open;
} Builder;

Op *ir_const(Builder *b, Loc at, double v);
Op *ir_full(Builder *b, Loc at, int rank, const Dim *dim, double v);
Op *ir_index(Builder *b, Loc at, Range *r);
Op *ir_scalar_arg(Builder *b, Loc at, Arg *a);
Op *ir_scalar_size(Builder *b, Loc at, Axis *x);
Op *ir_load(Builder *b, Loc at, Arg *a, Range *const *range);
Op *ir_elementwise(Builder *b, Loc at, OpCode c, int n,
                   Op *const *src); /* UNARY BINARY COMPARE SELECT */
Op *ir_cast(Builder *b, Loc at, Op *x, Dtype dt);
Op *ir_transpose(Builder *b, Loc at, Op *x);
Op *ir_expand(Builder *b, Loc at, Op *x, int dim);
Op *ir_reduce(Builder *b, Loc at, OpCode c, Op *x, int dim);
Op *ir_cumsum(Builder *b, Loc at, Op *x);
Op *ir_concat(Builder *b, Loc at, int n, Op *const *src);
Op *ir_sympow2(Builder *b, Loc at, Op *x);
Op *ir_slice(Builder *b, Loc at, Op *x, int lo, int n);
Op *ir_reshape(Builder *b, Loc at, Op *x, int rows, int cols); /* cols 0: a vector of rows */
Op *ir_dot(Builder *b, Loc at, Op *x, Op *y);
Op *ir_var(Builder *b, Loc at, Op *init);
Op *ir_state(Builder *b, Loc at, Op *init);
Op *ir_get(Builder *b, Loc at, Op *var);
void ir_set(Builder *b, Loc at, Op *var, Op *value);
void ir_decay(Builder *b, Loc at, Op *state, Op *a);
void ir_update(Builder *b, Loc at, Op *state, Op *u);
void ir_store(Builder *b, Loc at, Arg *a, Range *const *range, Op *value);
Op *ir_loop_open(Builder *b, Loc at, Axis *axis, int chunk,
                 bool reverse); /* its ->range is the chunk */
void ir_loop_close(Builder *b, Op *loop);

Range *ir_range(Kernel *k, RangeKind kind, Axis *axis, int n, Op *loop);
const char *dtype_name(Dtype dt);
int dtype_bytes(Dtype dt);

/* -- prune.c ------------------------------------------------------------------------------ */
void ir_check(Kernel *k);                /* mistakes that only the whole body shows */
unsigned char *ir_live(const Kernel *k); /* by Op.id: does an output need it */
void ir_prune(Kernel *k);                /* removes what is not live, and renumbers */
Dtype ir_narrow(const Kernel *k);        /* the 16-bit dtype of its matrices and products */

/* -- affine.c ----------------------------------------------------------------------------- */
/* The loop that may be cut in segments, or NULL with the reason and its line. */
const Op *ir_segment_loop(const Kernel *k, Loc *at, const char **why);

/* -- print.c, verify.c ------------------------------------------------------------------- */
void ir_print(const Kernel *k, Text *out); /* one line an op, indented by region */
void ir_verify(const Kernel *k);           /* bug() on a broken invariant */

#endif
