/* case.h -- one case: a spec under settings, traced, compiled, run in the simulator and compared,
 * in a child process that may crash or hang.
 */
#ifndef AZ_FUZZ_CASE_H
#define AZ_FUZZ_CASE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* FATE(name, failure, what it is called) */
#define FATES(FATE) \
	FATE(OK, false, "right") \
	FATE(REFUSED, false, "refused") \
	FATE(LARGE, false, "too large to simulate") \
	FATE(VACUOUS, false, "right, but nothing to compare") \
	FATE(SPILLED, false, "right, but NVRTC spills registers") \
	FATE(WRONG, true, "wrong numbers") \
	FATE(FINDING, true, "a finding of the simulator") \
	FATE(BITS, true, "other bits in another order") \
	FATE(TEXT, true, "a text that does not compile") \
	FATE(UNCLEAR, true, "a refusal that is not one clear line") \
	FATE(CRASH, true, "a crash") \
	FATE(HANG, true, "a hang") \
	FATE(ENV, true, "something lacks")

typedef enum Fate {
#define FATE(name, failure, what) FATE_##name,
	FATES(FATE)
#undef FATE
	    NFATES
} Fate;

extern const char *const fate_text[NFATES];
extern const bool fate_failed[NFATES];

/* What to run; the fields are those of the command line. */
typedef struct Case {
	char spec[200], set[700], with[200], gpu[16];
	bool bnhd;
	int align;            /* 0: 16 */
	unsigned long seed;   /* of the inputs */
	unsigned long orders; /* a second run in this order, copies landing early; 0: none */
	bool build;           /* NVRTC as well */
	bool generated;       /* compared with the tile IR in fp64, else with the spec's reference */
	double seconds;       /* limit, of the processor's time */
} Case;

/* What a text may use: WAY(name, by which primitive it is told). Each is to be met in a long run.
 */
#define WAYS(WAY) \
	WAY(mma, "\tmma_") \
	WAY(cp_async, "\tcp_async_wait(") \
	WAY(wgmma, "\twgmma_commit(") \
	WAY(tma_load, "\ttma_load_") \
	WAY(tma_store, "\ttma_store_commit(") \
	WAY(roles, "(role == 0)") \
	WAY(segments, "_local(")

typedef enum Way {
#define WAY(name, by) WAY_##name,
	WAYS(WAY)
#undef WAY
	    NWAYS
} Way;

extern const char *const way_name[NWAYS];

typedef struct Outcome {
	Fate fate;
	bool done;
	char stage[16];
	char text[600]; /* one line */
	bool way[NWAYS];
	double tolerance; /* generated: median over outputs of tolerance / root mean square */
} Outcome;

typedef struct Running {
	pid_t pid;
	int log; /* its stderr */
	double since, limit;
	Outcome *shared;
} Running;

/* In this process; may crash. `o` is zeroed. */
void case_run(const Case *c, Outcome *o);
/* In a child. `shared` is shared memory. */
void case_start(Running *r, const Case *c, Outcome *shared);
/* True when it has ended (or was killed at its limit), and *shared says how. */
bool case_ended(Running *r);
void case_whole(const Case *c, Outcome *shared); /* start and wait */

/* The options of `azulejo run` that do the same, without SPEC. */
void case_options(const Case *c, char *out, int size);
/* The same read back, from a spec's first line "-- azulejo run ..." */
bool case_parse(Case *c, const char *line);

double case_clock(void);

#endif
