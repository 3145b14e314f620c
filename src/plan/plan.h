/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The plan of an image: a list of entries, each with its content's origin and the reason why it is
 * there. Features add to it and nothing else does; the image is a pure function of it. Paths have
 * no leading slash and follow a merged-/usr layout: what is added below bin, sbin, lib or lib64
 * goes below usr, where the image's links of those names lead. Parent directories are added
 * automatically.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/strset.h"
#include "format/codec/codec.h"
#include "plan/request.h"

enum plan_type {
	PLAN_FILE,
	PLAN_DIR,
	PLAN_LINK,
};

enum plan_storage {
	PLAN_BASE,  /* in the compressed segment */
	PLAN_STORE, /* on its own in the uncompressed segment: modules, firmware */
	PLAN_EARLY, /* in the segment that the kernel searches before it unpacks; DATA only */
};

struct file_identity; /* host/remembered/trace.h */

struct plan_entry {
	const char *path;
	enum plan_type type;
	unsigned mode;           /* permissions only */
	enum plan_storage storage;
	const char *source;      /* file below the root; NULL: DATA holds the content */
	bool outside;            /* source is a path of the calling process instead */
	const struct file_identity *id; /* of the source, when it was looked at; NULL: it was not */
	const void *data;
	size_t len;
	const char *target;      /* of a link */
	bool compress;           /* store: write it as a zstd stream of its own */
	enum codec unpack;       /* decompress the source first */
	const void *ready;       /* base: zstd frame of an archive of this entry alone; NULL */
	size_t ready_len;
	const char *reason;
	bool implied; /* a folder that only holds others: an explicit request for it
			 overrides it */
};

/* How the files of the store are compressed, see image-format.md: a level of zstd, or one of these. */
enum {
	PLAN_STORE_AUTO = 0,   /* as in the default image */
	PLAN_STORE_PLAIN = -1, /* not at all */
	PLAN_STORE_LEVEL = 3,  /* of the default image, unless its base is not compressed either */
};

struct plan {
	struct arena arena;
	struct plan_entry *entries; /* sorted by path after plan_sort() */
	size_t n_entries;
	struct strset by_path;      /* path -> number + 1 */
	int store_level;            /* of zstd, for entries with COMPRESS */
	size_t warnings;
	struct plan_note *notes;    /* what the user should know, newest first */
	struct plan_note *remarks;  /* what is right but may surprise, newest first */
};

struct plan_note {
	struct plan_note *next;
	const char *text;
};

void plan_init(struct plan *p);
void plan_clear(struct plan *p);
#define _cleanup_plan_ __attribute__((cleanup(plan_clear)))

/*
 * Adds an entry, whose strings must live as long as the plan (p->arena). An entry that is already
 * there stays if it has the same type and content; two different things on one path are -EEXIST.
 * -EINVAL for a path that is not clean, -E2BIG for one that the format cannot hold.
 */
int plan_add(struct plan *p, const struct plan_entry *entry, struct err *err);

/* The same, but overrides an existing entry: for what the user requested by name. */
int plan_replace(struct plan *p, const struct plan_entry *entry, struct err *err);

/* Shorthands. TEXT is copied. */
int plan_add_dir(struct plan *p, const char *path, unsigned mode, const char *reason,
		 struct err *err);
int plan_add_link(struct plan *p, const char *path, const char *target, const char *reason,
		  struct err *err);
int plan_add_text(struct plan *p, const char *path, unsigned mode, const void *data, size_t len,
		  const char *reason, struct err *err);

/* Entry at PATH; NULL. */
const struct plan_entry *plan_find(const struct plan *p, const char *path);

/* Lets nobody but root read the file at PATH, which is in the plan. */
void plan_protect(struct plan *p, const char *path);

/* The path of a file that not everybody may read; NULL: there is none. */
const char *plan_secret(const struct plan *p);

/* Removes each entry for which GONE returns true, and each folder that only existed for such
 * entries. To be called after plan_sort(). */
void plan_filter(struct plan *p, bool (*gone)(const struct plan_entry *e, void *arg), void *arg);

/*
 * Reads "zstd", "zstd:LEVEL", "none" or "auto": *LEVEL is a level of zstd, PLAN_STORE_PLAIN or
 * PLAN_STORE_AUTO. -EINVAL for anything else; the message lists the choices.
 */
int plan_parse_store(const char *text, int *level, struct err *err);

/* "password" or "open". 0 or -EINVAL. */
int plan_parse_shell(const char *who, enum request_shell *out, struct err *err);

/* Adds a warning to the summary. */
void plan_warn(struct plan *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Adds a line that `preroot plan` shows besides the entries; it is not a warning. */
void plan_remark(struct plan *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Sorts the entries by path, parents first. To be called once, after all features. */
void plan_sort(struct plan *p);
