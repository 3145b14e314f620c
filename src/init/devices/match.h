/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which device is it that a specification (format/kernel/spec.h) names?
 */

#include "format/kernel/spec.h"
#include "init/devices/block.h"

/*
 * Is it D, which has been probed? UUIDs are compared without regard to case, labels as they are
 * and with \xNN decoded. What needs a look at other devices, AUTO and an offset, is decided by
 * block_find(): with an offset, this is the partition that it counts from.
 */
bool match_device(const struct spec *s, const struct block_device *d);

/* Is NAME that of a partition of DISK, by the kernel's rule: sda1, nvme0n1p1? */
bool match_partition(const char *disk, const char *name);
