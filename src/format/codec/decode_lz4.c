/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <lz4.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "format/codec/decode.h"

/*
 * The legacy lz4 frame: magic 0x184c2102, then chunks of a 32-bit little-endian length and that
 * much data, each at most 8 MiB once decompressed. A length that is the magic again is skipped;
 * a length of zero, or fewer than four bytes left, ends the stream. There is no checksum.
 * Source: lib/decompress_unlz4.c.
 */

enum {
	LZ4_LEGACY_MAGIC = 0x184c2102,
	LZ4_CHUNK_MAX = 8 * 1024 * 1024,
	LZ4_PACKED_MAX = LZ4_COMPRESSBOUND(LZ4_CHUNK_MAX),
};

struct decoder {
	uint8_t *packed;
	uint8_t *plain;
	uint8_t head[4];
	size_t head_len;
	size_t want; /* compressed bytes of this chunk; 0: a length comes next */
	size_t have;
	size_t plain_len;
	size_t plain_pos;
};

static struct decoder *lz4_open(void)
{
	struct decoder *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->packed = malloc(LZ4_PACKED_MAX);
	d->plain = malloc(LZ4_CHUNK_MAX);
	if (!d->packed || !d->plain) {
		free(d->packed);
		free(d->plain);
		free(d);
		return NULL;
	}
	return d;
}

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* One length word is complete. 1 at the end of the stream. */
static int take_length(struct decoder *d, struct err *err)
{
	uint32_t len = le32(d->head);

	d->head_len = 0;
	if (len == LZ4_LEGACY_MAGIC)
		return 0;
	if (len == 0)
		return 1;
	if (len > LZ4_PACKED_MAX)
		return err_set(err, -EBADMSG, "lz4 chunk of %u bytes is over the limit of %d", len,
			       LZ4_PACKED_MAX);
	d->want = len;
	d->have = 0;
	return 0;
}

static int lz4_step(struct decoder *d, const uint8_t *in, size_t in_len, bool last, size_t *taken,
		    uint8_t *out, size_t out_len, size_t *given, struct err *err)
{
	size_t n;

	*taken = *given = 0;
	if (d->plain_pos < d->plain_len) {
		n = min_size(out_len, d->plain_len - d->plain_pos);
		memcpy(out, d->plain + d->plain_pos, n);
		d->plain_pos += n;
		*given = n;
		return 0;
	}
	if (!d->want) {
		n = min_size(sizeof(d->head) - d->head_len, in_len);
		memcpy(d->head + d->head_len, in, n);
		d->head_len += n;
		*taken = n;
		if (d->head_len == sizeof(d->head))
			return take_length(d, err);
		return last && n == in_len ? 1 : 0;
	}
	n = min_size(d->want - d->have, in_len);
	memcpy(d->packed + d->have, in, n);
	d->have += n;
	*taken = n;
	if (d->have < d->want)
		return last && n == in_len ? err_set(err, -EBADMSG, "lz4 chunk is cut short") : 0;
	int plain = LZ4_decompress_safe((const char *)d->packed, (char *)d->plain, (int)d->want,
					LZ4_CHUNK_MAX);
	if (plain < 0)
		return err_set(err, -EBADMSG, "lz4 chunk is damaged");
	d->want = 0;
	d->plain_len = (size_t)plain;
	d->plain_pos = 0;
	return 0;
}

static void lz4_close(struct decoder *d)
{
	free(d->packed);
	free(d->plain);
	free(d);
}

const struct decoder_ops decode_lz4 = {CODEC_LZ4, lz4_open, lz4_step, lz4_close, NULL, NULL};
