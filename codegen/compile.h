/* compile.h -- from a traced kernel to CUDA text: the compiler's one entry.
 *
 * The text is the same for the GPU and the simulator; only the primitives at its top differ
 * (templates/): `text_cuda` carries their PTX, `text_sim` their meaning in C.
 */
#ifndef AZ_COMPILE_H
#define AZ_COMPILE_H

#include "ir.h"

/* What the compiler may know of a GPU: features and limits, never a name. From specs/gpus. */
typedef struct GpuTarget {
	char arch[16]; /* "sm_80", "sm_90a": the NVRTC/nvcc architecture */
	int sms;
	int smem_block; /* bytes a block may use (opt-in maximum) */
	int smem_sm;    /* bytes an SM has for blocks */
	int regs_sm, regs_thread;
	int threads_sm;
	bool mma_sync, cp_async, wgmma, tma, mbarrier, setmaxnreg, stmatrix, cluster;
	double dram_gbs, l2_mb, clock_ghz;
	double tensor_tflops;  /* dense bf16, fp32 accumulation */
	double mma_sync_share; /* of tensor_tflops that mma.sync reaches */
} GpuTarget;

typedef enum ParamKind {
	PARAM_ARG,    /* pointer to argument `arg` (NULL when optional and absent) */
	PARAM_STRIDE, /* i64: elements between neighbours of axis `axis` (position) of argument `arg` */
	PARAM_SIZE,   /* i32: size of axis `axis` (Axis.id) */
	PARAM_SCALAR, /* rank-0 argument by value (f32 or i32) */
	PARAM_WORK,   /* pointer into the workspace: buffer `work` */
	PARAM_SEGS,   /* i32: number of segments */
	PARAM_MAP     /* tensor map of argument `arg`, by value */
} ParamKind;

/* How the bulk copy engine boxes an argument. Dimensions innermost first. */
enum { MAX_MAP_RANK = 5 };
typedef struct MapText {
	int rank;
	int axis[MAX_MAP_RANK]; /* which of the argument's axes */
	int box[MAX_MAP_RANK];
	int swizzle; /* bytes */
} MapText;

typedef struct Param {
	ParamKind kind;
	int arg, axis, work;
	Dtype dtype;
	const char *name;
	const MapText *map; /* PARAM_MAP */
} Param;

/* A factor of a launch size or a buffer size. */
typedef struct Factor {
	enum { FACTOR_CONST, FACTOR_AXIS, FACTOR_SEGS } kind;
	int axis;      /* FACTOR_AXIS: Axis.id; contributes ceil(size / div) */
	int64_t value; /* FACTOR_CONST: the value; FACTOR_AXIS: div; FACTOR_SEGS: segments - value */
} Factor;

/* Tensor maps have 128 bytes each; parameters 4 KB in all. */
enum { MAX_PARAMS = 128, MAX_MAPS = 16, MAX_FACTORS = 8, MAX_KERNELS = 4, MAX_WORK = 16 };

typedef struct KernelText {
	const char *name; /* extern "C" symbol */
	int nparams, nfactors;
	Param param[MAX_PARAMS];
	Factor grid[MAX_FACTORS]; /* blocks = product, 1-D grid */
	int threads, smem;        /* per block; smem is dynamic */
	int cluster;              /* neighbouring blocks to place together; 1: as they come */
	int min_blocks;           /* that an SM is to hold at once */
	int most;                 /* blocks, which then take the programs in turns; 0: one each */
	int from_segs;            /* launched when there are at least as many segments */
} KernelText;

typedef struct WorkBuffer {
	const char *name;
	int elem_bytes;
	int nfactors;
	Factor size[MAX_FACTORS]; /* elements = product */
} WorkBuffer;

/* A module: kernels launched in order on one stream. */
typedef struct Module {
	const Kernel *k;
	char arch[16];
	const char *text_cuda; /* standalone: header comment, primitives, kernels */
	const char *text_sim;  /* C for the simulator; exports `const SimModule sim_module` */
	int nkernels, nwork;
	KernelText kernel[MAX_KERNELS];
	WorkBuffer work[MAX_WORK];
	/* segments: the axis that is cut, and its chunk; 0 when the module is one pass */
	int seg_axis, seg_chunk;
	double redundancy;    /* cost_redundancy: 1 is none */
	double by_groups;     /* the part of the products' work that warpgroups do, 0 to 1 */
	const char *schedule; /* "onepass" or "segmented" */
} Module;

typedef struct CompileOptions {
	const char *dump;     /* pass name to print after, or NULL */
	const char *stop;     /* pass name to stop after, or NULL */
	const char *schedule; /* "auto", "onepass" or "segmented" */
	int align;         /* bytes that base pointers and row strides are multiples of: 16, 8, 4, 2 */
	bool fast_strides; /* reserved */
	int segments;      /* how many the caller will launch; 0: as module_segments says */
	const int64_t
	    *axis_size; /* by Axis.id, for "auto"; NULL or zeros: not known, which means one pass */
} CompileOptions;

/* Throws through k->diag; the module lives in k->arena; NULL when stopped by `stop`. */
Module *compile_module(Kernel *k, const GpuTarget *g, const CompileOptions *o, Text *dump);

/* Number of segments for these sizes on this GPU (1 for one pass); by the module's own grid. */
int module_segments(const Module *m, const GpuTarget *g, const int64_t *axis_size);
/* Whether `out` may lie where an input of the same shape does: each element is then read before it
 * is written, by the program that writes it. Not so where segments, or the parts of a divided axis,
 * read what one of them writes. */
bool module_in_place(const Module *m, int segs, const Arg *out);
/* 0: the kernel is not launched. */
int64_t module_programs(const KernelText *t, const int64_t *axis_size, int segs);
int64_t module_blocks(const KernelText *t, const int64_t *axis_size, int segs);
int64_t module_work_elems(const WorkBuffer *w, const int64_t *axis_size, int segs);

#endif
