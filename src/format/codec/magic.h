/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Recognises, by magic numbers alone, what is found in place of a cpio archive in newc format, and
 * what a file in an image holds. Pure. Sources: cpio(5), tar(5), fs/squashfs/squashfs_fs.h,
 * fs/erofs/erofs_fs.h, lib/lz4.
 */

#include <stddef.h>

enum { MAGIC_SIZE = 1028 }; /* bytes that are needed for the farthest magic number */

/* DATA: LEN bytes from the start of something that is neither a newc archive nor a compressed
 * stream that the kernel knows. Returns the name of its format; NULL: not known. */
const char *magic_foreign(const void *data, size_t len);

/* LEN bytes from the start of a file: "squashfs" or "erofs". NULL: neither. */
const char *magic_filesystem(const void *data, size_t len);
