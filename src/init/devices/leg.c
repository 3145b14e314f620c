/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/devices/leg.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The disk that D is a partition of, by the kernel's rule for its name; NULL. */
static const struct block_device *disk_of(const struct boot *b, const struct block_device *d)
{
	for (size_t i = 0; i < b->devices->n; i++) {
		const struct block_device *o = &b->devices->list[i];
		size_t len = strlen(o->name);
		char name[JOBS_NAME_MAX + 16];

		if (!len || o->is_partition || strncmp(d->name, o->name, len) != 0)
			continue;
		snprintf(name, sizeof(name), "%s%s%" PRIu32, o->name,
			 o->name[len - 1] >= '0' && o->name[len - 1] <= '9' ? "p" : "", d->probe.partn);
		if (strcmp(name, d->name) == 0)
			return o;
	}
	return NULL;
}

const struct block_device *leg_of(const struct boot *b, const struct block_device *d)
{
	const struct block_device *disk = d->is_partition ? disk_of(b, d) : NULL;

	return disk && disk->was_read && disk->result >= 0 && disk->probe.shares_table &&
			       block_is_member(disk) ? disk : NULL;
}

bool leg_may_be(const struct boot *b, const struct block_device *d)
{
	const struct block_device *disk =
		d->is_partition && b->devices->known ? disk_of(b, d) : NULL;

	return disk && !disk->was_read &&
	       (block_is_wanted(b, disk) || disk->state == DEVICE_PROBING || disk->state == DEVICE_AGAIN);
}
