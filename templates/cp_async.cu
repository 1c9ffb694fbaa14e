// Asynchronous copies from global to shared memory (sm_80 and later). A copy is in flight from
// its issue until its thread waits for its group; other threads see it after a barrier as well.

//@ prim cp_async_16
//@ doc copies the first `bytes` of 16 bytes and zeroes the rest; bytes = 0 reads nothing
//@ needs cp_async
//@ cuda
static __device__ __forceinline__ void cp_async_16(u32 dst, const void *src, int bytes)
{
	asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
	             :: "r"(dst), "l"(src), "r"(bytes));
}
//@ sim
void (*sim_cp_async)(u64, u32, const void *, int, int);
#define cp_async_16(dst, src, bytes) sim_cp_async(SIM_AT, dst, src, 16, bytes)
//@ end

//@ prim cp_async_8
//@ doc copies the first `bytes` of 8 bytes and zeroes the rest; bytes = 0 reads nothing
//@ needs cp_async
//@ cuda
static __device__ __forceinline__ void cp_async_8(u32 dst, const void *src, int bytes)
{
	asm volatile("cp.async.ca.shared.global [%0], [%1], 8, %2;"
	             :: "r"(dst), "l"(src), "r"(bytes));
}
//@ sim
void (*sim_cp_async)(u64, u32, const void *, int, int);
#define cp_async_8(dst, src, bytes) sim_cp_async(SIM_AT, dst, src, 8, bytes)
//@ end

//@ prim cp_async_4
//@ doc copies the first `bytes` of 4 bytes and zeroes the rest; bytes = 0 reads nothing
//@ needs cp_async
//@ cuda
static __device__ __forceinline__ void cp_async_4(u32 dst, const void *src, int bytes)
{
	asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;"
	             :: "r"(dst), "l"(src), "r"(bytes));
}
//@ sim
void (*sim_cp_async)(u64, u32, const void *, int, int);
#define cp_async_4(dst, src, bytes) sim_cp_async(SIM_AT, dst, src, 4, bytes)
//@ end

//@ prim cp_async_commit
//@ doc closes the thread's group of copies
//@ needs cp_async
//@ cuda
static __device__ __forceinline__ void cp_async_commit(void)
{
	asm volatile("cp.async.commit_group;");
}
//@ sim
void (*sim_cp_async_commit)(u64, int);
#define cp_async_commit() sim_cp_async_commit(SIM_AT, sim_site)
//@ end

//@ prim cp_async_wait
//@ doc waits until at most n of the thread's groups are in flight; n is a literal
//@ needs cp_async
//@ cuda
#define cp_async_wait(n) asm volatile("cp.async.wait_group %0;" :: "n"(n) : "memory")
//@ sim
void (*sim_cp_async_wait)(u64, int, int);
#define cp_async_wait(n) sim_cp_async_wait(SIM_AT, sim_site, n)
//@ end
