/* cli.h -- the command line, parsed once; and what the commands share. */
#ifndef AZ_CLI_H
#define AZ_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "../codegen/diag.h"
#include "../codegen/spec.h"
#include "tensor.h"

enum { CLI_MAX_SET = 64, CLI_MAX_FILES = MAX_ARGS };

/* A "name=file" of --in or --out. */
typedef struct CliFile {
	const char *name, *path;
} CliFile;

typedef struct Cli {
	Arena *arena;
	Diag *diag;
	const char *command, *spec;
	const char *gpu, *device, *out, *dump, *stop, *with, *schedule;
	int nset, nin, nouts;
	SpecSet set[CLI_MAX_SET];
	CliFile in[CLI_MAX_FILES], outs[CLI_MAX_FILES];
	Layout layout;
	uint64_t seed;
	int seeds, rows, align, drop;
	int segments;  /* of the segmented schedule; 0: as many as fill the GPU */
	double budget; /* seconds; 0: the command's own */
	bool json, check, counters, no_cache, early, unchecked;
	bool no_smoke; /* sizes come from the settings alone */
} Cli;

typedef int CliCommand(Cli *c); /* returns the exit status */

CliCommand cmd_list, cmd_gpus, cmd_doctor, cmd_emit, cmd_build, cmd_run, cmd_bench, cmd_tune,
    cmd_explain;

void cli_init(Cli *c, Arena *a, Diag *d);    /* the defaults */
void cli_add_sets(Cli *c, const char *text); /* "K=V,K=V" */
/* Cuts "NAME=VALUE" in place; throws, naming the option, when it is not one. */
char *cli_split(Cli *c, char *pair, const char *option, const char **value);
double clock_seconds(void);

#endif
