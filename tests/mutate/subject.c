/* subject.c -- runs of a text at some sizes, as it was and with a mutant. */
#define _GNU_SOURCE
#include "subject.h"

#include <stdlib.h>
#include <string.h>

#include "../../runtime/sim_trace.h"

/* A mutant that hangs costs so many seconds, and so many times what the text as it was takes. */
enum { SECONDS = 2, TIMES = 8, SECONDS_RIGHT = 120 };

static int seconds; /* the most that any text took */

static void limit(int n)
{
	setenv("AZULEJO_SIM_SECONDS", arena_printf(arena, "%d", n), 1);
}

void at_plan(Subject *s, int i)
{
	At *at = &s->at[i];

	cli_init(&at->cli, arena, &diag);
	at->cli.spec = s->c->spec;
	at->cli.gpu = s->gpu;
	at->cli.with = s->c->with;
	at->cli.layout = s->c->layout;
	at->cli.align = s->c->align;
	cli_add_sets(&at->cli, s->c->sizes[i]);
	cli_add_sets(&at->cli, s->c->set);
	if (i)
		cli_add_sets(&at->cli, plan_settings_text(s->at->plan, arena));
	at->plan = plan_open(&at->cli, gpu_find(&diag, arena, s->gpu), true);
	plan_compile(at->plan, &at->cli);
}

static bool output(const Tensor *t)
{
	return t->rank && t->arg->output && t->data;
}

bool at_right(const At *at)
{
	for (int i = 0; i < at->plan->ntensors; i++)
		if (output(&at->plan->tensor[i]) &&
		    memcmp(at->right[i], at->plan->tensor[i].data, at->plan->tensor[i].bytes))
			return false;
	return true;
}

void at_run(At *at, int mutant, int turn)
{
	sim_set_mutant(at->exec.sim, mutant, !turn);
	memset(&at->exec.result, 0, sizeof at->exec.result);
	exec_run(&at->exec, (uint64_t)turn, turn == 1);
}

void at_load(At *at)
{
	CheckResult r;

	exec_load(&at->exec, at->plan, &at->cli, false);
	exec_fill(&at->exec);
	limit(SECONDS_RIGHT);
	for (int turn = 0; turn < TURNS; turn++) {
		at_run(at, 0, turn);
		if (at->exec.result.nfindings)
			diag_fail(&diag, (Loc){0}, "unchanged: %s", at->exec.result.finding[0].text);
		if (!turn && at->exec.result.core_seconds * TIMES > seconds)
			seconds = (int)(at->exec.result.core_seconds * TIMES);
		for (int i = 0; !turn && i < at->plan->ntensors; i++) {
			const Tensor *t = &at->plan->tensor[i];

			if (!output(t))
				continue;
			at->right[i] = arena_alloc(arena, t->bytes + 1);
			memcpy(at->right[i], t->data, t->bytes);
		}
		if (!at_right(at))
			diag_fail(&diag, (Loc){0}, "unchanged: other bits in another order");
	}
	check_outputs(&at->exec, at->cli.rows, &r);
	if (!r.ok)
		diag_fail(&diag, (Loc){0}, "unchanged: %s", r.verdict);
	limit(SECONDS + seconds);
}

bool subject_same(Subject *s, int mutant)
{
	static SimTrace *was[MAX_SIZES]; /* of the one subject that a process tests */

	for (int i = 0; i < s->nat; i++) {
		bool same;

		if (!was[i]) {
			if (!(was[i] = sim_trace_new()))
				return false;
			sim_trace_record(was[i]);
			at_run(&s->at[i], 0, 0);
			sim_trace_end(was[i]);
		}
		sim_trace_compare(was[i]);
		at_run(&s->at[i], mutant, 0);
		same = sim_trace_end(was[i]);
		if (!same)
			return false;
	}
	return true;
}

void subject_close(Subject *s)
{
	for (int i = 0; i < MAX_SIZES; i++)
		if (s->at[i].exec.plan) {
			exec_close(&s->at[i].exec);
			plan_close(s->at[i].plan);
		}
}
