/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Facts about module files from earlier runs, by the identity of the file. One blob of the cache
 * for each kernel: for each file its identity, u32 provides, u32 length of the firmware names,
 * u32 length of the weak dependencies, both texts; integers little-endian.
 */

#include "host/remembered/cache.h"
#include "host/remembered/trace.h"
#include "plan/modules/facts.h"

struct facts_cache;

/* NULL without a CACHE. KEY names the kernel, and everything but the files that the facts depend
 * on. What is found lives in ARENA. */
struct facts_cache *facts_cache_open(struct cache *cache, const char *key, struct arena *arena);

/* Writes the blob again if something was added to it. C may be NULL. */
void facts_cache_keep(struct facts_cache *c);

/* Keeps it, and frees C. */
void facts_cache_close(struct facts_cache *c);

/* NULL: not known. C may be NULL. */
const struct facts *facts_cache_find(const struct facts_cache *c, const struct stat *st);

/* The file was F->id before it was read; F must live until the cache is closed. */
void facts_cache_add(struct facts_cache *c, const struct facts *f);
