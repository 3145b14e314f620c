/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Back to the previous image: the two exchange their names, so that restoring again brings back the
 * first one.
 */

#include "base/arena.h"
#include "base/err.h"
#include "host/boot/bootdir.h"

/* PATH: of the current image, below the root. The previous one is verified first: -EBADMSG.
 * -ENOENT: there is none. At any time PATH, if it existed, holds a complete image. */
int restore_image(const struct root *root, const char *path, struct arena *arena, struct err *err);

/* Undoes restore_image(): the names are as they were, and the images are not verified. */
int restore_undo(const struct root *root, const char *path, struct arena *arena, struct err *err);
