/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <zstd.h>

#include "format/codec/encode.h"

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

/* The bytes before the first block, RFC 8878 section 3.1.1.1. */
static size_t frame_header_size(uint8_t descriptor)
{
	static const size_t dictionary_id[] = {0, 1, 2, 4}, content_size[] = {0, 2, 4, 8};
	bool single_segment = descriptor & 1 << 5;
	unsigned size_flag = descriptor >> 6;

	return 4 + 1 + !single_segment + dictionary_id[descriptor & 3] +
	       (size_flag || !single_segment ? content_size[size_flag] : 1);
}

/*
 * Makes the length of the frame that starts at START a multiple of 4, by inserting empty raw blocks
 * (three zero bytes each) before its first block. For the kernel, zeros after the frame would do,
 * but zstd takes them for a frame of an unknown kind.
 */
static int align_frame(struct buf *out, size_t start, struct err *err)
{
	size_t extra = (out->len - start) % 4 * 3;
	size_t at = start + frame_header_size(out->data[start + 4]);
	size_t rest = out->len - at;

	buf_add_zeros(out, extra);
	if (buf_status(out) < 0)
		return err_set(err, -ENOMEM, "zstd: no memory left to compress");
	memmove(out->data + at + extra, out->data + at, rest);
	memset(out->data + at, 0, extra);
	return 0;
}

/* Uses the library's own workers: the output is the same for any number of them that is not
 * zero. */
static int zstd_run(const struct encode_options *o, const void *data, size_t len, struct buf *out,
		    struct err *err)
{
	ZSTD_CCtx *ctx = ZSTD_createCCtx();
	size_t start = out->len;
	int r;

	if (!ctx)
		return err_set(err, -ENOMEM, "zstd: no memory left to compress");
	r = zstd_pack(ctx, o->level, o->threads, data, len, out, err);
	ZSTD_freeCCtx(ctx);
	return r < 0 ? r : align_frame(out, start, err);
}

/* Level 12 takes more than twice as long as 9, and makes a base half a percent smaller. Above level 19
 * the window is larger than a small machine can give the kernel. */
const struct encoder_ops encode_zstd = {CODEC_ZSTD, 1, 19, 9, zstd_run, ZSTD_versionString};
