/* cmd_emit.c -- emit, build, explain: what a spec becomes, with no device. */
#define _GNU_SOURCE
#include "../codegen/cost.h"
#include "cache.h"
#include "choose.h"
#include "counters.h"
#include "json.h"
#include "nvrtc.h"
#include "plan.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static Plan *open_plan(Cli *c)
{
	const char *device;
	Plan *p = plan_open(c, choose_gpu(c, false, &device), true);

	plan_compile(p, c);
	return p;
}

static void write_file(Cli *c, const char *path, const void *data, size_t n)
{
	if (!cache_write_atomic(path, data, n))
		diag_env(c->diag, "%s: %s", path, strerror(errno));
}

/* -o FILE, or -o FOLDER/ for FOLDER/<spec>.<arch>.cu; an unchanged file is not touched. */
static void write_text(Cli *c, const Plan *p)
{
	const char *path = c->out;
	size_t n = strlen(path);
	struct stat st;

	if (path[n - 1] == '/' || (!stat(path, &st) && S_ISDIR(st.st_mode)))
		path = arena_printf(c->arena, "%s%s%s.%s.cu", path, path[n - 1] == '/' ? "" : "/",
		                    p->k->name, p->m->arch);
	write_file(c, path, p->m->text_cuda, strlen(p->m->text_cuda));
}

int cmd_emit(Cli *c)
{
	Plan *p = open_plan(c);

	if (p->m && c->out && strcmp(c->out, "-"))
		write_text(c, p);
	else if (p->m && (c->out || !c->dump))
		fputs(p->m->text_cuda, stdout);
	plan_close(p);
	return ST_OK;
}

static void print_build(Cli *c, const Plan *p, const Cubin *b)
{
	const KernelText *t;
	Json j;
	int i, n;

	if (c->json) {
		json_begin(&j, stdout);
		json_text(&j, "spec", p->k->name);
		json_text(&j, "arch", p->m->arch);
		json_text(&j, "schedule", p->m->schedule);
		json_text(&j, "settings", plan_settings_text(p, c->arena));
		json_number(&j, "seconds", b->seconds);
		json_bool(&j, "cached", b->cached);
		json_int(&j, "bytes", (long long)b->size);
		json_open(&j, "kernels", '[');
	}
	for (i = 0; i < b->nkernels; i++) {
		const CubinKernel *k = &b->kernel[i];
		for (n = 0, t = NULL; n < p->m->nkernels; n++)
			if (!strcmp(p->m->kernel[n].name, k->name))
				t = &p->m->kernel[n];
		if (c->json) {
			json_open(&j, NULL, '{');
			json_text(&j, "name", k->name);
			json_int(&j, "registers", k->regs);
			json_int(&j, "spill_bytes", k->spill_bytes);
			json_int(&j, "stack_bytes", k->stack);
			json_int(&j, "smem", k->smem + (t ? t->smem : 0));
			json_int(&j, "threads", t ? t->threads : 0);
			json_close(&j);
		} else {
			printf("%-28s %-8s %3d registers  %5d spilled bytes  %6d smem  %4d threads  %.2f s%s\n",
			       k->name, p->m->arch, k->regs, k->spill_bytes, k->smem + (t ? t->smem : 0),
			       t ? t->threads : 0, b->seconds, b->cached ? " (cached)" : "");
		}
	}
	if (c->json) {
		json_close(&j);
		json_end(&j);
	}
}

int cmd_build(Cli *c)
{
	Plan *p = open_plan(c);
	Cubin *b;

	if (!p->m)
		return ST_OK;
	b = nvrtc_compile(c->diag, c->arena, p->m->text_cuda, p->k->name, p->m->arch, false,
	                  !c->no_cache);
	if (c->out)
		write_file(c, c->out, b->data, b->size);
	print_build(c, p, b);
	plan_close(p);
	return ST_OK;
}

/* Above this many operations explain does not simulate by itself. */
static const double EXPLAIN_FLOPS = 2e9;

/* What the kernels do, by spec line: a run in the simulator, where one is cheap. */
static void explain_counters(Cli *c, Plan *p)
{
	static Diag diag; /* no compiler, no memory: then without */
	static Exec x;
	double flops = kernel_flops(p->k, p->size, p->scalar) + 16 * plan_bytes(p);
	Cli *own = arena_alloc(c->arena, sizeof *own);
	int i;

	if (flops > EXPLAIN_FLOPS) {
		printf(
		    "\nCounters: too much to simulate in passing; azulejo run %s --device sim --counters, "
		    "or smaller sizes by --set\n",
		    c->spec);
		return;
	}
	*own = *c;
	own->diag = &diag;
	if (DIAG_TRY(&diag)) {
		printf("\nCounters: %s\n", diag.text);
		return;
	}
	exec_load(&x, p, own, false);
	exec_fill(&x);
	exec_run(&x, 0, false);
	printf("\nWork at %s:\n", plan_shape_text(p, c->arena));
	counters_print(&x, stdout);
	for (i = 0; i < x.result.nfindings; i++)
		fprintf(stderr, "%s\n", x.result.finding[i].text);
	exec_close(&x);
}

int cmd_explain(Cli *c)
{
	const GpuTarget *g;
	Plan *p;
	int i;

	if (!c->dump)
		c->dump = "place";
	p = open_plan(c);
	g = &p->gpu->target;
	if (!p->m)
		return ST_OK;
	printf("\n%s for %s (%s), schedule %s, %s\n", p->k->name, p->gpu->name, p->m->arch,
	       p->m->schedule, plan_settings_text(p, c->arena));
	for (i = 0; i < p->m->nkernels; i++) {
		const KernelText *t = &p->m->kernel[i];
		int64_t blocks = module_blocks(t, p->size, p->segs);
		int by_smem = t->smem ? g->smem_sm / (t->smem + 1024) : 32, by_threads;
		by_threads = g->threads_sm / t->threads;
		if (by_smem > by_threads)
			by_smem = by_threads;
		printf("%-28s %lld blocks of %d threads, %d bytes of shared memory, at most %d an SM, "
		       "%.2f waves",
		       t->name, (long long)blocks, t->threads, t->smem, by_smem,
		       (double)blocks / (g->sms * (by_smem ? by_smem : 1)));
		if (t->cluster > 1 && blocks % t->cluster == 0)
			printf(", in clusters of %d", t->cluster);
		printf("\n");
	}
	explain_counters(c, p);
	plan_close(p);
	return ST_OK;
}
