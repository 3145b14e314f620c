/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A new image takes its name, and what it replaces becomes the youngest previous one. Between any two
 * steps each image name holds a complete image or nothing, and the current name never nothing;
 * no content is given up before the caller says that all went well:
 *
 *   the oldest generation, if it is one too many, gets a name of its own
 *   the others move up by one
 *   the new image gets the name IMAGE.previous, then exchanges it with IMAGE
 *
 * Where the filesystem cannot exchange names (FAT before Linux 6.0), the old image is linked, or copied where
 * there are no links, to IMAGE.previous, and the new one renamed over it.
 */

#include <stdbool.h>

#include "deploy/replace.h"

enum { KEEP_MAX = 9 };

struct keep {
	int dir;
	char name[NAME_MAX + 1];
	char aside[NAME_MAX + 1]; /* what falls out at the end; empty: nothing does */
	bool had_current, kept;   /* it is IMAGE.previous now */
	unsigned moved, lowest;   /* generations that moved up, and the first of them */
	unsigned limit;
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
