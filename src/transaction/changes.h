/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* In what an image that would be made differs from the one that is there. */

#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct change_list {
	const char **paths; /* in the image, without a leading slash; sorted */
	size_t n;
};

struct changes {
	const char *why; /* a sentence without a full stop */
	struct change_list added, removed, changed;
};

/* OLD, NEW: texts of manifests, which are taken apart; an OLD without bytes: there is no image, or
 * none of ours. The lists of OUT live in ARENA. WHY stays, unless OLD is damaged: then it says so,
 * and OLD counts as empty. */
int changes_find(struct buf *old, struct buf *new, struct arena *arena, struct changes *out,
		 struct err *err);
