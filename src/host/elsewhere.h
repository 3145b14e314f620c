/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whether this process runs in the build of another machine's system, where the disks of the machine
 * that will boot may not be known: in a container or in a chroot. Whatever is in doubt counts as such.
 */

#include <stdbool.h>

#include "base/arena.h"
#include "host/root.h"

/* "a container", "a chroot" and the like; NULL: none of them. HAS_DISK: elsewhere_shows_root() is true, and
 * it is no container. ROOT is that of this process. */
const char *elsewhere(const struct root *root, bool *has_disk, struct arena *arena);

/* Is what is mounted as the root on a disk that is shown? Not if it is a part of a filesystem, or on
 * a loop or network device. */
bool elsewhere_shows_root(const struct root *root, struct arena *arena);

/* "a container" or "a chroot", if this is one for sure, so that the running kernel is another system's; NULL. */
const char *elsewhere_runs_other_kernel(const struct root *root, struct arena *arena);

/* Is the kernel's own /proc mounted below a root that is not that of this process? */
bool elsewhere_has_proc_of_host(const struct root *root);
