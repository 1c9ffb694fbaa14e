/* eval_map.h -- one element of an elementwise operation, and how far off a kernel's may be. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "../../codegen/ir.h"

/* Of fp32, with room for an approximate instruction and for terms in another order. */
#define EVAL_FP32 0x1p-21

static double eval_map(OpCode c, double x, double y, double z)
{
	switch (c) {
	case OP_neg:
		return -x;
	case OP_abs:
		return fabs(x);
	case OP_exp:
		return exp(x);
	case OP_exp2:
		return exp2(x);
	case OP_log:
		return log(x);
	case OP_log2:
		return log2(x);
	case OP_sqrt:
		return sqrt(x);
	case OP_rsqrt:
		return 1 / sqrt(x);
	case OP_tanh:
		return tanh(x);
	case OP_sigmoid:
		return 1 / (1 + exp(-x));
	case OP_recip:
		return 1 / x;
	case OP_not_:
		return isnan(x) ? x : x == 0;
	case OP_cast:
	case OP_get:
		return x;
	case OP_add:
		return x + y;
	case OP_sub:
		return x - y;
	case OP_mul:
		return x * y;
	case OP_div:
		return x / y;
	case OP_min:
		return isnan(x) ? x : isnan(y) ? y : fmin(x, y);
	case OP_max:
		return isnan(x) ? x : isnan(y) ? y : fmax(x, y);
	case OP_and_:
		return x == 0 || y == 0 ? 0 : isnan(x) || isnan(y) ? NAN : 1;
	case OP_or_:
		return (x != 0 && !isnan(x)) || (y != 0 && !isnan(y)) ? 1 : isnan(x) || isnan(y) ? NAN : 0;
	case OP_lt:
		return x < y;
	case OP_le:
		return x <= y;
	case OP_gt:
		return x > y;
	case OP_ge:
		return x >= y;
	case OP_eq:
		return x == y;
	case OP_ne:
		return x != y;
	case OP_where:
		return isnan(x) ? x : x != 0 ? y : z;
	default:
		bug("eval: %s", op_info[c].name);
	}
}

/* A step's own error, by its operands and its exact result. */
static double eval_error(OpCode c, double x, double y, double r)
{
	switch (c) {
	case OP_add:
	case OP_sub:
		return EVAL_FP32 * (fabs(x) + fabs(y));
	case OP_exp:
	case OP_exp2:
		return EVAL_FP32 * (2 + fabs(x)) * fabs(r) + 0x1p-126;
	case OP_log:
	case OP_log2:
		return EVAL_FP32 * (1 + fabs(r));
	case OP_mul:
	case OP_div:
	case OP_sqrt:
	case OP_rsqrt:
	case OP_tanh:
	case OP_sigmoid:
	case OP_recip:
		return 2 * EVAL_FP32 * fabs(r) + 0x1p-126;
	default:
		return 0;
	}
}

/* -1 to 1. Equal numbers are rounded alike, wherever they stand, and so are their negatives and
 * their products with powers of two: their errors add up. */
static double eval_chance(double x, int lane)
{
	int exponent;
	double mantissa = fabs(frexp(x, &exponent));
	uint64_t z;

	memcpy(&z, &mantissa, sizeof z);
	z = (z + (uint64_t)lane) * 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 29) * 0xbf58476d1ce4e5b9u;
	return (double)((z ^ z >> 32) >> 11) * 0x1p-52 - 1;
}
