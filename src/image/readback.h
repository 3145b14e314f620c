/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Does the disk hold the image that was written to it? This is checked before an image gets its
 * name.
 */

#include "base/arena.h"
#include "base/err.h"
#include "image/pack.h"

/*
 * FD: a file that was synced, which messages call NAME. Its pages are dropped from memory first, so
 * that the answer comes from the disk. The bytes must be those that were PACKED, and image_verify()
 * must find nothing wrong with them; both is found out in one pass. 0; -errno with the reason.
 */
int image_read_back(int fd, const char *name, const struct pack_result *packed, struct arena *arena,
		    struct err *err);
