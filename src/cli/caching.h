/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The cache and the record of the last build, as a command that writes images uses them: their
 * options, whether the image would be the same, and what is kept afterwards.
 */

#include "cli/cli.h"
#include "host/remembered/cache.h"
#include "image/history.h"

#define CACHE_OPTIONS                                                                              \
	{"if-changed", 0, NULL, "write nothing if OUT would be the same", OPT_IF_CHANGED},         \
	REBUILD_CACHE_OPTIONS
#define REBUILD_CACHE_OPTIONS                                                                      \
	{"cache-dir", 0, "DIR", "keep what can be used again in DIR", OPT_CACHE_DIR},              \
	{"cache-size", 0, "MIB", "at most so much of it (256)", OPT_CACHE_SIZE},                   \
	{"no-cache", 0, NULL, "use and keep nothing of that kind", OPT_NO_CACHE}

struct caching {
	bool if_changed, no_cache;
	bool only_look;        /* write nothing, also not to the cache */
	const char *dir;       /* NULL: the caller's */
	uint64_t size;         /* bytes */
	size_t n_options;      /* bytes of WORDS that the options are */
	struct buf words;      /* all that was asked for, and what the root is not asked about */
	struct cache *cache;   /* NULL: none */
	struct trace *trace;
	struct history history;
	uint8_t plan[DIGEST_SIZE]; /* the fingerprint */
};

void caching_init(struct caching *c);
void caching_end(struct caching *c);

/* Ends what caching_begin() began; with the same options it may begin again, for another image. */
void caching_finish(struct caching *c);

/* The folder of the cache; NULL: there is none. */
const char *caching_folder(const struct caching *c, struct arena *arena);

/* To be called with every option. 1: it was one of the above; 0: it is the caller's, and was
 * noted as part of the request; -EINVAL. */
int caching_apply(struct caching *c, int id, char **args, struct err *err);

/* Options that contradict each other: -EINVAL. */
int caching_check(const struct caching *c, struct err *err);

/* Opens the cache, the trace, which ROOT gets, and the record of OUT. C must outlive ROOT. */
int caching_begin(struct caching *c, const struct cli_request *q, struct root *root,
		  const char *out, struct err *err);

/* True: --if-changed was given, and nothing changed. */
bool caching_is_unchanged(struct caching *c);

/* Takes the fingerprint of the plan. 1: --if-changed was given, and the image would be the same:
 * that is noted for the next time. 0: it is to be written. */
int caching_settle(struct caching *c, const struct build *b, struct err *err);

/* The image with this digest is in place. Adds what is to be told of the cache to PLAN. */
void caching_keep(struct caching *c, const uint8_t image[DIGEST_SIZE], struct plan *plan);
