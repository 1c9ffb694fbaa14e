/* bench.c -- timing on the GPU. */
#include "bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_COPIES = 512, MAX_SAMPLES = 400, MAX_BATCH = 64, MAX_GRAPHS = 16 };

void bench_rotate(Exec *x, Rotation *r)
{
	const Plan *p = x->plan;
	Diag *d = x->cli->diag;
	double bytes = plan_bytes(p), room = 0.8 * (double)device_free_memory(d);
	double want = 1 + ceil(4.0 * driver_found(NULL)->l2_bytes / (bytes + 1));
	int c, i;

	if (want > 1 + room / (bytes + 1))
		want = 1 + floor(room / (bytes + 1));
	r->copies = want < 1 ? 1 : want > MAX_COPIES ? MAX_COPIES : (int)want;
	r->base = calloc((size_t)r->copies, sizeof *r->base);
	if (!r->base)
		diag_env(d, "out of memory");
	memcpy(r->base[0], x->base, sizeof x->base);
	for (c = 1; c < r->copies; c++)
		for (i = 0; i < p->ntensors; i++)
			if (x->base[i]) {
				r->base[c][i] = device_alloc(d, p->tensor[i].bytes);
				device_copy(d, r->base[c][i], x->base[i], p->tensor[i].bytes);
			}
	device_wait(d);
}

void bench_free(Exec *x, Rotation *r)
{
	int c, i;

	for (c = 1; c < r->copies; c++)
		for (i = 0; i < x->plan->ntensors; i++)
			device_free(r->base[c][i]);
	free(r->base);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The interval of the median by order statistics: ranks n/2 -+ 0.98 sqrt n. */
static void median(double *sample, int n, Timing *t)
{
	double half = 0.98 * sqrt(n);
	int lo = (int)floor(n / 2.0 - half), hi = (int)ceil(n / 2.0 + half);

	qsort(sample, (size_t)n, sizeof *sample, by_value);
	t->ms = sample[n / 2];
	t->lo = sample[lo < 0 ? 0 : lo];
	t->hi = sample[hi >= n ? n - 1 : hi];
	t->samples = n;
}

/* `n` launches, rotating from copy `first`, as one graph: a launch by the host takes longer than
 * a short kernel runs. */
static DeviceGraph make_batch(Exec *x, const Rotation *r, int first, int n)
{
	Diag *d = x->cli->diag;
	DeviceStream s = device_capture(d);
	int i;

	for (i = 0; i < n; i++)
		exec_launch(x, r->base[(first + i) % r->copies], s);
	return device_captured(d, s);
}

static float run_batch(Diag *d, DeviceGraph g, DeviceEvent from, DeviceEvent to)
{
	device_record(d, from);
	device_replay(d, g);
	device_record(d, to);
	return device_elapsed_ms(d, from, to);
}

void bench_time(Exec *x, const Rotation *r, double seconds, Timing *out)
{
	Diag *d = x->cli->diag;
	DeviceEvent from = device_event(d), to = device_event(d);
	DeviceGraph graph[MAX_GRAPHS], probe = make_batch(x, r, 0, 3);
	double sample[MAX_SAMPLES], t0, ms;
	int i, n = 0, batch, graphs;

	run_batch(d, probe, from, to);
	ms = run_batch(d, probe, from, to) / 3;
	device_graph_free(probe);
	/* batches of about 2 ms drown the events' own cost; the graphs together use every copy */
	batch = ms > 2 ? 1 : (int)(2 / (ms + 1e-3)) + 1;
	batch = batch > MAX_BATCH ? MAX_BATCH : batch;
	graphs = (r->copies + batch - 1) / batch;
	graphs = graphs > MAX_GRAPHS ? MAX_GRAPHS : graphs;
	for (i = 0; i < graphs; i++)
		graph[i] = make_batch(x, r, i * batch, batch);
	t0 = clock_seconds();
	for (i = 0; i < graphs || clock_seconds() - t0 < seconds / 10; i++)
		run_batch(d, graph[i % graphs], from, to);
	while (n < MAX_SAMPLES && (n < 5 || clock_seconds() - t0 < seconds)) {
		sample[n] = run_batch(d, graph[n % graphs], from, to) / batch;
		n++;
	}
	median(sample, n, out);
	out->batch = batch;
	out->copies = r->copies;
	for (i = 0; i < graphs; i++)
		device_graph_free(graph[i]);
	device_event_free(from);
	device_event_free(to);
}

double bench_copy_rate(Diag *d)
{
	const size_t bytes = (size_t)256 << 20;
	DevicePtr a = device_alloc(d, bytes), b = device_alloc(d, bytes);
	DeviceEvent from = device_event(d), to = device_event(d);
	double best = 0, rate;
	int i;

	device_poison(d, a, bytes);
	for (i = 0; i < 20; i++) {
		device_record(d, from);
		device_copy(d, i % 2 ? a : b, i % 2 ? b : a, bytes);
		device_record(d, to);
		rate = 2.0 * (double)bytes / 1e6 / device_elapsed_ms(d, from, to);
		if (i >= 5 && rate > best)
			best = rate;
	}
	device_free(a);
	device_free(b);
	device_event_free(from);
	device_event_free(to);
	return best;
}
