/* cmd_run.c -- run: one launch on the GPU or the simulator, checked, in one table row. */
#define _GNU_SOURCE
#include "../codegen/cost.h"
#include "bench.h"
#include "check.h"
#include "choose.h"
#include "counters.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

typedef struct Run {
	Cli *cli;
	Plan *plan;
	Exec exec;
	CheckResult check;
	const char *device;
	double ms; /* GPU */
	int seeds;
	bool same; /* all seeds gave the same bits */
	bool ok;
} Run;

/* -- several seeds: the same bits every time ------------------------------------------------ */

static void keep_outputs(Run *r, void **copy)
{
	Plan *p = r->plan;
	int i;

	for (i = 0; i < p->ntensors; i++) {
		const Tensor *t = &p->tensor[i];
		if (!t->rank || !t->arg->output || !t->data)
			continue;
		copy[i] = malloc(t->bytes + 1);
		if (copy[i])
			memcpy(copy[i], t->data, t->bytes);
	}
}

static void run_seeds(Run *r)
{
	void *copy[MAX_ARGS] = {0};
	int i, s;

	r->same = true;
	r->seeds = r->cli->seeds;
	exec_run(&r->exec, 0, r->cli->early);
	if (r->seeds > 1)
		keep_outputs(r, copy);
	for (s = 1; s < r->seeds; s++) {
		exec_run(&r->exec, (uint64_t)s, s % 2 ? !r->cli->early : r->cli->early);
		for (i = 0; i < r->plan->ntensors; i++)
			if (copy[i] && memcmp(copy[i], r->plan->tensor[i].data, r->plan->tensor[i].bytes))
				r->same = false;
	}
	for (i = 0; i < r->plan->ntensors; i++)
		free(copy[i]);
}

/* A quick look, with one copy of the buffers; bench is the one to quote. */
static void time_gpu(Run *r)
{
	uint64_t base[1][MAX_ARGS];
	Rotation one = {1, base};
	Timing t;

	memcpy(base[0], r->exec.base, sizeof base[0]);
	bench_time(&r->exec, &one, 0.05, &t);
	r->ms = t.ms;
}

/* -- reporting ------------------------------------------------------------------------------ */

static const char *verdict(const Run *r)
{
	if (r->exec.result.nfindings)
		return "FAIL: the simulator found mistakes";
	if (!r->same)
		return "FAIL: not the same bits every time";
	if (!r->cli->check)
		return "not checked";
	return r->check.ok ? "ok" : r->check.verdict;
}

static void print_speed(const Run *r, Json *j)
{
	double flops = kernel_flops(r->plan->k, r->plan->size, r->plan->scalar);

	json_number(j, "flops", flops);
	json_number(j, "sim_seconds", r->exec.result.seconds);
	json_number(j, "sim_core_seconds", r->exec.result.core_seconds);
	json_number(j, "sim_gflops_per_core", 1e-9 * flops / r->exec.result.core_seconds);
}

static void print_json(const Run *r)
{
	const Plan *p = r->plan;
	const SimResult *s = &r->exec.result;
	Arena *a = r->cli->arena;
	Json j;
	int i;

	json_begin(&j, stdout);
	json_text(&j, "kernel", p->k->name);
	json_text(&j, "shape", plan_shape_text(p, a));
	json_text(&j, "settings", plan_settings_text(p, a));
	json_text(&j, "schedule", p->m->schedule);
	json_int(&j, "segments", p->segs);
	json_text(&j, "device", r->device);
	json_text(&j, "gpu", p->gpu->name);
	json_text(&j, "arch", p->m->arch);
	if (r->exec.gpu)
		json_number(&j, "ms", r->ms);
	else
		print_speed(r, &j);
	json_bool(&j, "ok", r->ok);
	json_text(&j, "verdict", verdict(r));
	if (r->seeds > 1)
		json_bool(&j, "same_bits", r->same);
	if (r->cli->check) {
		json_number(&j, "error", r->check.error);
		json_open(&j, "outputs", '[');
		for (i = 0; i < r->check.noutputs; i++) {
			const CheckOutput *o = &r->check.output[i];
			json_open(&j, NULL, '{');
			json_text(&j, "name", o->arg->name);
			json_number(&j, "error", o->error);
			json_number(&j, "worst_row", o->worst);
			json_int(&j, "rows", o->rows);
			json_bool(&j, "ok", o->ok);
			json_close(&j);
		}
		json_close(&j);
	}
	if (!r->exec.gpu) {
		json_int(&j, "sites", sim_sites(r->exec.sim));
		json_open(&j, "findings", '[');
		for (i = 0; i < s->nfindings; i++)
			json_text(&j, NULL, s->finding[i].text);
		json_close(&j);
		counters_json(&r->exec, &j);
		if (r->cli->counters)
			counters_json_lines(&r->exec, &j);
	}
	json_end(&j);
}

static void print_row(const Run *r)
{
	const Plan *p = r->plan;
	Arena *a = r->cli->arena;
	const SimCounters *counted = &r->exec.result.counters;
	const char *work;

	if (r->exec.gpu)
		work = arena_printf(a, "%.4f ms", r->ms);
	else if (r->cli->unchecked)
		work = "unchecked";
	else
		work = arena_printf(a, "%llu %smma, %.1f KB",
		                    (unsigned long long)(counted->wgmma ? counted->wgmma : counted->mma),
		                    counted->wgmma ? "wg" : "",
		                    (double)(counted->global_load_bytes + counted->async_bytes +
		                             counted->global_store_bytes) /
		                        1024);
	printf("%-18s %-38s %-3s %-6s %-21s", p->k->name, plan_shape_text(p, a),
	       r->exec.gpu ? "gpu" : "sim", p->m->arch, work);
	if (r->cli->check)
		printf(" %.2e", r->check.error);
	printf("  %s\n", verdict(r));
	if (r->cli->counters && !r->exec.gpu)
		counters_print(&r->exec, stdout);
}

static void save_outputs(Run *r)
{
	Cli *c = r->cli;
	int i, f;

	for (f = 0; f < c->nouts; f++) {
		for (i = 0; i < r->plan->ntensors; i++)
			if (!strcmp(r->plan->tensor[i].arg->name, c->outs[f].name))
				break;
		if (i == r->plan->ntensors || !r->plan->tensor[i].data)
			diag_fail(c->diag, (Loc){0}, "--out: %s has no output '%s'", r->plan->k->name,
			          c->outs[f].name);
		tensor_save(c->diag, &r->plan->tensor[i], c->outs[f].path);
	}
}

int cmd_run(Cli *c)
{
	Run r;
	const Gpu *g;
	bool on_gpu = choose_device(c);
	int i;

	if (c->unchecked && (on_gpu || c->counters || c->drop))
		diag_fail(c->diag, (Loc){0}, "--unchecked: for the simulator, without %s",
		          on_gpu        ? "--device gpu"
		          : c->counters ? "--counters"
		                        : "--drop");
	memset(&r, 0, sizeof r);
	r.cli = c;
	g = choose_gpu(c, on_gpu, &r.device);
	r.plan = plan_open(c, g, true);
	plan_compile(r.plan, c);
	if (!r.plan->m)
		return ST_OK;
	exec_load(&r.exec, r.plan, c, on_gpu);
	exec_fill(&r.exec);
	run_seeds(&r);
	for (i = 0; i < r.exec.result.nfindings; i++)
		fprintf(stderr, "%s\n", r.exec.result.finding[i].text);
	if (on_gpu)
		time_gpu(&r);
	if (c->check)
		check_outputs(&r.exec, c->rows, &r.check);
	r.ok = !r.exec.result.nfindings && r.same && (!c->check || r.check.ok);
	save_outputs(&r);
	(c->json ? print_json : print_row)(&r);
	exec_close(&r.exec);
	plan_close(r.plan);
	return r.ok ? ST_OK : ST_CHECK;
}
