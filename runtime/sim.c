/* sim.c -- one launch: workers, their share of the blocks, and what they bring back.
 *
 * Workers are processes: a kernel that faults or loops takes only its worker along, and the one
 * Machine per process needs no locks. Buffers are copied into shared memory between red zones, at
 * the caller's alignment, and written buffers are copied back.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "sim_load.h"
#include "sim_state.h"

enum { RED_ZONE = 1 << 16, ALIGNMENT = 256, MAX_WORKERS = 64, MAX_MAPS = 200 };

static const double PROGRESS_AFTER = 2, PROGRESS_EVERY = 10; /* seconds */

/* What a run keeps; all of it mapped, all shared with the workers. */
typedef struct Run {
	const Sim *sim;
	const SimKernel *kernel;
	const SimOptions *o;
	int64_t blocks, *next;
	int threads, nworkers, nbuffer, smem;
	Report *report;
	SimCounters *line; /* nlines of each worker */
	Buffer *buffer;
	void **params;
	struct {
		void *p;
		size_t bytes;
	} map[MAX_MAPS];
	int nmap;
} Run;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *map(Run *r, Diag *d, size_t bytes)
{
	void *p = mmap(NULL, bytes ? bytes : 1, PROT_READ | PROT_WRITE,
	               MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED || r->nmap == MAX_MAPS)
		diag_env(d, "simulator: no memory for %zu bytes of buffers", bytes);
	r->map[r->nmap].p = p;
	r->map[r->nmap++].bytes = bytes ? bytes : 1;
	return p;
}

/* ---- Buffers ---- */

/* Two names for one place (a state updated in place) share a copy, and what either may do. */
static void fold_aliases(Run *r, const SimBuffer *buf, int nbuf)
{
	for (int i = 0; i < nbuf; i++) {
		int k = 0, shift;

		while (k < r->nbuffer && (r->buffer[k].user.data != buf[i].data || !buf[i].bytes))
			k++;
		if (r->o->more && r->o->more[i].nan)
			r->buffer[k].nan = r->o->more[i].nan;
		if (r->o->more && r->o->more[i].written)
			r->buffer[k].written = r->o->more[i].written;
		shift = r->o->more && r->o->more[i].grain > 2 ? 2 : 1;
		if (k == r->nbuffer) {
			r->buffer[k].shift = shift;
			r->buffer[r->nbuffer++].user = buf[i];
			continue;
		}
		if (r->buffer[k].shift > shift)
			r->buffer[k].shift = shift;
		r->buffer[k].user.writable |= buf[i].writable;
		r->buffer[k].user.initialised |= buf[i].initialised;
		if (r->buffer[k].user.bytes < buf[i].bytes)
			r->buffer[k].user.bytes = buf[i].bytes;
	}
}

static void map_buffers(Run *r, Diag *d)
{
	for (int i = 0; i < r->nbuffer; i++) {
		Buffer *b = &r->buffer[i];
		size_t low = (uintptr_t)b->user.data % ALIGNMENT;

		b->data =
		    (unsigned char *)map(r, d, b->user.bytes + 2 * RED_ZONE + ALIGNMENT) + RED_ZONE + low;
		if (b->user.bytes)
			memcpy(b->data, b->user.data, b->user.bytes);
		if (b->written)
			b->written =
			    memcpy(map(r, d, b->user.bytes / 2 + 1), b->written, b->user.bytes / 2 + 1);
		if (b->user.writable)
			b->tag = map(r, d, ((b->user.bytes >> b->shift) + 1) * sizeof *b->tag);
	}
}

/* A pointer into a caller's buffer becomes one into its copy. */
static void *translate(const Run *r, unsigned char *p)
{
	for (int i = 0; i < r->nbuffer; i++) {
		unsigned char *from = r->buffer[i].user.data;

		if (p >= from && p < from + r->buffer[i].user.bytes)
			return r->buffer[i].data + (p - from);
	}
	return p;
}

static void make_params(Run *r, Diag *d, void **params)
{
	int n = r->kernel->nparams;

	r->params = map(r, d, 2 * (size_t)(n + 1) * sizeof *r->params);
	for (int i = 0; i < n; i++) {
		r->params[i] = params[i];
		if (r->kernel->pointer[i]) {
			void **own = &r->params[n + 1 + i];

			*own = translate(r, *(void **)params[i]);
			r->params[i] = own;
		}
	}
}

/* ---- Workers ---- */

static void *variable(const Run *r, const char *name)
{
	void *p = dlsym(r->sim->lib, name);

	if (!p)
		bug("simulator: the text has no %s", name);
	return p;
}

static void machine_init(const Run *r, int worker)
{
	Machine *m = &sim_machine;

	memset(m, 0, sizeof *m);
	m->entry = r->kernel->entry.run;
	m->params = r->params;
	m->thread_index = variable(r, "threadIdx");
	m->block_index = variable(r, "blockIdx");
	m->exp_ops = calloc(2 * (size_t)r->sim->nlines, sizeof *m->exp_ops);
	if (!m->exp_ops)
		abort();
	m->mufu_ops = m->exp_ops + r->sim->nlines;
	*(u64 **)variable(r, "sim_exp_ops") = m->exp_ops;
	*(u64 **)variable(r, "sim_mufu_ops") = m->mufu_ops;
	m->turn = variable(r, "sim_turn");
	m->log = variable(r, "sim_log");
	m->notes = variable(r, "sim_notes");
	m->unchecked = r->o->unchecked;
	sim_bind(r->sim->lib, m->unchecked);
	*(Index *)variable(r, "blockDim") = (Index){(u32)r->threads, 1, 1};
	*(Index *)variable(r, "gridDim") = (Index){(u32)r->blocks, 1, 1};
	*m->thread_index = *m->block_index = (Index){0, 0, 0};
	m->drop_site = r->o->drop_site;
	m->min_blocks = r->kernel->entry.min_blocks;
	m->early = r->o->early;
	m->smem_bytes = (u32)r->smem;
	m->nbuffer = r->nbuffer;
	m->buffer = r->buffer;
	m->report = &r->report[worker];
	m->nlines = r->sim->nlines;
	m->line = &r->line[(size_t)worker * (size_t)m->nlines];
	if (posix_memalign((void **)&m->smem, 1024, (size_t)r->smem + 1024))
		abort();
	m->granule = calloc((size_t)r->smem / 2 + 16, sizeof *m->granule);
	if (!m->granule)
		abort();
	for (int i = 0; i < r->smem / 2 + 16; i++)
		m->granule[i].read[0].thread = NOBODY;
	sim_places_init(dlsym(r->sim->lib, "sim_places"), r->kernel->entry.name);
	sim_block_init(r->threads);
}

static _Noreturn void work(const Run *r, int worker, pid_t parent)
{
	Machine *m = &sim_machine;
	int64_t b;

	(void)parent;
#ifdef __linux__
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
#endif
	machine_init(r, worker);
	sim_watch();
	while ((b = __atomic_fetch_add(r->next, 1, __ATOMIC_RELAXED)) < r->blocks) {
		m->random = r->o->seed ? (r->o->seed * 0x9e3779b97f4a7c15u ^ ((u64)b + 1) << 20) | 1 : 0;
		sim_block_run(b);
	}
	m->report->done = 1;
	_exit(0);
}

static double seconds_of(const struct timeval *t)
{
	return (double)t->tv_sec + 1e-6 * (double)t->tv_usec;
}

/* Until every worker has closed its end of the pipe; tells how far they are. */
static void watch_workers(const Run *r, int pipe)
{
	struct pollfd end = {.fd = pipe, .events = POLLIN};
	double start = now(), last = start;
	bool terminal = isatty(2);

	while (poll(&end, 1, 200) <= 0) {
		double t = now() - start;
		int64_t begun = __atomic_load_n(r->next, __ATOMIC_RELAXED);
		double share = (double)(begun < r->blocks ? begun : r->blocks) / (double)r->blocks;

		if (t < PROGRESS_AFTER || (!terminal && now() - last < PROGRESS_EVERY))
			continue;
		last = now();
		fprintf(stderr,
		        terminal ? "\r\033[Ksimulating %s: %3.0f%% of %lld blocks, %.0f s"
		                 : "azulejo: simulating %s: %.0f%% of %lld blocks, %.0f s\n",
		        r->kernel->entry.name, 100 * share, (long long)r->blocks, t);
	}
	if (terminal && now() - start > PROGRESS_AFTER)
		fputs("\r\033[K", stderr);
}

static void run_workers(Run *r, Diag *d, SimResult *out)
{
	pid_t pid[MAX_WORKERS], self = getpid();
	int started = 0, ends[2];

	if (pipe(ends))
		diag_env(d, "simulator: no pipe: %s", strerror(errno));
	for (int i = 0; i < r->nworkers; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			close(ends[0]);
			work(r, i, self);
		}
		if (pid[i] < 0)
			break;
		sim_child(pid[i], true);
		started++;
	}
	close(ends[1]);
	if (started)
		watch_workers(r, ends[0]);
	close(ends[0]);
	for (int i = 0; i < started; i++) {
		int status = 0;
		struct rusage used = {0};
		SimFinding *f;

		while (wait4(pid[i], &status, 0, &used) < 0 && errno == EINTR)
			;
		sim_child(pid[i], false);
		out->core_seconds += seconds_of(&used.ru_utime) + seconds_of(&used.ru_stime);
		if (r->report[i].done || !(f = sim_find_in(&r->report[i], SIM_BOUNDS, 0)))
			continue;
		sim_say(f, "a worker of the simulator ended early (%s %d)",
		        WIFSIGNALED(status) ? "signal" : "status",
		        WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	}
	if (!started)
		diag_env(d, "simulator: cannot start a process: %s", strerror(errno));
}

/* ---- Results ---- */

static const char *const kind_names[] = {
#define ROW(id, name) name,
    SIM_KINDS(ROW)
#undef ROW
};

static const char *joined(SimKind k)
{
	static const char *const words[NSIMKINDS] = {[SIM_BOUNDS] = " of ",
	                                             [SIM_UNINIT] = " of ",
	                                             [SIM_ALIGN] = " to ",
	                                             [SIM_READONLY] = " ",
	                                             [SIM_NAN] = " in "};

	return words[k] ? words[k] : " on ";
}

/* "copy.lua:21: race on k_s: ... [line 97]", and every "line 12" within becomes
 * "line 12 (copy.lua:3)". */
static void word(const Sim *s, SimFinding *f)
{
	char out[sizeof f->text];
	size_t n = 0, room = sizeof out - 16;
	int k = snprintf(out, room, "%s%s%s%s%s: ", f->spec, *f->spec ? ": " : "", kind_names[f->kind],
	                 *f->buffer ? joined(f->kind) : "", f->buffer);

	n = (size_t)k;
	for (const char *p = f->text; *p && n + 1 < room;) {
		if (!strncmp(p, "line ", 5) && p[5] >= '0' && p[5] <= '9') {
			char *end;
			int line = (int)strtol(p + 5, &end, 10);
			const char *spec = sim_spec_line(s, line);

			bool inside = p > f->text && p[-1] == '('; /* of parentheses already */
			const char *open = !*spec   ? ""
			                   : inside ? ", "
			                            : " (",
			           *close = *spec && !inside ? ")" : "";

			k = snprintf(out + n, room - n, "line %d%s%s%s", line, open, spec, close);
			n = n + (size_t)k < room ? n + (size_t)k : room - 1;
			p = end;
		} else {
			out[n++] = *p++;
		}
	}
	snprintf(out + n, sizeof out - n, f->line ? " [line %d]" : "", f->line);
	memcpy(f->text, out, sizeof out);
}

static int by_weight(const void *a, const void *b)
{
	const SimFinding *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

static void add_counters(SimCounters *to, const SimCounters *from)
{
	uint64_t *t = (uint64_t *)to;
	const uint64_t *f = (const uint64_t *)from;

	for (size_t i = 0; i < sizeof *to / sizeof *t; i++)
		t[i] += f[i];
}

static void collect_lines(Run *r, SimResult *out)
{
	size_t n = (size_t)r->sim->nlines;

	for (size_t i = 0; i < n * (size_t)r->nworkers; i++) {
		add_counters(&out->counters, &r->line[i]);
		if (r->o->lines)
			add_counters(&r->o->lines[i % n], &r->line[i]);
	}
}

static void collect(Run *r, Diag *d, SimResult *out)
{
	SimFinding *all = map(r, d, (size_t)r->nworkers * MAX_FOUND * sizeof *all);
	int n = 0;

	for (int i = 0; i < r->nworkers; i++) {
		add_counters(&out->counters, &r->report[i].counters);
		for (int k = 0; k < r->report[i].nfound; k++)
			all[n++] = r->report[i].found[k];
	}
	qsort(all, (size_t)n, sizeof *all, by_weight);
	for (int i = 0; i < n; i++) {
		SimFinding *f = &all[i], *same = NULL;

		snprintf(f->spec, sizeof f->spec, "%s", sim_spec_line(r->sim, f->line));
		for (int k = 0; k < out->nfindings; k++) {
			SimFinding *g = &out->finding[k];

			if (g->kind == f->kind && (*f->spec ? !strcmp(g->spec, f->spec) : g->line == f->line))
				same = g;
		}
		if (same) {
			same->count += f->count;
		} else if (out->nfindings < SIM_MAX_FINDINGS) {
			word(r->sim, f);
			out->finding[out->nfindings++] = *f;
		}
	}
}

/* Later launches may read what this one wrote, under whatever name. */
static void mark_written(const Run *r, int nbuf, const SimBuffer *buf)
{
	for (int i = 0; r->o->more && i < nbuf; i++)
		for (int k = 0; r->o->more[i].written && k < r->nbuffer; k++) {
			const Buffer *b = &r->buffer[k];

			for (size_t g = 0; b->tag && b->user.data == buf[i].data && g < buf[i].bytes / 2; g++)
				r->o->more[i].written[g] |= b->tag[2 * g >> b->shift].write != 0;
		}
}

/* ---- Interface ---- */

static const SimKernel *find_kernel(const Sim *s, const char *name)
{
	for (int i = 0; i < s->nkernels; i++)
		if (!strcmp(s->kernel[i].entry.name, name))
			return &s->kernel[i];
	bug("simulator: no kernel %s in the text", name);
}

void sim_run(Sim *s, Diag *d, const char *name, int64_t blocks, int threads, int smem,
             void **params, int nbuf, const SimBuffer *buf, const SimOptions *o, SimResult *out)
{
	static const SimOptions plain = {.drop_site = -1};
	Run r = {.sim = s, .o = o ? o : &plain, .blocks = blocks, .threads = threads, .smem = smem};
	double start = now();
	int64_t n = r.o->threads > 0 ? r.o->threads : sysconf(_SC_NPROCESSORS_ONLN);

	memset(out, 0, sizeof *out);
	if (r.o->unchecked != (*(const int *)dlsym(s->lib, "sim_plain") != 0))
		bug("simulator: a text is loaded with checks or without");
	if (threads < 1 || threads > MAX_THREADS || smem < 0 || blocks < 0)
		bug("simulator: a launch of %lld blocks, %d threads, %d bytes", (long long)blocks, threads,
		    smem);
	r.kernel = find_kernel(s, name);
	n = n > blocks ? blocks : n;
	r.nworkers = (int)(n < 1 ? 1 : n > MAX_WORKERS ? MAX_WORKERS : n);
	r.report = map(&r, d, (size_t)r.nworkers * sizeof *r.report);
	r.line = map(&r, d, (size_t)r.nworkers * (size_t)s->nlines * sizeof *r.line);
	r.next = map(&r, d, sizeof *r.next);
	r.buffer = map(&r, d, (size_t)nbuf * sizeof *r.buffer);
	fold_aliases(&r, buf, nbuf);
	map_buffers(&r, d);
	make_params(&r, d, params);
	run_workers(&r, d, out);
	collect(&r, d, out);
	collect_lines(&r, out);
	mark_written(&r, nbuf, buf);
	for (int i = 0; i < r.nbuffer; i++)
		if (r.buffer[i].user.writable && r.buffer[i].user.bytes)
			memcpy(r.buffer[i].user.data, r.buffer[i].data, r.buffer[i].user.bytes);
	for (int i = 0; i < r.nmap; i++)
		munmap(r.map[i].p, r.map[i].bytes);
	out->seconds = now() - start;
}
