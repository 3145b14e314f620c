/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/devices/probe.h"

#include <blkid/blkid.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"
#include "format/machine/fssize.h"
#include "init/core/log.h"

enum {
	/* libblkid knows some 80 kinds of signatures; each may be damaged. */
	STEPS_MAX = 512,
	SECTOR = 512, /* both tables begin with that much, however large a sector is */
	/* Of the header of a GPT (UEFI specification, 5.3.2), which is in the second sector. */
	GPT_LAST_USABLE = 48,
	/* Of an MBR: four entries of 16 bytes. */
	MBR_ENTRIES = 446,
	MBR_ENTRY = 16,
	MBR_ENTRIES_END = 510,
	MBR_START = 8,
	MBR_COUNT = 12,
	/* Of an MD superblock of version 1.x. */
	MD_MAJOR = 4,
	MD_DATA_SIZE = 136,
};

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

/* What is on the array begins where the member begins if the superblock is at the end, as in versions 0.90 and
 * 1.0: then the kernel takes its partition table for that of the member, too. */
static void look_at_version(blkid_probe pr, struct probe *out)
{
	char type[JOBS_NAME_MAX] = "", version[16] = "";

	copy_value(pr, "TYPE", type, sizeof(type));
	copy_value(pr, "VERSION", version, sizeof(version));
	out->shares_table = strcmp(type, "linux_raid_member") == 0 &&
			    (str_starts(version, "0.90") || strcmp(version, "1.0") == 0);
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
		if (r == 0 && !out->n_signatures)
			look_at_version(pr, out);
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

/* ---- superblocks that were left behind ---- */

/* A GPT names the last sector that partitions may have. If the superblock is within, the GPT is not that of the
 * array: the kernel takes none that reaches beyond the device, and the array ends before its superblock. A GPT that
 * reaches beyond the disk is that of an array which is larger than its members. */
static bool is_within_gpt(int fd, uint64_t sector, uint64_t size, uint64_t place)
{
	uint8_t data[SECTOR];
	uint64_t last;

	if (pread_full(fd, data, SECTOR, sector) != SECTOR || memcmp(data, "EFI PART", 8) != 0)
		return false;
	last = le64(data + GPT_LAST_USABLE);
	return last < size / sector && (last + 1) * sector > place;
}

/* The superblock is within the bytes from START to END of a partition. The kernel would cut that off on the array,
 * and so cannot use a filesystem there that is larger: such a one was made later. If a member may be that small,
 * the superblock is that of the partition itself; of version 0.90 libblkid knows that. */
static bool is_within(int fd, uint64_t start, uint64_t end, uint64_t place)
{
	uint8_t data[FSSIZE_HEAD];
	ssize_t n = pread_full(fd, data, sizeof(data), start);
	uint64_t size = n > 0 ? fssize_decode(data, (size_t)n) : 0;

	if (size > place - start)
		return size <= end - start;
	return pread_full(fd, data, SECTOR, place) == SECTOR && le32(data + MD_MAJOR) == 1 &&
	       le64(data + MD_DATA_SIZE) <= (end - start) / SECTOR;
}

static bool is_within_mbr(int fd, uint64_t sector, uint64_t size, uint64_t place)
{
	uint8_t data[SECTOR];

	if (pread_full(fd, data, SECTOR, 0) != SECTOR)
		return false;
	for (size_t at = MBR_ENTRIES; at < MBR_ENTRIES_END; at += MBR_ENTRY) {
		uint64_t start = le32(data + at + MBR_START) * sector;
		uint64_t end = start + le32(data + at + MBR_COUNT) * sector;

		if (start && start < place && place < end && end <= size && is_within(fd, start, end, place))
			return true;
	}
	return false;
}

/* A disk that was a member, and was then partitioned? */
static bool is_left_behind(blkid_probe pr, int fd, uint64_t place)
{
	uint64_t sector = blkid_probe_get_sectorsize(pr), size = (uint64_t)blkid_probe_get_size(pr);
	char type[JOBS_NAME_MAX] = "";

	/* It does not look for a table where it has found a member. */
	blkid_reset_probe(pr);
	blkid_probe_enable_superblocks(pr, 0);
	blkid_probe_enable_partitions(pr, 1);
	if (blkid_do_safeprobe(pr) < 0)
		return false;
	copy_value(pr, "PTTYPE", type, sizeof(type));
	if (strcmp(type, "gpt") == 0)
		return is_within_gpt(fd, sector, size, place);
	return strcmp(type, "dos") == 0 && is_within_mbr(fd, sector, size, place);
}

/* Where the superblock is that libblkid has found, in bytes; UINT64_MAX: it does not say. */
static uint64_t place_of_superblock(blkid_probe pr)
{
	char text[32] = "";
	uint64_t place;

	copy_value(pr, "SBMAGIC_OFFSET", text, sizeof(text));
	return parse_u64(text, INT64_MAX, &place) ? place : UINT64_MAX;
}

/* What remains is what a disk without it would be. */
static void forget_superblock(struct probe *p)
{
	p->is_left_behind = true;
	p->shares_table = false;
	p->type[0] = p->usage[0] = p->uuid[0] = p->label[0] = '\0';
	if (p->n_signatures)
		memmove(p->signatures, p->signatures + 1, --p->n_signatures * sizeof(p->signatures[0]));
	choose(p);
}

static int probe_with(blkid_probe pr, int fd, struct probe *out)
{
	uint64_t place;
	int r;

	errno = 0;
	if (blkid_probe_set_device(pr, fd, 0, 0) < 0)
		return errno ? -errno : -EIO;
	blkid_probe_enable_superblocks(pr, 1);
	blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_UUID |
						      BLKID_SUBLKS_LABEL | BLKID_SUBLKS_USAGE |
						      BLKID_SUBLKS_VERSION | BLKID_SUBLKS_MAGIC);
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
	place = place_of_superblock(pr);
	if (strcmp(out->usage, "raid") == 0)
		probe_signatures(pr, out); /* for the account: the array counts in any case */
	if (out->shares_table && is_left_behind(pr, fd, place)) {
		forget_superblock(out);
		copy_partition(pr, out);
	}
	return 0;
}

static bool has_btrfs(const struct probe *p)
{
	bool has = strcmp(p->type, "btrfs") == 0;

	for (unsigned i = 0; i < p->n_signatures; i++)
		has = has || strcmp(p->signatures[i].type, "btrfs") == 0;
	return has;
}

/* libblkid, which has just read the same bytes, does not say how many devices there are. */
static void read_btrfs(int fd, struct probe *out)
{
	uint8_t data[BTRFSSUPER_SIZE];
	ssize_t n = pread_full(fd, data, sizeof(data), BTRFSSUPER_AT);

	if (n < 0 || btrfssuper_decode(data, (size_t)n, &out->btrfs, NULL) < 0)
		out->btrfs = (struct btrfssuper){0};
}

int probe_content(int fd, struct probe *out)
{
	blkid_probe pr = blkid_new_probe();
	int r = pr ? probe_with(pr, fd, out) : -ENOMEM;

	blkid_free_probe(pr);
	if (r >= 0 && has_btrfs(out))
		read_btrfs(fd, out);
	return r;
}
