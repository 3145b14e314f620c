/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/digest.h"

#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/file.h"

enum { CHUNK = 256 * 1024 };

/* A failure of these calls means that OpenSSL is broken or memory has run out: nothing to go on
 * with. */
static void must(int ok)
{
	assert(ok == 1);
	(void)ok;
}

static struct digest *new_digest(const EVP_MD *kind)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	must(ctx != NULL);
	must(EVP_DigestInit_ex(ctx, kind, NULL));
	return (struct digest *)ctx;
}

struct digest *digest_new(void)
{
	return new_digest(EVP_sha256());
}

struct digest *digest_new_sha1(void)
{
	return new_digest(EVP_sha1());
}

void digest_add(struct digest *d, const void *data, size_t len)
{
	must(EVP_DigestUpdate((EVP_MD_CTX *)d, data, len));
}

void digest_take(struct digest *d, uint8_t *out)
{
	must(EVP_DigestFinal_ex((EVP_MD_CTX *)d, out, NULL));
	must(EVP_DigestInit_ex((EVP_MD_CTX *)d, NULL, NULL));
}

void digest_free(struct digest *d)
{
	EVP_MD_CTX_free((EVP_MD_CTX *)d);
}

void digest_text(const uint8_t sum[DIGEST_SIZE], char out[2 * DIGEST_SIZE + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		out[2 * i] = digits[sum[i] >> 4];
		out[2 * i + 1] = digits[sum[i] & 15];
	}
	out[2 * DIGEST_SIZE] = '\0';
}

void digest_of(const void *data, size_t len, uint8_t out[DIGEST_SIZE])
{
	must(EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL));
}

int digest_of_file(int fd, uint8_t out[DIGEST_SIZE])
{
	_cleanup_free_ uint8_t *chunk = malloc(CHUNK);
	struct digest *d;
	uint64_t at = 0;
	ssize_t n;

	if (!chunk)
		return -ENOMEM;
	d = digest_new();
	while ((n = pread_full(fd, chunk, CHUNK, at)) > 0) {
		digest_add(d, chunk, (size_t)n);
		at += (uint64_t)n;
	}
	if (n == 0)
		digest_take(d, out);
	digest_free(d);
	return (int)n;
}
