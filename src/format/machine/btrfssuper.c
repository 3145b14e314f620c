/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/machine/btrfssuper.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"

enum {
	/* struct btrfs_super_block */
	SUM_SIZE = 32, FSID = 32, PLACE = 48, FLAGS = 56, MAGIC = 64, GENERATION = 72, ROOT = 80,
	CHUNK_ROOT = 88, USED = 120, DEVICES = 136, CHUNKS_SIZE = 160, SUM_TYPE = 196, ITEM_ID = 201, ITEM_UUID = 267, CHUNKS = 811,
	CHUNKS_MAX = 2048, PAST = CHUNKS + CHUNKS_MAX, SUM_CRC32C = 0, FLAG_SEEDING = 1, /* of the upper half */

	/* In its array of chunks: a struct btrfs_disk_key and a struct btrfs_chunk each. */
	KEY_TYPE = 8, CHUNK = 17, CHUNK_STRIPES = CHUNK + 44, STRIPES = CHUNK + 48, STRIPE_SIZE = 32,
	STRIPE_DEVICE = 16, TYPE_CHUNK = 228,

	/* struct btrfs_root_backup */
	PAST_GENERATION = 8, PAST_SIZE = 168,
};

static uint32_t crc32c(const uint8_t *p, size_t len)
{
	uint32_t crc = UINT32_MAX;

	while (len--) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

static void add_named(struct btrfssuper *s, uint64_t id, const uint8_t *device)
{
	for (uint32_t i = 0; i < s->n_named; i++)
		if (s->named[i].id == id)
			return;
	if (s->n_named == BTRFSSUPER_NAMED_MAX)
		return;
	s->named[s->n_named].id = id;
	memcpy(s->named[s->n_named++].device, device, sizeof(s->named->device));
}

/* They serve messages only: what is damaged ends the list. */
static void decode_chunks(const uint8_t *p, size_t len, struct btrfssuper *out)
{
	while (len >= STRIPES && p[KEY_TYPE] == TYPE_CHUNK) {
		size_t stripes = le16(p + CHUNK_STRIPES), size = STRIPES + stripes * STRIPE_SIZE;

		if (size > len)
			return;
		for (size_t i = 0; i < stripes; i++)
			add_named(out, le64(p + STRIPES + i * STRIPE_SIZE),
				  p + STRIPES + i * STRIPE_SIZE + STRIPE_DEVICE);
		p += size;
		len -= size;
	}
}

/* FNV-1a. */
static uint64_t digest(const uint8_t *p, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325;

	while (len--)
		hash = (hash ^ *p++) * 0x100000001b3;
	return hash;
}

static void decode_commits(const uint8_t *p, struct btrfssuper *out)
{
	out->generation = le64(p + GENERATION);
	out->root = le64(p + ROOT);
	out->chunk_root = le64(p + CHUNK_ROOT);
	out->used = le64(p + USED);
	for (size_t i = 0; i < BTRFSSUPER_PAST; i++) {
		const uint8_t *own = p + PAST + i * PAST_SIZE;

		out->past[i].generation = le64(own + PAST_GENERATION);
		out->past[i].digest = digest(own, PAST_SIZE);
	}
}

int btrfssuper_decode(const void *data, size_t len, struct btrfssuper *out, struct err *err)
{
	const uint8_t *p = data;
	uint64_t devices;
	uint32_t chunks;

	*out = (struct btrfssuper){0};
	if (len < BTRFSSUPER_SIZE || memcmp(p + MAGIC, "_BHRfS_M", 8) != 0)
		return err_set(err, -ENOENT, "no superblock of a btrfs");
	if (le16(p + SUM_TYPE) == SUM_CRC32C &&
	    crc32c(p + SUM_SIZE, BTRFSSUPER_SIZE - SUM_SIZE) != le32(p))
		return err_set(err, -EBADMSG, "its superblock has a wrong checksum");
	if (le64(p + PLACE) != BTRFSSUPER_AT)
		return err_set(err, -EBADMSG, "its superblock is that of byte %" PRIu64, le64(p + PLACE));
	devices = le64(p + DEVICES);
	if (devices == 0 || devices > BTRFSSUPER_DEVICES_MAX)
		return err_set(err, -EBADMSG, "the filesystem would have %" PRIu64 " devices", devices);
	memcpy(out->fsid, p + FSID, sizeof(out->fsid));
	memcpy(out->device, p + ITEM_UUID, sizeof(out->device));
	decode_commits(p, out);
	out->devices = (uint32_t)devices;
	out->id = le64(p + ITEM_ID);
	out->is_seed = le32(p + FLAGS + 4) & FLAG_SEEDING;
	chunks = le32(p + CHUNKS_SIZE);
	decode_chunks(p + CHUNKS, chunks < CHUNKS_MAX ? chunks : CHUNKS_MAX, out);
	return 0;
}

static const struct btrfssuper_commit *find_commit(const struct btrfssuper *s, uint64_t generation)
{
	for (size_t i = 0; i < BTRFSSUPER_PAST; i++)
		if (s->past[i].generation == generation)
			return &s->past[i];
	return NULL;
}

bool btrfssuper_agree(const struct btrfssuper *a, const struct btrfssuper *b)
{
	uint64_t both = a->generation < b->generation ? a->generation : b->generation;
	const struct btrfssuper_commit *of_a = find_commit(a, both), *of_b = find_commit(b, both);

	if (a->generation == b->generation &&
	    (a->root != b->root || a->chunk_root != b->chunk_root || a->used != b->used))
		return false;
	return !of_a || !of_b || of_a->digest == of_b->digest;
}
