/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Names what stands where a cpio archive in newc format should, and what a file in an image
 * holds, by magic numbers alone. Pure.
 * Sources: cpio(5), tar(5), fs/squashfs/squashfs_fs.h, fs/erofs/erofs_fs.h, lib/lz4.
 */

#include <stddef.h>

enum { MAGIC_SIZE = 1028 }; /* bytes that the farthest magic number needs */

/* LEN bytes from the start of what is no newc archive and no compressed stream that the kernel
 * knows. The name of its format, NULL: not known. */
const char *magic_foreign(const void *data, size_t len);

/* LEN bytes from the start of a file: "squashfs" or "erofs". NULL: neither. */
const char *magic_filesystem(const void *data, size_t len);
