/* cli.c -- settings as the command line and the library write them. */
#define _GNU_SOURCE
#include "cli.h"

#include <stdlib.h>
#include <string.h>

void cli_init(Cli *c, Arena *a, Diag *d)
{
	memset(c, 0, sizeof *c);
	c->arena = a;
	c->diag = d;
	c->rows = 96;
	c->seeds = 1;
	c->align = 16;
	c->schedule = "auto";
}

char *cli_split(Cli *c, char *pair, const char *option, const char **value)
{
	char *eq = strchr(pair, '=');

	if (!eq || eq == pair || !eq[1])
		diag_fail(c->diag, (Loc){0}, "%s: expected NAME=VALUE, got '%s'", option, pair);
	*eq = 0;
	*value = eq + 1;
	return pair;
}

void cli_add_sets(Cli *c, const char *text)
{
	char *all = arena_strdup(c->arena, text), *save, *p, *end;
	SpecSet s;

	for (p = strtok_r(all, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
		s.name = cli_split(c, p, "--set", &s.value);
		if (!strcmp(s.name, "schedule")) {
			c->schedule = s.value;
			if (strcmp(s.value, "onepass") && strcmp(s.value, "segmented") &&
			    strcmp(s.value, "auto"))
				diag_fail(c->diag, (Loc){0},
				          "--set schedule: expected auto, onepass or "
				          "segmented, got '%s'",
				          s.value);
			continue;
		}
		if (!strcmp(s.name, "segments")) {
			c->segments = (int)strtol(s.value, &end, 10);
			if (*end || c->segments < 1 || c->segments > 4096)
				diag_fail(c->diag, (Loc){0},
				          "--set segments: expected a number from 1 to "
				          "4096, got '%s'",
				          s.value);
			continue;
		}
		if (c->nset == CLI_MAX_SET)
			diag_fail(c->diag, (Loc){0}, "--set: more than %d settings", CLI_MAX_SET);
		c->set[c->nset++] = s;
	}
}
