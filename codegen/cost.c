/* cost.c -- how much work a kernel is, counted on the tile IR. */
#include "cost.h"

static double trips(const Range *r, const int64_t *axis_size)
{
	int64_t n = r->axis->size ? r->axis->size : axis_size[r->axis->id];

	return (double)((n + r->n - 1) / r->n);
}

static double region_flops(const Region *g, const int64_t *axis_size)
{
	double sum = 0, inner;
	const Op *o;

	for (o = g->first; o; o = o->next) {
		if (o->code == OP_dot)
			sum += 2.0 * o->dim[0].n * o->dim[1].n * o->src[0]->dim[1].n;
		if (!o->body)
			continue;
		inner = region_flops(o->body, axis_size) * trips(o->range, axis_size);
		sum += o->mask ? inner / 2 : inner;
	}
	return sum;
}

double kernel_flops(const Kernel *k, const int64_t *axis_size)
{
	double n = region_flops(k->body, axis_size);
	int i;

	for (i = 0; i < k->grid.n; i++)
		n *= trips(k->grid.range[i], axis_size);
	return n;
}
