// Barriers in shared memory (sm_90 and later): an object of 8 bytes counts arrivals and the bytes
// that copies bring. A phase is over when all arrivals and all expected bytes are in; the next one
// begins at once, with the same count. Phases alternate between parity 0, the first, and 1.

//@ prim mbarrier_init
//@ doc a new barrier at `bar`, a multiple of 8: a phase takes `count` arrivals
//@ needs mbarrier
//@ cuda
static __device__ __forceinline__ void mbarrier_init(u32 bar, int count)
{
	asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" :: "r"(bar), "r"(count) : "memory");
}
//@ sim
void (*sim_mbarrier_init)(u64, int, u32, int);
#define mbarrier_init(bar, count) sim_mbarrier_init(SIM_AT, sim_site, bar, count)
//@ end

//@ prim mbarrier_init_fence
//@ doc shows the thread's new barriers to copies in flight; other threads need a barrier as well
//@ needs mbarrier
//@ cuda
static __device__ __forceinline__ void mbarrier_init_fence(void)
{
	asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
	asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}
//@ sim
void (*sim_mbarrier_init_fence)(u64, int);
#define mbarrier_init_fence() sim_mbarrier_init_fence(SIM_AT, sim_site)
//@ end

//@ prim mbarrier_arrive
//@ doc one arrival; what the thread did before is before the end of the phase
//@ needs mbarrier
//@ cuda
static __device__ __forceinline__ void mbarrier_arrive(u32 bar)
{
	asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" :: "r"(bar) : "memory");
}
//@ sim
void (*sim_mbarrier_arrive)(u64, int, u32, int);
#define mbarrier_arrive(bar) sim_mbarrier_arrive(SIM_AT, sim_site, bar, 0)
//@ end

//@ prim mbarrier_expect
//@ doc one arrival, after which the phase takes `bytes` more bytes of copies
//@ needs mbarrier
//@ cuda
static __device__ __forceinline__ void mbarrier_expect(u32 bar, int bytes)
{
	asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;"
	             :: "r"(bar), "r"(bytes) : "memory");
}
//@ sim
void (*sim_mbarrier_arrive)(u64, int, u32, int);
#define mbarrier_expect(bar, bytes) sim_mbarrier_arrive(SIM_AT, sim_site, bar, bytes)
//@ end

//@ prim mbarrier_wait
//@ doc waits until the phase of this parity is over; the one before the first is over
//@ needs mbarrier
//@ cuda
static __device__ __forceinline__ void mbarrier_wait(u32 bar, int phase)
{
	asm volatile("{\n"
	             ".reg .pred over;\n"
	             "AGAIN:\n"
	             "mbarrier.try_wait.parity.shared::cta.b64 over, [%0], %1;\n"
	             "@!over bra AGAIN;\n"
	             "}" :: "r"(bar), "r"(phase) : "memory");
}
//@ sim
void (*sim_mbarrier_wait)(u64, int, u32, int);
#define mbarrier_wait(bar, phase) sim_mbarrier_wait(SIM_AT, sim_site, bar, phase)
//@ end
