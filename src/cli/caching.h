/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Options of the cache and of the record of the last build, and the text of all options that the
 * cache key depends on.
 */

#include "cli/cli.h"
#include "transaction/reuse.h"

#define CACHE_OPTIONS                                                                           \
	{"if-changed", 0, NULL, "write nothing if OUT would be the same",                       \
	 OPT_IF_CHANGED, false},                                                                \
	REBUILD_CACHE_OPTIONS
#define REBUILD_CACHE_OPTIONS                                                                   \
	{"cache-dir", 0, "DIR", "keep the cache in DIR", OPT_CACHE_DIR, false},                 \
	{"cache-size", 0, "MIB", "size limit of the cache (256)", OPT_CACHE_SIZE, false},       \
	{"no-cache", 0, NULL, "use no cache", OPT_NO_CACHE, false}

struct caching {
	bool if_changed, no_cache;
	const char *dir;  /* NULL: the caller's */
	uint64_t size;	  /* bytes */
	struct buf words; /* the options that the cache key depends on */
};

void caching_init(struct caching *c);
void caching_end(struct caching *c);

/* The folder of the cache; NULL: there is none. */
const char *caching_folder(const struct caching *c, struct arena *arena);

/* To be called with every option. 1: it was one of the above; 0: it is the caller's, and was
 * noted as part of the request; -EINVAL. */
int caching_apply(struct caching *c, const struct option_spec *spec, char **args, struct err *err);

/* Options that contradict each other: -EINVAL. */
int caching_check(const struct caching *c, struct err *err);

/* For a transaction. They borrow from C and ARENA. */
struct reuse_options caching_options(const struct caching *c, struct arena *arena);
