/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <zlib.h>

#include "format/codec/encode.h"

/* RFC 1952, with an empty header: no name, no time. */

static int gzip_run(const struct encode_options *o, const void *data, size_t len, struct buf *out,
		    struct err *err)
{
	z_stream z = {0};
	size_t bound;
	int r;

	if (len > UINT_MAX / 2)
		return err_set(err, -E2BIG, "gzip: %zu bytes are too much for one stream", len);
	if (deflateInit2(&z, o->level, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
		return err_set(err, -ENOMEM, "gzip: no memory left to compress");
	bound = deflateBound(&z, (uLong)len);
	if (buf_reserve(out, bound) < 0) {
		deflateEnd(&z);
		return err_set(err, -ENOMEM, "gzip: no memory left to compress");
	}
	z.next_in = (Bytef *)data;
	z.avail_in = (uInt)len;
	z.next_out = out->data + out->len;
	z.avail_out = (uInt)bound;
	r = deflate(&z, Z_FINISH);
	out->len += z.total_out;
	deflateEnd(&z);
	return r == Z_STREAM_END ? 0 : err_set(err, -EIO, "gzip: zlib error %d", r);
}

const struct encoder_ops encode_gzip = {CODEC_GZIP, 1, 9, 6, gzip_run, zlibVersion};
