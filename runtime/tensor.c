/* tensor.c -- an argument's place in memory, and its values. */
#include "tensor.h"
#include "random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool by_program(const Kernel *k, const Axis *x)
{
	int i;

	for (i = 0; i < k->grid.n; i++)
		if (k->grid.range[i]->kind == RANGE_ONE && k->grid.range[i]->axis == x)
			return true;
	return false;
}

/* The position of the row axis in `arg`, or -1. */
static int row_axis(const Kernel *k, const Arg *arg)
{
	int i = arg->rank;

	while (--i >= 0)
		if (!arg->axis[i]->size)
			return by_program(k, arg->axis[i]) ? -1 : i;
	return -1;
}

int tensor_mem_axes(const Kernel *k, const Arg *arg, Layout layout, int *mem_of)
{
	int i, n = 0, row = row_axis(k, arg), at;

	for (i = 0; i < arg->rank; i++)
		mem_of[i] = i && arg->mem_of[i] == arg->mem_of[i - 1] ? n - 1 : n++;
	if (layout == BHND || row < 1 || !by_program(k, arg->axis[row - 1]))
		return n;
	at = mem_of[row - 1];
	for (i = 0; i < arg->rank; i++)
		if (mem_of[i] == at)
			mem_of[i] = at + 1;
		else if (i == row)
			mem_of[i] = at;
	return n;
}

bool tensor_is_matrix(const Kernel *k, const Tensor *t)
{
	int i, n = 0;

	for (i = 0; i < t->rank; i++)
		n += !by_program(k, t->arg->axis[i]);
	return n >= 2;
}

void tensor_shape(Diag *d, Tensor *t, const Kernel *k, const Arg *arg, const int64_t *axis_size,
                  Layout layout)
{
	int64_t mem_stride[MAX_AXES];
	int mem_of[MAX_AXES], i;

	t->arg = arg;
	t->rank = arg->rank;
	t->mem_rank = tensor_mem_axes(k, arg, layout, mem_of);
	t->elems = 1;
	for (i = 0; i < t->mem_rank; i++)
		t->mem_shape[i] = 1;
	for (i = 0; i < t->rank; i++) {
		t->size[i] = axis_size[arg->axis[i]->id];
		t->mem_shape[mem_of[i]] *= t->size[i];
		if (t->size[i] > ((int64_t)1 << 44) / t->elems)
			diag_fail(d, arg->loc, "%s: more than 2^44 elements", arg->name);
		t->elems *= t->size[i];
	}
	t->bytes = (size_t)t->elems * (size_t)dtype_bytes(arg->dtype);
	for (i = t->mem_rank - 1; i >= 0; i--)
		mem_stride[i] = i + 1 < t->mem_rank ? mem_stride[i + 1] * t->mem_shape[i + 1] : 1;
	for (i = t->rank - 1; i >= 0; i--)
		t->stride[i] = i + 1 < t->rank && mem_of[i + 1] == mem_of[i]
		                   ? t->stride[i + 1] * t->size[i + 1]
		                   : mem_stride[mem_of[i]];
}

double tensor_at(const Tensor *t, const int64_t *index)
{
	int64_t at = 0;
	int i;

	if (t->data) {
		for (i = 0; i < t->rank; i++)
			at += index[i] * t->stride[i];
		return dtype_load(t->arg->dtype, t->data, at);
	}
	for (i = 0; i < t->rank; i++)
		at = at * t->size[i] + index[i];
	return dtype_round(t->arg->dtype, random_value(t->key, (uint64_t)at, t->scale, t->bias));
}

void tensor_alloc(Diag *d, Tensor *t)
{
	if (!t->data)
		t->data = aligned_alloc(256, (t->bytes + 511) / 256 * 256);
	if (!t->data)
		diag_env(d, "%s: no memory for %zu bytes", t->arg->name, t->bytes);
}

void tensor_fill_random(Tensor *t)
{
	int64_t index[MAX_AXES] = {0}, at = 0, i;
	int a;

	for (i = 0; i < t->elems; i++) {
		float v = random_value(t->key, (uint64_t)i, t->scale, t->bias);
		dtype_store(t->arg->dtype, t->data, at, v);
		for (a = t->rank - 1; a >= 0; a--) {
			at += t->stride[a];
			if (++index[a] < t->size[a])
				break;
			at -= index[a] * t->stride[a];
			index[a] = 0;
		}
	}
}

void tensor_poison(Tensor *t)
{
	memset(t->data, 0xff, t->bytes);
}

int64_t tensor_unwritten(const Tensor *t)
{
	const unsigned char *p = t->data;
	size_t size = (size_t)dtype_bytes(t->arg->dtype);
	int64_t i, n = 0;

	if (t->arg->dtype == DT_I32) /* the poison is -1, a number like any other */
		return 0;
	for (i = 0; i < t->elems; i++, p += size)
		n += p[0] == 0xff && p[1] == 0xff && (size == 2 || (p[2] == 0xff && p[3] == 0xff));
	return n;
}

static const char *shape_text(Arena *a, Dtype dt, int rank, const int64_t *shape)
{
	Text s = {a, NULL, 0, 0};
	int i;

	text_add(&s, "%s [", dtype_name(dt));
	for (i = 0; i < rank; i++)
		text_add(&s, "%s%lld", i ? ", " : "", (long long)shape[i]);
	text_add(&s, "]");
	return s.s;
}

const char *tensor_text(Arena *a, const Tensor *t)
{
	return shape_text(a, t->arg->dtype, t->mem_rank, t->mem_shape);
}

void tensor_load(Diag *d, Tensor *t, const char *path)
{
	Arena *a = arena_new();
	char want[160], have[160];
	Npy f;

	npy_read(d, path, &f);
	if (f.dtype != t->arg->dtype || f.rank != t->mem_rank ||
	    memcmp(f.shape, t->mem_shape, sizeof *f.shape * (size_t)f.rank)) {
		snprintf(want, sizeof want, "%s", tensor_text(a, t));
		snprintf(have, sizeof have, "%s", shape_text(a, f.dtype, f.rank, f.shape));
		arena_free(a);
		free(f.data);
		diag_fail(d, (Loc){0}, "%s is %s, but %s here is %s", path, have, t->arg->name, want);
	}
	arena_free(a);
	free(t->data);
	t->data = f.data;
}

void tensor_save(Diag *d, const Tensor *t, const char *path)
{
	npy_write(d, path, t->arg->dtype, t->mem_rank, t->mem_shape, t->data);
}
