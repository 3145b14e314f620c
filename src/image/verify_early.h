/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The verdict on what the kernel looks for before it unpacks anything: CPU microcode and ACPI
 * tables. Whether it finds them (lib/earlycpio.c), and whether it will take them.
 */

#include "base/buf.h"
#include "image/open.h"

/* Is PATH one that the kernel looks for early? */
bool early_is_wanted(const char *path);

/* Will it find that entry? */
bool early_is_found(const struct image_entry *e, const struct image_segment *segments);

/*
 * Judges such an entry. IS_FIRST: no entry of that path came before. -EBADMSG with a sentence
 * about what is wrong with it; DATA is its content.
 */
int early_check(const struct image_entry *e, const struct image_segment *segments, bool is_first,
		const struct buf *data, struct err *err);
