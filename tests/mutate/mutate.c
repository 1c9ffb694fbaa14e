/* mutate.c -- mutation testing: would a mistake in a generated text be noticed?
 *
 * For every case of tests/mutate.cases (a spec with settings and sizes), for each GPU, every mutant
 * of the text (runtime/sim_mutate.h) runs at the case's sizes until the simulator reports something
 * or an output's bits differ from those of the text as it was. A survivor is a failure, unless
 * tests/mutate.harmless proves it harmless, or every thread did the same as without (subject_same);
 * a line there that no survivor needs is a failure as well.
 *
 *   azmutate [-c N] [-g GPU] [-k KINDS] [-s N] [-r SEED] [-j JOBS] [-v] [CASE ...]
 *     -c N      a sample of N cases, each for one GPU, chosen by SEED
 *     -g GPU    only texts for it
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

#include "harmless.h"
#include "score.h"
#include "subject.h"

enum { MAX_TEXTS = 256, MAX_CASES = 128 };

/* An index beyond an array traps. */
static const char STRICT[] = "-fsanitize=bounds -fsanitize-undefined-trap-on-error";

Arena *arena;
Diag diag;
static int sample, few, jobs, verbose;
static const char *kinds, *only;
static uint64_t seed = 1;

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

/* ---- Running mutants ---- */

typedef enum Fate { UNTRIED, SURVIVED, SAME, FOUND, WRONG, BROKEN } Fate;

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

/* Each mutant in the plainest mode at every size; then a survivor, unless it is known to be
 * harmless, with early copies and in other orders at the first two. */
static Fate try_mutant(Subject *s, int id)
{
	const SimMutant *x = &s->m->mutant[id];
	int turns = harmless_find(name_of(s, x), x) ? 1 : TURNS;

	for (int turn = 0; turn < turns; turn++) {
		for (int i = 0; i < (turn ? 2 : s->nat) && i < s->nat; i++) {
			At *at = &s->at[i];

			at_run(at, id, turn);
			if (at->exec.result.nfindings) {
				shared->finding[id] = at->exec.result.finding[0];
				return FOUND;
			}
			if (!at_right(at))
				return WRONG;
		}
		if (!turn && x->closed && subject_same(s, id))
			return SAME;
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
	Score *score = score_of(s->c->spec), here = {0, 0, 0, 0, 0};

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
			if (verbose)
				show(fate == FOUND ? shared->finding[id].text : "wrong", s, id);
		} else if (fate == SAME || (fate == SURVIVED && e)) {
			if (e && fate != SAME)
				e->needed++;
			to->harmless++;
			to->same += fate == SAME;
			here.harmless++;
			if (verbose)
				show(fate == SAME ? "the same"
				                  : arena_printf(arena, "harmless by line %d", e->line),
				     s, id);
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

/* One text at all of the case's sizes; they must agree on it. */
static void test_text(Subject *s)
{
	const char *text;

	at_plan(s, 0);
	text = s->at[0].plan->m->text_sim;
	if (known_text(arena_printf(arena, "%s%s", text, strchr(s->c->line, ':'))))
		return;
	s->m = sim_mutate(arena, text);
	for (s->nat = 0; s->nat < s->c->nsizes; s->nat++) {
		At *at = &s->at[s->nat];

		if (s->nat)
			at_plan(s, s->nat);
		if (strcmp(at->plan->m->text_sim, text))
			diag_fail(&diag, (Loc){0}, "%s gives another text", s->c->sizes[s->nat]);
		at->plan->m->text_sim = s->m->text;
		at_load(at);
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
	subject_close(s);
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

static void test_on(const Case *c, const char *gpu)
{
	if (!only || !strcmp(only, gpu))
		test_case(c, gpu);
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
			test_on(c[i], gpus[few ? (int)(draw(&state) % NGPUS) : g]);
}

int main(int argc, char **argv)
{
	Case *cases[MAX_CASES];
	int o;

	arena = arena_new();
	jobs = (int)sysconf(_SC_NPROCESSORS_ONLN);
	while ((o = getopt(argc, argv, "c:g:k:s:r:j:v")) != -1) {
		if (o == 'c')
			few = atoi(optarg);
		else if (o == 'g')
			only = optarg;
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
	setenv("AZULEJO_CACHE", "build/mutants", 1);
	use_strict_compiler();
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (DIAG_TRY(&diag) || shared == MAP_FAILED) {
		printf("FAIL %s\n", diag.text);
		return 1;
	}
	failures += harmless_read(arena, "tests/mutate.harmless");
	test_cases(cases, read_cases("tests/mutate.cases", cases, argc - optind, argv + optind));
	if (!sample && !few && !kinds && !only && argc == optind)
		failures += harmless_check();
	score_print();
	arena_free(arena);
	return failures != 0;
}
