/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reads the chunk tree of a mounted btrfs: can all of it be read without the devices that are missing?
 * The kernel asks that itself only before it writes. (struct btrfs_ioctl_search_header in the byte order
 * of the machine, struct btrfs_chunk in that of the disk; uapi/linux/btrfs.h, btrfs_tree.h.)
 */

#include <errno.h>
#include <linux/btrfs.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "features/btrfs/boot/kit.h"

enum {
	CHUNK_ITEM = 228,
	TYPE = 24, STRIPES_N = 44, STRIPES = 48, STRIPE_SIZE = 32,
};

/* How many devices a chunk can do without. All other kinds need each of theirs. */
static unsigned may_lack(uint64_t type)
{
	static const struct {
		unsigned bit, n;
	} kinds[] = {{4, 1}, {6, 1}, {7, 1}, {8, 2}, {9, 2}, {10, 3}}; /* RAID1, 10, 5, 6, 1C3, 1C4 */

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (type & 1ULL << kinds[i].bit)
			return kinds[i].n;
	return 0;
}

static bool has(const uint64_t *ids, size_t n, uint64_t id)
{
	while (n && ids[n - 1] != id)
		n--;
	return n;
}

static int chunk_lacks(const uint8_t *p, size_t len, const uint64_t *ids, size_t n_ids)
{
	unsigned lacks = 0, stripes;

	if (len < STRIPES)
		return -EBADMSG;
	stripes = le16(p + STRIPES_N);
	if (stripes > (len - STRIPES) / STRIPE_SIZE)
		return -EBADMSG;
	for (unsigned i = 0; i < stripes; i++)
		lacks += !has(ids, n_ids, le64(p + STRIPES + i * STRIPE_SIZE));
	return lacks > may_lack(le64(p + TYPE));
}

int btrfs_chunks_lack(const void *data, size_t len, uint32_t n, const uint64_t *ids, size_t n_ids,
		      uint64_t *next)
{
	const uint8_t *p = data;
	int r = 0;

	for (uint32_t i = 0; i < n && r == 0; i++) {
		struct btrfs_ioctl_search_header header;

		if (len < sizeof(header))
			return -EBADMSG;
		memcpy(&header, p, sizeof(header));
		p += sizeof(header);
		len -= sizeof(header);
		if (header.len > len)
			return -EBADMSG;
		if (header.type == CHUNK_ITEM)
			r = chunk_lacks(p, header.len, ids, n_ids);
		p += header.len;
		len -= header.len;
		*next = header.offset + 1;
	}
	return r;
}
