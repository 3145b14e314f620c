/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <lzo/lzo1x.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "format/codec/encode.h"
#include "format/codec/lzop.h"

/* The lzop file format through liblzo2, with the methods that lzop takes at the same level. */

enum {
	VERSION = 0x1040,
	LIBRARY_VERSION = 0x20a0,
	OS_UNIX = 0x03000000,
	FILE_MODE = 0100600,
	PACKED_MAX = LZOP_BLOCK_MAX + LZOP_BLOCK_MAX / 16 + 64 + 3, /* liblzo2's own bound */
};

enum method { METHOD_1 = 1, METHOD_1_15 = 2, METHOD_999 = 3 };

static enum method method_of(int level)
{
	return level == 1 ? METHOD_1_15 : level < 7 ? METHOD_1 : METHOD_999;
}

static size_t memory_of(enum method method)
{
	return method == METHOD_999    ? LZO1X_999_MEM_COMPRESS
	       : method == METHOD_1_15 ? LZO1X_1_15_MEM_COMPRESS
				       : LZO1X_1_MEM_COMPRESS;
}

static void add_u16(struct buf *out, uint32_t v)
{
	uint8_t b[2] = {(uint8_t)(v >> 8), (uint8_t)v};

	buf_add(out, b, sizeof(b));
}

static void add_u32(struct buf *out, uint32_t v)
{
	add_u16(out, v >> 16);
	add_u16(out, v & 0xffff);
}

static void add_header(struct buf *out, int level)
{
	uint8_t method_level[2] = {(uint8_t)method_of(level), (uint8_t)level};
	size_t start;

	buf_add(out, LZOP_MAGIC, LZOP_MAGIC_SIZE);
	start = out->len;
	add_u16(out, VERSION);
	add_u16(out, LIBRARY_VERSION);
	add_u16(out, LZOP_VERSION_MIN);
	buf_add(out, method_level, sizeof(method_level));
	add_u32(out, OS_UNIX | LZOP_ADLER32_PLAIN);
	add_u32(out, FILE_MODE);
	buf_add_zeros(out, 4 + 4 + 1); /* no time, no name */
	if (buf_status(out) == 0)
		add_u32(out, (uint32_t)adler32(1, out->data + start, (uInt)(out->len - start)));
}

static int add_block(struct buf *out, int level, const uint8_t *data, size_t len, uint8_t *room,
		     void *memory, struct err *err)
{
	lzo_uint n = PACKED_MAX;
	int r;

	switch (method_of(level)) {
	case METHOD_1:
		r = lzo1x_1_compress(data, len, room, &n, memory);
		break;
	case METHOD_1_15:
		r = lzo1x_1_15_compress(data, len, room, &n, memory);
		break;
	default:
		r = lzo1x_999_compress_level(data, len, room, &n, memory, NULL, 0, NULL, level);
	}
	if (r != LZO_E_OK)
		return err_set(err, -EIO, "lzo: liblzo2 error %d", r);
	add_u32(out, (uint32_t)len);
	add_u32(out, (uint32_t)(n < len ? n : len));
	add_u32(out, (uint32_t)adler32(1, data, (uInt)len));
	if (n < len)
		buf_add(out, room, n);
	else
		buf_add(out, data, len);
	return 0;
}

static int lzo_run(const struct encode_options *o, const void *data, size_t len, struct buf *out,
		   struct err *err)
{
	_cleanup_free_ void *memory = malloc(memory_of(method_of(o->level)));
	_cleanup_free_ uint8_t *room = malloc(PACKED_MAX);
	const uint8_t *p = data;

	if (lzo_init() != LZO_E_OK)
		return err_set(err, -EIO, "lzo: liblzo2 does not fit this program");
	if (!memory || !room)
		return err_set(err, -ENOMEM, "lzo: no memory left to compress");
	add_header(out, o->level);
	while (len) {
		size_t n = len < LZOP_BLOCK_MAX ? len : LZOP_BLOCK_MAX;
		int r = add_block(out, o->level, p, n, room, memory, err);

		if (r < 0)
			return r;
		p += n;
		len -= n;
	}
	add_u32(out, 0);
	return buf_status(out) < 0 ? err_set(err, -ENOMEM, "lzo: no memory left to compress") : 0;
}

const struct encoder_ops encode_lzo = {CODEC_LZO, 1, 9, 7, lzo_run, lzo_version_string};
