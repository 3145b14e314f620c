/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/cleanup.h"
#include "base/text.h"
#include "host/hardware/hardware.h"

/* The first that fits. Device mapper tells nothing but by the UUID that its user gives; others have names of their
 * own. */
static const struct {
	const char *start, *kind;
} by_uuid[] = {
	{"LVM-", "lvm"},
	{"CRYPT-VERITY-", "verity"},
	{"CRYPT-INTEGRITY-", "integrity"},
	{"CRYPT-", "crypt"},
	{"mpath-", "multipath"},
	{"part", "partition"}, /* part1-mpath-..., of kpartx */
	{"DMRAID-", "dmraid"},
}, by_name[] = {
	{"md", "array"},
	{"dm-", "mapped"},
	{"bcache", "bcache"},
	{"drbd", "drbd"},
	{"loop", "loop"},
	{"nbd", "nbd"},
	{"rbd", "rbd"},
	{"zd", "zvol"},
	{"zram", "zram"},
};

const char *hardware_kind(const struct hw_block *k, bool is_partition)
{
	if (is_partition)
		return "partition";
	if (!k->is_virtual)
		return "disk";
	for (size_t i = 0; i < ARRAY_SIZE(by_uuid) && k->dm_uuid; i++)
		if (str_starts(k->dm_uuid, by_uuid[i].start))
			return by_uuid[i].kind;
	for (size_t i = 0; i < ARRAY_SIZE(by_name); i++)
		if (str_starts(k->name, by_name[i].start))
			return by_name[i].kind;
	return "virtual";
}
