/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Partitions of an MD array that are seen on its members. Where the superblock is at the end (metadata 0.90 and
 * 1.0), the kernel takes the partition table of the array for that of each member. To mount a partition there would
 * destroy the array: it fits nothing that is wanted.
 */

#include "init/devices/block.h"

/* The member on which D is seen; NULL: it is no such partition. */
const struct block_device *leg_of(const struct boot *b, const struct block_device *d);

/* D may be such a partition: its disk is still to be read. Where no feature starts arrays, that is not waited
 * for. */
bool leg_may_be(const struct boot *b, const struct block_device *d);
