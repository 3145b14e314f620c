/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * SHA-256 for PID 1, which has no OpenSSL: small, not fast. The builder uses digest.h. Source: FIPS 180-4.
 */

#include <stddef.h>
#include <stdint.h>

enum { SHA256_SIZE = 32, SHA256_BLOCK = 64 };

struct sha256 {
	uint32_t state[8];
	uint64_t len; /* of what was added */
	uint8_t block[SHA256_BLOCK]; /* the bytes that do not fill one yet */
};

void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t len);

/* S is of no use afterwards. */
void sha256_take(struct sha256 *s, uint8_t out[SHA256_SIZE]);
