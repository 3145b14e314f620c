/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where a hibernation image may be. */

#include "base/arena.h"
#include "base/err.h"
#include "host/root.h"

/* The name of the first swap area of fstab that is a disk or partition, not a file, a mapped device
 * or memory, in *OUT, and its line in *LINE; NULL: there is none. 0 or -errno. */
int swap_in_fstab(const struct root *root, struct arena *arena, const char **out, unsigned *line,
		  struct err *err);
