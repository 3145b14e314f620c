/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Folders: that of a file; one of ours below the root, made when it is not there; and what has
 * changed in one, on the disk.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "host/root.h"

/* Opens the folder of PATH, below the root. A file descriptor, or -errno. */
int folder_of(const struct root *root, const char *path, struct err *err);

/* Makes what is missing of PATH: the last part with MODE, those before with 0755. Links are
 * followed, below the root. Sets a bit of MADE, the lowest for the first part, for each that is new,
 * even if it fails: one that another process makes at the same time is not ours. A file descriptor,
 * or -errno. */
int folder_make(const struct root *root, const char *path, mode_t mode, unsigned *made,
		struct err *err);

/* Is NAME all that there is in DIR? */
bool folder_holds_only(int dir, const char *name);

/*
 * The names in DIR, and FILE (-1: none), which got one of them, are on the disk. On btrfs that is
 * all of the filesystem: after a crash, what it noted of one folder with renamed files has cost
 * others in there their names (seen with Linux 6.1). 0 or -errno.
 */
int folder_sync(int dir, int file);
