/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The module index: what PID 1 needs to know about the kernel modules of one image. It is computed
 * when the image is built, and read in place. Little-endian 32-bit words:
 *
 *   header   magic, version, size of all; then (offset, count) of each table below
 *   modules  name, path, options, flags, then (first, count) into refs for
 *            hard (must be loaded before), pre and post (soft: wanted, may fail)
 *   groups   prefix (a pattern and a length), parent, (first, count) into aliases; sorted by
 *            prefix
 *   aliases  pattern, module
 *   refs     module numbers
 *   strings  NUL-terminated
 *
 * Modules are sorted by name ("-" as "_"). An alias pattern belongs to the group of its literal
 * start (up to the first of * ? [). The parent of a group is the one whose prefix is the longest
 * proper start of its own: a lookup is one binary search and a walk up that chain.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum {
	MODINDEX_NONE = UINT32_MAX,
	MODINDEX_NAME_MAX = 128,
	MODINDEX_MODULES_MAX = 65536,
};

enum modindex_flags {
	MODINDEX_LATE = 1 << 0,	 /* no disk depends on its devices: it can wait */
	MODINDEX_QUIET = 1 << 1, /* modprobe.d excludes it, unless it is requested by name */
};

struct modindex_list {
	const uint32_t *refs;
	size_t count;
};

/* Input of the encoder. */
struct modindex_source {
	const char *name;
	const char *path;    /* in the image, without a leading slash */
	const char *options; /* "" for none */
	uint32_t flags;
	struct modindex_list hard, pre, post; /* numbers of other sources */
};

struct modindex_alias {
	const char *pattern;
	uint32_t module;
};

/* SOURCES must be sorted by name, without duplicates; aliases may be in any order. 0, or
 * -ENOMEM. */
int modindex_encode(const struct modindex_source *sources, size_t n_sources,
		    const struct modindex_alias *aliases, size_t n_aliases, struct buf *out);

/* A decoded index: a view of the bytes. */
struct modindex {
	const uint8_t *data;
	const char *strings;
	uint32_t strings_len;
	uint32_t modules, n_modules;
	uint32_t groups, n_groups;
	uint32_t aliases, n_aliases;
	uint32_t refs, n_refs;
};

enum modindex_deps {
	MODINDEX_HARD,
	MODINDEX_PRE,
	MODINDEX_POST,
};

/* Checks every offset once, so that the lookups need not. -EBADMSG, -EPROTONOSUPPORT. */
int modindex_decode(const void *data, size_t len, struct modindex *out, struct err *err);

const char *modindex_name(const struct modindex *x, uint32_t module);
const char *modindex_path(const struct modindex *x, uint32_t module);
const char *modindex_options(const struct modindex *x, uint32_t module);
uint32_t modindex_flags(const struct modindex *x, uint32_t module);
uint32_t modindex_count(const struct modindex *x, uint32_t module, enum modindex_deps kind);
uint32_t modindex_dep(const struct modindex *x, uint32_t module, enum modindex_deps kind,
		      uint32_t i);

/* Number of the module called NAME, "-" and "_" alike; MODINDEX_NONE. */
uint32_t modindex_find(const struct modindex *x, const char *name);

/* Calls FN for each module that has an alias pattern matching MODALIAS. */
void modindex_match(const struct modindex *x, const char *modalias,
		    void (*fn)(uint32_t module, void *arg), void *arg);

/* Copies NAME with "-" as "_". False when it is longer than MODINDEX_NAME_MAX - 1. */
bool modindex_normalise(const char *name, char out[MODINDEX_NAME_MAX]);
