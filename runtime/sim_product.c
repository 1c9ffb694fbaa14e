/* sim_product.c -- what a wgmma computes: its operands' places in shared memory, and the sum.
 *
 * Places (PTX ISA, wgmma, matrix descriptor and canonical layouts), for 16-bit elements; r is the
 * row of A or the column of B, k the place along the sum, L and S the leading and stride offsets, W
 * the swizzle's span:
 *     K-major   no swizzle   (r / 8) S + (r % 8) 16 + (k / 8) L + (k % 8) 2
 *     K-major   swizzle W    (r / 8) S + (r % 8) W + k 2
 *     MN-major  no swizzle   (r / 8) S + (r % 8) 2 + (k / 8) L + (k % 8) 16
 *     MN-major  swizzle W    (r / (W/2)) L + (r % (W/2)) 2 + (k / 8) S + (k % 8) W
 * added to the start; then the swizzle, on the bits of the address.
 */
#include "sim_wgmma.h"

#include <string.h>

#define M (&sim_machine)

enum { ROW = 16 }; /* bytes that lie together: 8 elements along the major direction */

typedef struct Matrix {
	u32 start, leading, stride;
	u64 rest; /* bits that are not used here */
	int swizzle;
	bool mn;
} Matrix;

static Matrix decode(u64 d, int trans)
{
	static const int span[] = {0, 128, 64, 32};

	return (Matrix){(u32)(d & 0x3fff) << 4,
	                (u32)(d >> 16 & 0x3fff) << 4,
	                (u32)(d >> 32 & 0x3fff) << 4,
	                d & 0x3fffc000c000c000,
	                span[d >> 62],
	                trans != 0};
}

/* Of 8 elements: rows 8r..8r+7 at k when MN-major, else row r at 8k..8k+7. */
static u32 row_address(const Matrix *m, int r, int k)
{
	u32 w = (u32)m->swizzle, off;

	if (m->mn && w)
		off = (u32)r / (w / ROW) * m->leading + (u32)r % (w / ROW) * ROW + (u32)k / 8 * m->stride +
		      (u32)k % 8 * w;
	else if (m->mn)
		off = (u32)r * m->stride + (u32)k / 8 * m->leading + (u32)k % 8 * ROW;
	else if (w)
		off = (u32)r / 8 * m->stride + (u32)r % 8 * w + (u32)k * ROW;
	else
		off = (u32)r / 8 * m->stride + (u32)r % 8 * ROW + (u32)k * m->leading;
	return sim_swizzle(m->start + off, m->swizzle);
}

static int outer(const Matrix *m, int rows)
{
	return m->mn ? rows / 8 : rows;
}

static int inner(const Matrix *m)
{
	return m->mn ? WGMMA_K : WGMMA_K / 8;
}

/* ---- Checks ---- */

/* What all warps of the warpgroup know, as a thread of its own: a product begins when all have
 * come. Two lanes stand for a warp. */
static const Thread *common_view(const Thread *t, int reader)
{
	static Thread view;
	static u32 seen[MAX_THREADS + NENGINES];
	int n = sim_engine(NENGINES);

	view = *t;
	view.warp = -1;
	view.id = reader;
	view.seen_warp = 0;
	view.seen = seen;
	for (int u = 0; u < n; u++) {
		seen[u] = ~0u;
		for (int l = 0; l < GROUP; l += l % WARP ? 1 : WARP - 1) {
			u32 c = t[l].id == u ? t[l].clock + 1 : t[l].seen[u];

			seen[u] = c < seen[u] ? c : seen[u];
		}
	}
	return &view;
}

static void read_matrix(const Matrix *m, u64 at, int rows, const Thread *view, Access reader,
                        const char *what)
{
	SimFinding *f;

	if (m->rest && (f = sim_find(SIM_MAP, at)))
		sim_say(f,
		        "the descriptor of the %s operand has bits %016llx set: they mean nothing, or a"
		        " base offset, which is not used here",
		        what, (unsigned long long)m->rest);
	for (int r = 0; r < outer(m, rows); r++)
		for (int k = 0; k < inner(m); k++) {
			u32 a = row_address(m, r, k);

			if (sim_shared_place(at, a, ROW, "reads an operand of"))
				sim_shared_engine_read(view, at, a, ROW, reader);
			if (r)
				sim_origin_check(at, row_address(m, r - 1, k), a, !m->mn, what);
			if (k)
				sim_origin_check(at, row_address(m, r, k - 1), a, m->mn, what);
		}
}

void product_read(const Product *p, u64 at, const Thread *t, int reader, u32 stamp, bool left)
{
	Access mark = {stamp, (uint16_t)reader, (uint16_t)at};
	const Thread *view = M->unchecked ? t : common_view(t, reader);
	Matrix a = decode(p->da, p->ta), b = decode(p->db, p->tb);

	if (M->unchecked)
		return;
	if (left)
		read_matrix(&a, at, WGMMA_M, view, mark, "left");
	read_matrix(&b, at, p->n, view, mark, "right");
}

/* ---- The sum ---- */

static float widen(b16 x, int f16)
{
	u32 u = (u32)x << 16;
	float f;

	if (f16)
		return sim_do_f16_widen(x);
	memcpy(&f, &u, sizeof f);
	return f;
}

/* out[k][r]; what lies outside of shared memory is NaN. */
static void load(const Matrix *m, int rows, int f16, float (*out)[WGMMA_N])
{
	for (int r = 0; r < outer(m, rows); r++)
		for (int k = 0; k < inner(m); k++) {
			u32 a = row_address(m, r, k) - SMEM_BASE;
			b16 x[8];

			memset(x, 0xff, sizeof x);
			if (a < M->smem_bytes && M->smem_bytes - a >= ROW)
				memcpy(x, M->smem + a, sizeof x);
			for (int i = 0; i < 8; i++) {
				if (m->mn)
					out[k][8 * r + i] = widen(x[i], f16);
				else
					out[8 * k + i][r] = widen(x[i], f16);
			}
		}
}

/* The registers are the cores (0,0), (8,0), (0,8), (8,8) of the warp's 16 x 16. */
static void load_registers(u32 (*reg)[LEFT_REGS], int f16, float (*out)[WGMMA_N])
{
	for (int t = 0; t < GROUP; t++)
		for (int i = 0; i < 4; i++)
			for (int h = 0; h < 2; h++) {
				int row = t / WARP * 16 + t % WARP / 4 + i % 2 * 8;

				out[t % 4 * 2 + h + i / 2 * 8][row] = widen((b16)(reg[t][i] >> 16 * h), f16);
			}
}

typedef double Row __attribute__((vector_size(64)));

enum { ROW_N = 8, TOGETHER = 4 };

#if defined __x86_64__ && defined __gnu_linux__
#define WIDER __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define WIDER
#endif

/* Products are exact in fp64, so every machine gives the same sums. */
WIDER static void multiply(int n, bool accumulate, float (*a)[WGMMA_N], float (*b)[WGMMA_N],
                           float (*value)[WGMMA_N])
{
	static Row wide[WGMMA_K][WGMMA_N / ROW_N];

	for (int k = 0; k < WGMMA_K; k++)
		for (int j = 0; j < n; j++)
			wide[k][j / ROW_N][j % ROW_N] = b[k][j];
	for (int i = 0; i < WGMMA_M; i += TOGETHER)
		for (int j = 0; j < n / ROW_N; j++) {
			Row d[TOGETHER] = {{0}};

			for (int r = 0; accumulate && r < TOGETHER; r++)
				for (int e = 0; e < ROW_N; e++)
					d[r][e] = value[i + r][j * ROW_N + e];
			for (int k = 0; k < WGMMA_K; k++)
				for (int r = 0; r < TOGETHER; r++)
					d[r] += (double)a[k][i + r] * wide[k][j];
			for (int r = 0; r < TOGETHER; r++)
				for (int e = 0; e < ROW_N; e++)
					value[i + r][j * ROW_N + e] = (float)d[r][e];
		}
}

/* Sums are kept in fp64, in the order of k, and rounded once. */
void product_compute(const Product *p, u32 (*reg)[LEFT_REGS], float (*value)[WGMMA_N])
{
	static float a[WGMMA_K][WGMMA_N], b[WGMMA_K][WGMMA_N];
	Matrix ma = decode(p->da, p->ta), mb = decode(p->db, p->tb);

	if (reg)
		load_registers(reg, p->f16, a);
	else
		load(&ma, WGMMA_M, p->f16, a);
	load(&mb, p->n, p->f16, b);
	multiply(p->n, p->accumulate, a, b, value);
}
