/* tensormap.h -- tensor maps: where a tensor lies and how the bulk copy engine boxes it, as 128
 * opaque bytes that a kernel takes by value. The driver encodes them for a GPU; the simulator has
 * an encoding of its own. Both obey the driver's rules (CUDA driver API, cuTensorMapEncodeTiled),
 * which are checked here first, so that what the simulator accepts the driver accepts.
 */
#ifndef AZ_TENSORMAP_H
#define AZ_TENSORMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "../codegen/ir.h"

enum { TENSORMAP_RANK = 5, TENSORMAP_BOX = 256 };

typedef struct TensorMap {
	_Alignas(64) uint64_t opaque[16];
} TensorMap;

/* Innermost dimension first, whose stride is one element. */
typedef struct TensorMapSpec {
	Dtype dtype; /* f32, bf16, f16 or i32 */
	int rank;
	uint64_t base; /* address on the device, or the host's for the simulator */
	int64_t size[TENSORMAP_RANK];
	int64_t stride_bytes[TENSORMAP_RANK]; /* of dimensions 1 .. rank - 1; [0] is not read */
	int box[TENSORMAP_RANK];
	int swizzle; /* bytes: 0, 32, 64, 128 */
} TensorMapSpec;

/* The simulator's encoding, also what a kernel's copy of a map decodes to. */
typedef struct SimTensorMap {
	uint64_t magic, base;
	uint32_t last[TENSORMAP_RANK]; /* size - 1 */
	uint16_t box[TENSORMAP_RANK];
	uint8_t rank, element, swizzle;
	uint64_t stride[TENSORMAP_RANK];
} SimTensorMap;

extern const uint64_t tensormap_magic;

/* NULL, or which rule it breaks: one line. */
const char *tensormap_wrong(const TensorMapSpec *s);

/* Throws ST_USER for a broken rule; for a GPU ST_ENV without a driver that can (tensormap_driver).
 */
void tensormap_encode(Diag *d, const TensorMapSpec *s, bool sim, TensorMap *out);

int tensormap_box_bytes(const TensorMapSpec *s); /* what one load brings to its barrier */

#endif
