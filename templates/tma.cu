// Copies by the bulk copy engine (sm_90 and later), which one thread issues. A tensor map, made by the
// host, says where a tensor lies, how large a box is, and how its 16-byte chunks are swizzled in
// shared memory. c0 is the coordinate along the innermost dimension, a multiple of 16 bytes; what
// lies outside of the tensor is zero when loaded and left out when stored. A store's coordinates
// are not negative.

//@ prim TensorMap
//@ doc a tensor map; a kernel takes it as `const __grid_constant__ TensorMap`
//@ needs tma
//@ cuda
typedef struct __align__(64) TensorMap {
	u64 opaque[16];
} TensorMap;
//@ sim
typedef struct TensorMap {
	u64 opaque[16];
} TensorMap;
//@ end

//@ prim tma_prefetch
//@ doc brings a tensor map near, which makes its first use faster
//@ needs tma
//@ cuda
static __device__ __forceinline__ void tma_prefetch(const TensorMap *map)
{
	asm volatile("prefetch.tensormap [%0];" :: "l"(map) : "memory");
}
//@ sim
void (*sim_tma_prefetch)(u64, const TensorMap *);
#define tma_prefetch(map) sim_tma_prefetch(SIM_AT, map)
//@ end

//@ prim tma_load_2
//@ doc a box of a 2-dimensional tensor to shared memory at dst, a multiple of 128; brings its bytes to `bar`
//@ needs tma
//@ cuda
static __device__ __forceinline__ void tma_load_2(u32 dst, const TensorMap *map, u32 bar, int c0, int c1)
{
	asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
	             "[%0], [%1, {%3, %4}], [%2];"
	             :: "r"(dst), "l"(map), "r"(bar), "r"(c0), "r"(c1) : "memory");
}
//@ sim
void (*sim_tma_load)(u64, u32, const TensorMap *, u32, int, const int *);
#define tma_load_2(dst, map, bar, c0, c1) \
	sim_tma_load(SIM_AT, dst, map, bar, 2, (const int[]){ c0, c1 })
//@ end

//@ prim tma_load_3
//@ doc a box of a 3-dimensional tensor to shared memory at dst, a multiple of 128; brings its bytes to `bar`
//@ needs tma
//@ cuda
static __device__ __forceinline__ void tma_load_3(u32 dst, const TensorMap *map, u32 bar,
                                                  int c0, int c1, int c2)
{
	asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
	             "[%0], [%1, {%3, %4, %5}], [%2];"
	             :: "r"(dst), "l"(map), "r"(bar), "r"(c0), "r"(c1), "r"(c2) : "memory");
}
//@ sim
void (*sim_tma_load)(u64, u32, const TensorMap *, u32, int, const int *);
#define tma_load_3(dst, map, bar, c0, c1, c2) \
	sim_tma_load(SIM_AT, dst, map, bar, 3, (const int[]){ c0, c1, c2 })
//@ end

//@ prim tma_load_4
//@ doc a box of a 4-dimensional tensor to shared memory at dst, a multiple of 128; brings its bytes to `bar`
//@ needs tma
//@ cuda
static __device__ __forceinline__ void tma_load_4(u32 dst, const TensorMap *map, u32 bar,
                                                  int c0, int c1, int c2, int c3)
{
	asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
	             "[%0], [%1, {%3, %4, %5, %6}], [%2];"
	             :: "r"(dst), "l"(map), "r"(bar), "r"(c0), "r"(c1), "r"(c2), "r"(c3) : "memory");
}
//@ sim
void (*sim_tma_load)(u64, u32, const TensorMap *, u32, int, const int *);
#define tma_load_4(dst, map, bar, c0, c1, c2, c3) \
	sim_tma_load(SIM_AT, dst, map, bar, 4, (const int[]){ c0, c1, c2, c3 })
//@ end

//@ prim tma_load_5
//@ doc a box of a 5-dimensional tensor to shared memory at dst, a multiple of 128; brings its bytes to `bar`
//@ needs tma
//@ cuda
static __device__ __forceinline__ void tma_load_5(u32 dst, const TensorMap *map, u32 bar,
                                                  int c0, int c1, int c2, int c3, int c4)
{
	asm volatile("cp.async.bulk.tensor.5d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
	             "[%0], [%1, {%3, %4, %5, %6, %7}], [%2];"
	             :: "r"(dst), "l"(map), "r"(bar), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "r"(c4) : "memory");
}
//@ sim
void (*sim_tma_load)(u64, u32, const TensorMap *, u32, int, const int *);
#define tma_load_5(dst, map, bar, c0, c1, c2, c3, c4) \
	sim_tma_load(SIM_AT, dst, map, bar, 5, (const int[]){ c0, c1, c2, c3, c4 })
//@ end

//@ prim tma_store_2
//@ doc a box from shared memory at src, a multiple of 128, to a 2-dimensional tensor; joins the thread's open group
//@ needs tma
//@ cuda
static __device__ __forceinline__ void tma_store_2(const TensorMap *map, u32 src, int c0, int c1)
{
	asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group [%0, {%2, %3}], [%1];"
	             :: "l"(map), "r"(src), "r"(c0), "r"(c1) : "memory");
}
//@ sim
void (*sim_tma_store)(u64, const TensorMap *, u32, int, const int *);
#define tma_store_2(map, src, c0, c1) sim_tma_store(SIM_AT, map, src, 2, (const int[]){ c0, c1 })
//@ end

//@ prim tma_store_3
//@ doc a box from shared memory at src, a multiple of 128, to a 3-dimensional tensor; joins the thread's open group
//@ needs tma
//@ cuda
static __device__ __forceinline__ void tma_store_3(const TensorMap *map, u32 src,
                                                   int c0, int c1, int c2)
{
	asm volatile("cp.async.bulk.tensor.3d.global.shared::cta.tile.bulk_group [%0, {%2, %3, %4}], [%1];"
	             :: "l"(map), "r"(src), "r"(c0), "r"(c1), "r"(c2) : "memory");
}
//@ sim
void (*sim_tma_store)(u64, const TensorMap *, u32, int, const int *);
#define tma_store_3(map, src, c0, c1, c2) sim_tma_store(SIM_AT, map, src, 3, (const int[]){ c0, c1, c2 })
//@ end

//@ prim tma_store_4
//@ doc a box from shared memory at src, a multiple of 128, to a 4-dimensional tensor; joins the thread's open group
//@ needs tma
//@ cuda
static __device__ __forceinline__ void tma_store_4(const TensorMap *map, u32 src,
                                                   int c0, int c1, int c2, int c3)
{
	asm volatile("cp.async.bulk.tensor.4d.global.shared::cta.tile.bulk_group [%0, {%2, %3, %4, %5}], [%1];"
	             :: "l"(map), "r"(src), "r"(c0), "r"(c1), "r"(c2), "r"(c3) : "memory");
}
//@ sim
void (*sim_tma_store)(u64, const TensorMap *, u32, int, const int *);
#define tma_store_4(map, src, c0, c1, c2, c3) sim_tma_store(SIM_AT, map, src, 4, (const int[]){ c0, c1, c2, c3 })
//@ end

//@ prim tma_store_5
//@ doc a box from shared memory at src, a multiple of 128, to a 5-dimensional tensor; joins the thread's open group
//@ needs tma
//@ cuda
static __device__ __forceinline__ void tma_store_5(const TensorMap *map, u32 src,
                                                   int c0, int c1, int c2, int c3, int c4)
{
	asm volatile("cp.async.bulk.tensor.5d.global.shared::cta.tile.bulk_group [%0, {%2, %3, %4, %5, %6}], [%1];"
	             :: "l"(map), "r"(src), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "r"(c4) : "memory");
}
//@ sim
void (*sim_tma_store)(u64, const TensorMap *, u32, int, const int *);
#define tma_store_5(map, src, c0, c1, c2, c3, c4) sim_tma_store(SIM_AT, map, src, 5, (const int[]){ c0, c1, c2, c3, c4 })
//@ end

//@ prim tma_store_commit
//@ doc closes the thread's group of stores
//@ needs tma
//@ cuda
static __device__ __forceinline__ void tma_store_commit(void)
{
	asm volatile("cp.async.bulk.commit_group;" ::: "memory");
}
//@ sim
void (*sim_tma_store_commit)(u64, int);
#define tma_store_commit() sim_tma_store_commit(SIM_AT, sim_site)
//@ end

//@ prim tma_store_wait_read
//@ doc waits until at most n of the thread's groups have yet to read shared memory; n is a literal
//@ needs tma
//@ cuda
#define tma_store_wait_read(n) asm volatile("cp.async.bulk.wait_group.read %0;" :: "n"(n) : "memory")
//@ sim
void (*sim_tma_store_wait)(u64, int, int, int);
#define tma_store_wait_read(n) sim_tma_store_wait(SIM_AT, sim_site, n, 1)
//@ end

//@ prim tma_store_wait
//@ doc waits until at most n of the thread's groups have yet to write global memory; n is a literal
//@ needs tma
//@ cuda
#define tma_store_wait(n) asm volatile("cp.async.bulk.wait_group %0;" :: "n"(n) : "memory")
//@ sim
void (*sim_tma_store_wait)(u64, int, int, int);
#define tma_store_wait(n) sim_tma_store_wait(SIM_AT, sim_site, n, 0)
//@ end

//@ prim bulk_load
//@ doc `bytes` bytes to shared memory, all multiples of 16; brings them to `bar`
//@ needs tma
//@ cuda
static __device__ __forceinline__ void bulk_load(u32 dst, const void *src, int bytes, u32 bar)
{
	asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes "
	             "[%0], [%1], %2, [%3];"
	             :: "r"(dst), "l"(src), "r"(bytes), "r"(bar) : "memory");
}
//@ sim
void (*sim_bulk_load)(u64, u32, const void *, int, u32);
#define bulk_load(dst, src, bytes, bar) sim_bulk_load(SIM_AT, dst, src, bytes, bar)
//@ end
