/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <bzlib.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "format/codec/decode.h"

/* One bzip2 stream. Like the kernel, libbz2 checks the sums of the blocks and of the whole. */

struct decoder {
	bz_stream z;
};

static struct decoder *bzip2_open(void)
{
	struct decoder *d = calloc(1, sizeof(*d));

	if (d && BZ2_bzDecompressInit(&d->z, 0, 0) != BZ_OK) {
		free(d);
		return NULL;
	}
	return d;
}

static int bzip2_step(struct decoder *d, const uint8_t *in, size_t in_len, bool last, size_t *taken,
		      uint8_t *out, size_t out_len, size_t *given, struct err *err)
{
	int r;

	d->z.next_in = (char *)in;
	d->z.avail_in = in_len > UINT_MAX ? UINT_MAX : (unsigned)in_len;
	d->z.next_out = (char *)out;
	d->z.avail_out = out_len > UINT_MAX ? UINT_MAX : (unsigned)out_len;
	r = BZ2_bzDecompress(&d->z);
	*taken = (size_t)((uint8_t *)d->z.next_in - in);
	*given = (size_t)((uint8_t *)d->z.next_out - out);
	if (r == BZ_STREAM_END)
		return 1;
	if (r == BZ_MEM_ERROR)
		return err_set(err, -ENOMEM, "no memory left to decompress");
	if (r != BZ_OK)
		return err_set(err, -EBADMSG, "bzip2 stream is damaged (libbz2 error %d)", r);
	if (last && !*taken && !*given && out_len)
		return err_set(err, -EBADMSG, "bzip2 stream is cut short");
	return 0;
}

static void bzip2_close(struct decoder *d)
{
	BZ2_bzDecompressEnd(&d->z);
	free(d);
}

const struct decoder_ops decode_bzip2 = {CODEC_BZIP2, bzip2_open, bzip2_step, bzip2_close,
					 NULL, NULL};
