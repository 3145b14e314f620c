/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/encode.h"

#include <errno.h>
#include <limits.h>
#include <lz4hc.h>
#include <lzma.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum {
	LZ4_CHUNK = 8 * 1024 * 1024,
	XZ_BLOCK = 16 * 1024 * 1024,
	XZ_DICT_MAX = 8 * 1024 * 1024,
};

struct level_range {
	int min, max, ours;
};

static const struct level_range levels[CODEC_COUNT] = {
	[CODEC_GZIP] = {1, 9, 6},
	[CODEC_XZ] = {1, 9, 6},
	[CODEC_LZ4] = {1, 12, 9},
	/* Above 19 the window outgrows what a small machine can give the kernel. */
	[CODEC_ZSTD] = {1, 19, 12},
};

int encode_supported(enum codec codec)
{
	return codec == CODEC_NONE || levels[codec].max > 0;
}

const char *encode_library(enum codec codec)
{
	switch (codec) {
	case CODEC_GZIP:
		return zlibVersion();
	case CODEC_XZ:
		return lzma_version_string();
	case CODEC_LZ4:
		return LZ4_versionString();
	case CODEC_ZSTD:
		return ZSTD_versionString();
	default:
		return "none";
	}
}

static int encode_gzip(int level, const void *data, size_t len, struct buf *out, struct err *err)
{
	z_stream z = {0};
	size_t bound;
	int r;

	if (len > UINT_MAX / 2)
		return err_set(err, -E2BIG, "gzip: %zu bytes are too much for one stream", len);
	if (deflateInit2(&z, level, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
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

/* Blocks of a fixed size, so that the thread count does not show. The dictionary is what the
 * kernel must allocate: small machines boot too. */
static int encode_xz(int level, unsigned threads, const void *data, size_t len, struct buf *out,
		     struct err *err)
{
	lzma_options_lzma opt;
	lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &opt}, {LZMA_VLI_UNKNOWN, NULL}};
	lzma_mt mt = {.threads = threads ? threads : 1,
		      .block_size = XZ_BLOCK,
		      .filters = filters,
		      .check = LZMA_CHECK_CRC32};
	lzma_stream s = LZMA_STREAM_INIT;
	lzma_ret r;

	if (lzma_lzma_preset(&opt, (uint32_t)level))
		return err_set(err, -EINVAL, "xz: no level %d", level);
	if (opt.dict_size > XZ_DICT_MAX)
		opt.dict_size = XZ_DICT_MAX;
	if (lzma_stream_encoder_mt(&s, &mt) != LZMA_OK)
		return err_set(err, -ENOMEM, "xz: no memory left to compress");
	s.next_in = data;
	s.avail_in = len;
	do {
		if (buf_reserve(out, 256 * 1024) < 0) {
			lzma_end(&s);
			return err_set(err, -ENOMEM, "xz: no memory left to compress");
		}
		s.next_out = out->data + out->len;
		s.avail_out = out->cap - out->len;
		r = lzma_code(&s, LZMA_FINISH);
		out->len = (size_t)(s.next_out - out->data);
	} while (r == LZMA_OK);
	lzma_end(&s);
	return r == LZMA_STREAM_END ? 0 : err_set(err, -EIO, "xz: liblzma error %d", (int)r);
}

static int encode_lz4(int level, const void *data, size_t len, struct buf *out, struct err *err)
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
		n = LZ4_compress_HC(p, (char *)out->data + head + 4, chunk, bound, level);
		if (n <= 0)
			return err_set(err, -EIO, "lz4: the library failed");
		buf_add_u32le(out, (uint32_t)n);
		out->len += (size_t)n;
		p += chunk;
		len -= (size_t)chunk;
	}
	return 0;
}

static int zstd_run(ZSTD_CCtx *ctx, int level, unsigned threads, const void *data, size_t len,
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
	return zstd_run((ZSTD_CCtx *)e, level, 0, data, len, out, err);
}

/* The library's own workers: output is the same for any number of them that is not zero. */
static int encode_zstd(int level, unsigned threads, const void *data, size_t len, struct buf *out,
		       struct err *err)
{
	ZSTD_CCtx *ctx = ZSTD_createCCtx();
	int r;

	if (!ctx)
		return err_set(err, -ENOMEM, "zstd: no memory left to compress");
	r = zstd_run(ctx, level, threads ? threads : 1, data, len, out, err);
	ZSTD_freeCCtx(ctx);
	return r;
}

int encode(enum codec codec, int level, unsigned threads, const void *data, size_t len,
	   struct buf *out, struct err *err)
{
	const struct level_range *range = &levels[codec];

	if (codec == CODEC_NONE) {
		buf_add(out, data, len);
		return buf_status(out);
	}
	if (!encode_supported(codec))
		return err_set(err, -ENOTSUP, "writing %s is not built in", codec_info(codec)->name);
	if (level == ENCODE_LEVEL_DEFAULT)
		level = range->ours;
	if (level < range->min || level > range->max)
		return err_set(err, -EINVAL, "%s has levels %d to %d, not %d",
			       codec_info(codec)->name, range->min, range->max, level);
	switch (codec) {
	case CODEC_GZIP:
		return encode_gzip(level, data, len, out, err);
	case CODEC_XZ:
		return encode_xz(level, threads, data, len, out, err);
	case CODEC_LZ4:
		return encode_lz4(level, data, len, out, err);
	default:
		return encode_zstd(level, threads, data, len, out, err);
	}
}
