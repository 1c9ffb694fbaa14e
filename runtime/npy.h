/* npy.h -- .npy files: f32, f16, i32, and bf16 as uint16 bits; C order, little-endian. A name to
 * read may end in a cut: "F.npy@0:64" is rows 0 to 63 of the axis before the last, "F.npy@-1" the
 * last row alone.
 */
#ifndef AZ_NPY_H
#define AZ_NPY_H

#include "../codegen/ir.h"

enum { NPY_RANK = 8 };

typedef struct Npy {
	const char *path;
	Dtype dtype; /* uint16 reads as DT_BF16 */
	int rank;
	int64_t shape[NPY_RANK];
	size_t bytes;
	void *data; /* malloc'ed; NULL after npy_head */
} Npy;

/* Both throw one line naming the file. npy_head reads the header only. */
void npy_head(Diag *d, const char *path, Npy *out);
void npy_read(Diag *d, const char *path, Npy *out);
void npy_write(Diag *d, const char *path, Dtype dt, int rank, const int64_t *shape,
               const void *data);

#endif
