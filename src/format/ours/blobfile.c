/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/ours/blobfile.h"

#include <string.h>

#include "base/bytes.h"

#define BLOB_MAGIC   "PRB2"
#define FOOTER_MAGIC "PRX2"

enum { MAGIC_LEN = 4 };

void blobfile_add_head(struct buf *out, const char *key, size_t len, const uint8_t *sha256)
{
	buf_add_str(out, BLOB_MAGIC);
	buf_add_u32le(out, (uint32_t)strlen(key));
	buf_add_u64le(out, len);
	buf_add(out, sha256, DIGEST_SIZE);
	buf_add_str(out, key);
}

void blobfile_add_index(struct buf *out, const struct blobfile_entry *list, size_t count,
			uint64_t at)
{
	size_t start = out->len;
	uint8_t sha256[DIGEST_SIZE];

	if (buf_reserve(out, 1) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		buf_add(out, list[i].key, DIGEST_SIZE);
		buf_add_u64le(out, list[i].offset);
		buf_add_u64le(out, list[i].size);
	}
	if (buf_status(out) < 0)
		return;
	digest_of(out->data + start, out->len - start, sha256);
	for (size_t i = 0; i < count; i++)
		buf_add_u32le(out, list[i].day);
	buf_add_str(out, FOOTER_MAGIC);
	buf_add_u32le(out, (uint32_t)count);
	buf_add_u64le(out, at);
	buf_add(out, sha256, DIGEST_SIZE);
}

bool blobfile_decode_footer(const uint8_t *data, uint64_t size, struct blobfile_footer *out)
{
	const uint8_t *numbers = data + MAGIC_LEN;

	if (size < BLOBFILE_FOOTER || memcmp(data, FOOTER_MAGIC, MAGIC_LEN) != 0)
		return false;
	out->count = le32(numbers);
	out->index = le64(numbers + 4);
	memcpy(out->sha256, numbers + 12, DIGEST_SIZE);
	size -= BLOBFILE_FOOTER;
	return out->count <= BLOBFILE_COUNT_MAX && out->index <= size &&
	       size - out->index == (uint64_t)out->count * (BLOBFILE_ENTRY + BLOBFILE_DAY);
}

/* Blobs may lie in any order, but within what precedes the index. */
static bool is_sound(const struct blobfile_entry *e, const struct blobfile_footer *f)
{
	return e->size >= BLOBFILE_HEAD && e->offset <= f->index && e->size <= f->index - e->offset;
}

bool blobfile_decode_index(const struct blobfile_footer *f, const uint8_t *data,
			   struct blobfile_entry *out)
{
	size_t len = (size_t)f->count * BLOBFILE_ENTRY;
	const uint8_t *days = data + len;
	uint8_t sha256[DIGEST_SIZE];

	digest_of(data, len, sha256);
	if (memcmp(sha256, f->sha256, DIGEST_SIZE) != 0)
		return false;
	for (size_t i = 0; i < f->count; i++) {
		const uint8_t *p = data + i * BLOBFILE_ENTRY;

		memcpy(out[i].key, p, DIGEST_SIZE);
		out[i].offset = le64(p + DIGEST_SIZE);
		out[i].size = le64(p + DIGEST_SIZE + 8);
		out[i].day = le32(days + i * BLOBFILE_DAY);
		if (!is_sound(&out[i], f) ||
		    (i && memcmp(out[i - 1].key, out[i].key, DIGEST_SIZE) >= 0))
			return false;
	}
	return true;
}
