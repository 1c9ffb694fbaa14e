/* sim.h -- the simulator: runs the generated text on the CPU and says what is wrong with it.
 *
 * sim_load compiles Module.text_sim with the host C compiler into a shared object and opens it.
 * sim_run executes one kernel: every block, its threads as fibers, warp collectives as
 * rendezvous of 32 fibers, cp.async landing as late as is legal (destination NaN-poisoned until
 * then). Findings are de-duplicated by (kind, spec line), most important first.
 */
#ifndef AZ_SIM_H
#define AZ_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../codegen/diag.h"

typedef struct Sim Sim;

/* A global buffer a kernel may touch. Reads of bytes never written are findings unless
 * `initialised`; accesses outside any buffer, or past its end, are findings. */
typedef struct SimBuffer {
	const char *name;
	void *data;
	size_t bytes;
	bool writable, initialised;
} SimBuffer;

typedef enum SimElem { SIM_BYTES, SIM_F32, SIM_F16, SIM_BF16 } SimElem;

/* What else may be said of a buffer. */
typedef struct SimMore {
	SimElem nan;            /* a NaN of this kind stored is a finding; SIM_BYTES: never */
	unsigned char *written; /* [bytes / 2 + 1], or NULL: pairs of bytes that earlier launches wrote
	                           are not 0; this one adds its own */
	int grain; /* bytes of its elements, 2 or more: nothing smaller is read or written */
} SimMore;

/* clang-format off */
/* What can be wrong, most important first: its name in messages. */
#define SIM_KINDS(X) \
	X(DEADLOCK,  "deadlock") \
	X(MBARRIER,  "wrong use of an mbarrier") /* counts, bytes, initialisation */ \
	X(DIVERGENT, "divergence") \
	X(RACE,      "race") \
	X(BOUNDS,    "out of bounds") \
	X(ALIGN,     "misaligned access") \
	X(UNINIT,    "uninitialised read") \
	X(READONLY,  "write to input") \
	X(PENDING,   "missing wait") /* a copy or product read, or left, before its wait */ \
	X(FENCE,     "missing fence") /* of proxies, or of wgmma */ \
	X(OPERAND,   "register in use") /* touched while a product in flight owns it */ \
	X(MAP,       "wrong map") /* tensor map, matrix descriptor or register budget */ \
	X(NAN,       "NaN")

/* What is counted: name, the total that it is also part of, what one of it is. Bytes are those
 * asked for, by a warp at once each byte once; sectors are of 32 bytes; wavefronts of 32 banks;
 * conflicts are wavefronts beyond the least possible; mma, wgmma and shuffles by warp [group],
 * exp_ops and mufu_ops by lane, barriers by those that meet. tensor_flops: 2 m n k by the
 * instruction's shape. tma_fill_bytes: what a box holds beyond the tensor; wgmma_shared_bytes: the
 * operands that descriptors name, once a warpgroup. */
#define SIM_WORK(X) \
	X(global_load_bytes,      none) \
	X(global_store_bytes,     none) \
	X(cp_async_bytes,         async_bytes) \
	X(tma_load_bytes,         async_bytes) \
	X(tma_store_bytes,        async_bytes) \
	X(tma_fill_bytes,         none) \
	X(async_bytes,            none) \
	X(global_load_sectors,    global_sectors) \
	X(global_store_sectors,   global_sectors) \
	X(async_sectors,          global_sectors) \
	X(tma_load_sectors,       global_sectors) \
	X(tma_store_sectors,      global_sectors) \
	X(global_sectors,         none) \
	X(shared_load_waves,      shared_wavefronts) \
	X(shared_store_waves,     shared_wavefronts) \
	X(matrix_load_waves,      shared_wavefronts) \
	X(matrix_store_waves,     shared_wavefronts) \
	X(async_waves,            shared_wavefronts) \
	X(shared_wavefronts,      none) \
	X(shared_load_conflicts,  shared_conflicts) \
	X(shared_store_conflicts, shared_conflicts) \
	X(matrix_conflicts,       shared_conflicts) \
	X(async_conflicts,        shared_conflicts) \
	X(shared_conflicts,       none) \
	X(mma_bf16,               mma) \
	X(mma_f16,                mma) \
	X(mma,                    none) \
	X(wgmma_bf16,             wgmma) \
	X(wgmma_f16,              wgmma) \
	X(wgmma,                  none) \
	X(wgmma_shared_bytes,     none) \
	X(tensor_flops,           none) \
	X(exp_ops,                mufu_ops) \
	X(mufu_ops,               none) \
	X(shuffles,               none) \
	X(barriers,               none) \
	X(mbarrier_ops,           none)
/* clang-format on */

typedef enum SimKind {
#define ROW(id, name) SIM_##id,
	SIM_KINDS(ROW)
#undef ROW
	    NSIMKINDS
} SimKind;

typedef enum WorkKind {
#define ROW(id, total) WORK_##id,
	SIM_WORK(ROW)
#undef ROW
	    NWORKKINDS,
	WORK_none = NWORKKINDS
} WorkKind;

typedef struct SimFinding {
	SimKind kind;
	int line;        /* of the generated text */
	char spec[128];  /* "copy.lua:21", or "" */
	char buffer[48]; /* the buffer's name, or "" */
	char text[512];  /* "copy.lua:21: race on k_s: thread 3 of block 0 reads ... [line 97]" */
	long count;
} SimFinding;

/* An array of NWORKKINDS numbers with names. */
typedef struct SimCounters {
#define ROW(id, total) uint64_t id;
	SIM_WORK(ROW)
#undef ROW
} SimCounters;

typedef struct SimOptions {
	uint64_t seed; /* of the warp order; 0: in order */
	bool early;    /* asynchronous copies land as early as possible instead */
	int threads;   /* host worker processes or threads; 0: as many as cores */
	int drop_site; /* mutation: skip the synchronising primitive call with this number; -1: none */
	SimCounters *lines;  /* by generated line, sim_lines of them, added to; NULL: not wanted */
	const SimMore *more; /* of each buffer; or NULL */
	bool unchecked;      /* no checks, no counts: several times as fast, the same results */
} SimOptions;

enum { SIM_MAX_FINDINGS = 32 };

typedef struct SimResult {
	int nfindings;
	SimFinding finding[SIM_MAX_FINDINGS];
	SimCounters counters;
	double seconds, core_seconds; /* by the wall; of all workers together */
} SimResult;

/* `text` is Module.text_sim: primitives, kernels, and at its end for each kernel
 *     static void NAME_entry(void **a) { NAME(*(TYPE *)a[0], ...); }
 *     const SimEntry sim_entries[] = { { "NAME", NAME_entry }, { 0, 0 } };
 * and, if findings are to name shared buffers (offset, bytes of a stage, stages),
 *     const SimPlace sim_places[] = { { "NAME", "k_s", 0, 4096, 2 }, { 0, 0, 0, 0, 0 } };
 * A comment "// name.lua:21" gives its line and those below it their place in the spec. Throws: no
 * host compiler (ST_ENV). `cache` is a folder for the compiled object, keyed by the text's hash;
 * NULL: none. */
Sim *sim_load(Diag *d, const char *text, const char *cache);
/* For a run of about so many operations: a longer compilation where it pays; without checks or
 * with, which SimOptions then says too. */
Sim *sim_load_for(Diag *d, const char *text, const char *cache, double work, bool unchecked);
void sim_free(Sim *s);
/* Sites that can be dropped in this text (barriers, waits, commits). */
int sim_sites(const Sim *s);
/* One more than the text's last line. And a line's place in the spec: "copy.lua:21", or "". */
int sim_lines(const Sim *s);
const char *sim_spec_line(const Sim *s, int line);
/* One launch of kernel `name` over `blocks` blocks. params[i] points to the i-th parameter. */
void sim_run(Sim *s, Diag *d, const char *name, int64_t blocks, int threads, int smem,
             void **params, int nbuf, const SimBuffer *buf, const SimOptions *o, SimResult *out);

#endif
