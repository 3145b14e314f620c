/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <lzma.h>

#include "format/codec/encode.h"

/*
 * .xz and .lzma through liblzma. The kernel must allocate the dictionary to unpack, so it is never
 * larger than the data, whatever the level.
 */

enum {
	ROOM = 256 * 1024,
	BLOCK_MIN = 16 * 1024 * 1024,
	BLOCK_DICTS = 3,		   /* dictionaries per block, as xz itself does it */
	ENCODER_MEMORY = 64 * 1024 * 1024, /* for all threads together; a single one may use more */
};

static int set_options(const char *name, int level, size_t len, lzma_options_lzma *opt,
		       size_t *block, struct err *err)
{
	if (lzma_lzma_preset(opt, (uint32_t)level))
		return err_set(err, -EINVAL, "%s: no level %d", name, level);
	*block = (size_t)opt->dict_size * BLOCK_DICTS;
	if (*block < BLOCK_MIN)
		*block = BLOCK_MIN;
	if (opt->dict_size > len)
		opt->dict_size = len < LZMA_DICT_SIZE_MIN ? LZMA_DICT_SIZE_MIN : (uint32_t)len;
	return 0;
}

/* Runs S over DATA, and ends it. START is what its initialisation returned. */
static int feed(lzma_stream *s, lzma_ret start, const char *name, const void *data, size_t len,
		struct buf *out, struct err *err)
{
	lzma_ret r = start;

	s->next_in = data;
	s->avail_in = len;
	while (r == LZMA_OK) {
		if (buf_reserve(out, ROOM) < 0) {
			r = LZMA_MEM_ERROR;
			break;
		}
		s->next_out = out->data + out->len;
		s->avail_out = out->cap - out->len;
		r = lzma_code(s, LZMA_FINISH);
		out->len = (size_t)(s->next_out - out->data);
	}
	lzma_end(s);
	if (r == LZMA_MEM_ERROR)
		return err_set(err, -ENOMEM, "%s: no memory left to compress", name);
	return r == LZMA_STREAM_END ? 0 : err_set(err, -EIO, "%s: liblzma error %d", name, (int)r);
}

static unsigned affordable(lzma_mt *mt, unsigned threads)
{
	for (mt->threads = threads; mt->threads > 1; mt->threads--)
		if (lzma_stream_encoder_mt_memusage(mt) <= ENCODER_MEMORY)
			break;
	return mt->threads;
}

/* Data that fits into one block becomes one block. More is cut into blocks whose size depends on
 * the level alone, so that the number of threads does not show in the output. */
static int xz_run(const struct encode_options *o, const void *data, size_t len, struct buf *out,
		  struct err *err)
{
	lzma_options_lzma opt;
	lzma_filter filters[] = {
		{LZMA_FILTER_X86, NULL}, {LZMA_FILTER_LZMA2, &opt}, {LZMA_VLI_UNKNOWN, NULL}};
	lzma_mt mt = {.filters = o->x86 ? filters : filters + 1, .check = LZMA_CHECK_CRC32};
	lzma_stream s = LZMA_STREAM_INIT;
	size_t block = 0;
	lzma_ret start;
	int r = set_options("xz", o->level, len, &opt, &block, err);

	if (r < 0)
		return r;
	mt.block_size = block;
	if (len > block) {
		mt.threads = affordable(&mt, o->threads);
		start = lzma_stream_encoder_mt(&s, &mt);
	} else {
		start = lzma_stream_encoder(&s, mt.filters, mt.check);
	}
	return feed(&s, start, "xz", data, len, out, err);
}

/* The header leaves the size open and the stream ends with a marker: with a size and a marker the
 * kernel would look for the next segment before the marker. */
static int lzma_run(const struct encode_options *o, const void *data, size_t len, struct buf *out,
		    struct err *err)
{
	lzma_options_lzma opt;
	lzma_stream s = LZMA_STREAM_INIT;
	size_t block = 0;
	int r = set_options("lzma", o->level, len, &opt, &block, err);

	return r < 0 ? r : feed(&s, lzma_alone_encoder(&s, &opt), "lzma", data, len, out, err);
}

const struct encoder_ops encode_xz = {CODEC_XZ, 1, 9, 6, xz_run, lzma_version_string};
const struct encoder_ops encode_lzma = {CODEC_LZMA, 1, 9, 6, lzma_run, lzma_version_string};
