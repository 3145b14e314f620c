/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Results of earlier runs, kept in a folder of the machine that builds: blobs by key. A key is a
 * text that names everything the bytes depend on: what was done, with which input (by digest or
 * identity), by which version. The cache decides nothing: an image has the same bytes with it,
 * without it, and after it was deleted, even in the middle of a run.
 *
 * Nothing in it is trusted without a check. The folder must belong to the caller, and nobody else
 * may write to it; so must each blob, which also carries its key and the SHA-256 of its data,
 * compared on every use. A blob that fails a check is dropped, counted, and created again. No
 * function here fails: a cache that cannot be used finds nothing, and keeps nothing;
 * cache_problem() has the reason.
 *
 * The blobs lie in a few files (host/remembered/blobs.h). What a run puts is there for itself at
 * once, and for other runs after cache_commit(). There are no locks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"

enum {
	CACHE_KEY_MAX = 8192,
	CACHE_SIZE_DEFAULT = 256, /* MiB */
};

struct cache;

/* Never NULL. DIR need not exist: it is created, with mode 0700, when the first blob is put. With
 * DIR NULL blobs are there for this run only, in memory. LIMIT is in bytes: what was not used for
 * the longest time is deleted. */
struct cache *cache_new(const char *dir, uint64_t limit);

/* The folder that DIR is in is created as well, with mode 0700, if only that one is missing. */
void cache_make_parent(struct cache *c);

/* Whether a blob that is put will be there in this run; and in later ones. */
bool cache_takes(const struct cache *c);
bool cache_keeps(const struct cache *c);

/* Keeps what was put, and puts nothing more. Once. */
void cache_commit(struct cache *c);

/* Commits, if that was not done. */
void cache_free(struct cache *c);
static inline void cleanup_cache(struct cache **c)
{
	cache_free(*c);
}
#define _cleanup_cache_ __attribute__((cleanup(cleanup_cache)))

/*
 * True: the blob of KEY was appended to OUT, and its digest is in SHA256 (which may be NULL).
 * False, OUT unchanged: there is none, or it has more than MAX bytes. C may be NULL: false.
 * Thread-safe.
 */
bool cache_get(struct cache *c, const char *key, size_t max, struct buf *out,
	       uint8_t sha256[DIGEST_SIZE]);

/* The same, but does not record that the blob was used: nothing at all is written. */
bool cache_peek(struct cache *c, const char *key, size_t max, struct buf *out,
		uint8_t sha256[DIGEST_SIZE]);

/* Keeps DATA under KEY, replacing what was there. SHA256: of DATA; NULL to compute it here. C may
 * be NULL. Thread-safe. */
void cache_put(struct cache *c, const char *key, const void *data, size_t len,
	       const uint8_t *sha256);

/* From now on the cache is only read, and nothing at all is written. */
void cache_freeze(struct cache *c);

/* Why the cache is not used, or no longer used; NULL when all is well. Lives as long as C. */
const char *cache_problem(struct cache *c);

/* Bytes that removing the whole folder would free; 0 if it holds anything else than the cache. */
uint64_t cache_removable(struct cache *c);

/* The number of blobs that were damaged or not trustworthy, and were dropped. */
size_t cache_dropped(struct cache *c);
