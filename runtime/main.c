/* main.c -- the program: reads the command line into a Cli and calls the command. Options are a
 * table; every error is one line on stderr and an exit status of DESIGN section 5.
 */
#define _GNU_SOURCE
#include "cli.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct Command {
	const char *name;
	CliCommand *run;
	bool spec; /* takes a SPEC */
	const char *help;
} commands[] = {
    {"list", cmd_list, false, "the specs"},
    {"gpus", cmd_gpus, false, "the GPUs known"},
    {"doctor", cmd_doctor, false, "what was found on this machine, and what is missing"},
    {"emit", cmd_emit, true, "writes the CUDA text: -o FILE or FOLDER/; -d PASS, -s PASS"},
    {"build", cmd_build, true, "compiles only: registers, spills, shared memory, time"},
    {"run", cmd_run, true, "runs on a GPU or the simulator; --check compares with the reference"},
    {"bench", cmd_bench, true, "times on the GPU"},
    {"tune", cmd_tune, true, "chooses the tunables, keeps them in generated/tuned/"},
    {"explain", cmd_explain, true, "where each tile lives"},
};

typedef enum Kind { FLAG, STRING, INTEGER, REAL, SETS, FILES, LAYOUT } Kind;

static const struct Option {
	const char *name;
	Kind kind;
	size_t at;
	const char *help;
} options[] = {
    {"--gpu", STRING, offsetof(Cli, gpu), "G: a name that `azulejo gpus` lists"},
    {"--device", STRING, offsetof(Cli, device), "auto, gpu or sim"},
    {"--set", SETS, 0, "K=V,...: sizes, tunables, flags, dtype, schedule, segments"},
    {"--with", STRING, offsetof(Cli, with), "A,B: optional arguments to bind"},
    {"--layout", LAYOUT, offsetof(Cli, layout), "bhnd or bnhd"},
    {"--in", FILES, offsetof(Cli, nin), "A=F.npy ..."},
    {"--out", FILES, offsetof(Cli, nouts), "A=F.npy ..."},
    {"--seed", INTEGER, offsetof(Cli, seed), "of the random inputs"},
    {"--seeds", INTEGER, offsetof(Cli, seeds), "K: run K times in other orders; bits must agree"},
    {"--check", FLAG, offsetof(Cli, check), "compare with the reference"},
    {"--rows", INTEGER, offsetof(Cli, rows), "about how many rows of each output to check"},
    {"--counters", FLAG, offsetof(Cli, counters), "the simulator's counts"},
    {"--unchecked", FLAG, offsetof(Cli, unchecked), "simulator: no checks, no counts, fast"},
    {"--early", FLAG, offsetof(Cli, early), "simulator: asynchronous copies land at once"},
    {"--drop", INTEGER, offsetof(Cli, drop), "simulator: leave out synchronisation N, from 1"},
    {"--align", INTEGER, offsetof(Cli, align), "assume no more than this alignment, in bytes"},
    {"--budget", REAL, offsetof(Cli, budget), "seconds for tune (60) or bench (2)"},
    {"--no-cache", FLAG, offsetof(Cli, no_cache), "compile anew"},
    {"--json", FLAG, offsetof(Cli, json), "JSON on stdout"},
    {"-o", STRING, offsetof(Cli, out), "output file"},
    {"-d", STRING, offsetof(Cli, dump), "dump after this pass"},
    {"-s", STRING, offsetof(Cli, stop), "stop after this pass"},
};

#define COUNT(t) (int)(sizeof(t) / sizeof *(t))

static const Loc nowhere;

static void usage(FILE *f)
{
	int i;

	fputs("usage: azulejo COMMAND [SPEC] [options]\n\n", f);
	for (i = 0; i < COUNT(commands); i++)
		fprintf(f, "  %-8s %s  %s\n", commands[i].name, commands[i].spec ? "SPEC" : "    ",
		        commands[i].help);
	fputs("\nSPEC is a path or a name under specs/.\n\n", f);
	for (i = 0; i < COUNT(options); i++)
		fprintf(f, "  %-11s %s\n", options[i].name, options[i].help);
}

static void add_file(Cli *c, const char *text, bool in)
{
	int *n = in ? &c->nin : &c->nouts;
	CliFile *f = in ? c->in : c->outs;

	if (*n == CLI_MAX_FILES)
		diag_fail(c->diag, nowhere, "more than %d files", CLI_MAX_FILES);
	f[*n].name = cli_split(c, arena_strdup(c->arena, text), in ? "--in" : "--out", &f[*n].path);
	(*n)++;
}

static void take(Cli *c, const struct Option *o, const char *v)
{
	void *at = (char *)c + o->at;
	char *end;

	errno = 0;
	switch (o->kind) {
	case STRING:
		*(const char **)at = v;
		break;
	case REAL:
		*(double *)at = strtod(v, &end);
		if (*end || end == v || !(*(double *)at > 0))
			diag_fail(c->diag, nowhere, "%s: expected a positive number, got '%s'", o->name, v);
		break;
	case INTEGER: {
		long long n = strtoll(v, &end, 10);
		if (*end || end == v || errno || n < 0 || (at != &c->seed && n > 1 << 30))
			diag_fail(c->diag, nowhere, "%s: expected a whole number, got '%s'", o->name, v);
		if (at == &c->seed)
			c->seed = (uint64_t)n;
		else
			*(int *)at = (int)n;
		break;
	}
	case SETS:
		cli_add_sets(c, v);
		break;
	case LAYOUT:
		if (strcmp(v, "bhnd") && strcmp(v, "bnhd"))
			diag_fail(c->diag, nowhere, "--layout: expected bhnd or bnhd, got '%s'", v);
		c->layout = strcmp(v, "bhnd") ? BNHD : BHND;
		break;
	case FILES:
		add_file(c, v, o->at == offsetof(Cli, nin));
		break;
	case FLAG:
		*(bool *)at = true;
		break;
	}
}

static const struct Command *parse(Cli *c, int argc, char **argv)
{
	const struct Command *cmd = NULL;
	int i, j;

	c->command = argv[1];
	for (i = 0; i < COUNT(commands); i++)
		if (!strcmp(commands[i].name, argv[1]))
			cmd = &commands[i];
	if (!cmd)
		diag_fail(c->diag, nowhere, "unknown command '%s'; see azulejo --help", argv[1]);
	for (i = 2; i < argc; i++) {
		if (argv[i][0] != '-') {
			if (c->spec || !cmd->spec)
				diag_fail(c->diag, nowhere, "%s: unexpected '%s'", argv[1], argv[i]);
			c->spec = argv[i];
			continue;
		}
		for (j = 0; j < COUNT(options) && strcmp(options[j].name, argv[i]); j++)
			;
		if (j == COUNT(options))
			diag_fail(c->diag, nowhere, "unknown option '%s'; see azulejo --help", argv[i]);
		if (options[j].kind == FLAG) {
			take(c, &options[j], NULL);
			continue;
		}
		if (++i == argc)
			diag_fail(c->diag, nowhere, "%s: missing value: %s", argv[i - 1], options[j].help);
		take(c, &options[j], argv[i]);
		while (options[j].kind == FILES && i + 1 < argc && argv[i + 1][0] != '-')
			take(c, &options[j], argv[++i]);
	}
	if (cmd->spec && !c->spec)
		diag_fail(c->diag, nowhere, "%s: which spec? see azulejo list", argv[1]);
	if (c->device && strcmp(c->device, "auto") && strcmp(c->device, "gpu") &&
	    strcmp(c->device, "sim"))
		diag_fail(c->diag, nowhere, "--device: expected auto, gpu or sim, got '%s'", c->device);
	return cmd;
}

/* Whether the text begins with "file:line: ", and so needs no "azulejo: " in front. */
static bool has_place(const char *text)
{
	const char *p = strchr(text, ':');
	size_t n = p ? strspn(p + 1, "0123456789") : 0;

	return n && p[n + 1] == ':';
}

int main(int argc, char **argv)
{
	static Diag d;
	static Cli c;
	int status;

	if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	    !strcmp(argv[1], "help")) {
		usage(argc < 2 ? stderr : stdout);
		return argc < 2 ? ST_USER : ST_OK;
	}
	cli_init(&c, arena_new(), &d);
	if (DIAG_TRY(&d)) {
		fflush(stdout);
		fprintf(stderr, "%s%s\n", has_place(d.text) ? "" : "azulejo: ", d.text);
		status = d.status;
	} else {
		status = parse(&c, argc, argv)->run(&c);
	}
	arena_free(c.arena);
	if (fflush(stdout) && status == ST_OK)
		status = ST_ENV;
	return status;
}
