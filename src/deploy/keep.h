/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A new image takes its name, and what it replaces becomes the youngest previous one. Names are
 * only ever exchanged, so that at each moment every image name that there was holds a
 * complete image, and no content is given up before the caller says that all went well.
 * With the temporary name T:
 *
 *   T <-> IMAGE.previous, T <-> IMAGE.previous-2, ...: each moves up by one, and the new image is
 *   IMAGE.previous; T holds the oldest one, or becomes a further generation
 *   IMAGE <-> IMAGE.previous
 *
 * A filesystem that cannot exchange names (FAT before Linux 6.0) gets a link or, without those, a
 * copy of the one and two renames.
 */

#include <stdbool.h>

#include "deploy/replace.h"

enum { KEEP_MAX = 9 };

struct keep {
	int dir;
	char name[NAME_MAX + 1];
	char temp[NAME_MAX + 1];
	bool had_current;
	bool kept;      /* the current image is to be IMAGE.previous */
	unsigned moved; /* generations that moved up by exchange with TEMP */
	bool has_slot;  /* the oldest of them became a further one */
	bool done;      /* the new image has its name */
};

/*
 * FILE, synced and verified, takes its name. LIMIT: previous images there are to be. KEEP_CURRENT
 * false: the one that is replaced is no good, and does not displace a previous one. One that the
 * youngest previous image equals is not kept twice. After a failure all names are as before, but
 * FILE is still to be ended. The signals that end a program wait until keep_finish() or
 * keep_undo(), one of which must follow a success.
 */
int keep_commit(struct replace *file, unsigned limit, bool keep_current, struct keep *out,
		struct err *err);

/* The names are as they were, the new image is gone. */
int keep_undo(struct keep *k, struct err *err);

/* What was replaced and is not kept is gone. */
void keep_finish(struct keep *k);
