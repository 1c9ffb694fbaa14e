// Warp-wide matrix products on registers (sm_80 and later), fp32 accumulation.

//@ prim mma_m16n8k16_bf16
//@ doc d[16][8] += a[16][16] b[16][8]
//@ needs mma_sync
//@ cuda
static __device__ __forceinline__ void mma_m16n8k16_bf16(float *d, u32 a0, u32 a1, u32 a2, u32 a3,
                                                         u32 b0, u32 b1)
{
	asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
	    "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
	    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
	    : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}
//@ sim
#define mma_m16n8k16_bf16(d, a0, a1, a2, a3, b0, b1) \
	sim_mma(SIM_AT, d, (d) + 2, SIM_REG(a0), SIM_REG(a1), SIM_REG(a2), SIM_REG(a3), \
	        SIM_REG(b0), SIM_REG(b1), 0)
//@ end

//@ prim mma_m16n8k16_f16
//@ doc d[16][8] += a[16][16] b[16][8]
//@ needs mma_sync
//@ cuda
static __device__ __forceinline__ void mma_m16n8k16_f16(float *d, u32 a0, u32 a1, u32 a2, u32 a3,
                                                         u32 b0, u32 b1)
{
	asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
	    "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
	    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
	    : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}
//@ sim
#define mma_m16n8k16_f16(d, a0, a1, a2, a3, b0, b1) \
	sim_mma(SIM_AT, d, (d) + 2, SIM_REG(a0), SIM_REG(a1), SIM_REG(a2), SIM_REG(a3), \
	        SIM_REG(b0), SIM_REG(b1), 1)
//@ end
