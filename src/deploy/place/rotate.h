/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A new image takes its name, and what it replaces becomes the youngest previous one. Names are
 * only ever exchanged (deploy/place/exchange.h), so that at each moment every image name that there
 * was holds a complete image, and no content is given up before the caller says that all went well.
 * With the temporary name T:
 *
 *   T becomes a further generation, or T <-> the oldest one, which is to go
 *   IMAGE.previous-2 <-> IMAGE.previous and the like: the new image comes down, the others go up
 *   IMAGE.previous <-> IMAGE
 *
 * So a run that is killed leaves every image that was to stay under one of these names.
 *
 * A filesystem that cannot exchange names (FAT before Linux 6.0) gets links or, without those,
 * copies, and two renames each; the next run ends what was begun there (exchange_recover()).
 */

#include <stdbool.h>

#include "base/arena.h"
#include "deploy/place/atomic.h"
#include "host/root.h"

/* How many previous images of a kernel are kept by default, and at most; and the last generation
 * that there can be then: one of another builder is kept beyond that number. */
enum { KEEP_DEFAULT = 1, KEEP_MAX = 9, GENERATION_LAST = KEEP_MAX + 1 };

struct rotation {
	int dir;
	char name[NAME_MAX + 1];
	char temp[NAME_MAX + 1];
	unsigned start; /* the generation that the new image took first; 0: NAME itself */
	bool was_free;  /* it had no image; else that one is TEMP now */
	bool begun;     /* the new image is not TEMP any more, but generation AT */
	unsigned at;
	bool has_spared; /* the newest image of another builder is now beyond the limit */
};

/*
 * FILE, synced and verified, takes its name. LIMIT is the number of previous images to keep. The
 * newest one of another builder (image_is_ours()) is kept beyond it, as generation LIMIT + 1: it is
 * the way back to that builder. With KEEP_CURRENT false the replaced image is not worth keeping, and
 * does not displace a previous one.
 * An image that equals the newest previous one is not kept twice. After a failure all names are as
 * before, and the caller still has to end FILE. Signals that end a program are blocked until
 * rotate_finish() or rotate_undo(), one of which must follow a success.
 */
int rotate_commit(struct atomic *file, unsigned limit, bool keep_current, struct rotation *out,
		struct err *err);

/* What to warn of if there is an image of another builder beyond the LIMIT of those at PATH. */
const char *rotate_spared(const struct root *root, const char *path, unsigned limit,
			  struct arena *arena);

/* The image that is generation FROM of NAME goes down to NAME itself; those that it meets go up by
 * one. After a failure it may have come part of the way: all images have names. */
int rotate_lower(int dir, const char *name, unsigned from, struct err *err);

/* The names are as they were, the new image is gone. */
int rotate_undo(struct rotation *k, struct err *err);

/* What was replaced and is not kept is gone. */
void rotate_finish(struct rotation *k);
