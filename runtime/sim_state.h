/* sim_state.h -- what the parts of the simulator share while a block runs.
 *
 * A run is spread over worker processes; each runs one block at a time, its threads as fibers, in
 * the one Machine of its process. Only findings, counters, the block counter and the global
 * buffers with their tags lie in memory shared with the parent and the other workers.
 *
 * Order of memory: every thread has a clock, and an access is stamped with it. A barrier gives
 * its threads a new clock, greater than all before, and they have seen everything of each other
 * that is stamped with less. Warp collectives order nothing.
 */
#ifndef AZ_SIM_STATE_H
#define AZ_SIM_STATE_H

#include "sim.h"

typedef uint16_t b16;
typedef uint32_t u32;
typedef uint64_t u64;

enum {
	WARP = 32,
	SMEM_BASE = 1024,   /* window address of dynamic shared memory, as on hardware */
	MAX_THREADS = 1024, /* of a block */
	MAX_WARPS = MAX_THREADS / WARP,
	NBARRIERS = 16,
	MAX_FOUND = 64, /* findings kept by one worker */
	NOBODY = 0xffff,
	GROUP = 128, /* threads of a warpgroup */
	MAX_GROUPS = MAX_THREADS / GROUP,
	NFENCES = 64, /* proxy fences remembered of a thread */
	/* engines: actors beside the threads (sim_order.c) */
	MAX_MBARRIERS = 64,
	ENGINE_WGMMA = MAX_MBARRIERS,
	ENGINE_STORE = ENGINE_WGMMA + MAX_GROUPS,
	MAX_STORERS = 8,
	NENGINES = ENGINE_STORE + MAX_STORERS
};

/* ---- Threads ---- */

typedef enum Wait {
	WAIT_NONE,
	WAIT_BLOCK,
	WAIT_NAMED,
	WAIT_WARP,
	WAIT_MMA,
	WAIT_LDMATRIX,
	WAIT_SHUFFLE,
	WAIT_STMATRIX,
	WAIT_MBARRIER,
	WAIT_WGMMA,
	WAIT_WGMMA_FENCE,
	WAIT_WGMMA_COMMIT,
	WAIT_WGMMA_WAIT,
	WAIT_REGS,
	WAIT_EXITED
} Wait;

/* An asynchronous copy in flight. */
typedef struct Copy {
	u32 dst, group;
	const void *src; /* NULL: nothing to read */
	int size, bytes, line;
} Copy;

/* What a lane asks of its warp in one call: as in the texts (templates/types.cu). */
typedef struct Ask {
	u64 at; /* bit 63: f16 */
	union {
		struct {
			u32 reg[6]; /* a0-a3, b0, b1 */
			float *acc[2];
		} mma;
		struct {
			u32 addr;
			int16_t count, trans;
			u32 *out[4];
		} load;
	};
} Ask;

enum { LOG = 64, LINE = 64 };

/* A lane's own; lanes' n-th lie in different sets of a cache. */
typedef struct LaneLog {
	Ask ask[LOG];
	char apart[LINE];
} LaneLog;

/* The running lane's: where its next goes; end: of a run's, or NULL outside of a run. */
typedef struct Log {
	Ask *next, *end;
} Log;

/* The same without checks, by a warp's first lane for all of them; other lanes write down
 * addresses only. As in the texts. */
typedef struct Note {
	u64 at;      /* bit 63: f16 */
	u32 *reg[6]; /* a load's, or a0-a3, b0, b1 */
	float *acc[2];
	int count, trans; /* 0: a product */
} Note;

enum { NOTES = 256, STACK = 256 << 10 };

typedef struct Notes {
	Note *next, *end;
	u32 *addr;
} Notes;

typedef struct Thread {
	void *sp, *stack;
	char *base; /* what one call keeps in a frame lies as far from any thread's */
	LaneLog *log;
	Note *note; /* of the warp */
	u32 *noted; /* addresses */
	int asked;  /* since the lanes of its warp last met */
	int id, warp, lane;
	Wait wait;
	int barrier; /* WAIT_NAMED */
	u64 at;      /* the primitive it is in, or was in last: call site << 32 | line */
	u64 turn;    /* sim_turn while others run */
	int poll, nan_first, nan_last; /* sim_nan.c: generated lines; 0: none */
	u32 clock, seen_block, seen_warp;
	u32 *seen; /* of every thread of the block; only once a named barrier was used */
	u32 group; /* of copies: the open one */
	Copy *copy;
	int ncopy, capcopy;
	u32 fence[NFENCES]; /* clocks of its proxy fences */
	int nfence;
	u32 reg[6]; /* operands of the collective it waits in */
	float *wgmma_d[2];
	u32 *wgmma_a[4];
	float *acc;
	u32 *out, addr, result;
	int mode, arg;
} Thread;

/* ---- Memory ---- */

/* Stamp of an access; clock 0: none. */
typedef struct Access {
	u32 clock;
	uint16_t thread, line;
} Access;

/* Two bytes of shared memory: the last write, the copy in flight into them, and readers: the last,
 * another of its warp, the last of another warp. Stamps older than the block mean nothing. */
typedef struct Granule {
	Access write, flight, read[3];
} Granule;

/* A grain of a writable global buffer: block + 1, thread, clock within the block; 0: nobody. */
typedef struct Tag {
	u64 write, read;
	uint16_t write_line, read_line;
} Tag;

enum { TAG_CLOCK = 26, TAG_THREAD = 10 };
#define TAG_MANY (1ull << 63) /* a read tag: blocks other than this one read too */

typedef struct Buffer {
	SimBuffer user;
	unsigned char *data;          /* the copy kernels see, between red zones */
	Tag *tag;                     /* writable buffers only */
	const unsigned char *written; /* by two bytes: an earlier launch wrote; or NULL */
	SimElem nan;
	int shift; /* 1 << shift bytes share a tag */
} Buffer;

/* ---- Counting ---- */

/* ASYNC_STORE: a copy's writes to shared memory; ASYNC_LOAD: its reads of global memory. */
typedef enum Traffic {
	SHARED_LOAD,
	SHARED_STORE,
	ASYNC_STORE,
	GLOBAL_LOAD,
	GLOBAL_STORE,
	ASYNC_LOAD
} Traffic;

/* ---- The machine ---- */

/* One per worker, in shared memory. */
typedef struct Report {
	SimCounters counters;
	SimFinding found[MAX_FOUND];
	int nfound, done;
} Report;

typedef struct Index {
	u32 x, y, z;
} Index;

typedef struct Machine {
	void (*entry)(void **);
	void **params;
	Index *thread_index, *block_index; /* variables of the kernel's text */
	u64 *turn, *exp_ops, *mufu_ops;
	Log *log; /* variables of the text */
	Notes *notes;
	bool unchecked;
	int drop_site, min_blocks;
	bool early;
	u64 random; /* 0: warps in order */

	int64_t block;
	int nthreads, nwarps, alive;
	Thread *thread, *cur;
	void *main_sp;
	u32 ready[MAX_WARPS]; /* lanes that can go on */
	int warp_order[MAX_WARPS];
	int arrived_warp[MAX_WARPS], arrived_block, arrived_named[NBARRIERS];
	int arrived_group[MAX_GROUPS];
	u32 *named_seen[NBARRIERS]; /* of those who only arrived; NULL: nobody ever did */
	u64 named_at[NBARRIERS];    /* the last that came */
	struct {
		int thread, threads; /* the first that came, and how many it expects */
	} named_first[NBARRIERS];
	bool abandoned; /* a fatal finding: the block goes no further */

	u32 clock, block_clock;
	bool dense; /* named barriers: Thread.seen counts */

	unsigned char *smem;
	u32 smem_bytes;
	Granule *granule;

	int nbuffer, last_buffer;
	Buffer *buffer;
	const struct SimPlace *place; /* this kernel's shared buffers; NULL: not known */
	int nplaces;
	unsigned char *in_place; /* by 8 bytes of shared memory: some buffer has it */

	volatile u64 calls; /* primitives so far: the watchdog's pulse */
	Report *report;
	SimCounters *line; /* work by generated line, of this worker */
	int nlines;
} Machine;

extern Machine sim_machine;

/* sim_fiber.c */
void *sim_fiber_prepare(void *stack, size_t size, void (*start)(void)); /* gives a stack pointer */
void sim_fiber_switch(void **save, void *to);
void *sim_stack_new(size_t size); /* with a guard page below; aborts when there is no memory */

/* sim_block.c */
void sim_block_run(int64_t block);   /* every thread of a block, to its end or a fatal finding */
void sim_block_init(int nthreads);   /* once per worker */
void sim_yield(void);                /* the current thread has left `ready` */
bool sim_warp_meet(u64 at, Wait w);  /* true in the lane that comes last, which acts for all and */
void sim_warp_go(void);              /* then lets them go */
bool sim_group_meet(u64 at, Wait w); /* the same for a warpgroup */
void sim_group_go(void);
void sim_wait_here(Thread *t, Wait w);
void sim_let_go(Thread *t);
_Noreturn void sim_abandon(void); /* gives up the block */
const char *sim_wait_name(Wait w);
u32 sim_random(void);

/* sim_order.c */
bool sim_ordered(const Access *a, const Thread *t); /* is a before t's present? */
bool sim_fenced(const Access *a, const Thread *t);  /* may an engine that acts for t see a write? */
int sim_engine(int k);
const char *sim_actor(int id);
const char *sim_order_needed(int id); /* before another may touch what it touched */
void sim_dense(void);
u32 *sim_vector(void); /* a clock per actor, all 0 */
void sim_vector_clear(u32 *v);
void sim_release(Thread *t, u32 *v);       /* v learns what t knows and did; t goes on later */
void sim_acquire(Thread *t, const u32 *v); /* t learns what v knows */
/* Threads meet, those for which in(thread, key), and with them what `with` knows (or NULL): what
 * one has seen all have seen. */
void sim_meet(bool (*in)(const Thread *, int), int key, u32 *with);
void sim_meet_engines(void);

/* sim_mbarrier.c */
int sim_mbarrier_for_copy(u64 at, u32 bar, int bytes); /* -1, after a finding: none */
void sim_mbarrier_bytes(int i, int bytes, int line);   /* of the copy of `line` have come */
bool sim_mbarrier_advance(void); /* lands what somebody waits for; false: nothing could be done */
void sim_mbarrier_guard(u64 at, u32 addr, int bytes); /* something is written there */
void sim_mbarrier_begin(void);
void sim_mbarrier_end(void);            /* of the block: checks */
void sim_mbarrier_stuck(SimFinding *f); /* says who waits for what */

/* sim_tma.c */
/* Chunks of 16 bytes change places within a span of `swizzle` bytes (0, 32, 64, 128), by the number
 * of the 128-byte line they lie in: address bits 7.. are added, bit by bit, to those from 4 on. */
static inline u32 sim_swizzle(u32 addr, int swizzle)
{
	return addr ^ (addr >> 3 & ((u32)swizzle - 1) & 0x70 & -(u32)(swizzle > 0));
}
bool sim_tma_land(int mbarrier); /* its copies; false: none was in flight */
void sim_tma_begin(void);
void sim_tma_exit(const Thread *t); /* t returns: checks */
void sim_tma_end(void);

/* sim_origin.c */
typedef struct Origin {
	u32 box, row, column; /* box: as sim_origin_box says, 0: unknown; column: chunk of 16 bytes */
} Origin;
/* A load of a box of `rows` rows of `width` elements; `inner`: its coordinate along a row. */
u32 sim_origin_box(u64 tensor, int inner, int width, int columns, u32 rows, int line);
void sim_origin_begin(void);
void sim_origin_set(u32 addr, Origin o);
void sim_origin_forget(u32 addr, int bytes); /* something else is written there */
/* A product takes the 16 bytes at `next` for those after `here`, down or along a row. */
void sim_origin_check(u64 at, u32 here, u32 next, bool down, const char *what);

/* sim_wgmma.c */
void sim_wgmma_begin(void);
void sim_wgmma_exit(const Thread *t);
void sim_regs_begin(void);
bool sim_regs_advance(void);
void sim_regs_stuck(SimFinding *f);

/* sim_report.c: a new finding to describe, or NULL when it is a repetition or there is no room. */
SimFinding *sim_find(SimKind kind, u64 at);
SimFinding *sim_find_in(Report *r, SimKind kind, int line);
void sim_say(SimFinding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A finding about a byte of shared memory, with "thread 3 of block 0 DOES byte 128": names the
 * buffer, counts from its beginning. */
SimFinding *sim_find_shared(SimKind kind, u64 at, int actor, const char *does, u32 addr);
void sim_places_init(const struct SimPlace *all, const char *kernel);
void sim_watch(void); /* timers and fault handlers of a worker */

/* sim_shared.c */
bool sim_shared_read(Thread *t, u64 at, void *out, u32 addr, int bytes);
bool sim_shared_write(Thread *t, u64 at, u32 addr, const void *v, int bytes);
void sim_shared_reset(void);
void sim_shared_exit(const Thread *t);
/* For engines. `p` gives the place of `bytes` bytes, or NULL after a finding. A read of an even
 * number of bytes by engine `reader` for thread t; a write that begins (its bytes are poisoned
 * unless `early`), and that lands as one of engine `writer`. */
unsigned char *sim_shared_place(u64 at, u32 addr, int bytes, const char *what);
void sim_shared_engine_read(const Thread *t, u64 at, u32 addr, int bytes, Access reader);
void sim_shared_engine_write(const Thread *t, u64 at, u32 addr, int bytes);
void sim_shared_land(u32 addr, const void *data, int bytes, Access writer);

/* sim_count.c: one lane's access; and the end of a stretch in which a warp's lanes were apart. */
void sim_count(Thread *t, u64 at, Traffic kind, int bytes, u64 addr);
void sim_count_copy(Thread *t, u64 at, int bytes, int size, u64 src, u32 dst); /* a copy's reads */
void sim_count_flush(int warp);
void sim_count_block(void); /* at its end: what the text itself counted */
/* Work of any other sort, at a call; also into the totals that `kind` is part of. */
void sim_count_work(u64 at, WorkKind kind, u64 amount);
void sim_count_matrix(u64 at, bool store, const u64 *row); /* 8 rows of 16 bytes */

/* sim_mma.c: the product that the lanes of a warp ask for in entry `i`: of registers a0-a3, b0, b1,
 * added to the accumulators: pairs of rows 0-7 and of rows 8-15. */
void sim_multiply(const LaneLog *lane, int i, bool f16);
/* A register of all lanes: a matrix of 16-bit numbers, row by row. */
typedef union Core {
	u32 reg[WARP]; /* by lane */
	b16 half[8][8];
} Core;
/* The same of such cores: the left operand, widened, and the right one, added to sums of rows 0-7
 * and rows 8-15. */
void sim_cores_left(const Core *const *a, bool f16, double (*wide)[16]);
void sim_cores_multiply(double (*a)[16], const Core *const *b, bool f16, float (*const *sum)[8]);

/* An offset where `bytes` bytes of shared memory are. */
static inline u32 sim_plain_offset(u32 addr, int bytes)
{
	u32 off = addr - SMEM_BASE;

	return off <= sim_machine.smem_bytes && sim_machine.smem_bytes - off >= (u32)bytes ? off : 0;
}

/* sim_plain.c: services. */
void sim_plain_shared_load(u64 at, void *out, u32 addr, int bytes);
void sim_plain_shared_store(u64 at, u32 addr, const void *v, int bytes);
void sim_plain_global_load(u64 at, void *out, const void *p, int bytes);
void sim_plain_global_store(u64 at, void *p, const void *v, int bytes);
void sim_plain_table_load(u64 at, void *out, const void *p, int bytes);
void sim_plain_batch(u64 at, int load);
void sim_plain_wgmma(u64 at, int n, int f16, float *d0, float *d1, u32 *const *a, u64 da, u64 db,
                     int accumulate, int ta, int tb);
void sim_plain_wgmma_fence(u64 at, int site);
void sim_plain_wgmma_commit(u64 at, int site);
void sim_plain_wgmma_wait(u64 at, int site, int n);
void sim_plain_cp_async(u64 at, u32 dst, const void *src, int size, int bytes);
void sim_plain_cp_async_commit(u64 at, int site);
void sim_plain_cp_async_wait(u64 at, int site, int n);

/* sim_nan.c: what the thread computed since the last poll belongs to that one's line. The place of
 * a NaN among `bytes`, or -1. */
void sim_nan_poll(Thread *t, int line);
int sim_nan_find(SimElem kind, const void *v, int bytes);
void sim_nan_say(SimFinding *f, const Thread *t);

/* sim_global.c: reads `bytes` at p, for a copy or a load; false where it may not be read. */
bool sim_global_check(u64 at, const void *p, int bytes, int align, bool store);

/* sim_service.c: binds every service that a loaded text declares. */
void sim_bind(void *lib, bool unchecked);

/* services */
typedef void SimFn(void);
void sim_do_here(int line);
void sim_do_block_sync(u64 at, int site);
void sim_do_warp_sync(u64 at, int site);
void sim_do_named_sync(u64 at, int site, int id, int threads);
u32 sim_do_smem_base(void);
void sim_do_shared_load(u64 at, void *out, u32 addr, int bytes);
void sim_do_shared_store(u64 at, u32 addr, const void *v, int bytes);
void sim_do_global_load(u64 at, void *out, const void *p, int bytes);
void sim_do_global_store(u64 at, void *p, const void *v, int bytes);
void sim_do_table_load(u64 at, void *out, const void *p, int bytes);
void sim_do_cp_async(u64 at, u32 dst, const void *src, int size, int bytes);
void sim_do_cp_async_commit(u64 at, int site);
void sim_do_cp_async_wait(u64 at, int site, int n);
void sim_do_batch(u64 at, int load);
void sim_do_stmatrix(u64 at, u32 addr, u32 r0, u32 r1, u32 r2, u32 r3, int count, int trans);
void sim_do_named_arrive(u64 at, int site, int id, int threads);
void sim_do_mbarrier_init(u64 at, int site, u32 bar, int count);
void sim_do_mbarrier_init_fence(u64 at, int site);
void sim_do_mbarrier_arrive(u64 at, int site, u32 bar, int bytes);
void sim_do_mbarrier_wait(u64 at, int site, u32 bar, int phase);
void sim_do_tma_prefetch(u64 at, const void *map);
void sim_do_tma_load(u64 at, u32 dst, const void *map, u32 bar, int rank, const int *c);
void sim_do_tma_store(u64 at, const void *map, u32 src, int rank, const int *c);
void sim_do_tma_store_commit(u64 at, int site);
void sim_do_tma_store_wait(u64 at, int site, int n, int read);
void sim_do_bulk_load(u64 at, u32 dst, const void *src, int bytes, u32 bar);
void sim_do_proxy_fence(u64 at, int site);
void sim_do_regs(u64 at, int n, int up);
void sim_do_wgmma_fence(u64 at, int site);
void sim_do_wgmma_commit(u64 at, int site);
void sim_do_wgmma_wait(u64 at, int site, int n);
void sim_do_wgmma_hold(u64 at, const void *reg);
void sim_do_wgmma(u64 at, int n, int f16, float *d0, float *d1, u32 *const *a, u64 da, u64 db,
                  int accumulate, int ta, int tb);
u32 sim_do_shfl(u64 at, u32 x, int mode, int arg);
b16 sim_do_f16_round(float x);
float sim_do_f16_widen(b16 x);

#endif
