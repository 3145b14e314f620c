/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Back to the previous image: the two exchange their names, so that the one that was left can be
 * taken again in the same way.
 */

#include "base/arena.h"
#include "base/err.h"
#include "host/boot/bootdir.h"

/* PATH: of the current image, below the root. The previous one is read and judged first: -EBADMSG. -ENOENT:
 * there is none. At each moment PATH, if it was there, holds a complete image. */
int restore_image(const struct root *root, const char *path, struct arena *arena, struct err *err);

/* After restore_image(): the names are as they were, whatever the images are worth. */
int restore_undo(const struct root *root, const char *path, struct arena *arena, struct err *err);
