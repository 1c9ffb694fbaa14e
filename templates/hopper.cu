// What else Hopper has (sm_90a).

//@ prim regs_raise
//@ doc the warpgroup's threads may use n registers, a multiple of 8 in 24 .. 256; waits until they are free; n is a literal
//@ needs setmaxnreg
//@ cuda
#define regs_raise(n) asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" :: "n"(n))
//@ sim
void (*sim_regs)(u64, int, int);
#define regs_raise(n) sim_regs(SIM_AT, n, 1)
//@ end

//@ prim regs_lower
//@ doc the warpgroup's threads give back registers beyond n, a multiple of 8 in 24 .. 256; n is a literal
//@ needs setmaxnreg
//@ cuda
#define regs_lower(n) asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" :: "n"(n))
//@ sim
void (*sim_regs)(u64, int, int);
#define regs_lower(n) sim_regs(SIM_AT, n, -1)
//@ end

//@ prim proxy_fence
//@ doc shows what the thread wrote to shared memory to products and bulk copies; other threads need a barrier as well
//@ needs mbarrier
//@ cuda
static __device__ __forceinline__ void proxy_fence(void)
{
	asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}
//@ sim
void (*sim_proxy_fence)(u64, int);
#define proxy_fence() sim_proxy_fence(SIM_AT, sim_site)
//@ end

//@ prim grid_wait
//@ doc waits until the launch before this one has ended, if this one was let begin early
//@ needs mbarrier
//@ cuda
static __device__ __forceinline__ void grid_wait(void)
{
	asm volatile("griddepcontrol.wait;" ::: "memory");
}
//@ sim
#define grid_wait() ((void)0)
//@ end

//@ prim grid_launch
//@ doc lets the launch after this one begin
//@ needs mbarrier
//@ cuda
static __device__ __forceinline__ void grid_launch(void)
{
	asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
}
//@ sim
#define grid_launch() ((void)0)
//@ end
