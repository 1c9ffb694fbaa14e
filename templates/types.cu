// Names every other primitive uses. Always first in a text.

//@ prim types
//@ doc
//@ cuda
typedef unsigned short b16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;
//@ sim
typedef unsigned short b16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;
typedef struct SimEntry { const char *name; void (*run)(void **); int min_blocks; } SimEntry;
typedef struct SimPlace { const char *kernel, *name; int offset, bytes, stages; } SimPlace;
typedef struct SimIndex { u32 x, y, z; } SimIndex;
SimIndex threadIdx, blockIdx, blockDim, gridDim; /* set by the simulator at every switch */
u64 *sim_exp_ops, *sim_mufu_ops; /* by generated line: 2^x; what else the same unit does */
int sim_site;
static const int sim_line = 0; /* in a primitive made of others: the line that uses it */
#define SIM_LINE (sim_line ? sim_line : __LINE__)
/* In which turn of which loops the thread is; see runtime/sim_turns.c. */
u64 sim_turn;
#define SIM_LOOP \
	for (u64 sim_up = sim_turn, sim_in = (sim_turn = (sim_turn + __LINE__) * 0xd1342543de82ef95u, 1); \
	     sim_in; sim_in = 0, sim_turn = sim_up)
#define SIM_TURN sim_turn += 0x9e3779b97f4a7c15u,
/* What a lane asks of its warp: products, or loads of matrices. Done, in order, when the lanes meet:
 * at once, or at the end of a run of such calls; see runtime/sim_batch.c and sim_runs.c. */
typedef struct SimAsk {
	u64 at;
	union {
		struct { u32 reg[6]; float *acc[2]; } mma;
		struct { u32 addr; short count, trans; u32 *out[4]; } load;
	};
} SimAsk;
struct { SimAsk *next, *end; } sim_log;
void (*sim_batch)(u64, int);
void (*sim_wgmma)(u64, int, int, float *, float *, u32 *const *, u64, u64, int, int, int);
/* Without checks a warp's first lane writes down for all where in its frame their registers are, and
 * so does a warpgroup's first thread; see runtime/sim_cores.c and sim_asked.c. */
typedef struct SimNote {
	u64 at;
	u32 *reg[6];
	float *acc[2];
	int count, trans; /* a load's; 0: a product */
} SimNote;
struct { SimNote *next, *end; u32 *addr; } sim_notes;
/* Others' registers are changed too. That an address is given away at all is enough for gcc. */
#ifdef __clang__
#define SIM_ESCAPE(p) __asm__ volatile("" : : "r"(p) : "memory")
#else
#define SIM_ESCAPE(p) ((void)0)
#endif
#ifdef SIM_PLAIN
const int sim_plain = 1;
#define SIM_CHECK(x) ((void)0)
/* In a run operands are places, else values, done with at once. */
#define SIM_AS_IS(x) ((u32 *)(u64)(x))
#define SIM_REG(x) _Generic((x), u32 *: SIM_AS_IS(x), const u32 *: SIM_AS_IS(x), default: (u32[]){ (u32)(u64)(x) })
static inline __attribute__((always_inline)) void sim_mma(u64 at, float *d0, float *d1, u32 *a0, u32 *a1,
                                                          u32 *a2, u32 *a3, u32 *b0, u32 *b1, u64 f16)
{
	SimNote *q = sim_notes.next++;
	SIM_ESCAPE(d0); SIM_ESCAPE(d1);
	SIM_ESCAPE(a0); SIM_ESCAPE(a1); SIM_ESCAPE(a2); SIM_ESCAPE(a3);
	SIM_ESCAPE(b0); SIM_ESCAPE(b1);
	if (threadIdx.x % 32 == 0)
		*q = (SimNote){ at | f16 << 63, { a0, a1, a2, a3, b0, b1 }, { d0, d1 } };
	if (sim_notes.next >= sim_notes.end) sim_batch(at, 0);
}
static inline __attribute__((always_inline)) void sim_ldmatrix(u64 at, u32 *r0, u32 *r1, u32 *r2, u32 *r3,
                                                               u32 addr, int count, int trans)
{
	SimNote *q = sim_notes.next++;
	SIM_ESCAPE(r0); SIM_ESCAPE(r1); SIM_ESCAPE(r2); SIM_ESCAPE(r3);
	*sim_notes.addr++ = addr;
	if (threadIdx.x % 32 == 0)
		*q = (SimNote){ at, { r0, r1, r2, r3 }, {}, count, trans };
	if (sim_notes.next >= sim_notes.end) sim_batch(at, 1);
}
static inline __attribute__((always_inline)) void sim_group_mma(
	u64 at, int n, int f16, float *d0, float *d1, u32 *const *a, u64 da, u64 db, int accumulate, int ta, int tb)
{
	SIM_ESCAPE(d0); SIM_ESCAPE(d1);
	for (int i = 0; a && i < 4; i++) SIM_ESCAPE(a[i]);
	if (threadIdx.x % 128 == 0)
		sim_wgmma(at, n, f16, d0, d1, a, da, db, accumulate, ta, tb);
}
#define SIM_RUN sim_notes.end = sim_notes.next + 256
#define SIM_RUN_END(load) (sim_notes.end = 0, sim_batch(SIM_AT, load))
#else
const int sim_plain = 0;
#define SIM_CHECK(x) (x)
#define SIM_REG(x) (x)
#define sim_group_mma sim_wgmma
static inline __attribute__((always_inline)) void sim_mma(u64 at, float *d0, float *d1, u32 a0, u32 a1,
                                                          u32 a2, u32 a3, u32 b0, u32 b1, u64 f16)
{
	SimAsk *q = sim_log.next++;
	q->at = at | f16 << 63;
	q->mma.reg[0] = a0; q->mma.reg[1] = a1; q->mma.reg[2] = a2; q->mma.reg[3] = a3;
	q->mma.reg[4] = b0; q->mma.reg[5] = b1;
	q->mma.acc[0] = d0; q->mma.acc[1] = d1;
	if (sim_log.next >= sim_log.end) sim_batch(at, 0);
}
static inline __attribute__((always_inline)) void sim_ldmatrix(u64 at, u32 *r0, u32 *r1, u32 *r2, u32 *r3,
                                                               u32 addr, int count, int trans)
{
	SimAsk *q = sim_log.next++;
	q->at = at;
	q->load.addr = addr; q->load.count = count; q->load.trans = trans;
	q->load.out[0] = r0; q->load.out[1] = r1; q->load.out[2] = r2; q->load.out[3] = r3;
	if (sim_log.next >= sim_log.end) sim_batch(at, 1);
}
#define SIM_RUN sim_log.end = sim_log.next + 64
#define SIM_RUN_END(load) (sim_log.end = 0, sim_batch(SIM_AT, load))
#endif
void (*sim_here)(int);
#define SIM_HERE SIM_CHECK(sim_here(__LINE__)); /* at a spec line's comment */
#define SIM_AT ((u64)__COUNTER__ << 32 | __LINE__) /* call site and generated line */
#define __global__
#define __device__
#define __constant__ const
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __grid_constant__
#define __grid_constant__
#define bool _Bool
#define true 1
#define false 0
float fminf(float, float), fmaxf(float, float), fabsf(float), fmaf(float, float, float);
float exp2f(float), log2f(float), sqrtf(float);
//@ end
