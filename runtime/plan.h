/* plan.h -- a kernel made ready to run: traced under its settings, compiled to text, its sizes
 * bound, its tensors shaped. Everything but memory and a device.
 */
#ifndef AZ_PLAN_H
#define AZ_PLAN_H

#include "../codegen/compile.h"
#include "cli.h"
#include "gpu.h"
#include "tensormap.h"

typedef union ParamValue {
	void *ptr;
	uint64_t device;
	int64_t i64;
	int32_t i32;
	float f32;
} ParamValue;

typedef struct Plan {
	Arena *arena;
	Diag *diag;
	Spec *spec;
	Kernel *k;
	Module *m;
	const Gpu *gpu;
	int64_t size[MAX_DIMS]; /* by Axis.id */
	int segs;
	int ntensors; /* = k->nargs, by Arg.id; absent optional arguments have rank 0 and no bytes */
	Tensor tensor[MAX_ARGS];
	float scalar[MAX_ARGS];               /* of rank-0 arguments */
	size_t work_at[MAX_WORK], work_bytes; /* one workspace, buffers 256-byte aligned */
	bool tuned;                           /* a record was found */
} Plan;

/* Where a spec is: a path, or a name under specs/. `shown` is what messages call it. */
const char *plan_spec_path(Diag *d, Arena *a, const char *spec, const char **shown);

/* Traces and binds sizes. Settings in force, first wins: --set, the shapes of --in files, the
 * tuned record, the spec's first smoke entry (run-time sizes only), the spec's defaults. */
Plan *plan_open(Cli *c, const Gpu *gpu, bool need_sizes);
void plan_close(Plan *p); /* the spec; memory belongs to the Cli's arena */

/* Compiles to text and settles segments and workspace. NULL module when stopped by -s; dumps go to
 * stdout. */
void plan_compile(Plan *p, Cli *c);

/* The values of a kernel's parameters, and where they are, in order. */
typedef struct Params {
	ParamValue value[MAX_PARAMS];
	void *at[MAX_PARAMS];
	int nmaps;
	TensorMap map[MAX_MAPS];
} Params;

/* Those of kernel `t`; base[] holds each argument's pointer by Arg.id. `sim`: for the simulator. */
void plan_params(const Plan *p, const KernelText *t, const uint64_t *base, uint64_t work, bool sim,
                 Params *out);
/* Writes the tensor map of parameter q for its argument at `base`. */
void plan_map(const Plan *p, Diag *d, const Param *q, uint64_t base, bool sim, TensorMap *out);

/* "B=1,H=2,N=200,D=16" and the settings in force, for tables and records. */
const char *plan_shape_text(const Plan *p, Arena *a);
const char *plan_settings_text(const Plan *p, Arena *a);
/* Bytes read and written at least once by a launch. */
double plan_bytes(const Plan *p);

#endif
