/* segment_scan.c -- the kernel between the two that are lowered, the workspace that the three
 * share, and how many segments there are.
 */
#include "segment.h"

#include <stdarg.h>

/* Loads in flight in a thread. */
enum { SCAN_BATCH = 8 };

typedef struct Scan {
	Dev *d;
	Block *out;
} Scan;

static void code(Scan *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void code(Scan *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	dev_add(s->d, s->out, S_CODE, arena_vprintf(s->d->arena, fmt, ap));
	va_end(ap);
}

static Block *open(Scan *s, StmtKind kind, bool unroll, const char *text)
{
	Block *saved = s->out;
	Stmt *x = dev_add(s->d, s->out, kind, text);

	x->unroll = unroll;
	s->out = &x->body;
	return saved;
}

/* Register r of every thread of one state, through the slots of one program. */
static void scan_state(Scan *x, const Segments *s, const Carried *c, int threads)
{
	Arena *a = x->d->arena;
	Block *top, *in;
	const char *decays;

	if (c->kind != DECAY_NONE) {
		decays = dev_param(x->d, PARAM_WORK, 0, 1, DT_F32, "decays");
		code(x, "const float *const decay = %s + (i64)program * last * %d + %d%s;", decays,
		     s->floats, c->at,
		     c->kind == DECAY_ONE ? ""
		                          : arena_printf(a, " + (r - %d) * %d + tid", c->first, threads));
	}
	code(x, "float start = ld_global_f32(state);");
	top = open(x, S_FOR, false, arena_printf(a, "int s0 = 1; s0 < last; s0 += %d", SCAN_BATCH));
	code(x, "float change[%d]%s;", SCAN_BATCH,
	     c->kind == DECAY_NONE ? "" : arena_printf(a, ", a[%d]", SCAN_BATCH));
	in = open(x, S_FOR, true, arena_printf(a, "int i = 0; i < %d; i++", SCAN_BATCH));
	code(x, "const int s = s0 + i < last ? s0 + i : last - 1;");
	code(x, "change[i] = ld_global_f32(state + (i64)s * %d);", s->regs * threads);
	if (c->kind != DECAY_NONE)
		code(x, "a[i] = ld_global_f32(decay + (i64)s * %d);", s->floats);
	x->out = in;
	open(x, S_FOR, true, arena_printf(a, "int i = 0; i < %d; i++", SCAN_BATCH));
	open(x, S_IF, false, "s0 + i < last");
	code(x,
	     c->kind == DECAY_NONE ? "start += change[i];" : "start = fmaf(a[i], start, change[i]);");
	code(x, "st_global_f32(state + (i64)(s0 + i) * %d, start);", s->regs * threads);
	x->out = top;
}

Dev *segment_scan(const Segments *s, const Dev *full)
{
	Dev *d = ARENA_NEW(full->arena, Dev);
	Scan x = {d, &d->body};
	KernelText *t = &d->text;
	int threads = (full->keepers ? full->keepers : full->warps) * 32;
	const char *states, *segs;

	d->k = full->k;
	d->gpu = full->gpu;
	d->arena = full->arena;
	d->name = arena_printf(d->arena, "%s_scan", full->name);
	d->warps = threads / 32;
	d->min_blocks = 1;
	for (int i = 0; i < full->text.nfactors; i++)
		if (full->text.grid[i].kind != FACTOR_SEGS)
			t->grid[t->nfactors++] = full->text.grid[i];
	t->grid[t->nfactors++] = (Factor){FACTOR_CONST, 0, s->regs};
	t->from_segs = 3;
	states = dev_param(d, PARAM_WORK, 0, 0, DT_F32, "states");
	segs = dev_param(d, PARAM_SEGS, 0, 0, DT_I32, "segments");
	code(&x, "const int r = (int)blockIdx.x %% %d;", s->regs);
	code(&x, "const int program = (int)blockIdx.x / %d;", s->regs);
	code(&x, "const int last = %s - 1;", segs);
	code(&x, "float *const state = %s + ((i64)program * last * %d + r) * %d + tid;", states,
	     s->regs, threads);
	for (int i = 0; i < s->n; i++) {
		const Carried *c = &s->state[i];
		Block *saved = x.out;

		if (s->n > 1)
			open(&x, S_IF, false,
			     arena_printf(d->arena, "r >= %d && r < %d", c->first, c->first + c->regs));
		scan_state(&x, s, c, threads);
		x.out = saved;
	}
	return d;
}

void segment_work(const Segments *s, const Dev *full, Module *m)
{
	const struct {
		const char *name;
		int64_t size;
	} work[] = {
	    {"states", (int64_t)s->regs * (full->keepers ? full->keepers : full->warps) * 32},
	    {"decays", s->floats},
	};

	for (int i = 0; i < 2 && work[i].size; i++) {
		WorkBuffer *w = &m->work[m->nwork++];

		w->name = work[i].name;
		w->elem_bytes = 4;
		for (int j = 0; j < full->text.nfactors; j++) {
			w->size[w->nfactors] = full->text.grid[j];
			if (w->size[w->nfactors].kind == FACTOR_SEGS)
				w->size[w->nfactors].value = 1;
			w->nfactors++;
		}
		w->size[w->nfactors++] = (Factor){FACTOR_CONST, 0, work[i].size};
	}
	m->seg_axis = s->loop->range->axis->id;
	m->seg_chunk = s->loop->range->n;
	m->schedule = "segmented";
}

/* Segments repeat the updates and pass the states through memory, which pays when the GPU is at
 * most about half full: then as many as make one full wave, but not too short. */
int segment_count(const GpuTarget *g, const KernelText *t, int64_t blocks, int64_t size, int chunk)
{
	enum { LEAST = 512, LEAST_EACH = 128, SMEM_RESERVED = 1024 };
	int fit = g->regs_sm / (256 * t->threads), m = g->smem_sm / (t->smem + SMEM_RESERVED);
	int64_t n, most = size / (chunk > LEAST_EACH ? chunk : LEAST_EACH);

	fit = m < fit ? m : fit;
	m = g->threads_sm / t->threads;
	fit = m < fit ? m : fit;
	if (fit < 1)
		fit = 1;
	if (blocks < 1 || size < LEAST)
		return 1;
	n = (int64_t)g->sms * fit / blocks;
	if (n < 2) /* not worth the two kernels more */
		return 1;
	if (t->min_blocks > fit && t->min_blocks <= g->smem_sm / (t->smem + SMEM_RESERVED))
		n = (int64_t)g->sms * t->min_blocks / blocks;
	return (int)(n < most ? n : most < 2 ? 1 : most);
}
