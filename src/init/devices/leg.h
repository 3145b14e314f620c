/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Partitions of an MD array that are seen on its members. Where the superblock is at the end (metadata 0.90 and
 * 1.0), the kernel takes the partition table of the array for that of each member. To mount a partition there would
 * destroy the array: it fits nothing that is wanted.
 *
 * A disk may also have been a member once. An image that was made for a machine without arrays says so
 * (arrays=none of boot.conf), and whoever names the partition with root=, and what is on it with rootfstype=,
 * knows that, too.
 */

#include "init/devices/block.h"

/* The member on which D is seen; NULL: it is no such partition. Of a disk that cannot be read, D is one if the same
 * partition is seen on a member that can, or on the array. */
const struct block_device *leg_of(const struct boot *b, const struct block_device *d);

/* D may be such a partition: its disk is still to be read, or cannot be. Where no feature starts arrays, that is not
 * waited for. Otherwise it is for JOBS_HANG_MS longer than the partition, and while an array whose members share
 * their table lacks some, until that should have been started without them. */
bool leg_may_be(const struct boot *b, const struct block_device *d);

/* When it is not waited for any more; INT64_MAX: for ever, or not at all. */
int64_t leg_due(const struct boot *b, const struct block_device *d);

/* Do root= and rootfstype= mean the partition D, whatever its disk looks like? What is in the partition table, as
 * PARTUUID=, names that of the array as well. */
bool leg_is_meant(const struct boot *b, const struct block_device *d);

/* DISK looks like such a member, but root= and rootfstype= name a partition of it. */
bool leg_is_named(const struct boot *b, const struct block_device *disk);
