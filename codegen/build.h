/* build.h -- shared by the files that make ops (build.c, build_state.c) and no others. */
#ifndef AZ_BUILD_H
#define AZ_BUILD_H

#include "ir.h"

Op *build_op(Builder *b, Loc at, OpCode c, Dtype dt, int rank, const Dim *dim);
void build_src(Builder *b, Op *o, Op *x);
void build_use(Builder *b, Loc at, const Op *x);          /* fails when x's loop has ended */
void build_use_range(Builder *b, Loc at, const Range *r); /* the same for a range */
int build_cut(Builder *b, Loc at, const char *what, const Arg *a, Range *const *range, Dim *dim);
Dtype build_half_dtype(const Kernel *k); /* the 16-bit dtype of this trace */
const char *op_spelling(OpCode c);
const char *shape_text(Builder *b, const Op *x);
bool dtype_half(Dtype dt);

#endif
