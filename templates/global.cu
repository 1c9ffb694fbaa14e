// Global memory. Plain C in CUDA: the compiler sees the address space of a parameter and
// schedules loads early by itself. Not ld.global.nc: a kernel may update a buffer in place.

//@ prim ld_global_b16
//@ doc loads 2 bytes
//@ cuda
static __device__ __forceinline__ b16 ld_global_b16(const void *p)
{
	return *(const b16 *)p;
}
//@ sim
void (*sim_global_load)(u64, void *, const void *, int);
static inline b16 sim_ld_global_b16(u64 at, const void *p)
{
	b16 v;
	sim_global_load(at, &v, p, 2);
	return v;
}
#define ld_global_b16(p) sim_ld_global_b16(SIM_AT, p)
//@ end

//@ prim ld_global_b32
//@ doc loads 4 bytes
//@ cuda
static __device__ __forceinline__ u32 ld_global_b32(const void *p)
{
	return *(const u32 *)p;
}
//@ sim
void (*sim_global_load)(u64, void *, const void *, int);
static inline u32 sim_ld_global_b32(u64 at, const void *p)
{
	u32 v;
	sim_global_load(at, &v, p, 4);
	return v;
}
#define ld_global_b32(p) sim_ld_global_b32(SIM_AT, p)
//@ end

//@ prim ld_global_f32
//@ doc loads 4 bytes
//@ cuda
static __device__ __forceinline__ float ld_global_f32(const void *p)
{
	return *(const float *)p;
}
//@ sim
void (*sim_global_load)(u64, void *, const void *, int);
static inline float sim_ld_global_f32(u64 at, const void *p)
{
	float v;
	sim_global_load(at, &v, p, 4);
	return v;
}
#define ld_global_f32(p) sim_ld_global_f32(SIM_AT, p)
//@ end

//@ prim ld_global_i32
//@ doc loads 4 bytes
//@ cuda
static __device__ __forceinline__ int ld_global_i32(const void *p)
{
	return *(const int *)p;
}
//@ sim
void (*sim_global_load)(u64, void *, const void *, int);
static inline int sim_ld_global_i32(u64 at, const void *p)
{
	int v;
	sim_global_load(at, &v, p, 4);
	return v;
}
#define ld_global_i32(p) sim_ld_global_i32(SIM_AT, p)
//@ end

//@ prim ld_global_v2
//@ doc loads 8 bytes
//@ cuda
static __device__ __forceinline__ void ld_global_v2(u32 *r, const void *p)
{
	const uint2 v = *(const uint2 *)p;
	r[0] = v.x, r[1] = v.y;
}
//@ sim
void (*sim_global_load)(u64, void *, const void *, int);
#define ld_global_v2(r, p) sim_global_load(SIM_AT, r, p, 8)
//@ end

//@ prim ld_global_v4
//@ doc loads 16 bytes
//@ cuda
static __device__ __forceinline__ void ld_global_v4(u32 *r, const void *p)
{
	const uint4 v = *(const uint4 *)p;
	r[0] = v.x, r[1] = v.y, r[2] = v.z, r[3] = v.w;
}
//@ sim
void (*sim_global_load)(u64, void *, const void *, int);
#define ld_global_v4(r, p) sim_global_load(SIM_AT, r, p, 16)
//@ end

//@ prim st_global_b16
//@ doc stores 2 bytes
//@ cuda
static __device__ __forceinline__ void st_global_b16(void *p, b16 v)
{
	*(b16 *)p = v;
}
//@ sim
void (*sim_global_store)(u64, void *, const void *, int);
static inline void sim_st_global_b16(u64 at, void *p, b16 v)
{
	sim_global_store(at, p, &v, 2);
}
#define st_global_b16(p, v) sim_st_global_b16(SIM_AT, p, v)
//@ end

//@ prim st_global_b32
//@ doc stores 4 bytes
//@ cuda
static __device__ __forceinline__ void st_global_b32(void *p, u32 v)
{
	*(u32 *)p = v;
}
//@ sim
void (*sim_global_store)(u64, void *, const void *, int);
static inline void sim_st_global_b32(u64 at, void *p, u32 v)
{
	sim_global_store(at, p, &v, 4);
}
#define st_global_b32(p, v) sim_st_global_b32(SIM_AT, p, v)
//@ end

//@ prim st_global_f32
//@ doc stores 4 bytes
//@ cuda
static __device__ __forceinline__ void st_global_f32(void *p, float v)
{
	*(float *)p = v;
}
//@ sim
void (*sim_global_store)(u64, void *, const void *, int);
static inline void sim_st_global_f32(u64 at, void *p, float v)
{
	sim_global_store(at, p, &v, 4);
}
#define st_global_f32(p, v) sim_st_global_f32(SIM_AT, p, v)
//@ end

//@ prim st_global_i32
//@ doc stores 4 bytes
//@ cuda
static __device__ __forceinline__ void st_global_i32(void *p, int v)
{
	*(int *)p = v;
}
//@ sim
void (*sim_global_store)(u64, void *, const void *, int);
static inline void sim_st_global_i32(u64 at, void *p, int v)
{
	sim_global_store(at, p, &v, 4);
}
#define st_global_i32(p, v) sim_st_global_i32(SIM_AT, p, v)
//@ end

//@ prim st_global_v2
//@ doc stores 8 bytes
//@ cuda
static __device__ __forceinline__ void st_global_v2(void *p, u32 x, u32 y)
{
	*(uint2 *)p = make_uint2(x, y);
}
//@ sim
void (*sim_global_store)(u64, void *, const void *, int);
static inline void sim_st_global_v2(u64 at, void *p, u32 x, u32 y)
{
	u32 v[2] = { x, y };
	sim_global_store(at, p, v, 8);
}
#define st_global_v2(p, x, y) sim_st_global_v2(SIM_AT, p, x, y)
//@ end

//@ prim st_global_v4
//@ doc stores 16 bytes
//@ cuda
static __device__ __forceinline__ void st_global_v4(void *p, u32 x, u32 y, u32 z, u32 w)
{
	*(uint4 *)p = make_uint4(x, y, z, w);
}
//@ sim
void (*sim_global_store)(u64, void *, const void *, int);
static inline void sim_st_global_v4(u64 at, void *p, u32 x, u32 y, u32 z, u32 w)
{
	u32 v[4] = { x, y, z, w };
	sim_global_store(at, p, v, 16);
}
#define st_global_v4(p, x, y, z, w) sim_st_global_v4(SIM_AT, p, x, y, z, w)
//@ end

// Constant tables are read anew each time: the compiler would otherwise keep what two far places
// both read in registers between them.

//@ prim table_f32
//@ doc an element of a constant table
//@ cuda
static __device__ __forceinline__ float table_f32(const float *p)
{
	float x;

	asm volatile("ld.f32 %0, [%1];" : "=f"(x) : "l"(p));
	return x;
}
//@ sim
void (*sim_table_load)(u64, void *, const void *, int);
static inline float sim_table_f32(u64 at, const float *p)
{
	float v;
	sim_table_load(at, &v, p, 4);
	return v;
}
#define table_f32(p) sim_table_f32(SIM_AT, p)
//@ end

//@ prim table_s16
//@ doc an element of a constant table
//@ cuda
static __device__ __forceinline__ int table_s16(const short *p)
{
	int x;

	asm volatile("ld.s16 %0, [%1];" : "=r"(x) : "l"(p));
	return x;
}
//@ sim
void (*sim_table_load)(u64, void *, const void *, int);
static inline int sim_table_s16(u64 at, const short *p)
{
	short v;
	sim_table_load(at, &v, p, 2);
	return v;
}
#define table_s16(p) sim_table_s16(SIM_AT, p)
//@ end

//@ prim opaque
//@ doc the pointer itself, of which the compiler knows nothing
//@ cuda
static __device__ __forceinline__ void *opaque(const void *p)
{
	asm volatile("" : "+l"(p));
	return (void *)p;
}
//@ sim
#define opaque(p) ((void *)(p))
//@ end

// What is computed of it in a loop is not kept in registers across the loop.

//@ prim opaque_i32
//@ doc the number itself, of which the compiler knows nothing
//@ cuda
static __device__ __forceinline__ int opaque_i32(int x)
{
	asm volatile("" : "+r"(x));
	return x;
}
//@ sim
static inline int opaque_i32(int x)
{
	return x;
}
//@ end
