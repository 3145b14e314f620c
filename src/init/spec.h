/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How a block device is named on the kernel command line, in fstab and in the configuration:
 *
 *   /dev/NAME                            the kernel's name
 *   UUID= LABEL= PARTUUID= PARTLABEL=    what is on it, or in the partition table
 *   /dev/disk/by-uuid/... and so on      the same four; udev's links are read as names only
 */

#include <stdbool.h>
#include <stddef.h>

enum spec_kind {
	SPEC_NONE,  /* nothing was named */
	SPEC_NAME,  /* a kernel name: vda1 */
	SPEC_UUID,
	SPEC_LABEL,
	SPEC_PARTUUID,
	SPEC_PARTLABEL,
	SPEC_OTHER, /* something that we do not know how to reach */
};

enum { SPEC_VALUE_MAX = 512 };

struct spec {
	const char *text; /* as given; NULL with SPEC_NONE. Not owned */
	enum spec_kind kind;
	char value[SPEC_VALUE_MAX]; /* the name, UUID or label alone */
};

struct block_device;

/* TEXT must outlive OUT. A kind that is not known is SPEC_OTHER. */
void spec_parse(const char *text, struct spec *out);

/* Is it D, which has been probed? UUIDs are compared without regard to case. */
bool spec_is(const struct spec *s, const struct block_device *d);
