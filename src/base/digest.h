/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * SHA-256, and SHA-1 where a format demands it, through OpenSSL.
 */

#include <stddef.h>
#include <stdint.h>

enum { DIGEST_SIZE = 32, DIGEST_SHA1_SIZE = 20 };

struct digest; /* a running sum */

struct digest *digest_new(void);
struct digest *digest_new_sha1(void); /* digest_take() gives DIGEST_SHA1_SIZE bytes */
void digest_add(struct digest *d, const void *data, size_t len);

/* Writes the digest of what was added, and starts over. */
void digest_take(struct digest *d, uint8_t *out);
void digest_free(struct digest *d);

/* SUM as 64 hexadecimal digits. */
void digest_text(const uint8_t sum[DIGEST_SIZE], char out[2 * DIGEST_SIZE + 1]);

void digest_of(const void *data, size_t len, uint8_t out[DIGEST_SIZE]);

/* The digest of the whole file FD, whose position does not change. 0 or -errno. */
int digest_of_file(int fd, uint8_t out[DIGEST_SIZE]);
