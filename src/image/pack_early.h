/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The early segment: an uncompressed cpio archive at the very start of the image, in which the
 * kernel looks for CPU microcode and ACPI tables before it unpacks anything (lib/earlycpio.c). The
 * kernel compares names literally, and uses only regular files, and only the first one with a given
 * name.
 */

#include <stdint.h>

#include "base/buf.h"
#include "plan/plan.h"

/* Zeros after an uncompressed archive. The kernel skips them; without them, unmkinitramfs of Debian
 * 12 takes the next archive for a part of this one, and leaves it out. */
enum { PACK_GAP = 4 };

/* Appends the archive with all entries of PLAN_EARLY and their folders to OUT, which must be empty
 * and be placed at a multiple of 16 in the image; nothing when there are none. *INO is the last
 * inode number that was assigned. */
void pack_early(const struct plan *plan, uint32_t *ino, struct buf *out);
