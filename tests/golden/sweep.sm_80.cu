// sweep -- generated from sweep.lua for sm_80; do not edit.
// y = s = x w_j + u_i, z = s + t, c = colsum(s) / (w . w), l = rowsum(s), m = rowmax(s)
// with D=64, R=200, dtype=bf16, stages=2, warps=4, wide=0
// launch sweep: blocks = B, threads = 128, dynamic shared memory = 1408 bytes
// strides (X_sA: of argument X along axis A) are in elements; matrices' last axes are contiguous.

typedef unsigned short b16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

// where the block's dynamic shared memory begins; a multiple of 1024
static __device__ __forceinline__ u32 smem_base(void)
{
	extern __shared__ __align__(1024) unsigned char smem_bytes[];
	return (u32)__cvta_generic_to_shared(smem_bytes);
}

// x, which is the same in all lanes; known to be so, it and what follows from it take uniform registers
static __device__ __forceinline__ int warp_uniform(int x)
{
	return __shfl_sync(0xffffffffu, x, 0);
}

// loads 16 bytes
static __device__ __forceinline__ void ld_global_v4(u32 *r, const void *p)
{
	const uint4 v = *(const uint4 *)p;
	r[0] = v.x, r[1] = v.y, r[2] = v.z, r[3] = v.w;
}

// the float with these bits
static __device__ __forceinline__ float bits_f32(u32 u)
{
	return __uint_as_float(u);
}

// stores 4 bytes
static __device__ __forceinline__ void st_shared_f32(u32 a, float v)
{
	asm volatile("st.shared.f32 [%0], %1;" :: "r"(a), "f"(v));
}

// loads 4 bytes
static __device__ __forceinline__ float ld_global_f32(const void *p)
{
	return *(const float *)p;
}

// ends a basic block: ptxas moves no wait for products up across it, and no load down; never: false, if unknown to it
static __device__ __forceinline__ void scheduler_fence(int never)
{
	if (never)
		__nanosleep(0);
}

// every thread of the block arrives before any leaves; orders their memory
static __device__ __forceinline__ void block_sync(void)
{
	__syncthreads();
}

// loads 4 bytes
static __device__ __forceinline__ float ld_shared_f32(u32 a)
{
	float v;
	asm volatile("ld.shared.f32 %0, [%1];" : "=f"(v) : "r"(a));
	return v;
}

// x of lane (own ^ mask)
static __device__ __forceinline__ float shfl_xor_f32(float x, int mask)
{
	return __shfl_xor_sync(0xffffffffu, x, mask);
}

// +infinity
static __device__ __forceinline__ float inf(void)
{
	return __int_as_float(0x7f800000);
}

// element i of pairs, as fp32
static __device__ __forceinline__ float bf16_at(const u32 *x, int i)
{
	return __uint_as_float(i % 2 ? x[i / 2] & 0xffff0000u : x[i / 2] << 16);
}

// stores 16 bytes
static __device__ __forceinline__ void st_global_v4(void *p, u32 x, u32 y, u32 z, u32 w)
{
	*(uint4 *)p = make_uint4(x, y, z, w);
}

// two fp32 to a pair of bf16, to nearest even
static __device__ __forceinline__ u32 pack_bf16(float lo, float hi)
{
	u32 d;
	asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(d) : "f"(hi), "f"(lo));
	return d;
}

// the bits of a float
static __device__ __forceinline__ u32 f32_bits(float x)
{
	return __float_as_uint(x);
}

// stores 4 bytes
static __device__ __forceinline__ void st_global_f32(void *p, float v)
{
	*(float *)p = v;
}

// 1 / x, 1 ulp; 0 for |x| > 2^126
static __device__ __forceinline__ float recip_fast(float x)
{
	float d;
	asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(d) : "f"(x));
	return d;
}

// x / y as x * (1 / y)
static __device__ __forceinline__ float divide(float x, float y)
{
	return x * recip_fast(y);
}


extern "C" {

__global__ void __launch_bounds__(128, 3) sweep(
	int B, const float *w, i64 w_sB, const float *u, i64 u_sB,
	const b16 *x, i64 x_sB, i64 x_sR, const float *t2, i64 t_sB,
	i64 t_sR, b16 *z, i64 z_sB, i64 z_sR, float *y,
	i64 y_sB, i64 y_sR, float *c, i64 c_sB, float *m,
	i64 m_sB, float *l, i64 l_sB)
{
	const u32 smem = smem_base();
	const int tid = (int)threadIdx.x;
	const int warp = warp_uniform(tid / 32);
	const int lane = tid % 32;
	const u32 w2_v = smem;
	const u32 sum_x = smem + 256;
	const u32 sum2_x = smem + 384;
	const int bi = blockIdx.x;
	const float *const w_p = w + bi * w_sB;
	const float *const u_p = u + bi * u_sB;
	const b16 *const x_p = x + bi * x_sB;
	const float *const t_p = t2 + bi * t_sB;
	// sweep.lua:34
	float w2[1][8];
	{
		u32 w_x[8];
		ld_global_v4(w_x, w_p + 8 * (lane % 8));
		ld_global_v4(w_x + 4, w_p + 8 * (lane % 8) + 4);
		w2[0][0] = bits_f32(w_x[0]);
		w2[0][1] = bits_f32(w_x[1]);
		w2[0][2] = bits_f32(w_x[2]);
		w2[0][3] = bits_f32(w_x[3]);
		w2[0][4] = bits_f32(w_x[4]);
		w2[0][5] = bits_f32(w_x[5]);
		w2[0][6] = bits_f32(w_x[6]);
		w2[0][7] = bits_f32(w_x[7]);
	}
	if (lane / 8 == 0 && warp == 0) {
		#pragma unroll
		for (int j = 0; j < 8; j++) {
			st_shared_f32(w2_v + 4 * (8 * (lane % 8) + j), w2[0][j]);
		}
	}
	// sweep.lua:35
	float u2[13];
	#pragma unroll
	for (int i = 0; i < 13; i++) {
		u2[i] = i < 12 || 4 * warp + lane / 8 + 16 * i < 200 ? ld_global_f32(u_p + 4 * warp + lane / 8 + 16 * i) : 0.0f;
	}
	// sweep.lua:34
	u32 x2[3][1][4];
	#pragma unroll
	for (int i = 0; i < 3; i++) {
		ld_global_v4(x2[i][0], x_p + (i64)(4 * warp + lane / 8 + 16 * i) * x_sR + 8 * (lane % 8));
	}
	// sweep.lua:38
	float t3[3][1][8];
	#pragma unroll
	for (int i = 0; i < 3; i++) {
		u32 t_x[8];
		ld_global_v4(t_x, t_p + (i64)(4 * warp + lane / 8 + 16 * i) * t_sR + 8 * (lane % 8));
		ld_global_v4(t_x + 4, t_p + (i64)(4 * warp + lane / 8 + 16 * i) * t_sR + 8 * (lane % 8) + 4);
		t3[i][0][0] = bits_f32(t_x[0]);
		t3[i][0][1] = bits_f32(t_x[1]);
		t3[i][0][2] = bits_f32(t_x[2]);
		t3[i][0][3] = bits_f32(t_x[3]);
		t3[i][0][4] = bits_f32(t_x[4]);
		t3[i][0][5] = bits_f32(t_x[5]);
		t3[i][0][6] = bits_f32(t_x[6]);
		t3[i][0][7] = bits_f32(t_x[7]);
	}
	scheduler_fence(B < 0);
	// sweep.lua:36
	float *const c_p = c + bi * c_sB;
	float *const y_p = y + bi * y_sB;
	b16 *const z_p = z + bi * z_sB;
	// sweep.lua:36
	float w2_at[1];
	block_sync();
	w2_at[0] = 32 * warp + lane < 64 ? ld_shared_f32(w2_v + 4 * (32 * warp + lane)) : 0;
	float sum = 0.0f;
	sum = sum + w2_at[0] * w2_at[0];
	sum = sum + shfl_xor_f32(sum, 1);
	sum = sum + shfl_xor_f32(sum, 2);
	sum = sum + shfl_xor_f32(sum, 4);
	sum = sum + shfl_xor_f32(sum, 8);
	sum = sum + shfl_xor_f32(sum, 16);
	if (lane == 0) {
		st_shared_f32(sum_x + 16 * warp, sum);
	}
	float sum2[1][8];
	#pragma unroll
	for (int j = 0; j < 8; j++) {
		sum2[0][j] = 0.0f;
	}
	float sum3[13];
	#pragma unroll
	for (int i = 0; i < 13; i++) {
		sum3[i] = 0.0f;
	}
	float rmax[13];
	#pragma unroll
	for (int i = 0; i < 13; i++) {
		rmax[i] = -inf();
	}
	#pragma unroll
	for (int step = 0; step < 13; step++) {
		// sweep.lua:38
		float s[1][1][8];
		#pragma unroll
		for (int h = 0; h < 8; h++) {
			s[0][0][h] = bf16_at(x2[step % 3][0], h) * w2[0][h] + u2[step];
		}
		float s2[1][1][8];
		#pragma unroll
		for (int h = 0; h < 8; h++) {
			s2[0][0][h] = s[0][0][h];
		}
		if (step < 12 || 4 * warp + lane / 8 + 16 * step < 200) {
			st_global_v4(z_p + (i64)(4 * warp + lane / 8 + 16 * step) * z_sR + 8 * (lane % 8), pack_bf16(s2[0][0][0] + t3[step % 3][0][0], s2[0][0][1] + t3[step % 3][0][1]), pack_bf16(s2[0][0][2] + t3[step % 3][0][2], s2[0][0][3] + t3[step % 3][0][3]), pack_bf16(s2[0][0][4] + t3[step % 3][0][4], s2[0][0][5] + t3[step % 3][0][5]), pack_bf16(s2[0][0][6] + t3[step % 3][0][6], s2[0][0][7] + t3[step % 3][0][7]));
		}
		// sweep.lua:38
		if (step < 12 || 4 * warp + lane / 8 + 16 * step < 200) {
			st_global_v4(y_p + (i64)(4 * warp + lane / 8 + 16 * step) * y_sR + 8 * (lane % 8), f32_bits(s2[0][0][0]), f32_bits(s2[0][0][1]), f32_bits(s2[0][0][2]), f32_bits(s2[0][0][3]));
			st_global_v4(y_p + (i64)(4 * warp + lane / 8 + 16 * step) * y_sR + 8 * (lane % 8) + 4, f32_bits(s2[0][0][4]), f32_bits(s2[0][0][5]), f32_bits(s2[0][0][6]), f32_bits(s2[0][0][7]));
		}
		// sweep.lua:36
		#pragma unroll
		for (int h = 0; h < 8; h++) {
			sum2[0][h] = sum2[0][h] + s2[0][0][h];
		}
		// sweep.lua:37
		#pragma unroll
		for (int h = 0; h < 8; h++) {
			sum3[step] = sum3[step] + s2[0][0][h];
		}
		// sweep.lua:37
		#pragma unroll
		for (int h = 0; h < 8; h++) {
			rmax[step] = fmaxf(rmax[step], s[0][0][h]);
		}
		const int next = step + 3;
		if (next < 13) {
			t3[next % 3][0][0] = 0.0f;
			t3[next % 3][0][1] = 0.0f;
			t3[next % 3][0][2] = 0.0f;
			t3[next % 3][0][3] = 0.0f;
			t3[next % 3][0][4] = 0.0f;
			t3[next % 3][0][5] = 0.0f;
			t3[next % 3][0][6] = 0.0f;
			t3[next % 3][0][7] = 0.0f;
			if (next < 12 || 4 * warp + lane / 8 + 16 * next < 200) {
				u32 t_x2[8];
				ld_global_v4(t_x2, t_p + (i64)(4 * warp + lane / 8 + 16 * next) * t_sR + 8 * (lane % 8));
				ld_global_v4(t_x2 + 4, t_p + (i64)(4 * warp + lane / 8 + 16 * next) * t_sR + 8 * (lane % 8) + 4);
				t3[next % 3][0][0] = bits_f32(t_x2[0]);
				t3[next % 3][0][1] = bits_f32(t_x2[1]);
				t3[next % 3][0][2] = bits_f32(t_x2[2]);
				t3[next % 3][0][3] = bits_f32(t_x2[3]);
				t3[next % 3][0][4] = bits_f32(t_x2[4]);
				t3[next % 3][0][5] = bits_f32(t_x2[5]);
				t3[next % 3][0][6] = bits_f32(t_x2[6]);
				t3[next % 3][0][7] = bits_f32(t_x2[7]);
			}
			{
				x2[next % 3][0][0] = 0;
				x2[next % 3][0][1] = 0;
				x2[next % 3][0][2] = 0;
				x2[next % 3][0][3] = 0;
				if (next < 12 || 4 * warp + lane / 8 + 16 * next < 200) {
					ld_global_v4(x2[next % 3][0], x_p + (i64)(4 * warp + lane / 8 + 16 * next) * x_sR + 8 * (lane % 8));
				}
			}
		}
	}
	#pragma unroll
	for (int j = 0; j < 8; j++) {
		sum2[0][j] = sum2[0][j] + shfl_xor_f32(sum2[0][j], 8);
		sum2[0][j] = sum2[0][j] + shfl_xor_f32(sum2[0][j], 16);
	}
	if (lane / 8 == 0) {
		#pragma unroll
		for (int j = 0; j < 8; j++) {
			st_shared_f32(sum2_x + 256 * warp + 4 * (8 * (lane % 8) + j), sum2[0][j]);
		}
	}
	#pragma unroll
	for (int i = 0; i < 13; i++) {
		sum3[i] = sum3[i] + shfl_xor_f32(sum3[i], 1);
		sum3[i] = sum3[i] + shfl_xor_f32(sum3[i], 2);
		sum3[i] = sum3[i] + shfl_xor_f32(sum3[i], 4);
	}
	#pragma unroll
	for (int i = 0; i < 13; i++) {
		rmax[i] = fmaxf(rmax[i], shfl_xor_f32(rmax[i], 1));
		rmax[i] = fmaxf(rmax[i], shfl_xor_f32(rmax[i], 2));
		rmax[i] = fmaxf(rmax[i], shfl_xor_f32(rmax[i], 4));
	}
	float sum22[1];
	sum22[0] = 0.0f;
	block_sync();
	if (32 * warp + lane < 64) {
		#pragma unroll
		for (int x = 0; x < 4; x++) {
			sum22[0] = sum22[0] + ld_shared_f32(sum2_x + 256 * x + 4 * (32 * warp + lane));
		}
	}
	sum = 0.0f;
	#pragma unroll
	for (int x = 0; x < 4; x++) {
		sum = sum + ld_shared_f32(sum_x + 16 * x);
	}
	if (32 * warp + lane < 64) {
		st_global_f32(c_p + 32 * warp + lane, divide(sum22[0], sum));
	}
	// sweep.lua:37
	float *const m_p = m + bi * m_sB;
	if (lane % 8 == 0) {
		#pragma unroll
		for (int i = 0; i < 13; i++) {
			if (i < 12 || 4 * warp + lane / 8 + 16 * i < 200) {
				st_global_f32(m_p + 4 * warp + lane / 8 + 16 * i, rmax[i]);
			}
		}
	}
	// sweep.lua:37
	float *const l_p = l + bi * l_sB;
	if (lane % 8 == 0) {
		#pragma unroll
		for (int i = 0; i < 13; i++) {
			if (i < 12 || 4 * warp + lane / 8 + 16 * i < 200) {
				st_global_f32(l_p + 4 * warp + lane / 8 + 16 * i, sum3[i]);
			}
		}
	}
}

}
