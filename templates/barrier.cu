// Barriers. Only these order memory between threads.

//@ prim block_sync
//@ doc every thread of the block arrives before any leaves; orders their memory
//@ cuda
static __device__ __forceinline__ void block_sync(void)
{
	__syncthreads();
}
//@ sim
void (*sim_block_sync)(u64, int);
#define block_sync() sim_block_sync(SIM_AT, sim_site)
//@ end

//@ prim warp_sync
//@ doc the 32 lanes of a warp meet; orders their memory
//@ cuda
static __device__ __forceinline__ void warp_sync(void)
{
	__syncwarp();
}
//@ sim
void (*sim_warp_sync)(u64, int);
#define warp_sync() sim_warp_sync(SIM_AT, sim_site)
//@ end

//@ prim named_sync
//@ doc barrier `id` (1..15) for `threads` threads, whole warps
//@ cuda
static __device__ __forceinline__ void named_sync(int id, int threads)
{
	asm volatile("bar.sync %0, %1;" :: "r"(id), "r"(threads) : "memory");
}
//@ sim
void (*sim_named_sync)(u64, int, int, int);
#define named_sync(id, threads) sim_named_sync(SIM_AT, sim_site, id, threads)
//@ end

//@ prim named_arrive
//@ doc comes to barrier `id` and goes on; what the thread did before is before those who wait leave
//@ cuda
static __device__ __forceinline__ void named_arrive(int id, int threads)
{
	asm volatile("bar.arrive %0, %1;" :: "r"(id), "r"(threads) : "memory");
}
//@ sim
void (*sim_named_arrive)(u64, int, int, int);
#define named_arrive(id, threads) sim_named_arrive(SIM_AT, sim_site, id, threads)
//@ end

//@ prim scheduler_fence
//@ doc ends a basic block: ptxas moves no wait for products up across it, and no load down; never: false, if unknown to it
//@ cuda
static __device__ __forceinline__ void scheduler_fence(int never)
{
	if (never)
		__nanosleep(0);
}
//@ sim
#define scheduler_fence(never) ((void)(never))
//@ end

//@ prim compiler_fence
//@ doc keeps the compiler from moving memory accesses across; no instruction
//@ cuda
#define compiler_fence() asm volatile("" ::: "memory")
//@ sim
#define compiler_fence() ((void)0)
//@ end
