/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An entry of an image as text. */

#include "image/open.h"

/* "drwxr-xr-x"; "?" in front for a mode without a type, which the kernel ignores. */
void entry_mode(unsigned mode, char out[11]);

/* Reads the target of a link; empty for everything else. To be called before image_next(). */
int entry_target(struct image *i, const struct image_entry *e, char out[CPIO_TARGET_MAX + 1],
		 struct err *err);
