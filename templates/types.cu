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
/* A run of calls at whose end the lanes meet; see runtime/sim_runs.c. */
int sim_batch;
void (*sim_batch_end)(u64, int);
#define SIM_RUN sim_batch = 1
#define SIM_RUN_END(load) sim_batch_end(SIM_AT, load)
void (*sim_here)(int);
#define SIM_HERE sim_here(__LINE__); /* at a spec line's comment */
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
