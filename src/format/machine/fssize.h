/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How large a filesystem is, by what it says at its beginning: ext2 to ext4 (linux/Documentation/filesystems/ext4),
 * XFS (xfs_format.h), and swap areas of pages of 4 KiB (linux/swap.h). The kernel uses none of them on a device that is
 * smaller. Pure.
 */

#include <stddef.h>
#include <stdint.h>

enum { FSSIZE_HEAD = 4096 /* bytes to be read */ };

/* In bytes; 0: DATA is the beginning of nothing that is known here, or is damaged. */
uint64_t fssize_decode(const void *data, size_t len);
