/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <lzo/lzo1x.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "format/codec/decode.h"
#include "format/codec/lzop.h"

/* The lzop file format: see lzop.h. The sums, which the kernel skips, are checked. */

enum {
	FIXED = LZOP_MAGIC_SIZE + 2 + 2 + 2 + 1 + 1 + 4 + 4 + 4 + 4 + 1, /* up to the name */
	FLAGS_AT = LZOP_MAGIC_SIZE + 8,
	SUM_SIZE = 4,
	HEADER_MAX = FIXED + 255 + SUM_SIZE,
	SIZE_SIZE = 4,	/* plain length */
	SIZES_SIZE = 8, /* packed length, sum */
};

enum part { PART_HEADER, PART_SIZE, PART_SIZES, PART_DATA };

struct decoder {
	enum part part;
	size_t want, have; /* of that part */
	uint32_t flags, packed_len, sum;
	size_t plain_len, plain_pos;
	uint8_t in[LZOP_BLOCK_MAX];
	uint8_t plain[LZOP_BLOCK_MAX];
};

_Static_assert((int)HEADER_MAX <= (int)LZOP_BLOCK_MAX, "a header fits into the room for a block");

static struct decoder *lzo_open(void)
{
	struct decoder *d = lzo_init() == LZO_E_OK ? malloc(sizeof(*d)) : NULL;

	if (!d)
		return NULL;
	d->part = PART_HEADER;
	d->want = FIXED;
	d->have = d->plain_len = d->plain_pos = 0;
	return d;
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void expect(struct decoder *d, enum part part, size_t want)
{
	d->part = part;
	d->want = want;
	d->have = 0;
}

static uint32_t sum_of(bool is_crc, const uint8_t *data, size_t len)
{
	return (uint32_t)(is_crc ? crc32(0, data, (uInt)len) : adler32(1, data, (uInt)len));
}

static int check_flags(uint32_t flags, struct err *err)
{
	uint32_t sums = flags & (LZOP_ADLER32_PLAIN | LZOP_ADLER32_PACKED | LZOP_CRC32_PLAIN |
				 LZOP_CRC32_PACKED);

	if (flags & LZOP_FILTER)
		return err_set(err, -EBADMSG,
			       "lzo stream is filtered, and the kernel does not undo "
			       "that");
	if (flags & LZOP_EXTRA_FIELD)
		return err_set(err, -EBADMSG,
			       "lzo header has an extra field, which the kernel does "
			       "not skip");
	if (sums != LZOP_ADLER32_PLAIN && sums != LZOP_CRC32_PLAIN)
		return err_set(err, -EBADMSG,
			       "lzo blocks must have one checksum, that of the plain "
			       "bytes: the kernel skips just that");
	return 0;
}

/* Called when the fixed part of the header is complete, and again when all of it is. */
static int take_header(struct decoder *d, struct err *err)
{
	size_t size = FIXED + d->in[FIXED - 1] + (size_t)SUM_SIZE;
	int r;

	if (memcmp(d->in, LZOP_MAGIC, LZOP_MAGIC_SIZE) != 0)
		return err_set(err, -EBADMSG, "no lzo header");
	if ((d->in[LZOP_MAGIC_SIZE] << 8 | d->in[LZOP_MAGIC_SIZE + 1]) < LZOP_VERSION_MIN)
		return err_set(err, -EBADMSG,
			       "lzo header is older than version 0x%04x: the kernel "
			       "misreads it",
			       LZOP_VERSION_MIN);
	d->flags = be32(d->in + FLAGS_AT);
	r = check_flags(d->flags, err);
	if (r < 0)
		return r;
	d->want = size;
	if (d->have < size)
		return 0;
	if (be32(d->in + size - SUM_SIZE) != sum_of(d->flags & LZOP_HEADER_CRC32,
						    d->in + LZOP_MAGIC_SIZE,
						    size - SUM_SIZE - LZOP_MAGIC_SIZE))
		return err_set(err, -EBADMSG, "lzo header is damaged (its checksum is wrong)");
	expect(d, PART_SIZE, SIZE_SIZE);
	return 0;
}

/* 1 at the end of the stream. */
static int take_size(struct decoder *d, struct err *err)
{
	uint32_t len = be32(d->in);

	if (len == 0)
		return 1;
	if (len > LZOP_BLOCK_MAX)
		return err_set(err, -EBADMSG, "lzo block of %u bytes is over the limit of %d", len,
			       LZOP_BLOCK_MAX);
	d->plain_len = d->plain_pos = len; /* nothing to output yet */
	expect(d, PART_SIZES, SIZES_SIZE);
	return 0;
}

static int take_sizes(struct decoder *d, struct err *err)
{
	d->packed_len = be32(d->in);
	d->sum = be32(d->in + 4);
	if (d->packed_len == 0 || d->packed_len > d->plain_len)
		return err_set(err, -EBADMSG, "lzo block is damaged (%u packed bytes for %zu)",
			       d->packed_len, d->plain_len);
	expect(d, PART_DATA, d->packed_len);
	return 0;
}

static int take_data(struct decoder *d, struct err *err)
{
	lzo_uint len = d->plain_len;

	if (d->packed_len == d->plain_len)
		memcpy(d->plain, d->in, d->plain_len);
	else if (lzo1x_decompress_safe(d->in, d->packed_len, d->plain, &len, NULL) != LZO_E_OK ||
		 len != d->plain_len)
		return err_set(err, -EBADMSG, "lzo block is damaged");
	if (sum_of(d->flags & LZOP_CRC32_PLAIN, d->plain, d->plain_len) != d->sum)
		return err_set(err, -EBADMSG, "lzo block is damaged (its checksum is wrong)");
	d->plain_pos = 0;
	expect(d, PART_SIZE, SIZE_SIZE);
	return 0;
}

static int lzo_step(struct decoder *d, const uint8_t *in, size_t in_len, bool last, size_t *taken,
		    uint8_t *out, size_t out_len, size_t *given, struct err *err)
{
	static int (*const take[])(struct decoder *, struct err *) = {
		[PART_HEADER] = take_header,
		[PART_SIZE] = take_size,
		[PART_SIZES] = take_sizes,
		[PART_DATA] = take_data,
	};
	size_t n;

	*taken = *given = 0;
	if (d->plain_pos < d->plain_len) {
		n = d->plain_len - d->plain_pos;
		*given = n < out_len ? n : out_len;
		memcpy(out, d->plain + d->plain_pos, *given);
		d->plain_pos += *given;
		return 0;
	}
	n = d->want - d->have;
	*taken = n < in_len ? n : in_len;
	memcpy(d->in + d->have, in, *taken);
	d->have += *taken;
	if (d->have == d->want)
		return take[d->part](d, err);
	if (last && *taken == in_len)
		return err_set(err, -EBADMSG, "lzo stream is cut short");
	return 0;
}

static void lzo_close(struct decoder *d)
{
	free(d);
}

const struct decoder_ops decode_lzo = {CODEC_LZO, lzo_open, lzo_step, lzo_close, NULL, NULL};
