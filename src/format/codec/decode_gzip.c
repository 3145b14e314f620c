/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#include "format/codec/decode.h"

/* RFC 1952. zlib checks the CRC and the size in the trailer, which the kernel does not. */

enum { FLAGS_OFFSET = 3, FLAG_TEXT = 1, FLAG_NAME = 8 };

struct decoder {
	z_stream z;
	size_t at; /* bytes of the header seen */
};

static struct decoder *gzip_open(void)
{
	struct decoder *d = calloc(1, sizeof(*d));

	if (d && inflateInit2(&d->z, 15 + 16) != Z_OK) {
		free(d);
		return NULL;
	}
	return d;
}

static int gzip_step(struct decoder *d, const uint8_t *in, size_t in_len, bool last, size_t *taken,
		     uint8_t *out, size_t out_len, size_t *given, struct err *err)
{
	int r;

	*taken = *given = 0;
	/* The kernel allows a file name in the header (and ignores FTEXT), nothing else. */
	if (d->at <= FLAGS_OFFSET && in_len > FLAGS_OFFSET - d->at &&
	    in[FLAGS_OFFSET - d->at] & ~(FLAG_TEXT | FLAG_NAME))
		return err_set(err, -EBADMSG, "gzip header has fields that the kernel does not know");
	d->z.next_in = (Bytef *)in;
	d->z.avail_in = in_len > UINT_MAX ? UINT_MAX : (uInt)in_len;
	d->z.next_out = out;
	d->z.avail_out = out_len > UINT_MAX ? UINT_MAX : (uInt)out_len;
	r = inflate(&d->z, Z_NO_FLUSH);
	*taken = (size_t)(d->z.next_in - in);
	*given = (size_t)(d->z.next_out - out);
	d->at += *taken;
	if (r == Z_STREAM_END)
		return 1;
	if (r != Z_OK && r != Z_BUF_ERROR)
		return err_set(err, -EBADMSG, "gzip stream is damaged (%s)",
			       d->z.msg ? d->z.msg : "zlib error");
	if (last && !*taken && !*given && out_len)
		return err_set(err, -EBADMSG, "gzip stream is cut short");
	return 0;
}

static void gzip_close(struct decoder *d)
{
	inflateEnd(&d->z);
	free(d);
}

const struct decoder_ops decode_gzip = {CODEC_GZIP, gzip_open, gzip_step, gzip_close, NULL, NULL};
