// Fragments as grids of 8x8 cores, one register a core (see codegen/layout.h): products and loads
// that name each core, so that arrays of cores may be indexed in any order.

//@ prim mma_bf16
//@ doc d[16][8] += a[16][16] b[16][8]; d0 and d1 are the pairs of rows 0-7 and 8-15
//@ needs mma_sync
//@ cuda
static __device__ __forceinline__ void mma_bf16(float *d0, float *d1, u32 a0, u32 a1, u32 a2, u32 a3,
                                                u32 b0, u32 b1)
{
	asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
	    "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
	    : "+f"(d0[0]), "+f"(d0[1]), "+f"(d1[0]), "+f"(d1[1])
	    : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}
//@ sim
#define mma_bf16(d0, d1, a0, a1, a2, a3, b0, b1) \
	sim_mma(SIM_AT, d0, d1, SIM_REG(a0), SIM_REG(a1), SIM_REG(a2), SIM_REG(a3), \
	        SIM_REG(b0), SIM_REG(b1), 0)
//@ end

//@ prim mma_f16
//@ doc d[16][8] += a[16][16] b[16][8]; d0 and d1 are the pairs of rows 0-7 and 8-15
//@ needs mma_sync
//@ cuda
static __device__ __forceinline__ void mma_f16(float *d0, float *d1, u32 a0, u32 a1, u32 a2, u32 a3,
                                                u32 b0, u32 b1)
{
	asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
	    "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
	    : "+f"(d0[0]), "+f"(d0[1]), "+f"(d1[0]), "+f"(d1[1])
	    : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}
//@ sim
#define mma_f16(d0, d1, a0, a1, a2, a3, b0, b1) \
	sim_mma(SIM_AT, d0, d1, SIM_REG(a0), SIM_REG(a1), SIM_REG(a2), SIM_REG(a3), \
	        SIM_REG(b0), SIM_REG(b1), 1)
//@ end

//@ prim cores_load1
//@ doc a core from shared memory; lanes 0-7 give the addresses of its rows
//@ needs mma_sync
//@ cuda
static __device__ __forceinline__ void cores_load1(u32 *r, u32 addr)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];" : "=r"(*r) : "r"(addr) : "memory");
}
//@ sim
#define cores_load1(r, addr) sim_ldmatrix(SIM_AT, r, 0, 0, 0, addr, 1, 0)
//@ end

//@ prim cores_load1_trans
//@ doc a core from shared memory, transposed on the way; lanes 0-7 give the addresses of its rows
//@ needs mma_sync
//@ cuda
static __device__ __forceinline__ void cores_load1_trans(u32 *r, u32 addr)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x1.trans.shared.b16 {%0}, [%1];" : "=r"(*r) : "r"(addr) : "memory");
}
//@ sim
#define cores_load1_trans(r, addr) sim_ldmatrix(SIM_AT, r, 0, 0, 0, addr, 1, 1)
//@ end

//@ prim cores_load2
//@ doc 2 cores from shared memory; lane l gives the address of row l%8 of core l/8
//@ needs mma_sync
//@ cuda
static __device__ __forceinline__ void cores_load2(u32 *r0, u32 *r1, u32 addr)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
	             : "=r"(*r0), "=r"(*r1) : "r"(addr) : "memory");
}
//@ sim
#define cores_load2(r0, r1, addr) sim_ldmatrix(SIM_AT, r0, r1, 0, 0, addr, 2, 0)
//@ end

//@ prim cores_load2_trans
//@ doc 2 cores from shared memory, each transposed on the way; lane l gives the address of row l%8 of core l/8
//@ needs mma_sync
//@ cuda
static __device__ __forceinline__ void cores_load2_trans(u32 *r0, u32 *r1, u32 addr)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
	             : "=r"(*r0), "=r"(*r1) : "r"(addr) : "memory");
}
//@ sim
#define cores_load2_trans(r0, r1, addr) sim_ldmatrix(SIM_AT, r0, r1, 0, 0, addr, 2, 1)
//@ end

//@ prim cores_load4
//@ doc 4 cores from shared memory; lane l gives the address of row l%8 of core l/8
//@ needs mma_sync
//@ cuda
static __device__ __forceinline__ void cores_load4(u32 *r0, u32 *r1, u32 *r2, u32 *r3, u32 addr)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
	             : "=r"(*r0), "=r"(*r1), "=r"(*r2), "=r"(*r3) : "r"(addr) : "memory");
}
//@ sim
#define cores_load4(r0, r1, r2, r3, addr) sim_ldmatrix(SIM_AT, r0, r1, r2, r3, addr, 4, 0)
//@ end

//@ prim cores_load4_trans
//@ doc 4 cores from shared memory, each transposed on the way; lane l gives the address of row l%8 of core l/8
//@ needs mma_sync
//@ cuda
static __device__ __forceinline__ void cores_load4_trans(u32 *r0, u32 *r1, u32 *r2, u32 *r3, u32 addr)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
	             : "=r"(*r0), "=r"(*r1), "=r"(*r2), "=r"(*r3) : "r"(addr) : "memory");
}
//@ sim
#define cores_load4_trans(r0, r1, r2, r3, addr) sim_ldmatrix(SIM_AT, r0, r1, r2, r3, addr, 4, 1)
//@ end

//@ prim cores_store1
//@ doc a core to shared memory; lanes 0-7 give the addresses of its rows
//@ needs stmatrix
//@ cuda
static __device__ __forceinline__ void cores_store1(u32 addr, u32 r0)
{
	asm volatile("stmatrix.sync.aligned.m8n8.x1.shared.b16 [%0], {%1};"
	             :: "r"(addr), "r"(r0) : "memory");
}
//@ sim
void (*sim_stmatrix)(u64, u32, u32, u32, u32, u32, int, int);
#define cores_store1(addr, r0) sim_stmatrix(SIM_AT, addr, r0, 0, 0, 0, 1, 0)
//@ end

//@ prim cores_store1_trans
//@ doc a core to shared memory, transposed on the way; lanes 0-7 give the addresses of its rows
//@ needs stmatrix
//@ cuda
static __device__ __forceinline__ void cores_store1_trans(u32 addr, u32 r0)
{
	asm volatile("stmatrix.sync.aligned.m8n8.x1.trans.shared.b16 [%0], {%1};"
	             :: "r"(addr), "r"(r0) : "memory");
}
//@ sim
void (*sim_stmatrix)(u64, u32, u32, u32, u32, u32, int, int);
#define cores_store1_trans(addr, r0) sim_stmatrix(SIM_AT, addr, r0, 0, 0, 0, 1, 1)
//@ end

//@ prim cores_store2
//@ doc 2 cores to shared memory; lane l gives the address of row l%8 of core l/8
//@ needs stmatrix
//@ cuda
static __device__ __forceinline__ void cores_store2(u32 addr, u32 r0, u32 r1)
{
	asm volatile("stmatrix.sync.aligned.m8n8.x2.shared.b16 [%0], {%1, %2};"
	             :: "r"(addr), "r"(r0), "r"(r1) : "memory");
}
//@ sim
void (*sim_stmatrix)(u64, u32, u32, u32, u32, u32, int, int);
#define cores_store2(addr, r0, r1) sim_stmatrix(SIM_AT, addr, r0, r1, 0, 0, 2, 0)
//@ end

//@ prim cores_store2_trans
//@ doc 2 cores to shared memory, each transposed on the way; lane l gives the address of row l%8 of core l/8
//@ needs stmatrix
//@ cuda
static __device__ __forceinline__ void cores_store2_trans(u32 addr, u32 r0, u32 r1)
{
	asm volatile("stmatrix.sync.aligned.m8n8.x2.trans.shared.b16 [%0], {%1, %2};"
	             :: "r"(addr), "r"(r0), "r"(r1) : "memory");
}
//@ sim
void (*sim_stmatrix)(u64, u32, u32, u32, u32, u32, int, int);
#define cores_store2_trans(addr, r0, r1) sim_stmatrix(SIM_AT, addr, r0, r1, 0, 0, 2, 1)
//@ end

//@ prim cores_store4
//@ doc 4 cores to shared memory; lane l gives the address of row l%8 of core l/8
//@ needs stmatrix
//@ cuda
static __device__ __forceinline__ void cores_store4(u32 addr, u32 r0, u32 r1, u32 r2, u32 r3)
{
	asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};"
	             :: "r"(addr), "r"(r0), "r"(r1), "r"(r2), "r"(r3) : "memory");
}
//@ sim
void (*sim_stmatrix)(u64, u32, u32, u32, u32, u32, int, int);
#define cores_store4(addr, r0, r1, r2, r3) sim_stmatrix(SIM_AT, addr, r0, r1, r2, r3, 4, 0)
//@ end

//@ prim cores_store4_trans
//@ doc 4 cores to shared memory, each transposed on the way; lane l gives the address of row l%8 of core l/8
//@ needs stmatrix
//@ cuda
static __device__ __forceinline__ void cores_store4_trans(u32 addr, u32 r0, u32 r1, u32 r2, u32 r3)
{
	asm volatile("stmatrix.sync.aligned.m8n8.x4.trans.shared.b16 [%0], {%1, %2, %3, %4};"
	             :: "r"(addr), "r"(r0), "r"(r1), "r"(r2), "r"(r3) : "memory");
}
//@ sim
void (*sim_stmatrix)(u64, u32, u32, u32, u32, u32, int, int);
#define cores_store4_trans(addr, r0, r1, r2, r3) sim_stmatrix(SIM_AT, addr, r0, r1, r2, r3, 4, 1)
//@ end

//@ prim core_transpose
//@ doc the transpose of an 8x8 core
//@ needs mma_sync
//@ cuda
static __device__ __forceinline__ u32 core_transpose(u32 x)
{
	u32 y;

	asm("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(y) : "r"(x));
	return y;
}
//@ sim
u32 (*sim_shfl)(u64, u32, int, int);
static inline u32 core_transpose_at(u64 at, u32 x)
{
	int lane = (int)threadIdx.x % 32, g = lane / 4, t = lane % 4;
	u32 lo = sim_shfl(at, x, 1, 4 * (2 * t) + g / 2), hi = sim_shfl(at, x, 1, 4 * (2 * t + 1) + g / 2);

	return g % 2 ? lo >> 16 | (hi & 0xffff0000u) : (lo & 0xffffu) | hi << 16;
}
#define core_transpose(x) core_transpose_at(SIM_AT, x)
//@ end
