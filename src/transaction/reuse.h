/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The cache and the record of the last build, as whoever writes an image uses them: whether the
 * image would be the same, and what is kept afterwards.
 */

#include "host/remembered/cache.h"
#include "host/remembered/stored.h"
#include "host/remembered/trace.h"
#include "image/history.h"
#include "plan/plan.h"
#include "plan/request.h"

struct build;

struct reuse_options {
	const char *folder;    /* of the cache; NULL: none */
	bool makes_parent;     /* the folder that it is in is created, too */
	uint64_t size;	       /* bytes that it may have */
	const struct buf *key; /* the options that the cache key depends on */
	bool if_changed;       /* write nothing if the image would be the same */
	bool only_look;	       /* write nothing at all, nor to the cache */
};

struct reuse {
	struct reuse_options options;
	struct buf key; /* with what the root is not asked about */
	struct root *root;
	struct cache *cache;   /* without a folder: for this run only */
	struct stored *stored;
	struct trace *trace;   /* NULL without a folder */
	struct history history;
	uint8_t plan[DIGEST_SIZE]; /* the fingerprint */
};

/* Opens the cache, the trace and the record of the image OUT. ROOT has the first two until
 * reuse_end(), which must follow also after a failure. */
int reuse_begin(struct reuse *u, const struct request *request, struct root *root, const char *out,
		struct err *err);
void reuse_end(struct reuse *u);
#define _cleanup_reuse_ __attribute__((cleanup(reuse_end)))

/* Nothing that counts has changed since the image was written, without a look at any content. */
bool reuse_is_unchanged(struct reuse *u);

/* Compares the fingerprint of the plan. 1 if the image would be the same, which is recorded for the
 * next time; 0 if it has to be written. */
int reuse_settle(struct reuse *u, const struct build *b, struct err *err);

/* The image with this digest is in place. What is wrong with the cache becomes a warning of
 * PLAN. */
void reuse_keep(struct reuse *u, const uint8_t image[DIGEST_SIZE], struct plan *plan);
