/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where a hibernation image may be. */

#include "base/arena.h"
#include "base/err.h"
#include "host/root.h"

struct swap_area {
	const char *name; /* for resume= */
	const char *file; /* that names it */
	unsigned line;
};

/* The swap area that the kernel would hibernate to, as initramfs-tools chooses it: the largest of those in
 * use, by its UUID where udev knows that; or, where none is in use, the first of fstab. Always a disk or
 * partition, not a file, an array, a mapped or network device, or memory. OUT->name is NULL: there is none. 0 or -errno. */
int swap_to_resume(const struct root *root, struct arena *arena, struct swap_area *out, struct err *err);

/* The same from fstab alone, for a machine whose swap areas in use are not known. */
int swap_in_fstab(const struct root *root, struct arena *arena, struct swap_area *out, struct err *err);
