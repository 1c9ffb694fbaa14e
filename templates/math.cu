// Functions of fp32. The fast ones are one instruction; results below 2^-126 become 0.

//@ prim exp2_fast
//@ doc 2^x, 2 ulp
//@ cuda
static __device__ __forceinline__ float exp2_fast(float x)
{
	float d;
	asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(d) : "f"(x));
	return d;
}
//@ sim
static inline float exp2_fast_at(int sim_line, float x)
{
	sim_exp_ops[sim_line]++;
	const float d = exp2f(x);
	return fabsf(d) < 1.17549435e-38f ? 0 * d : d;
}
#define exp2_fast(x) exp2_fast_at(SIM_LINE, x)
//@ end

//@ prim log2_fast
//@ doc log2 x, 22 bits
//@ cuda
static __device__ __forceinline__ float log2_fast(float x)
{
	float d;
	asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(d) : "f"(x));
	return d;
}
//@ sim
static inline float log2_fast_at(int sim_line, float x)
{
	sim_mufu_ops[sim_line]++;
	const float d = log2f(x);
	return fabsf(d) < 1.17549435e-38f ? 0 * d : d;
}
#define log2_fast(x) log2_fast_at(SIM_LINE, x)
//@ end

//@ prim sqrt_fast
//@ doc square root, 1 ulp
//@ cuda
static __device__ __forceinline__ float sqrt_fast(float x)
{
	float d;
	asm("sqrt.approx.ftz.f32 %0, %1;" : "=f"(d) : "f"(x));
	return d;
}
//@ sim
static inline float sqrt_fast_at(int sim_line, float x)
{
	sim_mufu_ops[sim_line]++;
	const float d = sqrtf(x);
	return fabsf(d) < 1.17549435e-38f ? 0 * d : d;
}
#define sqrt_fast(x) sqrt_fast_at(SIM_LINE, x)
//@ end

//@ prim rsqrt_fast
//@ doc 1 / square root, 2 ulp
//@ cuda
static __device__ __forceinline__ float rsqrt_fast(float x)
{
	float d;
	asm("rsqrt.approx.ftz.f32 %0, %1;" : "=f"(d) : "f"(x));
	return d;
}
//@ sim
static inline float rsqrt_fast_at(int sim_line, float x)
{
	sim_mufu_ops[sim_line]++;
	const float d = 1 / sqrtf(x);
	return fabsf(d) < 1.17549435e-38f ? 0 * d : d;
}
#define rsqrt_fast(x) rsqrt_fast_at(SIM_LINE, x)
//@ end

//@ prim recip_fast
//@ doc 1 / x, 1 ulp; 0 for |x| > 2^126
//@ cuda
static __device__ __forceinline__ float recip_fast(float x)
{
	float d;
	asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(d) : "f"(x));
	return d;
}
//@ sim
static inline float recip_fast_at(int sim_line, float x)
{
	sim_mufu_ops[sim_line]++;
	const float d = 1 / x;
	return fabsf(d) < 1.17549435e-38f ? 0 * d : d;
}
#define recip_fast(x) recip_fast_at(SIM_LINE, x)
//@ end

//@ prim divide
//@ doc x / y as x * (1 / y)
//@ cuda
static __device__ __forceinline__ float divide(float x, float y)
{
	return x * recip_fast(y);
}
//@ sim
static inline float divide_at(int sim_line, float x, float y)
{
	return x * recip_fast(y);
}
#define divide(x, y) divide_at(SIM_LINE, x, y)
//@ end

//@ prim tanh_exact
//@ doc hyperbolic tangent, 4e-7 relative: a series near 0, an exponential elsewhere
//@ cuda
static __device__ __forceinline__ float tanh_exact(float x)
{
	const float s = x * x, t = 1 - 2 * recip_fast(1 + exp2_fast(2.88539008f * fabsf(x)));
	const float near = 0.13333333f + s * (-0.053968254f + s * 0.021869489f);
	return s < 0.09f ? x + x * s * (-0.33333333f + s * near) : x < 0 ? -t : t;
}
//@ sim
static inline float tanh_exact_at(int sim_line, float x)
{
	const float s = x * x, t = 1 - 2 * recip_fast(1 + exp2_fast(2.88539008f * fabsf(x)));
	const float near = 0.13333333f + s * (-0.053968254f + s * 0.021869489f);
	return s < 0.09f ? x + x * s * (-0.33333333f + s * near) : x < 0 ? -t : t;
}
#define tanh_exact(x) tanh_exact_at(SIM_LINE, x)
//@ end

//@ prim sigmoid
//@ doc 1 / (1 + e^-x)
//@ cuda
static __device__ __forceinline__ float sigmoid(float x)
{
	return recip_fast(1 + exp2_fast(-1.44269504f * x));
}
//@ sim
static inline float sigmoid_at(int sim_line, float x)
{
	return recip_fast(1 + exp2_fast(-1.44269504f * x));
}
#define sigmoid(x) sigmoid_at(SIM_LINE, x)
//@ end

//@ prim inf
//@ doc +infinity
//@ cuda
static __device__ __forceinline__ float inf(void)
{
	return __int_as_float(0x7f800000);
}
//@ sim
static inline float inf(void)
{
	return __builtin_inff();
}
//@ end
