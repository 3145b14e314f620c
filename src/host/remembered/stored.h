/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Compressed files of earlier images, kept in the cache. The identity of a file (device, inode,
 * size, mtime, ctime) determines its content; the SHA-256 of the content, the codec, the level and
 * the version of the library determine the compressed content. So a file that was only touched is
 * read but not compressed again, and an untouched one is not even read.
 *
 * A file that was changed less than two seconds ago is not recognised by its identity: it could
 * change again without its times changing. Functions may be called from any thread, and with a NULL
 * struct stored: then nothing is known, and nothing is kept.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/digest.h"
#include "format/codec/codec.h"
#include "host/remembered/cache.h"
#include "host/remembered/trace.h"

struct stored;

/* NULL without a CACHE, which must outlive it. */
struct stored *stored_open(struct cache *cache);

/* Keeps what was learned about files. Once. */
void stored_keep(struct stored *s);
void stored_close(struct stored *s);

/* True, with the digest of its content, if the content of the file ID is known. */
bool stored_know(struct stored *s, const struct file_identity *id, uint8_t sum[DIGEST_SIZE]);

/* Remembers that the file has this content. It was ID before it was read. */
void stored_learn(struct stored *s, const struct file_identity *id, const uint8_t sum[DIGEST_SIZE]);

/* Whether what is put will be there in this run; and in later ones. */
bool stored_takes(const struct stored *s);
bool stored_keeps(const struct stored *s);

/* How content is compressed. */
struct stored_form {
	enum codec codec;
	int level;
	bool x86_filter;
};

/* Appends content SUM, compressed as FORM says, to OUT; the digest of what is appended goes to
 * SHA256. */
bool stored_get(struct stored *s, const uint8_t sum[DIGEST_SIZE], const struct stored_form *form,
		struct buf *out, uint8_t sha256[DIGEST_SIZE]);
void stored_put(struct stored *s, const uint8_t sum[DIGEST_SIZE], const struct stored_form *form,
		const struct buf *data, const uint8_t sha256[DIGEST_SIZE]);
