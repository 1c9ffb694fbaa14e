/* score.c -- the table of noticed mutants. */
#include "score.h"

#include <stdio.h>
#include <string.h>

#include "../../runtime/sim_mutate.h"

enum { MAX_SPECS = 64 };

static struct {
	const char *name;
	Score score[NMUTATIONS];
} spec[MAX_SPECS + 1]; /* the last one used: all */
static int nspecs;

Score *score_of(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	for (int i = 0; i < nspecs; i++)
		if (!strcmp(spec[i].name, name))
			return spec[i].score;
	if (nspecs == MAX_SPECS)
		bug("mutate: more than %d specs", MAX_SPECS);
	spec[nspecs].name = name;
	return spec[nspecs++].score;
}

static void add(Score *to, const Score *s)
{
	to->total += s->total;
	to->found += s->found;
	to->wrong += s->wrong;
	to->harmless += s->harmless;
	to->same += s->same;
}

static int counted(const Score *s)
{
	return s->total - s->harmless;
}

static void print_row(const char *name, const Score *score)
{
	Score sum = {0, 0, 0, 0, 0};

	printf("%-20s", name);
	for (int k = 0; k < NMUTATIONS; k++) {
		char cell[32];

		snprintf(cell, sizeof cell, "%d/%d", score[k].found + score[k].wrong, counted(&score[k]));
		printf(" %11s", cell);
		add(&sum, &score[k]);
	}
	printf(" %6d/%-6d %6.2f%% %8d\n", sum.found + sum.wrong, counted(&sum),
	       counted(&sum) ? 100.0 * (sum.found + sum.wrong) / counted(&sum) : 100, sum.harmless);
}

void score_print(void)
{
	Score *all = spec[nspecs].score, sum = {0, 0, 0, 0, 0};

	printf("%-20s", "noticed/mutants");
	for (int k = 0; k < NMUTATIONS; k++)
		printf(" %11s", sim_mutation_name((SimMutation)k));
	printf(" %13s %7s %8s\n", "all", "", "harmless");
	for (int i = 0; i < nspecs; i++) {
		print_row(spec[i].name, spec[i].score);
		for (int k = 0; k < NMUTATIONS; k++)
			add(&all[k], &spec[i].score[k]);
	}
	print_row("all", all);
	for (int k = 0; k < NMUTATIONS; k++)
		add(&sum, &all[k]);
	printf(
	    "by a finding %d, by other results %d; harmless, and not counted, %d: %d with a proof, %d"
	    " since every thread did the same\n",
	    sum.found, sum.wrong, sum.harmless, sum.harmless - sum.same, sum.same);
}
