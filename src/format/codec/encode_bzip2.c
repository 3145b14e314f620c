/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <bzlib.h>
#include <errno.h>
#include <limits.h>

#include "format/codec/encode.h"

/* One bzip2 stream. The level is the size of its blocks in units of 100,000 bytes, and the kernel
 * needs about four times that. */

enum { ROOM = 256 * 1024 };

static int bzip2_feed(bz_stream *z, const char *data, size_t len, struct buf *out, struct err *err)
{
	int r = BZ_RUN_OK;

	z->next_in = (char *)data;
	while (r != BZ_STREAM_END) {
		if (!z->avail_in && len) {
			z->avail_in = len > UINT_MAX ? UINT_MAX : (unsigned)len;
			len -= z->avail_in;
		}
		if (buf_reserve(out, ROOM) < 0)
			return err_set(err, -ENOMEM, "bzip2: no memory left to compress");
		z->next_out = (char *)out->data + out->len;
		z->avail_out = ROOM;
		r = BZ2_bzCompress(z, len ? BZ_RUN : BZ_FINISH);
		if (r != BZ_RUN_OK && r != BZ_FINISH_OK && r != BZ_STREAM_END)
			return err_set(err, -EIO, "bzip2: libbz2 error %d", r);
		out->len += ROOM - z->avail_out;
	}
	return 0;
}

static int bzip2_run(const struct encode_options *o, const void *data, size_t len, struct buf *out,
		     struct err *err)
{
	bz_stream z = {0};
	int r;

	if (BZ2_bzCompressInit(&z, o->level, 0, 0) != BZ_OK)
		return err_set(err, -ENOMEM, "bzip2: no memory left to compress");
	r = bzip2_feed(&z, data, len, out, err);
	BZ2_bzCompressEnd(&z);
	return r;
}

const struct encoder_ops encode_bzip2 = {CODEC_BZIP2, 1, 9, 9, bzip2_run, BZ2_bzlibVersion};
