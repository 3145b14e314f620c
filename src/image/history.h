/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What came of the last build of an image, kept in the cache under the absolute path of the
 * image: its record (format/ours/record.h). It answers whether a build would write the same image
 * again. Whatever is wrong with a record, or with the cache, is as if there were none.
 */

#include <stdbool.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/digest.h"
#include "format/ours/record.h"
#include "host/remembered/cache.h"
#include "host/remembered/trace.h"

struct history {
	struct cache *cache;
	struct trace *trace;   /* of this run */
	char *key, *image;     /* absolute path; NULL: nothing is known, or kept */
	unsigned mode;         /* permissions that the image has: 0600 unless it is set */
	bool any_mode;         /* its filesystem has none */
	uint8_t request[DIGEST_SIZE];
	bool has_last;
	struct record last;
	struct buf bytes;      /* that LAST points into */
};

/*
 * Reads the record of the image OUT. REQUEST: all that was asked for, and that the machine is
 * not asked about through TRACE. CACHE and TRACE must outlive H; without either nothing is known.
 */
void history_open(struct history *h, struct cache *cache, struct trace *trace, const char *out,
		  const struct buf *request);
void history_close(struct history *h);
#define _cleanup_history_ __attribute__((cleanup(history_close)))

/* The same was asked for, the machine answers the same, and OUT is the very file that was
 * written. Reads no contents, writes nothing. */
bool history_holds(struct history *h);

/* The image would be the same, PLAN being the fingerprint of its plan, and OUT still holds it. */
bool history_same(struct history *h, const uint8_t plan[DIGEST_SIZE]);

/* OUT was written, with this digest, or found to be the same (IMAGE is NULL then: that of the
 * last record). To be called when it is in place. */
void history_keep(struct history *h, const uint8_t plan[DIGEST_SIZE], const uint8_t *image);

/* ---- without a request: what came of a build, for who only looks ---- */

enum history_verdict {
	HISTORY_NONE,    /* no record of that image, or none that can be read */
	HISTORY_OTHER,   /* the file is not the one that was written */
	HISTORY_CHANGED, /* it is, but the machine answers otherwise now */
	HISTORY_SAME,
};

/*
 * What is known of the image OUT. What the kernel tells of the machine (/proc, /sys) is not asked for
 * again: whether a change there matters only a plan can say. Reads no contents but of a file that was touched since, writes
 * nothing. *CHANGED, when that is the verdict: the path of the first file that differs, in ARENA.
 */
enum history_verdict history_judge(struct cache *cache, struct trace *trace, const char *out,
				   struct arena *arena, const char **changed);

/* The image FROM was renamed to TO: its record goes with it, if there is one. */
void history_move(struct cache *cache, const char *from, const char *to);
