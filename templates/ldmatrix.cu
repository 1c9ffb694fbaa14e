// Warp-wide loads of 8x8 matrices of 16-bit elements, in the layout mma wants.

//@ prim ldmatrix_x1
//@ doc an 8x8 matrix; lane l < 8 gives the address of row l
//@ needs mma_sync
//@ cuda
static __device__ __forceinline__ void ldmatrix_x1(u32 *r, u32 addr)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];"
	             : "=r"(r[0]) : "r"(addr));
}
//@ sim
#define ldmatrix_x1(r, addr) sim_ldmatrix(SIM_AT, r, 0, 0, 0, addr, 1, 0)
//@ end

//@ prim ldmatrix_x2
//@ doc two 8x8 matrices; lane l < 16 gives the address of row l%8 of matrix l/8
//@ needs mma_sync
//@ cuda
static __device__ __forceinline__ void ldmatrix_x2(u32 *r, u32 addr)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
	             : "=r"(r[0]), "=r"(r[1]) : "r"(addr));
}
//@ sim
#define ldmatrix_x2(r, addr) sim_ldmatrix(SIM_AT, r, (r) + 1, 0, 0, addr, 2, 0)
//@ end

//@ prim ldmatrix_x4
//@ doc four 8x8 matrices; lane l gives the address of row l%8 of matrix l/8
//@ needs mma_sync
//@ cuda
static __device__ __forceinline__ void ldmatrix_x4(u32 *r, u32 addr)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
	             : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(addr));
}
//@ sim
#define ldmatrix_x4(r, addr) sim_ldmatrix(SIM_AT, r, (r) + 1, (r) + 2, (r) + 3, addr, 4, 0)
//@ end

//@ prim ldmatrix_x1_trans
//@ doc an 8x8 matrix, transposed on the way
//@ needs mma_sync
//@ cuda
static __device__ __forceinline__ void ldmatrix_x1_trans(u32 *r, u32 addr)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x1.trans.shared.b16 {%0}, [%1];"
	             : "=r"(r[0]) : "r"(addr));
}
//@ sim
#define ldmatrix_x1_trans(r, addr) sim_ldmatrix(SIM_AT, r, 0, 0, 0, addr, 1, 1)
//@ end

//@ prim ldmatrix_x2_trans
//@ doc two 8x8 matrices, each transposed on the way
//@ needs mma_sync
//@ cuda
static __device__ __forceinline__ void ldmatrix_x2_trans(u32 *r, u32 addr)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
	             : "=r"(r[0]), "=r"(r[1]) : "r"(addr));
}
//@ sim
#define ldmatrix_x2_trans(r, addr) sim_ldmatrix(SIM_AT, r, (r) + 1, 0, 0, addr, 2, 1)
//@ end

//@ prim ldmatrix_x4_trans
//@ doc four 8x8 matrices, each transposed on the way
//@ needs mma_sync
//@ cuda
static __device__ __forceinline__ void ldmatrix_x4_trans(u32 *r, u32 addr)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
	             : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(addr));
}
//@ sim
#define ldmatrix_x4_trans(r, addr) sim_ldmatrix(SIM_AT, r, (r) + 1, (r) + 2, (r) + 3, addr, 4, 1)
//@ end
