/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/devices/leg.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "init/core/log.h"
#include "init/devices/attribute.h"
#include "init/devices/claims.h"
#include "init/devices/match.h"
#include "init/devices/signatures.h"

enum { FOREVER_MS = 150000 /* if there is no time limit for the root */ };

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

static bool is_array(const struct block_device *disk)
{
	return str_starts(disk->name, "md");
}

/* Was it looked at in vain, or not yet? A superblock may be where it cannot be read. Partitions of an array are its
 * own, whatever it is a member of. */
static bool is_unread(const struct block_device *disk)
{
	return !is_array(disk) && (!disk->was_read || disk->result < 0);
}

static bool is_copy(const struct probe *p, const struct probe *q)
{
	const char *own = *p->partuuid ? p->partuuid : p->uuid, *other = *p->partuuid ? q->partuuid : q->uuid;

	return *own && strcasecmp(own, other) == 0 && p->partn == q->partn;
}

/* The member, or the array itself, on which the partition D of another disk is seen as well; NULL. */
static const struct block_device *twin_of(const struct boot *b, const struct block_device *d)
{
	for (size_t i = 0; i < b->devices->n; i++) {
		const struct block_device *o = &b->devices->list[i];
		const struct block_device *disk =
			o != d && o->is_partition && o->was_read && is_copy(&d->probe, &o->probe) ? disk_of(b, o)
												  : NULL;

		if (disk && (is_leg(disk) || is_array(disk)))
			return disk;
	}
	return NULL;
}

const struct block_device *leg_of(const struct boot *b, const struct block_device *d)
{
	const struct block_device *disk =
		d->is_partition && !b->settings.no_arrays ? disk_of(b, d) : NULL;

	if (!disk || is_leg(disk))
		return disk;
	return is_unread(disk) ? twin_of(b, d) : NULL;
}

/* Has the array that M belongs to all its members? */
static bool is_complete(const struct boot *b, const struct block_device *m)
{
	char name[JOBS_NAME_MAX + 16], text[16];

	for (size_t i = 0; i < b->devices->n; i++) {
		const struct block_device *o = &b->devices->list[i];

		snprintf(name, sizeof(name), "holders/%s/dev", o->name);
		if (!o->is_partition && is_array(o) && o->was_read && o->result >= 0 &&
		    attribute_read(m->name, name, text, sizeof(text)))
			return !attribute_read(o->name, "md/degraded", text, sizeof(text)) ||
			       strcmp(text, "0") == 0;
	}
	return false;
}

/* Is there an array that a disk which cannot be read may belong to? */
static bool is_missed(const struct boot *b)
{
	for (size_t i = 0; i < b->devices->n; i++)
		if (claims_hold(b, i) && is_leg(&b->devices->list[i]) && !is_complete(b, &b->devices->list[i]))
			return true;
	return false;
}

/* How long it may take until an array is there without some of its members: they are waited for during two
 * thirds of the time for the root. */
static int64_t array_ms(const struct boot *b)
{
	return b->params.timeout == PARAMS_FOREVER ? FOREVER_MS : b->params.timeout / 6 * 5;
}

/* A disk may hang, or have an end that cannot be read, where D, one of its partitions, could be read: until when is
 * it waited for? */
static int64_t end_of_wait(const struct boot *b, const struct block_device *disk, const struct block_device *d)
{
	int64_t since = disk->begun_at > d->ended_at ? disk->begun_at : d->ended_at;
	int64_t end = since + (array_ms(b) < JOBS_HANG_MS ? array_ms(b) : JOBS_HANG_MS);

	if (!disk->begun_at)
		return INT64_MAX;
	return end < b->start + array_ms(b) && !is_array(disk) && is_missed(b) ? b->start + array_ms(b) : end;
}

/* The disk of D, if it is waited for; NULL. */
static const struct block_device *awaited_disk(const struct boot *b, const struct block_device *d)
{
	const struct block_device *disk =
		d->is_partition && b->devices->known && !b->settings.no_arrays ? disk_of(b, d) : NULL;
	bool is_awaited = disk && (disk->was_read ? is_unread(disk)
						  : block_is_wanted(b, disk) || disk->state == DEVICE_PROBING ||
							    disk->state == DEVICE_AGAIN);

	return is_awaited ? disk : NULL;
}

bool leg_may_be(const struct boot *b, const struct block_device *d)
{
	const struct block_device *disk = awaited_disk(b, d);

	return disk && log_now() < end_of_wait(b, disk, d);
}

int64_t leg_due(const struct boot *b, const struct block_device *d)
{
	const struct block_device *disk = awaited_disk(b, d);

	return disk ? end_of_wait(b, disk, d) : INT64_MAX;
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
