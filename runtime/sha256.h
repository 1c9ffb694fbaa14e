/* sha256.h -- SHA-256 (FIPS 180-4), for cache keys and checksums. */
#ifndef AZ_SHA256_H
#define AZ_SHA256_H

#include <stddef.h>
#include <stdint.h>

typedef struct Sha256 {
	uint32_t h[8];
	uint64_t bytes;
	unsigned char block[64];
} Sha256;

void sha256_init(Sha256 *s);
void sha256_add(Sha256 *s, const void *data, size_t n);
void sha256_end(Sha256 *s, unsigned char out[32]);
void sha256_hex(Sha256 *s, char out[65]); /* ends it too */

#endif
