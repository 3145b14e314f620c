/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The filesystem that a path is on, according to the mount table of the machine.
 */

#include "base/arena.h"
#include "host/root.h"

struct mountpoint {
	const char *target; /* below the root, "" for the root itself */
	const char *top;    /* of the filesystem, what is seen at the target: "/", "/@", ... */
	const char *fstype;
	unsigned major, minor;
};

/* PATH has its links resolved. 0, or -ENOENT: the mounts are not known. */
int mountpoint_of(const struct root *r, const char *path, struct arena *arena,
		  struct mountpoint *out);
