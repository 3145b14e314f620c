/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The record of the last build of an image (format/ours/record.h), kept in the cache under the
 * absolute path of the image. It answers whether a build would write the same image again. A record
 * that is damaged in any way, or an unusable cache, counts as no record.
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
	unsigned mode;	       /* permissions that the image should have: 0600 unless set */
	bool any_mode;	       /* its filesystem has no permissions */
	uint8_t request[DIGEST_SIZE];
	bool has_last;
	struct record last;
	struct buf bytes; /* the bytes that LAST points into */
};

/*
 * Reads the record of the image OUT. REQUEST: everything that was requested, except for what the
 * machine is asked through TRACE. CACHE and TRACE must outlive H; without either nothing is known.
 */
void history_open(struct history *h, struct cache *cache, struct trace *trace, const char *out,
		  const struct buf *request);
void history_close(struct history *h);
#define _cleanup_history_ __attribute__((cleanup(history_close)))

/* Whether the same was requested, the machine still answers the same, and OUT is the very file that
 * was written. Reads no contents, writes nothing. */
bool history_holds(struct history *h);

/* Whether the image would be the same, PLAN being the fingerprint of its plan, and OUT still holds
 * it. */
bool history_same(struct history *h, const uint8_t plan[DIGEST_SIZE]);

/* OUT was written, with this digest, or found to be the same (then IMAGE is NULL, and the digest is
 * that of the last record). To be called when OUT is in place. */
void history_keep(struct history *h, const uint8_t plan[DIGEST_SIZE], const uint8_t *image);

/* ---- without a request, for callers that only look ---- */

enum history_verdict {
	HISTORY_NONE,	 /* no record of that image, or none that can be read */
	HISTORY_OTHER,	 /* the file is not the one that was written */
	HISTORY_CHANGED, /* it is, but the machine now answers differently */
	HISTORY_SAME,
};

/*
 * What is known about the image OUT. The kernel's facts about the machine (/proc, /sys) are not
 * compared: only a plan can say whether a change there matters. Reads no contents except of files
 * that were touched since, writes nothing. *CHANGED, when that is the verdict: the path of the
 * first file that differs, in ARENA.
 */
enum history_verdict history_judge(struct cache *cache, struct trace *trace, const char *out,
				   struct arena *arena, const char **changed);

/* The image FROM was renamed to TO: moves its record, if there is one. */
void history_move(struct cache *cache, const char *from, const char *to);
