/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/devices/leg.h"

#include "init/core/log.h"
#include "init/devices/match.h"
#include "init/devices/signatures.h"

/* The disk that D is a partition of; NULL. */
static const struct block_device *disk_of(const struct boot *b, const struct block_device *d)
{
	for (size_t i = 0; i < b->devices->n; i++) {
		const struct block_device *o = &b->devices->list[i];

		if (!o->is_partition && match_partition(o->name, d->name))
			return o;
	}
	return NULL;
}

static bool is_leg(const struct block_device *disk)
{
	return disk->was_read && disk->result >= 0 && disk->probe.shares_table &&
	       block_is_member(disk);
}

const struct block_device *leg_of(const struct boot *b, const struct block_device *d)
{
	const struct block_device *disk =
		d->is_partition && !b->settings.no_arrays ? disk_of(b, d) : NULL;

	return disk && is_leg(disk) ? disk : NULL;
}

/* A disk may hang where one of its partitions could be read. */
static bool hangs(const struct block_device *disk, const struct block_device *d)
{
	int64_t since = disk->begun_at > d->ended_at ? disk->begun_at : d->ended_at;

	return disk->begun_at && log_now() >= since + JOBS_HANG_MS;
}

bool leg_may_be(const struct boot *b, const struct block_device *d)
{
	const struct block_device *disk =
		d->is_partition && b->devices->known && !b->settings.no_arrays ? disk_of(b, d) : NULL;

	return disk && !disk->was_read && !hangs(disk, d) &&
	       (block_is_wanted(b, disk) || disk->state == DEVICE_PROBING || disk->state == DEVICE_AGAIN);
}

bool leg_is_meant(const struct boot *b, const struct block_device *d)
{
	const struct spec *root = &b->params.root;

	return (root->kind == SPEC_NAME || root->kind == SPEC_NUMBER || root->kind == SPEC_LINK) &&
	       signatures_are_named(root, b->params.rootfstype, d);
}

bool leg_is_named(const struct boot *b, const struct block_device *disk)
{
	const struct spec *root = &b->params.root;

	return root->kind == SPEC_NAME && b->params.rootfstype && is_leg(disk) &&
	       match_partition(disk->name, root->value);
}
