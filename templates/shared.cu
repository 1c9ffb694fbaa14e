// Shared memory, addressed by 32-bit offsets in the shared window.

//@ prim smem_base
//@ doc where the block's dynamic shared memory begins; a multiple of 1024
//@ cuda
static __device__ __forceinline__ u32 smem_base(void)
{
	extern __shared__ __align__(1024) unsigned char smem_bytes[];
	return (u32)__cvta_generic_to_shared(smem_bytes);
}
//@ sim
u32 (*sim_smem_base)(void);
#define smem_base() sim_smem_base()
//@ end

//@ prim ld_shared_b16
//@ doc loads 2 bytes
//@ cuda
static __device__ __forceinline__ b16 ld_shared_b16(u32 a)
{
	b16 v;
	asm volatile("ld.shared.u16 %0, [%1];" : "=h"(v) : "r"(a));
	return v;
}
//@ sim
void (*sim_shared_load)(u64, void *, u32, int);
static inline b16 sim_ld_shared_b16(u64 at, u32 a)
{
	b16 v;
	sim_shared_load(at, &v, a, 2);
	return v;
}
#define ld_shared_b16(a) sim_ld_shared_b16(SIM_AT, a)
//@ end

//@ prim ld_shared_b32
//@ doc loads 4 bytes
//@ cuda
static __device__ __forceinline__ u32 ld_shared_b32(u32 a)
{
	u32 v;
	asm volatile("ld.shared.u32 %0, [%1];" : "=r"(v) : "r"(a));
	return v;
}
//@ sim
void (*sim_shared_load)(u64, void *, u32, int);
static inline u32 sim_ld_shared_b32(u64 at, u32 a)
{
	u32 v;
	sim_shared_load(at, &v, a, 4);
	return v;
}
#define ld_shared_b32(a) sim_ld_shared_b32(SIM_AT, a)
//@ end

//@ prim ld_shared_f32
//@ doc loads 4 bytes
//@ cuda
static __device__ __forceinline__ float ld_shared_f32(u32 a)
{
	float v;
	asm volatile("ld.shared.f32 %0, [%1];" : "=f"(v) : "r"(a));
	return v;
}
//@ sim
void (*sim_shared_load)(u64, void *, u32, int);
static inline float sim_ld_shared_f32(u64 at, u32 a)
{
	float v;
	sim_shared_load(at, &v, a, 4);
	return v;
}
#define ld_shared_f32(a) sim_ld_shared_f32(SIM_AT, a)
//@ end

//@ prim ld_shared_v2
//@ doc loads 8 bytes
//@ cuda
static __device__ __forceinline__ void ld_shared_v2(u32 *r, u32 a)
{
	asm volatile("ld.shared.v2.u32 {%0, %1}, [%2];" : "=r"(r[0]), "=r"(r[1]) : "r"(a));
}
//@ sim
void (*sim_shared_load)(u64, void *, u32, int);
#define ld_shared_v2(r, a) sim_shared_load(SIM_AT, r, a, 8)
//@ end

//@ prim ld_shared_v4
//@ doc loads 16 bytes
//@ cuda
static __device__ __forceinline__ void ld_shared_v4(u32 *r, u32 a)
{
	asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];"
	             : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(a));
}
//@ sim
void (*sim_shared_load)(u64, void *, u32, int);
#define ld_shared_v4(r, a) sim_shared_load(SIM_AT, r, a, 16)
//@ end

//@ prim st_shared_b16
//@ doc stores 2 bytes
//@ cuda
static __device__ __forceinline__ void st_shared_b16(u32 a, b16 v)
{
	asm volatile("st.shared.u16 [%0], %1;" :: "r"(a), "h"(v));
}
//@ sim
void (*sim_shared_store)(u64, u32, const void *, int);
static inline void sim_st_shared_b16(u64 at, u32 a, b16 v)
{
	sim_shared_store(at, a, &v, 2);
}
#define st_shared_b16(a, v) sim_st_shared_b16(SIM_AT, a, v)
//@ end

//@ prim st_shared_b32
//@ doc stores 4 bytes
//@ cuda
static __device__ __forceinline__ void st_shared_b32(u32 a, u32 v)
{
	asm volatile("st.shared.u32 [%0], %1;" :: "r"(a), "r"(v));
}
//@ sim
void (*sim_shared_store)(u64, u32, const void *, int);
static inline void sim_st_shared_b32(u64 at, u32 a, u32 v)
{
	sim_shared_store(at, a, &v, 4);
}
#define st_shared_b32(a, v) sim_st_shared_b32(SIM_AT, a, v)
//@ end

//@ prim st_shared_f32
//@ doc stores 4 bytes
//@ cuda
static __device__ __forceinline__ void st_shared_f32(u32 a, float v)
{
	asm volatile("st.shared.f32 [%0], %1;" :: "r"(a), "f"(v));
}
//@ sim
void (*sim_shared_store)(u64, u32, const void *, int);
static inline void sim_st_shared_f32(u64 at, u32 a, float v)
{
	sim_shared_store(at, a, &v, 4);
}
#define st_shared_f32(a, v) sim_st_shared_f32(SIM_AT, a, v)
//@ end

//@ prim st_shared_v2
//@ doc stores 8 bytes
//@ cuda
static __device__ __forceinline__ void st_shared_v2(u32 a, u32 x, u32 y)
{
	asm volatile("st.shared.v2.u32 [%0], {%1, %2};" :: "r"(a), "r"(x), "r"(y));
}
//@ sim
void (*sim_shared_store)(u64, u32, const void *, int);
static inline void sim_st_shared_v2(u64 at, u32 a, u32 x, u32 y)
{
	u32 v[2] = { x, y };
	sim_shared_store(at, a, v, 8);
}
#define st_shared_v2(a, x, y) sim_st_shared_v2(SIM_AT, a, x, y)
//@ end

//@ prim st_shared_v4
//@ doc stores 16 bytes
//@ cuda
static __device__ __forceinline__ void st_shared_v4(u32 a, u32 x, u32 y, u32 z, u32 w)
{
	asm volatile("st.shared.v4.u32 [%0], {%1, %2, %3, %4};"
	             :: "r"(a), "r"(x), "r"(y), "r"(z), "r"(w));
}
//@ sim
void (*sim_shared_store)(u64, u32, const void *, int);
static inline void sim_st_shared_v4(u64 at, u32 a, u32 x, u32 y, u32 z, u32 w)
{
	u32 v[4] = { x, y, z, w };
	sim_shared_store(at, a, v, 16);
}
#define st_shared_v4(a, x, y, z, w) sim_st_shared_v4(SIM_AT, a, x, y, z, w)
//@ end
