/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Compressed files of earlier images, by means of the cache: which content a file has is known
 * from its identity (device, inode, size, mtime, ctime), what that content is when compressed
 * from its SHA-256, the codec, the level and the version of the library. So a file that was
 * touched is read but not compressed again, and one that was not is not even read.
 *
 * A file that was changed less than two seconds ago is not known by its identity: it could
 * change again without its times doing so. Functions may be called from any thread, and with a
 * NULL struct stored: then nothing is known, and nothing kept.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/digest.h"
#include "format/codec/codec.h"
#include "host/remembered/cache.h"

struct stored;

/* NULL without a CACHE, which must outlive it. */
struct stored *stored_open(struct cache *cache);

/* Keeps what was learned about files, and frees S. */
void stored_close(struct stored *s);

/* True, and the digest of its content, when the file of ST is one whose content is known. */
bool stored_know(struct stored *s, const struct stat *st, uint8_t sum[DIGEST_SIZE]);

/* The file has this content. ST is from before it was read. */
void stored_learn(struct stored *s, const struct stat *st, const uint8_t sum[DIGEST_SIZE]);

/* How content is compressed. */
struct stored_form {
	enum codec codec;
	int level;
	bool x86_filter;
};

/* Content SUM compressed as FORM says: appended to OUT, its own digest in SHA256. */
bool stored_get(struct stored *s, const uint8_t sum[DIGEST_SIZE], const struct stored_form *form,
		struct buf *out, uint8_t sha256[DIGEST_SIZE]);
void stored_put(struct stored *s, const uint8_t sum[DIGEST_SIZE], const struct stored_form *form,
		const struct buf *data, const uint8_t sha256[DIGEST_SIZE]);
