/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <lz4hc.h>

#include "format/codec/encode.h"

/* The legacy frame, in the chunks that the kernel expects: see decode_lz4.c. What follows the
 * stream must begin with four zero bytes; the writer of the image puts them there. */

enum { LZ4_CHUNK = 8 * 1024 * 1024 };

static int lz4_run(const struct encode_options *o, const void *data, size_t len, struct buf *out,
		   struct err *err)
{
	const char *p = data;

	buf_add(out, "\x02\x21\x4c\x18", 4);
	while (len) {
		int chunk = len > LZ4_CHUNK ? LZ4_CHUNK : (int)len;
		int bound = LZ4_compressBound(chunk);
		size_t head = out->len;
		int n;

		if (buf_reserve(out, (size_t)bound + 4) < 0)
			return err_set(err, -ENOMEM, "lz4: no memory left to compress");
		n = LZ4_compress_HC(p, (char *)out->data + head + 4, chunk, bound, o->level);
		if (n <= 0)
			return err_set(err, -EIO, "lz4: the library failed");
		buf_add_u32le(out, (uint32_t)n);
		out->len += (size_t)n;
		p += chunk;
		len -= (size_t)chunk;
	}
	return buf_status(out) < 0 ? err_set(err, -ENOMEM, "lz4: no memory left to compress") : 0;
}

const struct encoder_ops encode_lz4 = {CODEC_LZ4, 1, 12, 9, lz4_run, LZ4_versionString};
