/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <zstd.h>

#include "format/encode.h"

/* RFC 8878, one frame with a checksum. */

static int zstd_pack(ZSTD_CCtx *ctx, int level, unsigned threads, const void *data, size_t len,
		     struct buf *out, struct err *err)
{
	size_t bound = ZSTD_compressBound(len);
	size_t r;

	ZSTD_CCtx_reset(ctx, ZSTD_reset_session_and_parameters);
	ZSTD_CCtx_setParameter(ctx, ZSTD_c_compressionLevel, level);
	ZSTD_CCtx_setParameter(ctx, ZSTD_c_checksumFlag, 1);
	ZSTD_CCtx_setParameter(ctx, ZSTD_c_nbWorkers, (int)threads);
	if (buf_reserve(out, bound) < 0)
		return err_set(err, -ENOMEM, "zstd: no memory left to compress");
	r = ZSTD_compress2(ctx, out->data + out->len, bound, data, len);
	if (ZSTD_isError(r))
		return err_set(err, -EIO, "zstd: %s", ZSTD_getErrorName(r));
	out->len += r;
	return 0;
}

struct zstd_encoder *zstd_encoder_new(void)
{
	return (struct zstd_encoder *)ZSTD_createCCtx();
}

void zstd_encoder_free(struct zstd_encoder *e)
{
	ZSTD_freeCCtx((ZSTD_CCtx *)e);
}

int zstd_encode(struct zstd_encoder *e, int level, const void *data, size_t len, struct buf *out,
		struct err *err)
{
	return zstd_pack((ZSTD_CCtx *)e, level, 0, data, len, out, err);
}

/* The library's own workers: output is the same for any number of them that is not zero. */
static int zstd_run(const struct encode_options *o, const void *data, size_t len, struct buf *out,
		    struct err *err)
{
	ZSTD_CCtx *ctx = ZSTD_createCCtx();
	int r;

	if (!ctx)
		return err_set(err, -ENOMEM, "zstd: no memory left to compress");
	r = zstd_pack(ctx, o->level, o->threads, data, len, out, err);
	ZSTD_freeCCtx(ctx);
	return r;
}

/* Above 19 the window outgrows what a small machine can give the kernel. */
const struct encoder_ops encode_zstd = {CODEC_ZSTD, 1, 19, 12, zstd_run, ZSTD_versionString};
