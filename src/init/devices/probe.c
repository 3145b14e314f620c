/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/devices/probe.h"

#include <blkid/blkid.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "init/core/log.h"

/* libblkid knows some 80 kinds of signatures; each may be damaged. */
enum { STEPS_MAX = 512 };

/* A value that is too long is left out: its beginning may be the whole label of another disk. */
static void copy_value(blkid_probe pr, const char *key, char *out, size_t size)
{
	const char *value;
	size_t len;

	if (blkid_probe_lookup_value(pr, key, &value, &len) < 0)
		return;
	if (len > size)
		log_info("a %s of %zu bytes is left out: it may have %zu", key, len - 1, size - 1);
	else
		snprintf(out, size, "%.*s", (int)(len ? len - 1 : 0), value);
}

static void copy_signature(blkid_probe pr, struct signature *s)
{
	copy_value(pr, "TYPE", s->type, sizeof(s->type));
	copy_value(pr, "USAGE", s->usage, sizeof(s->usage));
	copy_value(pr, "UUID", s->uuid, sizeof(s->uuid));
	copy_value(pr, "LABEL", s->label, sizeof(s->label));
}

/* Each signature by itself, whatever libblkid makes of them together. After a failure it goes on
 * with the next kind; with errno, which it leaves at 0 otherwise, the device could not be read. */
static int probe_signatures(blkid_probe pr, struct probe *out)
{
	blkid_reset_probe(pr);
	blkid_probe_enable_superblocks(pr, 1);
	blkid_probe_enable_partitions(pr, 0);
	for (int i = 0; i < STEPS_MAX && out->n_signatures < PROBE_SIGNATURES_MAX; i++) {
		int r;

		errno = 0;
		r = blkid_do_probe(pr);
		if (r > 0)
			break;
		if (r < 0 && errno)
			return -errno;
		if (r == 0)
			copy_signature(pr, &out->signatures[out->n_signatures++]);
	}
	return 0;
}

/* What libblkid itself would say: a part of something larger, which it finds first, is that whatever
 * else is on it. */
static void choose(struct probe *out)
{
	const struct signature *s = &out->signatures[0];

	out->ambivalent = out->n_signatures > 1 && strcmp(s->usage, "raid") != 0 &&
			  strcmp(s->usage, "crypto") != 0;
	if (!out->n_signatures || out->ambivalent)
		return;
	snprintf(out->type, sizeof(out->type), "%s", s->type);
	snprintf(out->usage, sizeof(out->usage), "%s", s->usage);
	snprintf(out->uuid, sizeof(out->uuid), "%s", s->uuid);
	snprintf(out->label, sizeof(out->label), "%s", s->label);
}

/* libblkid came to no result: several signatures, a damaged one, or an error of reading. It did not
 * look at what the partition is called. */
static int probe_singly(blkid_probe pr, struct probe *out)
{
	int r = probe_signatures(pr, out);

	if (r < 0)
		return r;
	choose(out);
	blkid_reset_probe(pr);
	blkid_probe_enable_superblocks(pr, 0);
	blkid_probe_enable_partitions(pr, 1);
	errno = 0;
	return blkid_do_safeprobe(pr) < 0 && errno ? -errno : 0;
}

/* What is on the array begins where the member begins if the superblock is at the end, as in versions 0.90 and
 * 1.0: then the kernel takes its partition table for that of the member, too. */
static void look_at_version(blkid_probe pr, struct probe *out)
{
	char version[16] = "";

	copy_value(pr, "VERSION", version, sizeof(version));
	out->shares_table = strcmp(out->type, "linux_raid_member") == 0 &&
			    (str_starts(version, "0.90") || strcmp(version, "1.0") == 0);
}

static void copy_partition(blkid_probe pr, struct probe *out)
{
	char number[32] = "";

	copy_value(pr, "PTTYPE", out->table, sizeof(out->table));
	copy_value(pr, "PART_ENTRY_UUID", out->partuuid, sizeof(out->partuuid));
	copy_value(pr, "PART_ENTRY_NAME", out->partlabel, sizeof(out->partlabel));
	copy_value(pr, "PART_ENTRY_TYPE", out->parttype, sizeof(out->parttype));
	copy_value(pr, "PART_ENTRY_FLAGS", number, sizeof(number));
	out->partflags = strtoull(number, NULL, 0);
}

static int probe_with(blkid_probe pr, int fd, struct probe *out)
{
	int r;

	errno = 0;
	if (blkid_probe_set_device(pr, fd, 0, 0) < 0)
		return errno ? -errno : -EIO;
	blkid_probe_enable_superblocks(pr, 1);
	blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_UUID |
						      BLKID_SUBLKS_LABEL | BLKID_SUBLKS_USAGE |
						      BLKID_SUBLKS_VERSION);
	blkid_probe_enable_partitions(pr, 1);
	blkid_probe_set_partitions_flags(pr, BLKID_PARTS_ENTRY_DETAILS);
	if (blkid_do_safeprobe(pr) < 0) {
		r = probe_singly(pr, out);
		copy_partition(pr, out);
		return r;
	}
	copy_value(pr, "TYPE", out->type, sizeof(out->type));
	copy_value(pr, "USAGE", out->usage, sizeof(out->usage));
	copy_value(pr, "UUID", out->uuid, sizeof(out->uuid));
	copy_value(pr, "LABEL", out->label, sizeof(out->label));
	copy_partition(pr, out);
	look_at_version(pr, out);
	if (strcmp(out->usage, "raid") == 0)
		probe_signatures(pr, out); /* for the account: the array counts in any case */
	return 0;
}

int probe_content(int fd, struct probe *out)
{
	blkid_probe pr = blkid_new_probe();
	int r = pr ? probe_with(pr, fd, out) : -ENOMEM;

	blkid_free_probe(pr);
	return r;
}
