/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "format/codec/decode.h"

/* RFC 8878, one frame. The window limit is the kernel's. */

struct decoder {
	ZSTD_DCtx *ctx;
};

static struct decoder *zstd_open(void)
{
	struct decoder *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->ctx = ZSTD_createDCtx();
	if (!d->ctx) {
		free(d);
		return NULL;
	}
	ZSTD_DCtx_setParameter(d->ctx, ZSTD_d_windowLogMax, DECODE_WINDOW_LOG_MAX);
	return d;
}

static int zstd_step(struct decoder *d, const uint8_t *in, size_t in_len, bool last, size_t *taken,
		     uint8_t *out, size_t out_len, size_t *given, struct err *err)
{
	ZSTD_inBuffer src = {in, in_len, 0};
	ZSTD_outBuffer dst = {out, out_len, 0};
	size_t r = ZSTD_decompressStream(d->ctx, &dst, &src);

	*taken = src.pos;
	*given = dst.pos;
	if (ZSTD_getErrorCode(r) == ZSTD_error_frameParameter_windowTooLarge)
		return err_set(err, -E2BIG, "zstd stream has a window over %d MiB, more than the "
			       "kernel allows", 1 << (DECODE_WINDOW_LOG_MAX - 20));
	if (ZSTD_isError(r))
		return err_set(err, -EBADMSG, "zstd stream is damaged (%s)", ZSTD_getErrorName(r));
	if (r == 0)
		return 1;
	if (last && !*taken && !*given && out_len)
		return err_set(err, -EBADMSG, "zstd stream is cut short");
	return 0;
}

static uint64_t zstd_promise(const void *data, size_t len)
{
	unsigned long long size = ZSTD_getFrameContentSize(data, len);

	return size >= ZSTD_CONTENTSIZE_ERROR ? 0 : size;
}

static void zstd_close(struct decoder *d)
{
	ZSTD_freeDCtx(d->ctx);
	free(d);
}

const struct decoder_ops decode_zstd = {CODEC_ZSTD, zstd_open, zstd_step, zstd_close,
					NULL, zstd_promise};
