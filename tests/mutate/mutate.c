/* mutate.c -- mutation testing: would a mistake in a generated text be noticed?
 *
 * For every case of tests/mutate.cases (a spec with settings and sizes), for each GPU, every mutant
 * of the text (runtime/sim_mutate.h) runs at the case's sizes until the simulator reports something
 * or an output's bits differ from those of the text as it was. A survivor is a failure, unless
 * tests/mutate.harmless proves it harmless; a line there that no survivor needs, or that a mutant
 * which was noticed would have needed, is a failure as well.
 *
 *   azmutate [-c N] [-k KINDS] [-s N] [-r SEED] [-j JOBS] [-v] [CASE ...]
 *     -c N      a sample of N cases, each for one GPU, chosen by SEED
 *     -k KINDS  only mutants of these kinds: drop,weaken,...
 *     -s N      a sample of N mutants of each text, chosen by SEED and the text
 *     -v        shows every mutant and what noticed it
 *     CASE      only the cases whose line contains it
 *
 * Run in the top folder. One "ok" or "FAIL" a line, then a table.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "../../runtime/check.h"
#include "../../runtime/sim_load.h"
#include "harmless.h"
#include "score.h"

enum {
	TURNS = 3,
	MAX_SIZES = 8,
	MAX_SPECS = 64,
	MAX_TEXTS = 256,
	MAX_ENTRIES = 512,
	MAX_CASES = 128
};

/* A mutant that hangs costs this many seconds; the texts as they were take well under one. */
static const char SECONDS[] = "2";
/* An index beyond an array traps. */
static const char STRICT[] = "-fsanitize=bounds -fsanitize-undefined-trap-on-error";

static Arena *arena;
static Diag diag;
static int sample, few, jobs, verbose;
static const char *kinds;
static uint64_t seed = 1;

/* A line of tests/mutate.cases. */
typedef struct Case {
	const char *line, *name; /* name: without the sizes */
	const char *spec, *set, *with;
	Layout layout;
	int nsizes, align;
	const char *sizes[MAX_SIZES];
} Case;

/* ---- Cases ---- */

/* "SPEC [--set K=V,..] [--with A,..] [--layout L] [--align N] : SIZES : SIZES ..." */
static Case parse_case(const char *line)
{
	char *s = arena_strdup(arena, line), *save, *w;
	Case c = {.line = line, .set = "", .align = 16};
	bool sizes = false;

	c.name = arena_printf(arena, "%.*s", (int)strcspn(line, ":") - 1, line);
	for (w = strtok_r(s, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		if (!strcmp(w, ":"))
			sizes = true;
		else if (!c.spec)
			c.spec = w;
		else if (sizes && c.nsizes < MAX_SIZES)
			c.sizes[c.nsizes++] = w;
		else if (!strcmp(w, "--set"))
			c.set = strtok_r(NULL, " ", &save);
		else if (!strcmp(w, "--with"))
			c.with = strtok_r(NULL, " ", &save);
		else if (!strcmp(w, "--layout"))
			c.layout = strcmp(strtok_r(NULL, " ", &save), "bnhd") ? BHND : BNHD;
		else if (!strcmp(w, "--align"))
			c.align = atoi(strtok_r(NULL, " ", &save));
		else
			diag_fail(&diag, (Loc){0}, "tests/mutate.cases: %s: what is '%s'?", line, w);
	}
	if (!c.nsizes)
		diag_fail(&diag, (Loc){0}, "tests/mutate.cases: %s: no sizes", line);
	return c;
}

/* ---- A text at some sizes ---- */

typedef struct At {
	Cli cli;
	Plan *plan;
	Exec exec;
	void *right[MAX_ARGS]; /* outputs of the text as it was */
} At;

typedef struct Subject {
	const Case *c;
	const char *gpu, *name; /* "a100 retention --set stages=3" */
	SimMutants *m;
	At at[MAX_SIZES];
	int nat;
} Subject;

static void plan_at(Subject *s, At *at, const char *sizes)
{
	cli_init(&at->cli, arena, &diag);
	at->cli.spec = s->c->spec;
	at->cli.gpu = s->gpu;
	at->cli.with = s->c->with;
	at->cli.layout = s->c->layout;
	at->cli.align = s->c->align;
	cli_add_sets(&at->cli, sizes);
	cli_add_sets(&at->cli, s->c->set);
	if (at != s->at) /* what the first sizes were tuned to */
		cli_add_sets(&at->cli, plan_settings_text(s->at->plan, arena));
	at->plan = plan_open(&at->cli, gpu_find(&diag, arena, s->gpu), true);
	plan_compile(at->plan, &at->cli);
}

static bool output(const Tensor *t)
{
	return t->rank && t->arg->output && t->data;
}

static bool right_bits(const At *at)
{
	for (int i = 0; i < at->plan->ntensors; i++)
		if (output(&at->plan->tensor[i]) &&
		    memcmp(at->right[i], at->plan->tensor[i].data, at->plan->tensor[i].bytes))
			return false;
	return true;
}

static void run(At *at, int mutant, int turn)
{
	sim_set_mutant(at->exec.sim, mutant, !turn);
	memset(&at->exec.result, 0, sizeof at->exec.result);
	exec_run(&at->exec, (uint64_t)turn, turn == 1);
}

/* The text as it was gives the reference's numbers, without findings, in every mode. */
static void run_right(At *at)
{
	CheckResult r;

	for (int turn = 0; turn < TURNS; turn++) {
		run(at, 0, turn);
		if (at->exec.result.nfindings)
			diag_fail(&diag, (Loc){0}, "unchanged: %s", at->exec.result.finding[0].text);
		for (int i = 0; !turn && i < at->plan->ntensors; i++) {
			const Tensor *t = &at->plan->tensor[i];

			if (!output(t))
				continue;
			at->right[i] = arena_alloc(arena, t->bytes + 1);
			memcpy(at->right[i], t->data, t->bytes);
		}
		if (!right_bits(at))
			diag_fail(&diag, (Loc){0}, "unchanged: other bits in another order");
	}
	check_outputs(&at->exec, at->cli.rows, &r);
	if (!r.ok)
		diag_fail(&diag, (Loc){0}, "unchanged: %s", r.verdict);
}

/* ---- Running mutants ---- */

typedef enum Fate { UNTRIED, SURVIVED, FOUND, WRONG, BROKEN } Fate;

typedef struct Shared {
	int next, n, which[1 << 14];
	unsigned char fate[1 << 14];
	SimFinding finding[1 << 14];
} Shared;

static Shared *shared;

/* What harmless_find asks: the text, and the kernel where it is not called as its spec is. */
static const char *name_of(const Subject *s, const SimMutant *x)
{
	const char *slash = strrchr(s->c->spec, '/'), *spec = slash ? slash + 1 : s->c->spec;

	return strcmp(x->kernel, spec) ? arena_printf(arena, "%s, %s", s->name, x->kernel) : s->name;
}

/* Each mutant in the plainest mode at every size; then a survivor, unless it is said to be
 * harmless, with early copies and in other orders at the first two. */
static Fate try_mutant(Subject *s, int id)
{
	int turns = harmless_find(name_of(s, &s->m->mutant[id]), &s->m->mutant[id]) ? 1 : TURNS;

	for (int turn = 0; turn < turns; turn++)
		for (int i = 0; i < (turn ? 2 : s->nat) && i < s->nat; i++) {
			At *at = &s->at[i];

			run(at, id, turn);
			if (at->exec.result.nfindings) {
				shared->finding[id] = at->exec.result.finding[0];
				return FOUND;
			}
			if (!right_bits(at))
				return WRONG;
		}
	return SURVIVED;
}

static _Noreturn void work(Subject *s)
{
	int k;

#ifdef __linux__
	prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
	while ((k = __atomic_fetch_add(&shared->next, 1, __ATOMIC_RELAXED)) < shared->n) {
		int id = shared->which[k];

		if (DIAG_TRY(&diag)) {
			fprintf(stderr, "mutant %d: %s\n", id, diag.text);
			shared->fate[id] = BROKEN;
			continue;
		}
		shared->fate[id] = (unsigned char)try_mutant(s, id);
	}
	_exit(0);
}

static uint32_t draw(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

/* All of them, or a sample that stays the same while the text and the seed do. */
static void choose(const Subject *s)
{
	uint64_t state = seed;

	for (const char *p = s->m->text; *p; p++)
		state = (state ^ (unsigned char)*p) * 0x100000001b3u;
	memset(shared, 0, sizeof *shared);
	for (int i = 1; i <= s->m->n; i++) {
		int k = (int)(draw(&state) % (uint32_t)(shared->n + 1));

		if (kinds && !strstr(kinds, sim_mutation_name(s->m->mutant[i].kind)))
			continue;
		shared->which[shared->n] = shared->which[k];
		shared->which[k] = i;
		shared->n++;
	}
	if (sample && sample < shared->n)
		shared->n = sample;
}

static void run_mutants(Subject *s)
{
	pid_t pid[64];

	choose(s);
	fflush(NULL);
	for (int i = 0; i < jobs; i++) {
		pid[i] = fork();
		if (!pid[i])
			work(s);
	}
	for (int i = 0; i < jobs; i++)
		while (pid[i] > 0 && waitpid(pid[i], NULL, 0) < 0 && errno == EINTR)
			;
}

/* ---- Counting ---- */

static int failures;

static void show(const char *how, const Subject *s, int id)
{
	const SimMutant *x = &s->m->mutant[id];
	const char *from = sim_spec_line(s->at->exec.sim, x->line);

	printf("%s %s, line %d%s%s: %s: %s\n", how, name_of(s, x), x->line, *from ? ", " : "", from,
	       sim_mutation_name(x->kind), x->what);
}

static void count(const Subject *s)
{
	Score *score = score_of(s->c->spec), here = {0, 0, 0, 0};

	for (int k = 0; k < shared->n; k++) {
		int id = shared->which[k];
		const SimMutant *x = &s->m->mutant[id];
		Score *to = &score[x->kind];
		Entry *e = harmless_find(name_of(s, x), x);
		Fate fate = shared->fate[id];

		here.total++;
		if (fate == FOUND || fate == WRONG) {
			to->found += fate == FOUND;
			to->wrong += fate == WRONG;
			here.found++;
			if (e && !e->noticed++)
				e->example = arena_printf(arena, "%s: %s", name_of(s, x), x->what);
			if (verbose)
				show(fate == FOUND ? shared->finding[id].text : "wrong", s, id);
		} else if (fate == SURVIVED && e) {
			e->needed++;
			to->harmless++;
			here.harmless++;
			if (verbose)
				show("harmless", s, id);
		} else {
			show(fate == SURVIVED ? "FAIL survivor:" : "FAIL broken:", s, id);
			failures++;
		}
		to->total++;
	}
	printf("ok %s: %d of %d noticed, %d harmless\n", s->name, here.found,
	       here.total - here.harmless, here.harmless);
}

/* ---- Texts ---- */

static const char *seen[MAX_TEXTS];
static int nseen;

static bool known_text(const char *text)
{
	for (int i = 0; i < nseen; i++)
		if (!strcmp(seen[i], text))
			return true;
	if (nseen < MAX_TEXTS)
		seen[nseen++] = text;
	return false;
}

static void load(At *at)
{
	exec_load(&at->exec, at->plan, &at->cli, false);
	exec_fill(&at->exec);
}

/* One text at all of the case's sizes; they must agree on it. */
static void test_text(Subject *s)
{
	const char *text;

	plan_at(s, &s->at[0], s->c->sizes[0]);
	text = s->at[0].plan->m->text_sim;
	if (known_text(arena_printf(arena, "%s%s", text, strchr(s->c->line, ':'))))
		return;
	s->m = sim_mutate(arena, text);
	for (s->nat = 0; s->nat < s->c->nsizes; s->nat++) {
		At *at = &s->at[s->nat];

		if (s->nat)
			plan_at(s, at, s->c->sizes[s->nat]);
		if (strcmp(at->plan->m->text_sim, text))
			diag_fail(&diag, (Loc){0}, "%s gives another text", s->c->sizes[s->nat]);
		at->plan->m->text_sim = s->m->text;
		load(at);
		run_right(at);
	}
	run_mutants(s);
	count(s);
}

static void test_case(const Case *c, const char *gpu)
{
	Subject *s = ARENA_NEW(arena, Subject);

	s->c = c;
	s->gpu = gpu;
	s->name = arena_printf(arena, "%s %s", gpu, c->name);
	if (DIAG_TRY(&diag)) {
		printf("FAIL %s: %s\n", s->name, diag.text);
		failures++;
	} else {
		test_text(s);
	}
	for (int i = 0; i < c->nsizes; i++)
		if (s->at[i].exec.plan) {
			exec_close(&s->at[i].exec);
			plan_close(s->at[i].plan);
		}
	fflush(stdout);
}

/* ---- The command line ---- */

static void use_strict_compiler(void)
{
	const char *cc = getenv("CC"), *first = cc && *cc ? cc : "cc";
	char *with = arena_printf(arena, "%s %s", first, STRICT);

	if (!system(arena_printf(arena, "echo 'int x;' | %s -x c -c -o /dev/null - 2>/dev/null", with)))
		setenv("CC", with, 1);
	else
		fprintf(stderr, "mutate: %s does not know %s\n", first, STRICT);
}

static bool wanted(const char *line, int n, char **parts)
{
	for (int i = 0; i < n; i++)
		if (strstr(line, parts[i]))
			return true;
	return !n;
}

static const char *const gpus[] = {"a100", "h100"};
enum { NGPUS = sizeof gpus / sizeof *gpus };

static int read_cases(const char *path, Case **out, int n, char **parts)
{
	FILE *f = fopen(path, "rb");
	char line[1024];
	int found = 0;

	while (f && fgets(line, sizeof line, f) && found < MAX_CASES) {
		line[strcspn(line, "\n")] = 0;
		if (!*line || *line == '#' || !wanted(line, n, parts))
			continue;
		out[found] = ARENA_NEW(arena, Case);
		*out[found++] = parse_case(arena_strdup(arena, line));
	}
	if (f)
		fclose(f);
	return found;
}

/* All of them for every GPU; or `few` of them, each for one. */
static void test_cases(Case **c, int n)
{
	uint64_t state = seed;

	for (int i = 0; few && i < n; i++) {
		int k = i + (int)(draw(&state) % (uint32_t)(n - i));
		Case *x = c[k];

		c[k] = c[i];
		c[i] = x;
	}
	for (int i = 0; i < n && (!few || i < few); i++)
		for (int g = 0; g < (few ? 1 : NGPUS); g++)
			test_case(c[i], gpus[few ? (int)(draw(&state) % NGPUS) : g]);
}

int main(int argc, char **argv)
{
	Case *cases[MAX_CASES];
	int o;

	arena = arena_new();
	jobs = (int)sysconf(_SC_NPROCESSORS_ONLN);
	while ((o = getopt(argc, argv, "c:k:s:r:j:v")) != -1) {
		if (o == 'c')
			few = atoi(optarg);
		else if (o == 'k')
			kinds = optarg;
		else if (o == 's')
			sample = atoi(optarg);
		else if (o == 'r')
			seed = strtoull(optarg, NULL, 0);
		else if (o == 'j')
			jobs = atoi(optarg);
		else if (o == 'v')
			verbose = 1;
		else
			return ST_USER;
	}
	jobs = jobs < 1 ? 1 : jobs > 64 ? 64 : jobs;
	setenv("AZULEJO_SIM_SECONDS", SECONDS, 1);
	setenv("AZULEJO_CACHE", "build/mutants", 1);
	use_strict_compiler();
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (DIAG_TRY(&diag) || shared == MAP_FAILED) {
		printf("FAIL %s\n", diag.text);
		return 1;
	}
	failures += harmless_read(arena, "tests/mutate.harmless");
	test_cases(cases, read_cases("tests/mutate.cases", cases, argc - optind, argv + optind));
	failures += harmless_check(!sample && !few && !kinds && argc == optind);
	score_print();
	arena_free(arena);
	return failures != 0;
}
