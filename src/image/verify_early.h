/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Checks what the kernel looks for before it unpacks anything, CPU microcode and ACPI tables:
 * whether it finds them (lib/earlycpio.c), and whether it will accept them.
 */

#include "base/buf.h"
#include "image/open.h"

/* Is PATH one that the kernel looks for early? */
bool early_is_wanted(const char *path);

/* Will the kernel find that entry? */
bool early_is_found(const struct image_entry *e, const struct image_segment *segments);

/*
 * Checks such an entry. IS_FIRST: no earlier entry has that path. DATA is its content. -EBADMSG
 * with a sentence about what is wrong with it.
 */
int early_check(const struct image_entry *e, const struct image_segment *segments, bool is_first,
		const struct buf *data, struct err *err);
