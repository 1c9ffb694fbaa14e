/* fuzz.c -- the fuzzer: specs at random settings and random programs, each in a child process;
 * refusals counted by reason, failures made small and kept.
 *
 *   build/fuzz [-s SEED] [-n CASES] [-t SECONDS] [-j JOBS] [-k specs|programs] [-o FOLDER] [-v]
 *       "ok fuzz_specs (..)", "FAIL fuzz_..." a line; small specs go to FOLDER (tests/fuzz/found)
 *       -x: seconds to shrink each failure
 *   build/fuzz -i INDEX        runs and shrinks one case;
 *   build/fuzz -p INDEX        prints it
 *   build/fuzz -r FILE...      runs what was kept, by the first line of each file, and expects
 * right numbers, or a refusal where that line says "(refused)"
 *
 * The simulator's C compiler checks the bounds of register arrays here, unless CC says otherwise.
 */
#define _GNU_SOURCE
#include "from_spec.h"
#include "shrink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MAX_JOBS = 16, MAX_REASONS = 400, MAX_SUSPECTS = 64, SHRINK_SECONDS = 40 };

typedef struct Reason {
	char text[160];
	unsigned long index; /* the first */
	int count;
} Reason;

typedef struct Fuzz {
	uint64_t seed;
	unsigned long cases, next;
	double seconds, patience; /* patience: to shrink one failure */
	int jobs, verbose;
	const char *kind, *folder;
	char scratch[64];
	Outcome *slot; /* one a job, and one for shrinking */
	int fates[2][NFATES], ways[2][NWAYS];
	double tolerance[5]; /* generated cases whose tolerance is below 1e-3, 1e-2, 0.1, 1; above */
	Reason reason[MAX_REASONS];
	int nreasons;
	Suspect *suspect;
	int nsuspects;
} Fuzz;

typedef struct Job {
	bool busy;
	Running running;
	Suspect s;
	char path[100];
} Job;

/* -- cases ------------------------------------------------------------------------------- */

/* Case `index` of this seed: a third are specs. */
static void make(const Fuzz *f, unsigned long index, Suspect *s)
{
	Dice d = dice_new(f->seed, index);
	bool spec = f->kind ? !strcmp(f->kind, "specs") : index % 3 == 0;

	memset(&s->o, 0, sizeof s->o);
	s->index = index;
	s->count = 1;
	if (spec)
		specs_case(&d, dice_below(&d, specs_count()), &s->c);
	else
		program_make(&d, &s->p, &s->c);
}

static void start(Fuzz *f, Job *j)
{
	make(f, f->next++, &j->s);
	if (j->s.c.generated) {
		snprintf(j->s.c.spec, sizeof j->s.c.spec, "%s", j->path);
		suspect_write(&j->s, j->path);
	}
	case_start(&j->running, &j->s.c, j->running.shared);
	j->busy = true;
}

/* -- what came of them ------------------------------------------------------------------- */

static void note(Fuzz *f, const Suspect *s)
{
	char text[160];
	int i = 0;

	signature(&s->o, text, sizeof text);
	while (i < f->nreasons && strcmp(f->reason[i].text, text))
		i++;
	if (i == MAX_REASONS)
		return;
	if (i == f->nreasons)
		f->reason[f->nreasons++] = (Reason){.index = s->index};
	memcpy(f->reason[i].text, text, sizeof text);
	f->reason[i].count++;
}

/* Failures that look alike are one; of wrong numbers, the first eight are all kept. */
static void suspect(Fuzz *f, const Suspect *s)
{
	char have[160], want[160];
	int same = 0;

	signature(&s->o, want, sizeof want);
	for (int i = 0; i < f->nsuspects; i++) {
		signature(&f->suspect[i].o, have, sizeof have);
		if (s->o.fate == FATE_WRONG && f->suspect[i].o.fate == FATE_WRONG && ++same < 8)
			continue;
		if (s->o.fate == f->suspect[i].o.fate && (same || !strncmp(have, want, 60))) {
			f->suspect[i].count++;
			return;
		}
	}
	if (f->nsuspects < MAX_SUSPECTS)
		f->suspect[f->nsuspects++] = *s;
}

static void ended(Fuzz *f, Job *j)
{
	Suspect *s = &j->s;

	j->busy = false;
	s->o = *j->running.shared;
	f->fates[s->c.generated][s->o.fate]++;
	for (int i = 0; i < NWAYS; i++)
		f->ways[s->c.generated][i] += s->o.way[i];
	if (f->verbose)
		fprintf(stderr, "%lu %.2fs %s %s: %s\n", s->index, case_clock() - j->running.since,
		        s->c.generated ? "program" : s->c.spec, fate_text[s->o.fate], s->o.text);
	if (s->o.fate != FATE_OK)
		note(f, s);
	else if (s->c.generated) {
		double limit = 1e-3;
		int i = 0;

		for (; i < 4 && s->o.tolerance > limit; limit *= 10)
			i++;
		f->tolerance[i]++;
	}
	if (fate_failed[s->o.fate])
		suspect(f, s);
}

static int total(const Fuzz *f, int generated)
{
	int n = 0;

	for (int i = 0; i < NFATES; i++)
		n += f->fates[generated][i];
	return n;
}

static void progress(const Fuzz *f, double t0, bool last)
{
	static double then;
	double t = case_clock();

	if (!isatty(2) || f->verbose || (t - then < 0.5 && !last))
		return;
	then = t;
	fprintf(stderr, "\r%d cases, %d failures, %.0f s%s", total(f, 0) + total(f, 1), f->nsuspects,
	        t - t0, last ? "\n" : " ");
}

static void run_all(Fuzz *f)
{
	static Job job[MAX_JOBS];
	static const struct timespec nap = {0, 2000000};
	double t0 = case_clock();
	int busy = 1;

	for (int i = 0; i < f->jobs; i++) {
		job[i].running.shared = f->slot + i;
		snprintf(job[i].path, sizeof job[i].path, "%s/program%d.lua", f->scratch, i);
	}
	while (busy) {
		busy = 0;
		for (int i = 0; i < f->jobs; i++) {
			if (job[i].busy && case_ended(&job[i].running))
				ended(f, &job[i]);
			if (!job[i].busy && f->next < f->cases && case_clock() - t0 < f->seconds)
				start(f, &job[i]);
			busy += job[i].busy;
		}
		progress(f, t0, !busy);
		nanosleep(&nap, NULL);
	}
}

/* -- the report -------------------------------------------------------------------------- */

static void print_fates(const Fuzz *f, int generated, const char *name)
{
	if (!total(f, generated))
		return;
	printf("ok fuzz_%s (%d cases:", name, total(f, generated));
	for (int i = 0, n = 0; i < NFATES; i++)
		if (f->fates[generated][i])
			printf("%s %d %s", n++ ? "," : "", f->fates[generated][i], fate_text[i]);
	printf(")\n  texts with");
	for (int i = 0; i < NWAYS; i++)
		printf("%s %s %d", i ? "," : "", way_name[i], f->ways[generated][i]);
	printf("\n");
}

static int by_count(const void *a, const void *b)
{
	return ((const Reason *)b)->count - ((const Reason *)a)->count;
}

static void print_reasons(Fuzz *f)
{
	qsort(f->reason, (size_t)f->nreasons, sizeof *f->reason, by_count);
	for (int i = 0; i < f->nreasons; i++)
		printf("  %5d  %s  (first: %lu)\n", f->reason[i].count, f->reason[i].text,
		       f->reason[i].index);
	printf("  tolerance / rms below 1e-3, 1e-2, 0.1, 1, above: %g %g %g %g %g programs\n",
	       f->tolerance[0], f->tolerance[1], f->tolerance[2], f->tolerance[3], f->tolerance[4]);
}

static void report(Fuzz *f)
{
	char path[300], options[1200];

	for (int i = 0; i < f->nsuspects; i++) {
		Suspect *s = &f->suspect[i];

		snprintf(path, sizeof path, "%s/%s%llu_%lu.lua", f->folder, s->c.generated ? "p" : "s",
		         (unsigned long long)f->seed, s->index);
		shrink(s, path, f->patience, f->slot + f->jobs);
		case_options(&s->c, options, sizeof options);
		printf("FAIL fuzz_%lu %s (%d like it): %s; azulejo run %s %s%s\n", s->index,
		       fate_text[s->o.fate], s->count, s->o.text, s->c.generated ? path : s->c.spec,
		       options, s->c.generated ? "" : " --check");
		fflush(stdout);
	}
}

/* -- what was kept ----------------------------------------------------------------------- */

static int replay(Fuzz *f, const char *path)
{
	static Case c;
	char line[1400] = "";
	FILE *in = fopen(path, "rb");

	memset(&c, 0, sizeof c);
	snprintf(c.spec, sizeof c.spec, "%s", path);
	snprintf(c.gpu, sizeof c.gpu, "a100");
	c.generated = true;
	if (!in || !fgets(line, sizeof line, in) || !case_parse(&c, line)) {
		printf("FAIL fuzz_%s: its first line is not \"-- azulejo run --set ...\"\n", path);
		return 1;
	}
	fclose(in);
	case_whole(&c, f->slot);
	if (f->slot->fate == (strstr(line, "(refused)") ? FATE_REFUSED : FATE_OK)) {
		printf("ok fuzz_%s\n", path);
		return 0;
	}
	printf("FAIL fuzz_%s: %s: %s\n", path, fate_text[f->slot->fate], f->slot->text);
	return 1;
}

static void print_case(Fuzz *f, unsigned long index)
{
	char options[1200];

	make(f, index, f->suspect);
	case_options(&f->suspect->c, options, sizeof options);
	if (!f->suspect->c.generated) {
		printf("azulejo run %s %s --check\n", f->suspect->c.spec, options);
		return;
	}
	suspect_write(f->suspect, NULL);
}

static unsigned long whole(const char *option, const char *text)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || *end || end == text || *text == '-') {
		fprintf(stderr, "fuzz: %s: expected a whole number, got '%s'\n", option, text);
		exit(2);
	}
	return n;
}

int main(int argc, char **argv)
{
	static Fuzz f = {.seed = 1, .cases = ~0ul, .seconds = 1e9, .patience = SHRINK_SECONDS};
	const char *env;
	long print = -1;
	bool again = false;
	int o, bad = 0;

	f.folder = "tests/fuzz/found";
	f.jobs = sysconf(_SC_NPROCESSORS_ONLN) > 2 ? (int)sysconf(_SC_NPROCESSORS_ONLN) : 2;
	if ((env = getenv("FUZZ_SEED")))
		f.seed = whole("FUZZ_SEED", env);
	if ((env = getenv("FUZZ_RUNS")))
		f.cases = whole("FUZZ_RUNS", env);
	if ((env = getenv("FUZZ_SECONDS")))
		f.seconds = (double)whole("FUZZ_SECONDS", env);
	while ((o = getopt(argc, argv, "s:n:t:j:k:o:p:i:x:rv")) != -1)
		switch (o) {
		case 's':
			f.seed = whole("-s", optarg);
			break;
		case 'n':
			f.cases = whole("-n", optarg);
			break;
		case 't':
			f.seconds = (double)whole("-t", optarg);
			break;
		case 'j':
			f.jobs = (int)whole("-j", optarg);
			break;
		case 'k':
			f.kind = optarg;
			break;
		case 'o':
			f.folder = optarg;
			break;
		case 'p':
			print = (long)whole("-p", optarg);
			break;
		case 'i':
			f.next = whole("-i", optarg);
			f.cases = f.next + 1;
			f.patience = 600;
			break;
		case 'x':
			f.patience = (double)whole("-x", optarg);
			break;
		case 'r':
			again = true;
			break;
		case 'v':
			f.verbose = 1;
			break;
		default:
			return 2;
		}
	f.jobs = f.jobs < 1 ? 1 : f.jobs > MAX_JOBS ? MAX_JOBS : f.jobs;
	f.slot = mmap(NULL, sizeof *f.slot * (MAX_JOBS + 1), PROT_READ | PROT_WRITE,
	              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	f.suspect = calloc(MAX_SUSPECTS, sizeof *f.suspect);
	snprintf(f.scratch, sizeof f.scratch, "/tmp/azulejo-fuzz-XXXXXX");
	if (f.slot == MAP_FAILED || !f.suspect)
		return 3;
	setenv("CC", "cc -fsanitize=bounds -fsanitize-undefined-trap-on-error", 0);
	if (again) {
		for (; optind < argc; optind++)
			bad |= replay(&f, argv[optind]);
		return bad;
	}
	specs_read();
	if (print >= 0) {
		print_case(&f, (unsigned long)print);
		return 0;
	}
	if (mkdir(f.folder, 0777) && errno != EEXIST) {
		fprintf(stderr, "fuzz: %s: %s\n", f.folder, strerror(errno));
		return 3;
	}
	if (!mkdtemp(f.scratch))
		return 3;
	run_all(&f);
	print_fates(&f, 0, "specs");
	print_fates(&f, 1, "programs");
	print_reasons(&f);
	fflush(stdout);
	report(&f);
	for (int i = 0; i < f.jobs; i++) {
		char path[100];

		snprintf(path, sizeof path, "%s/program%d.lua", f.scratch, i);
		unlink(path);
	}
	rmdir(f.scratch);
	return f.nsuspects > 0;
}
