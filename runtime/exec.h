/* exec.h -- a plan on a device: memory, inputs, launches, outputs. The device is the GPU through
 * the driver, or the simulator.
 */
#ifndef AZ_EXEC_H
#define AZ_EXEC_H

#include "driver.h"
#include "nvrtc.h"
#include "plan.h"
#include "sim.h"

typedef struct Exec {
	Plan *plan;
	Cli *cli;
	bool gpu;
	/* GPU */
	Cubin *cubin;
	DeviceModule module;
	DeviceFunction function[MAX_KERNELS];
	/* simulator */
	Sim *sim;
	void *work_host;
	SimResult result;                /* of all launches so far; counters of the first run */
	SimCounters kernel[MAX_KERNELS]; /* each kernel's, and each by generated line: */
	SimCounters *lines;              /* [MAX_KERNELS][sim_lines] */
	bool nan_given;                  /* some input holds a NaN */
	unsigned char *written[MAX_ARGS + MAX_WORK]; /* SimMore.written, between kernels */
	/* both: each argument's address by Arg.id, and the workspace's */
	uint64_t base[MAX_ARGS], work;
} Exec;

/* Compiles (or finds in the cache) and loads; no memory yet. */
void exec_load(Exec *x, Plan *p, Cli *c, bool gpu);
/* Allocates everything and gives the inputs their values. */
void exec_fill(Exec *x);
/* Poisons outputs and workspace, launches every kernel in order, waits, brings outputs that are
 * small enough back to the host. */
void exec_run(Exec *x, uint64_t sim_seed, bool early);
/* Launches only (GPU), no wait. */
void exec_launch(Exec *x, const uint64_t *base, DeviceStream stream);
/* `n` elements of the output's last axis, from the host copy or the device. */
void exec_row(Exec *x, const Tensor *t, const int64_t *index, int n, double *out);
void exec_close(Exec *x);

/* Values for one tensor straight into device memory. */
void exec_fill_device(Exec *x, Tensor *t, DevicePtr to);

#endif
