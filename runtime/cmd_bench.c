/* cmd_bench.c -- bench: how long one launch takes on the GPU, beside the floors that the same run
 * measures or the GPU's description gives.
 */
#define _GNU_SOURCE
#include "../codegen/cost.h"
#include "bench.h"
#include "check.h"
#include "choose.h"
#include "json.h"

#include <string.h>

typedef struct Bench {
	Plan *plan;
	Timing time;
	double copy_gbs, gbs, tflops, floor_ms;
	const char *device;
	CheckResult check;
} Bench;

static void print_json(Cli *c, const Bench *b)
{
	const Plan *p = b->plan;
	Json j;

	json_begin(&j, stdout);
	json_text(&j, "kernel", p->k->name);
	json_text(&j, "shape", plan_shape_text(p, c->arena));
	json_text(&j, "settings", plan_settings_text(p, c->arena));
	json_text(&j, "schedule", p->m->schedule);
	json_int(&j, "segments", p->segs);
	json_text(&j, "device", b->device);
	json_text(&j, "arch", p->m->arch);
	json_bool(&j, "tuned", p->tuned);
	json_number(&j, "ms", b->time.ms);
	json_number(&j, "ms_low", b->time.lo);
	json_number(&j, "ms_high", b->time.hi);
	json_int(&j, "samples", b->time.samples);
	json_int(&j, "batch", b->time.batch);
	json_int(&j, "copies", b->time.copies);
	json_number(&j, "bytes", plan_bytes(p));
	json_number(&j, "gbs", b->gbs);
	json_number(&j, "copy_gbs", b->copy_gbs);
	json_number(&j, "flops", kernel_flops(p->k, p->size, p->scalar));
	json_number(&j, "tflops", b->tflops);
	json_number(&j, "floor_ms", b->floor_ms);
	json_number(&j, "share", b->floor_ms / b->time.ms);
	if (c->check) {
		json_bool(&j, "ok", b->check.ok);
		json_number(&j, "error", b->check.error);
		json_text(&j, "verdict", b->check.verdict);
	}
	json_end(&j);
}

static void print_row(Cli *c, const Bench *b)
{
	const Plan *p = b->plan;

	printf("%-20s %-36s %s  %.4f ms [%.4f, %.4f]  %.0f GB/s  %.1f TFLOP/s  %.0f%% of the floor "
	       "%.4f ms (copy %.0f GB/s)%s%s\n",
	       p->k->name, plan_shape_text(p, c->arena), p->m->arch, b->time.ms, b->time.lo, b->time.hi,
	       b->gbs, b->tflops, 100 * b->floor_ms / b->time.ms, b->floor_ms, b->copy_gbs,
	       c->check ? "  " : "", c->check ? b->check.verdict : "");
}

int cmd_bench(Cli *c)
{
	const char *why;
	Rotation rot;
	Exec x;
	Bench b;
	const Gpu *g;
	double flops, math_ms;

	memset(&b, 0, sizeof b);
	if (!driver_found(&why))
		diag_env(c->diag, "bench needs a GPU: %s", why);
	g = choose_gpu(c, true, &b.device);
	b.plan = plan_open(c, g, true);
	plan_compile(b.plan, c);
	if (!b.plan->m)
		return ST_OK;
	exec_load(&x, b.plan, c, true);
	exec_fill(&x);
	exec_run(&x, 0, false);
	if (c->check)
		check_outputs(&x, c->rows, &b.check);
	bench_rotate(&x, &rot);
	b.copy_gbs = bench_copy_rate(c->diag);
	bench_time(&x, &rot, c->budget ? c->budget : 2, &b.time);
	flops = kernel_flops(b.plan->k, b.plan->size, b.plan->scalar);
	b.gbs = plan_bytes(b.plan) / b.time.ms / 1e6;
	b.tflops = flops / b.time.ms / 1e9;
	b.floor_ms = plan_bytes(b.plan) / b.copy_gbs / 1e6;
	math_ms = flops / g->target.tensor_tflops / 1e9;
	if (math_ms > b.floor_ms)
		b.floor_ms = math_ms;
	(c->json ? print_json : print_row)(c, &b);
	bench_free(&x, &rot);
	exec_close(&x);
	plan_close(b.plan);
	return c->check && !b.check.ok ? ST_CHECK : ST_OK;
}
