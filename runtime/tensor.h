/* tensor.h -- an argument with its sizes, its strides in memory, and its values. */
#ifndef AZ_TENSOR_H
#define AZ_TENSOR_H

#include "npy.h"

typedef enum Layout { BHND, BNHD } Layout;

typedef struct Tensor {
	const Arg *arg;
	int rank;                                 /* the argument's axes, as declared */
	int64_t size[MAX_AXES], stride[MAX_AXES]; /* stride in elements */
	int mem_rank; /* as stored: grouped axes are one, the row axis moved by the layout */
	int64_t mem_shape[MAX_AXES];
	int64_t elems;
	size_t bytes;
	void *data;   /* on the host, malloc'ed; NULL while the values are only a function */
	uint64_t key; /* of the random values */
	float scale, bias;
} Tensor;

/* Fills sizes and dense strides. BHND stores the axes as declared; BNHD moves the row axis (the
 * last run-time axis that no list entry of the grid takes) before the axis in front of it. Throws
 * when the tensor would be larger than 2^46 bytes. */
void tensor_shape(Diag *d, Tensor *t, const Kernel *k, const Arg *arg, const int64_t *axis_size,
                  Layout layout);

/* A matrix has two axes or more that no list entry of the grid takes; its last is contiguous. */
bool tensor_is_matrix(const Kernel *k, const Tensor *t);

/* The element at `index` (declared axes): from data, else the random function. */
double tensor_at(const Tensor *t, const int64_t *index);

/* Gives the tensor memory; throws ST_ENV when there is none. */
void tensor_alloc(Diag *d, Tensor *t);
void tensor_fill_random(Tensor *t);
/* Every byte 0xff: a NaN in every float dtype that no kernel produces by itself. */
void tensor_poison(Tensor *t);
/* Elements that still are poison. */
int64_t tensor_unwritten(const Tensor *t);
/* From a file, whose shape must be the stored one; throws naming both. */
void tensor_load(Diag *d, Tensor *t, const char *path);
void tensor_save(Diag *d, const Tensor *t, const char *path);
const char *tensor_text(Arena *a, const Tensor *t); /* "bf16 [1, 2, 200, 16]" as stored */

/* Which of the stored axes (0-based) each declared axis lies in, under a layout, and how many. */
int tensor_mem_axes(const Kernel *k, const Arg *arg, Layout layout, int *mem_of);

#endif
