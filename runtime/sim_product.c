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
#include "sim_wide.h"

#include <string.h>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3", "fp-contract=fast")
#endif

#define M (&sim_machine)

enum { ROW = 16 }; /* bytes that lie together: 8 elements along the major direction */

typedef struct Matrix {
	u32 start, leading, stride;
	u64 rest; /* bits that are not used here */
	int swizzle;
	u32 bits; /* log2 of the swizzle's span in rows of 8 elements */
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
	                4 - (u32)(d >> 62),
	                trans != 0};
}

/* Of 8 elements: rows 8r..8r+7 at k when MN-major, else row r at 8k..8k+7. */
static u32 row_address(const Matrix *m, int r, int k)
{
	u32 w = (u32)m->swizzle, off;

	if (m->mn && w)
		off = ((u32)r >> m->bits) * m->leading + ((u32)r & ((1u << m->bits) - 1)) * ROW +
		      (u32)k / 8 * m->stride + (u32)k % 8 * w;
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
	const Thread *view = common_view(t, reader);
	Matrix a = decode(p->da, p->ta), b = decode(p->db, p->tb);

	if (left)
		read_matrix(&a, at, WGMMA_M, view, mark, "left");
	read_matrix(&b, at, p->n, view, mark, "right");
}

/* ---- Operands ---- */

/* 8 elements; what lies outside of shared memory is NaN. */
static void load(const Matrix *m, int r, int k, void *out)
{
	u32 a = row_address(m, r, k) - SMEM_BASE;

	if (a < M->smem_bytes && M->smem_bytes - a >= ROW)
		memcpy(out, M->smem + a, ROW);
	else
		memset(out, 0xff, ROW);
}

static void load_left(const Matrix *m, b16 (*a)[WGMMA_K])
{
	for (int r = 0; r < outer(m, WGMMA_M); r++)
		for (int k = 0; k < inner(m); k++) {
			b16 x[8];

			load(m, r, k, x);
			for (int i = 0; m->mn && i < 8; i++)
				a[8 * r + i][k] = x[i];
			if (!m->mn)
				memcpy(&a[r][8 * k], x, sizeof x);
		}
}

/* The registers are the cores (0,0), (8,0), (0,8), (8,8) of the warp's 16 x 16. */
static void load_registers(u32 (*reg)[LEFT_REGS], b16 (*a)[WGMMA_K])
{
	for (int t = 0; t < GROUP; t++)
		for (int i = 0; i < 4; i++)
			memcpy(&a[t / WARP * 16 + t % WARP / 4 + i % 2 * 8][t % 4 * 2 + i / 2 * 8], &reg[t][i],
			       sizeof(u32));
}

static void load_right(const Matrix *m, int n, Half8 (*b)[WGMMA_N / 8])
{
	for (int j = 0; j < n / 8; j++) {
		Half8 x[8];

		for (int k = 0; m->mn && k < WGMMA_K; k++)
			load(m, j, k, &b[k][j]);
		for (int k = 0; !m->mn && k < WGMMA_K; k += 8) {
			for (int i = 0; i < 8; i++)
				load(m, 8 * j + i, k / 8, &x[i]);
			transpose8(x);
			for (int i = 0; i < 8; i++)
				b[k + i][j] = x[i];
		}
	}
}

/* ---- The sum ---- */

/* Sums at a time, so that none waits for its last product: DOWN vectors, or, where there are 32 of
 * them, ACROSS times as many. */
enum { DOWN = 4, ACROSS = 2 };

typedef struct Wide {
	double a[WGMMA_M][WGMMA_K];
	Row b[WGMMA_K][WGMMA_N / 8];
} Wide;

/* Columns 8j .. 8 (j + across) of rows i .. i + DOWN. */
ALWAYS_INLINE void block(const Wide *w, int i, int j, int across, bool accumulate,
                         Row32 (*value)[WGMMA_N / 8])
{
	Row d[DOWN][ACROSS] = {{{0}}};

	for (int r = 0; accumulate && r < DOWN; r++)
		for (int c = 0; c < across; c++)
			d[r][c] = __builtin_convertvector(value[i + r][j + c], Row);
	UNROLL
	for (int k = 0; k < WGMMA_K; k++)
		for (int r = 0; r < DOWN; r++)
			for (int c = 0; c < across; c++)
				d[r][c] += w->a[i + r][k] * w->b[k][j + c];
	for (int r = 0; r < DOWN; r++)
		for (int c = 0; c < across; c++)
			value[i + r][j + c] = __builtin_convertvector(d[r][c], Row32);
}

typedef struct Factors {
	Half8 a[WGMMA_M][WGMMA_K / 8], b[WGMMA_K][WGMMA_N / 8];
} Factors;

/* Products are exact in fp64, so every machine gives the same sums. */
ALWAYS_INLINE void blocks(const Factors *f, int n, int across, bool accumulate, bool f16,
                          Row32 (*value)[WGMMA_N / 8])
{
	static Wide w;
	int j = 0;

	for (int i = 0; i < WGMMA_M * WGMMA_K / 8; i++) {
		Row x = widen8(&f->a[0][0] + i, f16);

		memcpy(&w.a[0][8 * i], &x, sizeof x);
	}
	for (int k = 0; k < WGMMA_K; k++)
		for (int c = 0; c < n / 8; c++)
			w.b[k][c] = widen8(&f->b[k][c], f16);
	for (; j + across <= n / 8; j += across)
		for (int i = 0; i < WGMMA_M; i += DOWN)
			block(&w, i, j, across, accumulate, value);
	for (; j < n / 8; j++)
		for (int i = 0; i < WGMMA_M; i += DOWN)
			block(&w, i, j, 1, accumulate, value);
}

FOR_EACH_HOST static void multiply(const Factors *f, int n, bool accumulate, bool f16,
                                   Row32 (*value)[WGMMA_N / 8])
{
	blocks(f, n, 1, accumulate, f16, value);
}

MANY_VECTORS static void multiply_across(const Factors *f, int n, bool accumulate, bool f16,
                                         Row32 (*value)[WGMMA_N / 8])
{
	blocks(f, n, ACROSS, accumulate, f16, value);
}

/* Sums are kept in fp64, in the order of k, and rounded once. */
void product_compute(const Product *p, u32 (*reg)[LEFT_REGS], float (*value)[WGMMA_N])
{
	static Factors f;
	Row32(*sums)[WGMMA_N / 8] = (Row32(*)[WGMMA_N / 8]) value;
	Matrix ma = decode(p->da, p->ta), mb = decode(p->db, p->tb);

	if (reg)
		load_registers(reg, (b16(*)[WGMMA_K])f.a);
	else
		load_left(&ma, (b16(*)[WGMMA_K])f.a);
	load_right(&mb, p->n, f.b);
	if (HAS_MANY_VECTORS)
		multiply_across(&f, p->n, p->accumulate, p->f16, sums);
	else
		multiply(&f, p->n, p->accumulate, p->f16, sums);
}
