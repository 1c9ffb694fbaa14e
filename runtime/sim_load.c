/* sim_load.c -- from a generated text to something that runs: number its synchronising calls, map
 * its lines to the spec's, compile it with the host's C compiler, open it.
 */
#define _GNU_SOURCE
#include "sim_load.h"

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sha256.h"
#include "sim_state.h"

extern char **environ;

/* -O0 unless the text is hot: gcc 12 takes 0.1 s for a text, at -O2 three to ten times that.
 * Without checks less of the time is the text's own, and -O1 is as fast on the whole. The bits are
 * the same: nothing is contracted, and no function's value computed beforehand. */
static const char *const flags[] = {"-x",
                                    "c",
                                    "-std=gnu11",
                                    "-shared",
                                    "-fPIC",
                                    "-w",
                                    "-fno-strict-aliasing",
                                    "-ffp-contract=off",
                                    "-fno-builtin-exp2f",
                                    "-fno-builtin-log2f",
                                    "-Wl,-Bsymbolic"};
enum { MAX_OWN = 4 };
/* An index beyond an array traps; takes a twentieth of the speed, and so only with checks. */
#define BOUNDS "-fsanitize=bounds", "-fsanitize-undefined-trap-on-error"
#define PLAIN "-DSIM_PLAIN"
static const char *const ways[2][2][MAX_OWN] = {{{"-O0", BOUNDS}, {"-O0", PLAIN}},
                                                {{"-O2", BOUNDS}, {"-O1", PLAIN}}};
static const double HOT = 3e8;
enum { NFLAGS = sizeof flags / sizeof *flags, MAX_ARGV = 48 };

static void *must(void *p)
{
	if (!p) {
		fputs("azulejo: simulator: out of memory\n", stderr);
		abort();
	}
	return p;
}

/* ---- The text ---- */

static const char *const sync_names[] = {
    "block_sync",          "warp_sync",       "named_sync",    "cp_async_commit",
    "cp_async_wait",       "named_arrive",    "mbarrier_init", "mbarrier_init_fence",
    "mbarrier_arrive",     "mbarrier_expect", "mbarrier_wait", "tma_store_commit",
    "tma_store_wait_read", "tma_store_wait",  "proxy_fence",   "wgmma_fence",
    "wgmma_commit",        "wgmma_wait"};

static bool is_sync(const char *s, size_t n)
{
	for (size_t i = 0; i < sizeof sync_names / sizeof *sync_names; i++)
		if (strlen(sync_names[i]) == n && !memcmp(sync_names[i], s, n))
			return true;
	return false;
}

static const char *skip_line(const char *s)
{
	const char *e = strchr(s, '\n');

	return e ? e : s + strlen(s);
}

/* The text with each synchronising call preceded by its number; lines stay where they are. */
static char *number_sites(const char *text, int *nsites)
{
	size_t cap = 4 * strlen(text) + 64;
	char *out, *o;
	const char *s = text;
	bool fresh = true; /* nothing but blanks on this line so far */

	o = out = must(malloc(cap));
	*nsites = 0;
	while (*s) {
		const char *b = s;

		if ((fresh && *s == '#') || (s[0] == '/' && s[1] == '/')) {
			s = skip_line(s);
		} else if (isalnum((unsigned char)*s) || *s == '_') {
			while (isalnum((unsigned char)*s) || *s == '_')
				s++;
			if (*s == '(' && is_sync(b, (size_t)(s - b)))
				o += sprintf(o, "sim_site = %d, ", (*nsites)++);
		} else {
			s++;
		}
		fresh = *b == '\n' || (fresh && isspace((unsigned char)*b));
		memcpy(o, b, (size_t)(s - b));
		o += s - b;
	}
	*o = 0;
	return out;
}

/* A comment "// name.lua:21 ..." on this line. */
static char *spec_comment(const char *s, const char *end)
{
	for (const char *c = s; c + 2 < end; c++) {
		const char *b = c + 2, *p;

		if (c[0] != '/' || c[1] != '/')
			continue;
		while (b < end && *b == ' ')
			b++;
		for (p = b; p < end && !isspace((unsigned char)*p) && *p != ':'; p++)
			;
		if (p - b > 4 && !memcmp(p - 4, ".lua", 4) && p + 1 < end && isdigit((unsigned char)p[1])) {
			for (p++; p < end && isdigit((unsigned char)*p); p++)
				;
			return must(strndup(b, (size_t)(p - b)));
		}
	}
	return NULL;
}

static void map_lines(Sim *s, const char *text)
{
	int n = 2;
	char *last = NULL;

	for (const char *p = text; *p; p++)
		n += *p == '\n';
	s->spec = must(calloc((size_t)n, sizeof *s->spec));
	s->nlines = n;
	n = 1;
	for (const char *p = text; *p; n++) {
		const char *end = skip_line(p);
		char *here = spec_comment(p, end);

		if (*p == '}') /* the end of a function */
			last = NULL;
		if (here)
			last = here;
		s->spec[n] = last ? must(strdup(last)) : NULL;
		if (here && last == here)
			free(here), last = s->spec[n];
		p = *end ? end + 1 : end;
	}
}

const char *sim_spec_line(const Sim *s, int line)
{
	return line > 0 && line < s->nlines && s->spec[line] ? s->spec[line] : "";
}

int sim_lines(const Sim *s)
{
	return s->nlines;
}

/* Which parameters are pointers, from "*(TYPE *)a[i]" in the kernel's entry function. */
static void read_entry(SimKernel *k, const char *text)
{
	char head[256];
	const char *p, *end;

	snprintf(head, sizeof head, "void %s_entry(", k->entry.name);
	p = strstr(text, head);
	p = p ? strchr(p, '{') : NULL;
	if (!p)
		bug("simulator: no %s_entry in the text", k->entry.name);
	end = strstr(p, "\n}");
	for (; (p = strchr(p, '[')) && (!end || p < end); p++) {
		const char *q = p;
		int stars = 0;

		if (k->nparams == SIM_MAX_PARAMS)
			bug("simulator: %s has too many parameters", k->entry.name);
		while (q > text && *q != ')')
			q--;
		while (q > text && *q != '(')
			stars += *q-- == '*';
		k->pointer[k->nparams++] = stars >= 2;
	}
}

/* ---- The compiler ---- */

static bool write_file(const char *path, const char *s)
{
	FILE *f = fopen(path, "wb");
	bool ok = f && fputs(s, f) >= 0;

	return f && !fclose(f) && ok;
}

/* The first line of a log that tells an error. */
static void first_error(const char *path, char *out, size_t size)
{
	FILE *f = fopen(path, "rb");
	char line[512];

	snprintf(out, size, "no message");
	while (f && fgets(line, sizeof line, f)) {
		char *e = strstr(line, "error");

		line[strcspn(line, "\n")] = 0;
		if (e || !strcmp(out, "no message"))
			snprintf(out, size, "%s", line);
		if (e)
			break;
	}
	if (f)
		fclose(f);
}

/* Exit status; 127: there is no such program. `cc` may carry arguments. */
static int run_compiler(const char *cc, const char *const *way, const char *src, const char *so,
                        const char *log)
{
	char *argv[MAX_ARGV], *words = must(strdup(cc)), *save = NULL;
	posix_spawn_file_actions_t io;
	posix_spawnattr_t own;
	int n = 0, status = -1, rc;
	pid_t pid;

	for (char *w = strtok_r(words, " ", &save); w && n < 16; w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	for (int i = 0; i < NFLAGS; i++)
		argv[n++] = (char *)flags[i];
	while (*way)
		argv[n++] = (char *)*way++;
	argv[n++] = "-o";
	argv[n++] = (char *)so;
	argv[n++] = (char *)src;
	argv[n++] = "-lm";
	argv[n] = NULL;
	posix_spawn_file_actions_init(&io);
	posix_spawn_file_actions_addopen(&io, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&io, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	posix_spawn_file_actions_adddup2(&io, 1, 2);
	posix_spawnattr_init(&own);
	posix_spawnattr_setflags(&own, POSIX_SPAWN_SETPGROUP); /* so that it can be ended as a whole */
	rc = posix_spawnp(&pid, argv[0], &io, &own, argv, environ);
	posix_spawnattr_destroy(&own);
	posix_spawn_file_actions_destroy(&io);
	free(words);
	if (rc)
		return 127;
	sim_child(-(long)pid, true);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	sim_child(-(long)pid, false);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static const char *const compilers[] = {"cc", "gcc", "clang"};

/* Compiles into `so`; throws. */
static void compile(Diag *d, const char *text, const char *const *way, const char *dir,
                    const char *so)
{
	const char *own = getenv("CC");
	char src[600], log[600], err[512] = "";
	int rc = 127;

	snprintf(src, sizeof src, "%s/kernel.c", dir);
	snprintf(log, sizeof log, "%s/log", dir);
	if (!write_file(src, text))
		diag_env(d, "simulator: cannot write %s: %s", src, strerror(errno));
	if (own && *own)
		rc = run_compiler(own, way, src, so, log);
	for (size_t i = 0; rc == 127 && i < sizeof compilers / sizeof *compilers; i++)
		rc = run_compiler(compilers[i], way, src, so, log);
	if (rc && rc != 127)
		first_error(log, err, sizeof err);
	if (!rc || !getenv("AZULEJO_SIM_KEEP"))
		unlink(src);
	unlink(log);
	if (rc == 127)
		diag_env(d, "the simulator needs a C compiler, and there is none on PATH; install gcc or"
		            " set CC");
	if (rc)
		diag_env(d, "simulator: the C compiler rejects the generated text: %s", err);
}

static void make_dirs(char *path)
{
	for (char *p = path + 1; *p; p++)
		if (*p == '/') {
			*p = 0;
			mkdir(path, 0777);
			*p = '/';
		}
	mkdir(path, 0777);
}

static const char *const scratch_files[SIM_SCRATCH_FILES] = {"kernel.c", "log", "kernel.so"};

/* A compiled object lives in the cache under the hash of all it depends on. */
static void *open_text(Diag *d, const char *text, const char *const *way, const char *cache)
{
	const char *tmp = getenv("TMPDIR"), *cc = getenv("CC");
	char dir[400], made[512], kept[512] = "", key[65];
	Sha256 h;
	void *lib = NULL;

	sha256_init(&h);
	sha256_add(&h, text, strlen(text));
	for (int i = 0; i < NFLAGS; i++)
		sha256_add(&h, flags[i], strlen(flags[i]) + 1);
	for (int i = 0; way[i]; i++)
		sha256_add(&h, way[i], strlen(way[i]) + 1);
	sha256_add(&h, cc ? cc : "", cc ? strlen(cc) : 0);
	sha256_hex(&h, key);
	if (cache && strlen(cache) < 300) {
		snprintf(dir, sizeof dir, "%s", cache);
		make_dirs(dir);
		snprintf(kept, sizeof kept, "%s/sim-%.32s.so", cache, key);
		if ((lib = dlopen(kept, RTLD_NOW | RTLD_LOCAL)))
			return lib;
	}
	snprintf(dir, sizeof dir, "%s/azulejo-XXXXXX", *kept ? cache : tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(dir))
		diag_env(d, "simulator: cannot make a folder %s: %s", dir, strerror(errno));
	sim_scratch(dir, scratch_files);
	snprintf(made, sizeof made, "%s/kernel.so", dir);
	compile(d, text, way, dir, made);
	if (*kept && !rename(made, kept))
		snprintf(made, sizeof made, "%s", kept);
	lib = dlopen(made, RTLD_NOW | RTLD_LOCAL);
	if (!*kept || strcmp(made, kept))
		unlink(made);
	rmdir(dir);
	sim_scratch(NULL, NULL);
	if (!lib)
		diag_env(d, "simulator: %s", dlerror());
	return lib;
}

/* ---- Interface ---- */

Sim *sim_load(Diag *d, const char *text, const char *cache)
{
	return sim_load_for(d, text, cache, 0, false);
}

Sim *sim_load_for(Diag *d, const char *text, const char *cache, double work, bool unchecked)
{
	Sim *s = must(calloc(1, sizeof *s));
	char *runs = must(sim_runs(text, unchecked)), *turning = must(sim_turns(runs));
	char *numbered = number_sites(turning, &s->nsites);
	const SimEntry *e;

	s->lib = open_text(d, numbered, ways[work > HOT][unchecked], cache);
	free(numbered);
	free(turning);
	free(runs);
	e = dlsym(s->lib, "sim_entries");
	if (!e)
		bug("simulator: the text has no sim_entries");
	for (; e->name; e++) {
		if (s->nkernels == SIM_MAX_KERNELS)
			bug("simulator: too many kernels in one text");
		s->kernel[s->nkernels].entry = *e;
		read_entry(&s->kernel[s->nkernels++], text);
	}
	map_lines(s, text);
	sim_bind(s->lib, false);
	return s;
}

void sim_free(Sim *s)
{
	if (!s)
		return;
	for (int i = 0; i < s->nlines; i++)
		free(s->spec[i]);
	free(s->spec);
	dlclose(s->lib);
	free(s);
}

int sim_sites(const Sim *s)
{
	return s->nsites;
}

bool sim_is_sync(const char *name, size_t n)
{
	return is_sync(name, n);
}
