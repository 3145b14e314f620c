/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Makes sure that a block device, when it is opened to be mounted, checked or resumed from, is the
 * one that was looked at before: a name and a number of the kernel are given again to the next
 * device once the first one was pulled out, and a card reader has another card in it.
 *
 * A device is known by its number and the sequence number of its disk, which the kernel never gives
 * twice (BLKGETDISKSEQ, Linux 5.15). Where the kernel has none, it must hold the same filesystem.
 */

#include <errno.h>
#include <stdint.h>

#include "init/core/jobs.h"

/* Opens /dev/NAME. A descriptor, -ESTALE if it is another device, or -errno. As long as it is open,
 * the kernel gives neither its name nor its number to another device. Blocks. */
int identity_open(const char *name, const struct device_identity *wanted);

/* The same for a device that is open: 0, -ESTALE or -errno. */
int identity_check(int fd, const struct device_identity *wanted);

/* Does the device that is open still hold the filesystem, or what else it was found to hold? 0, -ESTALE or
 * -errno. */
int identity_check_content(int fd, const struct device_identity *wanted);

/* Sequence number of the disk; 0: the kernel has none. */
uint64_t identity_sequence(int fd);

/* In a worker: opens /dev/NAME and keeps it open, until the next one or as long as the
 * worker lives, so that a program can open it by its name. 0 or as identity_open(). */
int identity_hold(const char *name, const struct device_identity *wanted);

/* The result R of any other call. Filesystems have -ESTALE, too, when their root is damaged: that
 * becomes -EIO, so that only the functions here say that the device is another one. */
static inline int identity_unrelated(int r)
{
	return r == -ESTALE ? -EIO : r;
}
