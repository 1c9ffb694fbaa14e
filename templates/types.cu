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
typedef struct SimIndex { u32 x, y, z; } SimIndex;
SimIndex threadIdx, blockIdx, blockDim, gridDim; /* set by the simulator at every switch */
u64 sim_exp_ops;
int sim_site;
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
