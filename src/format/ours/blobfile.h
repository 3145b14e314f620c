/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A file of blobs by key, as the cache keeps them (host/remembered/blobs.h). All integers are
 * little-endian:
 *
 *   blobs    for each: "PRB2", u32 length of the key, u64 length of the data, SHA-256 of the data,
 *            key, data
 *   index    for each blob, in the order of the first field: SHA-256 of its key, u64 offset, u64
 *            size, both of all of the blob
 *   uses     for each blob, in the order of the index: u32 day of its last use, since 1970
 *   footer   "PRX2", u32 number of blobs, u64 offset of the index, SHA-256 of the index
 *
 * The days are written in place, and nothing vouches for them: they only decide what is deleted
 * first. Pure; the bytes are hostile.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"

enum {
	BLOBFILE_HEAD = 4 + 4 + 8 + DIGEST_SIZE,
	BLOBFILE_ENTRY = DIGEST_SIZE + 8 + 8,
	BLOBFILE_DAY = 4,
	BLOBFILE_FOOTER = 4 + 4 + 8 + DIGEST_SIZE,
	BLOBFILE_COUNT_MAX = 1 << 18,
};

struct blobfile_entry {
	uint8_t key[DIGEST_SIZE]; /* SHA-256 of the key */
	uint64_t offset, size;	  /* of the whole blob */
	uint32_t day;
};

struct blobfile_footer {
	uint32_t count;
	uint64_t index; /* offset; up to the footer, BLOBFILE_ENTRY + BLOBFILE_DAY bytes for each blob */
	uint8_t sha256[DIGEST_SIZE];
};

/* All of a blob but its data. SHA256 is that of the data. */
void blobfile_add_head(struct buf *out, const char *key, size_t len, const uint8_t *sha256);

/* What follows the last blob, which ends at offset AT. LIST is in order. */
void blobfile_add_index(struct buf *out, const struct blobfile_entry *list, size_t count,
			uint64_t at);

/* DATA is the last BLOBFILE_FOOTER bytes of a file of SIZE bytes. False: they are none. */
bool blobfile_decode_footer(const uint8_t *data, uint64_t size, struct blobfile_footer *out);

/* DATA is what lies between the blobs and the footer F; OUT has room for f->count. False: it is
 * damaged. */
bool blobfile_decode_index(const struct blobfile_footer *f, const uint8_t *data,
			   struct blobfile_entry *out);
