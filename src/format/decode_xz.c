/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <lzma.h>
#include <stdlib.h>

#include "format/decode.h"

/* .xz and .lzma through liblzma. */

enum { XZ_MEMORY_MAX = 256 * 1024 * 1024 };

struct decoder {
	lzma_stream s;
};

static struct decoder *open_with(lzma_ret (*init)(lzma_stream *))
{
	struct decoder *d = calloc(1, sizeof(*d));

	if (d && init(&d->s) != LZMA_OK) {
		free(d);
		return NULL;
	}
	return d;
}

static lzma_ret init_xz(lzma_stream *s)
{
	return lzma_stream_decoder(s, XZ_MEMORY_MAX, LZMA_TELL_ANY_CHECK);
}

static lzma_ret init_lzma(lzma_stream *s)
{
	return lzma_alone_decoder(s, XZ_MEMORY_MAX);
}

static struct decoder *xz_open(void)
{
	return open_with(init_xz);
}

static struct decoder *lzma_open(void)
{
	return open_with(init_lzma);
}

static int xz_step(struct decoder *d, const uint8_t *in, size_t in_len, bool last, size_t *taken,
		   uint8_t *out, size_t out_len, size_t *given, struct err *err)
{
	lzma_ret r;

	d->s.next_in = in;
	d->s.avail_in = in_len;
	d->s.next_out = out;
	d->s.avail_out = out_len;
	do
		r = lzma_code(&d->s, LZMA_RUN);
	while (r == LZMA_GET_CHECK && (lzma_get_check(&d->s) == LZMA_CHECK_CRC32 ||
				       lzma_get_check(&d->s) == LZMA_CHECK_NONE));
	*taken = in_len - d->s.avail_in;
	*given = out_len - d->s.avail_out;
	switch (r) {
	case LZMA_STREAM_END:
		return 1;
	case LZMA_OK:
	case LZMA_BUF_ERROR:
		if (last && !*taken && !*given && out_len)
			return err_set(err, -EBADMSG, "xz stream is cut short");
		return 0;
	case LZMA_GET_CHECK:
		return err_set(err, -EBADMSG,
			       "xz stream has an integrity check that the kernel cannot read "
			       "(only CRC32 and none)");
	case LZMA_MEMLIMIT_ERROR:
		return err_set(err, -E2BIG, "xz stream needs more than %d MiB of memory",
			       XZ_MEMORY_MAX >> 20);
	case LZMA_MEM_ERROR:
		return err_set(err, -ENOMEM, "no memory left to decompress");
	default:
		return err_set(err, -EBADMSG, "xz stream is damaged (liblzma error %d)", (int)r);
	}
}

static void xz_close(struct decoder *d)
{
	lzma_end(&d->s);
	free(d);
}

const struct decoder_ops decode_xz = {CODEC_XZ, xz_open, xz_step, xz_close};
const struct decoder_ops decode_lzma = {CODEC_LZMA, lzma_open, xz_step, xz_close};
