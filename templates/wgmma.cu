// Matrix products of a warpgroup, 128 threads, in the background (sm_90a): the right operand, and the
// left one if so wished, lie in shared memory. From its issue until a wait retires it, a product owns
// its accumulators and its operands in registers and in shared memory.
//
// A family stands for a primitive per TYPE and per number of columns N. Its text is kept with
// $(expression) for what depends on these; "list" repeats the line after it.

//@ prim wgmma_fence
//@ doc registers written before it may be used by products after it
//@ needs wgmma
//@ cuda
static __device__ __forceinline__ void wgmma_fence(void)
{
	asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}
//@ sim
void (*sim_wgmma_fence)(u64, int);
#define wgmma_fence() sim_wgmma_fence(SIM_AT, sim_site)
//@ end

//@ prim wgmma_commit
//@ doc closes the warpgroup's group of products
//@ needs wgmma
//@ cuda
static __device__ __forceinline__ void wgmma_commit(void)
{
	asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
//@ sim
void (*sim_wgmma_commit)(u64, int);
#define wgmma_commit() sim_wgmma_commit(SIM_AT, sim_site)
//@ end

//@ prim wgmma_wait
//@ doc waits until at most n of the warpgroup's groups are in flight; n is a literal
//@ needs wgmma
//@ cuda
#define wgmma_wait(n) asm volatile("wgmma.wait_group.sync.aligned %0;" :: "n"(n) : "memory")
//@ sim
void (*sim_wgmma_wait)(u64, int, int);
#define wgmma_wait(n) sim_wgmma_wait(SIM_AT, sim_site, n)
//@ end

//@ prim wgmma_hold_f32
//@ doc keeps a register where it is across a wait; no instruction
//@ needs wgmma
//@ cuda
static __device__ __forceinline__ void wgmma_hold_f32(float *x)
{
	asm volatile("" : "+f"(*x) :: "memory");
}
//@ sim
void (*sim_wgmma_hold)(u64, const void *);
#define wgmma_hold_f32(x) SIM_CHECK(sim_wgmma_hold(SIM_AT, x))
//@ end

//@ prim wgmma_replace_b32
//@ doc x, which a product in flight has read until now, becomes y; none: 0, if unknown to ptxas (CUDA 13.0), which would otherwise make y in x's place before
//@ needs wgmma
//@ cuda
static __device__ __forceinline__ void wgmma_replace_b32(u32 *x, u32 none, u32 y)
{
	asm("lop3.b32 %0, %0, %1, %2, 0xea;" : "+r"(*x) : "r"(none), "r"(y));
}
//@ sim
#define wgmma_replace_b32(x, none, y) (*(x) = (y) | (none))
//@ end

//@ prim wgmma_hold_b32
//@ doc keeps a register where it is across a wait; no instruction
//@ needs wgmma
//@ cuda
static __device__ __forceinline__ void wgmma_hold_b32(u32 *x)
{
	asm volatile("" : "+r"(*x) :: "memory");
}
//@ sim
void (*sim_wgmma_hold)(u64, const void *);
#define wgmma_hold_b32(x) SIM_CHECK(sim_wgmma_hold(SIM_AT, x))
//@ end

//@ prim wgmma_desc
//@ doc names a matrix in shared memory: address and offsets in bytes, swizzle 0, 32, 64 or 128; + (bytes >> 4) moves it
//@ needs wgmma
//@ cuda
static __device__ __forceinline__ u64 wgmma_desc(u32 addr, int leading, int stride, int swizzle)
{
	const u64 mode = swizzle == 128 ? 1 : swizzle == 64 ? 2 : swizzle == 32 ? 3 : 0;

	return (addr & 0x3ffff) >> 4 | (u64)(leading >> 4) << 16 | (u64)(stride >> 4) << 32 | mode << 62;
}
//@ sim
static inline u64 wgmma_desc(u32 addr, int leading, int stride, int swizzle)
{
	const u64 mode = swizzle == 128 ? 1 : swizzle == 64 ? 2 : swizzle == 32 ? 3 : 0;

	return (addr & 0x3ffff) >> 4 | (u64)(leading >> 4) << 16 | (u64)(stride >> 4) << 32 | mode << 62;
}
//@ end

//@ prim wgmma_desc_move
//@ doc the matrix that begins `start` bytes later and whose panels lie `leading` bytes further apart
//@ needs wgmma
//@ cuda
static __device__ __forceinline__ u64 wgmma_desc_move(u64 desc, int start, int leading)
{
	return desc + (u64)(start / 16 + (i64)(leading / 16) * 65536);
}
//@ sim
static inline u64 wgmma_desc_move(u64 desc, int start, int leading)
{
	return desc + (u64)(start / 16 + (i64)(leading / 16) * 65536);
}
//@ end

//@ prim wgmma_$(TYPE)_rs_n$(N)
//@ for TYPE bf16 f16
//@ for N 8 16 .. 256
//@ doc d[64][$(N)] (+)= a[64][16] b[16][$(N)]; d0 and d1 are the pairs of rows g and g + 8, a0 .. a3 the cores of the warp's rows
//@ needs wgmma
//@ cuda
#define wgmma_$(TYPE)_rs_n$(N)(d0, d1, a0, a1, a2, a3, b, accumulate, trans_b) \
	asm volatile("{\n" \
	             ".reg .pred add;\n" \
	             "setp.ne.b32 add, %$(N / 2 + 5), 0;\n" \
	             "wgmma.mma_async.sync.aligned.m64n$(N)k16.f32.$(TYPE).$(TYPE) {" \
//@ list j < N / 8
	             "%$(4 * j), %$(4 * j + 1), %$(4 * j + 2), %$(4 * j + 3), " \
	             "}, {%$(N / 2), %$(N / 2 + 1), %$(N / 2 + 2), %$(N / 2 + 3)}, " \
	             "%$(N / 2 + 4), add, 1, 1, %$(N / 2 + 6);\n" \
	             "}" \
	             : \
//@ list j < N / 8
	             "+f"((d0)[$(j)][0]), "+f"((d0)[$(j)][1]), "+f"((d1)[$(j)][0]), "+f"((d1)[$(j)][1]), \
	             : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "l"(b), "r"((int)(accumulate)), "n"(trans_b))
//@ sim
#define SIM_bf16 0
#define SIM_f16 1
#define wgmma_$(TYPE)_rs_n$(N)(d0, d1, a0, a1, a2, a3, b, accumulate, trans_b) \
	sim_group_mma(SIM_AT, $(N), SIM_$(TYPE), &(d0)[0][0], &(d1)[0][0], \
	              (u32 *const[]){ &(a0), &(a1), &(a2), &(a3) }, 0, b, accumulate, 0, trans_b)
//@ end

//@ prim wgmma_$(TYPE)_ss_n$(N)
//@ for TYPE bf16 f16
//@ for N 8 16 .. 256
//@ doc d[64][$(N)] (+)= a[64][16] b[16][$(N)]; d0 and d1 are the pairs of rows g and g + 8 of the warp's rows
//@ needs wgmma
//@ cuda
#define wgmma_$(TYPE)_ss_n$(N)(d0, d1, a, b, accumulate, trans_a, trans_b) \
	asm volatile("{\n" \
	             ".reg .pred add;\n" \
	             "setp.ne.b32 add, %$(N / 2 + 2), 0;\n" \
	             "wgmma.mma_async.sync.aligned.m64n$(N)k16.f32.$(TYPE).$(TYPE) {" \
//@ list j < N / 8
	             "%$(4 * j), %$(4 * j + 1), %$(4 * j + 2), %$(4 * j + 3), " \
	             "}, %$(N / 2), %$(N / 2 + 1), add, 1, 1, %$(N / 2 + 3), %$(N / 2 + 4);\n" \
	             "}" \
	             : \
//@ list j < N / 8
	             "+f"((d0)[$(j)][0]), "+f"((d0)[$(j)][1]), "+f"((d1)[$(j)][0]), "+f"((d1)[$(j)][1]), \
	             : "l"(a), "l"(b), "r"((int)(accumulate)), "n"(trans_a), "n"(trans_b))
//@ sim
#define SIM_bf16 0
#define SIM_f16 1
#define wgmma_$(TYPE)_ss_n$(N)(d0, d1, a, b, accumulate, trans_a, trans_b) \
	sim_group_mma(SIM_AT, $(N), SIM_$(TYPE), &(d0)[0][0], &(d1)[0][0], 0, a, b, accumulate, \
	              trans_a, trans_b)
//@ end
