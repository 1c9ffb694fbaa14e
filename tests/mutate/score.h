/* score.h -- how many mutants were noticed, by spec and kind. */
#ifndef AZ_SCORE_H
#define AZ_SCORE_H

typedef struct Score {
	/* found: by a finding; wrong: by other results; same: of the harmless, those whose threads did
	 * what they do without */
	int total, found, wrong, harmless, same;
} Score;

Score *score_of(const char *spec); /* by SimMutation; `spec` a name or path that stays */
void score_print(void);

#endif
