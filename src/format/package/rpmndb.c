/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/package/rpmndb.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "base/bytes.h"

enum {
	BLOCK = 16, /* a slot has this size, too */
	PAGE = 4096,
	HEADER = 2 * BLOCK,
	VERSION = 0,
	BLOB_HEAD = 16,
	BLOB_TAIL = 12,
};

int rpmndb_open(const void *data, size_t len, struct rpmndb *out)
{
	const uint8_t *p = data;
	uint32_t pages;

	if (len < HEADER || memcmp(p, "RpmP", 4) != 0)
		return -EBADMSG;
	if (le32(p + 4) != VERSION)
		return -EPROTONOSUPPORT;
	if (len / BLOCK > UINT32_MAX)
		return -E2BIG;
	pages = le32(p + 12);
	if (!pages || pages > len / PAGE)
		return -EBADMSG;
	*out = (struct rpmndb){.data = p,
			       .blocks = (uint32_t)(len / BLOCK),
			       .slots = pages * (PAGE / BLOCK),
			       .at = HEADER / BLOCK};
	out->left = out->blocks - out->slots;
	return 0;
}

static int blob_at(const uint8_t *p, uint32_t count, uint32_t number, struct span *out)
{
	size_t size = (size_t)count * BLOCK;
	const uint8_t *tail = p + size - BLOB_TAIL;
	uint32_t len = le32(p + 12);

	if (memcmp(p, "BlbS", 4) != 0 || le32(p + 4) != number ||
	    memcmp(tail + 8, "BlbE", 4) != 0 || len > size - BLOB_HEAD - BLOB_TAIL ||
	    size - BLOB_HEAD - BLOB_TAIL - len >= BLOCK || le32(tail + 4) != len)
		return -EBADMSG;
	if (le32(tail) != adler32_z(1, p, size - BLOB_TAIL))
		return -EBADMSG;
	*out = (struct span){(const char *)p + BLOB_HEAD, len};
	return 1;
}

int rpmndb_next(struct rpmndb *db, uint32_t *number, struct span *blob)
{
	while (db->at < db->slots) {
		const uint8_t *slot = db->data + (size_t)db->at++ * BLOCK;
		uint32_t first = le32(slot + 8), count = le32(slot + 12);

		if (memcmp(slot, "Slot", 4) != 0)
			return -EBADMSG;
		if (!first)
			continue;
		*number = le32(slot + 4);
		if (!*number || first < db->slots || first > db->blocks ||
		    count > db->blocks - first || count > db->left ||
		    count * (uint64_t)BLOCK < BLOB_HEAD + BLOB_TAIL)
			return -EBADMSG;
		db->left -= count;
		return blob_at(db->data + (size_t)first * BLOCK, count, *number, blob);
	}
	return 0;
}
