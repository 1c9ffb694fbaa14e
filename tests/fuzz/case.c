/* case.c -- one case, in a child process. */
#define _GNU_SOURCE
#include "case.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../runtime/check.h"
#include "compare.h"

const char *const fate_text[NFATES] = {
#define FATE(name, failure, what) what,
    FATES(FATE)
#undef FATE
};

const bool fate_failed[NFATES] = {
#define FATE(name, failure, what) failure,
    FATES(FATE)
#undef FATE
};

const char *const way_name[NWAYS] = {
#define WAY(name, by) #name,
    WAYS(WAY)
#undef WAY
};

static const char *const way_by[NWAYS] = {
#define WAY(name, by) by,
    WAYS(WAY)
#undef WAY
};

double case_clock(void)
{
	return clock_seconds();
}

/* -- the run ----------------------------------------------------------------------------- */

static void say(Outcome *o, Fate f, const char *text)
{
	o->fate = f;
	snprintf(o->text, sizeof o->text, "%s", text);
}

static void stage(Outcome *o, const char *name)
{
	snprintf(o->stage, sizeof o->stage, "%s", name);
}

static bool at(const Outcome *o, const char *name)
{
	return !strcmp(o->stage, name);
}

static void fill_cli(Cli *cli, Arena *a, Diag *d, const Case *c)
{
	cli_init(cli, a, d);
	cli->command = "run";
	cli->spec = c->spec;
	cli->gpu = c->gpu;
	cli->with = *c->with ? c->with : NULL;
	cli->layout = c->bnhd ? BNHD : BHND;
	cli->seed = c->seed;
	cli->align = c->align ? c->align : 16;
	cli->no_cache = true;
	if (*c->set)
		cli_add_sets(cli, c->set);
}

/* Again in another order, copies landing early: the same bits. */
static bool same_bits(Exec *x, const Case *c)
{
	const Plan *p = x->plan;
	void *copy[MAX_ARGS] = {0};
	bool same = true;

	for (int i = 0; i < p->ntensors; i++)
		if (p->tensor[i].rank && p->tensor[i].arg->output) {
			copy[i] = arena_alloc(p->arena, p->tensor[i].bytes);
			memcpy(copy[i], p->tensor[i].data, p->tensor[i].bytes);
		}
	exec_run(x, c->orders, true);
	for (int i = 0; i < p->ntensors; i++)
		same &= !copy[i] || !memcmp(copy[i], p->tensor[i].data, p->tensor[i].bytes);
	return same;
}

/* A row's error is measured against that row, which may happen to be small: where no more than that
 * is wrong, what the body says in fp64 decides. */
static bool unlucky(const CheckResult *r)
{
	for (int i = 0; i < r->noutputs; i++)
		if (r->output[i].unwritten || !(r->output[i].worst < 0.05) || !(r->output[i].error < 3e-3))
			return false;
	return true;
}

static void check(Exec *x, const Case *c, Outcome *o)
{
	CheckResult r;

	stage(o, "check");
	if (c->generated) {
		compare_outputs(x, o);
		return;
	}
	check_outputs(x, 48, &r);
	if (r.ok)
		return;
	if (unlucky(&r))
		compare_outputs(x, o);
	else
		say(o, FATE_WRONG, r.verdict);
}

/* Findings that the outputs must bear out: a program may make a NaN where its reference has one. */
static bool only_nans(const Exec *x, const Case *c)
{
	for (int i = 0; i < x->result.nfindings; i++)
		if (x->result.finding[i].kind != SIM_NAN)
			return false;
	return c->generated;
}

static void build(const Plan *p, Diag *d, Outcome *o)
{
	const char *why;
	Cubin *c;

	if (!nvrtc_found(&why))
		return;
	stage(o, "build");
	c = nvrtc_compile(d, p->arena, p->m->text_cuda, p->k->name, p->m->arch, false, false);
	for (int i = 0; i < c->nkernels; i++)
		if (c->kernel[i].spill_bytes && o->fate == FATE_OK) {
			say(o, FATE_SPILLED, "");
			snprintf(o->text, sizeof o->text, "%s spills %d bytes for %s", c->kernel[i].name,
			         c->kernel[i].spill_bytes, p->m->arch);
		}
}

static bool too_large(const Plan *p)
{
	int64_t n = 0;

	for (int i = 0; i < p->ntensors; i++)
		n += p->tensor[i].elems;
	return n > 1 << 21;
}

static void whole(const Case *c, Cli *cli, Outcome *o)
{
	static Exec x;
	Plan *p;

	stage(o, "trace");
	p = plan_open(cli, gpu_find(cli->diag, cli->arena, c->gpu), true);
	if (too_large(p)) {
		say(o, FATE_LARGE, "too many elements");
		return;
	}
	stage(o, "compile");
	plan_compile(p, cli);
	for (int i = 0; i < NWAYS; i++)
		o->way[i] = strstr(p->m->text_cuda, way_by[i]) != NULL;
	stage(o, "load");
	exec_load(&x, p, cli, false);
	exec_fill(&x);
	stage(o, "run");
	exec_run(&x, 0, false);
	if (x.result.nfindings && !only_nans(&x, c)) {
		say(o, FATE_FINDING, x.result.finding[0].text);
		return;
	}
	check(&x, c, o);
	if (fate_failed[o->fate])
		return;
	stage(o, "run");
	if (c->orders && !same_bits(&x, c))
		say(o, FATE_BITS, "not the same bits every time");
	else if (x.result.nfindings && !only_nans(&x, c))
		say(o, FATE_FINDING, x.result.finding[0].text);
	else if (c->build)
		build(p, cli->diag, o);
	exec_close(&x);
}

/* What a thrown error means depends on where it came from: a text that NVRTC or the host's compiler
 * rejects is our own mistake, and so is a refusal once the kernel runs. */
static Fate thrown(const Diag *d, const Outcome *o)
{
	if (at(o, "load") || at(o, "build"))
		return strstr(d->text, "rejects") || d->status == ST_USER ? FATE_TEXT : FATE_ENV;
	if (d->status == ST_ENV)
		return FATE_ENV;
	if (!d->text[0] || strchr(d->text, '\n') || at(o, "run") || at(o, "check") ||
	    strstr(d->text, "nan") || strstr(d->text, "(null)"))
		return FATE_UNCLEAR;
	return FATE_REFUSED;
}

void case_run(const Case *c, Outcome *o)
{
	static Diag d;
	static Cli cli;
	Arena *a = arena_new();

	if (DIAG_TRY(&d)) {
		say(o, thrown(&d, o), d.text);
	} else {
		fill_cli(&cli, a, &d, c);
		whole(c, &cli, o);
	}
}

enum { PATIENCE = 5 }; /* seconds by the wall for one of the processor's */

/* -- the child --------------------------------------------------------------------------- */

void case_start(Running *r, const Case *c, Outcome *shared)
{
	FILE *log = tmpfile();

	if (!log) {
		perror("fuzz: tmpfile");
		exit(3);
	}
	fflush(NULL);
	memset(shared, 0, sizeof *shared);
	r->log = dup(fileno(log));
	fclose(log);
	r->shared = shared;
	r->since = clock_seconds();
	r->limit = c->seconds > 0 ? c->seconds : 60;
	r->pid = fork();
	if (r->pid < 0) {
		perror("fuzz: fork");
		exit(3);
	}
	if (r->pid)
		return;
	setpgid(0, 0);
	setrlimit(RLIMIT_CPU, &(struct rlimit){(rlim_t)r->limit, (rlim_t)r->limit + 5});
	dup2(r->log, 2);
	dup2(r->log, 1);
	case_run(c, shared);
	shared->done = true;
	_exit(0);
}

static void first_line(int fd, char *out, size_t size)
{
	ssize_t n = pread(fd, out, size - 1, 0);

	out[n > 0 ? n : 0] = 0;
	out[strcspn(out, "\n")] = 0;
}

bool case_ended(Running *r)
{
	int status = 0;
	char line[400];
	pid_t got = waitpid(r->pid, &status, WNOHANG);

	if (!got && clock_seconds() - r->since < PATIENCE * r->limit)
		return false;
	if (got && WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU) {
		say(r->shared, FATE_HANG, "no end");
	} else if (!got) {
		kill(-r->pid, SIGKILL);
		waitpid(r->pid, &status, 0);
		say(r->shared, FATE_HANG, "no end");
	} else if (!r->shared->done) {
		first_line(r->log, line, sizeof line);
		r->shared->fate = FATE_CRASH;
		snprintf(r->shared->text, sizeof r->shared->text, "%s %d: %s",
		         WIFSIGNALED(status) ? "signal" : "exit",
		         WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), line);
	}
	close(r->log);
	r->pid = 0;
	return true;
}

void case_whole(const Case *c, Outcome *shared)
{
	static const struct timespec nap = {0, 2000000};
	Running r;

	case_start(&r, c, shared);
	while (!case_ended(&r))
		nanosleep(&nap, NULL);
}

/* -- as text ----------------------------------------------------------------------------- */

void case_options(const Case *c, char *out, int size)
{
	int n = snprintf(out, (size_t)size, "--set %s --seed %lu --gpu %s", c->set, c->seed, c->gpu);

	if (*c->with)
		n += snprintf(out + n, (size_t)(size - n), " --with %s", c->with);
	if (c->bnhd)
		n += snprintf(out + n, (size_t)(size - n), " --layout bnhd");
	if (c->align)
		n += snprintf(out + n, (size_t)(size - n), " --align %d", c->align);
	if (c->orders)
		snprintf(out + n, (size_t)(size - n), " --seeds 2");
}

static bool word_after(const char *line, const char *option, char *out, size_t size)
{
	const char *p = strstr(line, option);

	if (!p)
		return false;
	p += strlen(option);
	snprintf(out, size, "%.*s", (int)strcspn(p, " \n"), p);
	return true;
}

bool case_parse(Case *c, const char *line)
{
	char word[64];

	if (!word_after(line, "--set ", c->set, sizeof c->set))
		return false;
	word_after(line, "--gpu ", c->gpu, sizeof c->gpu);
	word_after(line, "--with ", c->with, sizeof c->with);
	c->bnhd = strstr(line, "--layout bnhd") != NULL;
	if (word_after(line, "--seed ", word, sizeof word))
		c->seed = strtoul(word, NULL, 10);
	if (word_after(line, "--align ", word, sizeof word))
		c->align = atoi(word);
	c->orders = strstr(line, "--seeds 2") ? 1 : 0;
	return true;
}
