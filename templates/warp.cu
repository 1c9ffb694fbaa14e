// Within a warp: all 32 lanes take part.

//@ prim lane_id
//@ doc the thread's place in its warp
//@ cuda
static __device__ __forceinline__ int lane_id(void)
{
	return threadIdx.x & 31;
}
//@ sim
#define lane_id() ((int)(threadIdx.x & 31))
//@ end

//@ prim warp_uniform
//@ doc x, which is the same in all lanes; known to be so, it and what follows from it take uniform registers
//@ cuda
static __device__ __forceinline__ int warp_uniform(int x)
{
	return __shfl_sync(0xffffffffu, x, 0);
}
//@ sim
#define warp_uniform(x) (x)
//@ end

//@ prim shfl_xor_u32
//@ doc x of lane (own ^ mask)
//@ cuda
static __device__ __forceinline__ u32 shfl_xor_u32(u32 x, int mask)
{
	return __shfl_xor_sync(0xffffffffu, x, mask);
}
//@ sim
u32 (*sim_shfl)(u64, u32, int, int);
#define shfl_xor_u32(x, mask) sim_shfl(SIM_AT, x, 0, mask)
//@ end

//@ prim shfl_xor_f32
//@ doc x of lane (own ^ mask)
//@ cuda
static __device__ __forceinline__ float shfl_xor_f32(float x, int mask)
{
	return __shfl_xor_sync(0xffffffffu, x, mask);
}
//@ sim
u32 (*sim_shfl)(u64, u32, int, int);
#define shfl_xor_f32(x, mask) bits_f32(sim_shfl(SIM_AT, f32_bits(x), 0, mask))
//@ end

//@ prim shfl_idx_u32
//@ doc x of the lane named
//@ cuda
static __device__ __forceinline__ u32 shfl_idx_u32(u32 x, int lane)
{
	return __shfl_sync(0xffffffffu, x, lane);
}
//@ sim
u32 (*sim_shfl)(u64, u32, int, int);
#define shfl_idx_u32(x, lane) sim_shfl(SIM_AT, x, 1, lane)
//@ end

//@ prim shfl_idx_f32
//@ doc x of the lane named
//@ cuda
static __device__ __forceinline__ float shfl_idx_f32(float x, int lane)
{
	return __shfl_sync(0xffffffffu, x, lane);
}
//@ sim
u32 (*sim_shfl)(u64, u32, int, int);
#define shfl_idx_f32(x, lane) bits_f32(sim_shfl(SIM_AT, f32_bits(x), 1, lane))
//@ end

//@ prim shfl_up_f32
//@ doc x of lane (own - delta); the first delta lanes keep their own
//@ cuda
static __device__ __forceinline__ float shfl_up_f32(float x, int delta)
{
	return __shfl_up_sync(0xffffffffu, x, delta);
}
//@ sim
u32 (*sim_shfl)(u64, u32, int, int);
#define shfl_up_f32(x, delta) bits_f32(sim_shfl(SIM_AT, f32_bits(x), 2, delta))
//@ end

//@ prim prmt
//@ doc four bytes chosen from the eight of b:a by the nibbles of sel
//@ cuda
static __device__ __forceinline__ u32 prmt(u32 a, u32 b, u32 sel)
{
	u32 d;
	asm("prmt.b32 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(sel));
	return d;
}
//@ sim
static inline u32 prmt(u32 a, u32 b, u32 sel)
{
	const u64 ab = (u64)b << 32 | a;
	u32 d = 0;
	for (int i = 0; i < 4; i++) {
		const u32 s = sel >> 4 * i & 15;
		const u32 byte = (u32)(ab >> 8 * (s & 7)) & 255;
		d |= (s & 8 ? (byte & 128 ? 255 : 0) : byte) << 8 * i;
	}
	return d;
}
//@ end

//@ prim warp_any
//@ doc whether x is not 0 in any lane
//@ cuda
static __device__ __forceinline__ int warp_any(int x)
{
	return __any_sync(0xffffffffu, x);
}
//@ sim
u32 (*sim_shfl)(u64, u32, int, int);
#define warp_any(x) ((int)sim_shfl(SIM_AT, (x) != 0, 3, 0))
//@ end
