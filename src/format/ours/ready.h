/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * PID 1 as it is stored in every zstd image: a cpio archive of this one file as one zstd frame,
 * compressed once, when preroot is built, and installed next to PID 1. The archive has no end (the
 * kernel wants none, Documentation/driver-api/early-userspace/buffer-format.rst), so that together
 * with the frames after it it is one archive, even for readers that do not know segments. Pure.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum {
	READY_LEVEL = 19,
	READY_MODE = 0755,
	READY_INO = 0x7fffffff, /* no image has as many entries */
};

#define READY_PATH   "init"
#define READY_SUFFIX ".cpio.zst" /* appended to the path of PID 1 */

/* Appends the archive of PID 1, whose content is DATA. OUT must be empty before. */
void ready_add_archive(struct buf *out, const void *data, size_t len);

/* The size of that archive for LEN bytes. */
size_t ready_archive_size(size_t len);

/* Whether FRAME is exactly one zstd stream, of the archive of DATA. For anything else, including
 * damage, another PID 1, or a stream too large for memory, the answer is no. */
bool ready_holds(const struct buf *frame, const void *data, size_t len);
