/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>

#include "format/codec/decode.h"

/*
 * .xz through liblzma, block by block, because the headers of the stream and of each block show
 * what the kernel cannot decode: checks other than CRC32 and none; filters other than LZMA2,
 * preceded by at most one for a processor's machine code, which starts at 0. Source:
 * lib/xz/xz_dec_stream.c, lib/xz/xz_dec_bcj.c.
 */

enum {
	XZ_MEMORY_MAX = 256 * 1024 * 1024,
	KERNEL_FILTERS = 2,
};

enum part { PART_HEADER, PART_BLOCK_HEADER, PART_BLOCK, PART_INDEX, PART_FOOTER };

struct decoder {
	enum part part;
	size_t want, have; /* of a header or the footer; 0: of a block's header whose size is not
			      known yet */
	lzma_stream s;	   /* the current block */
	lzma_block block;
	lzma_stream_flags flags;
	lzma_index_hash *index;
	unsigned filters;
	uint8_t head[LZMA_BLOCK_HEADER_SIZE_MAX];
};

static struct decoder *xz_open(void)
{
	struct decoder *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->part = PART_HEADER;
	d->want = LZMA_STREAM_HEADER_SIZE;
	d->index = lzma_index_hash_init(NULL, NULL);
	if (!d->index) {
		free(d);
		return NULL;
	}
	return d;
}

static int damaged(lzma_ret r, struct err *err)
{
	if (r == LZMA_MEM_ERROR)
		return err_set(err, -ENOMEM, "no memory left to decompress");
	return err_set(err, -EBADMSG, "xz stream is damaged (liblzma error %d)", (int)r);
}

static void expect(struct decoder *d, enum part part, size_t want)
{
	d->part = part;
	d->want = want;
	d->have = 0;
}

static int take_header(struct decoder *d, struct err *err)
{
	lzma_ret r = lzma_stream_header_decode(&d->flags, d->head);

	if (r != LZMA_OK)
		return damaged(r, err);
	if (d->flags.check != LZMA_CHECK_CRC32 && d->flags.check != LZMA_CHECK_NONE)
		return err_set(err, -EBADMSG,
			       "xz stream has an integrity check that the kernel cannot read "
			       "(only CRC32 and none)");
	expect(d, PART_BLOCK_HEADER, 0);
	return 0;
}

/* Can a kernel undo these filters? */
static int check_filters(struct decoder *d, const lzma_filter *filters, struct err *err)
{
	uint64_t memory = lzma_raw_decoder_memusage(filters);
	size_t n = 0;

	for (; filters[n].id != LZMA_VLI_UNKNOWN; n++) {
		if (filters[n].id == LZMA_FILTER_DELTA)
			return err_set(err, -EBADMSG,
				       "xz stream uses the delta filter, which no "
				       "kernel has");
		if (filters[n].id == LZMA_FILTER_LZMA2)
			continue;
		if (filters[n].id < XZ_FILTER_FIRST || filters[n].id > XZ_FILTER_LAST)
			return err_set(err, -EBADMSG, "xz stream uses a filter that no kernel has");
		if (filters[n].options)
			return err_set(err, -EBADMSG,
				       "xz stream has a filter with a start offset, "
				       "which the kernel cannot undo");
		d->filters |= 1u << filters[n].id;
	}
	if (n > KERNEL_FILTERS)
		return err_set(err, -EBADMSG, "xz stream has %zu filters, the kernel takes %d", n,
			       KERNEL_FILTERS);
	if (memory == UINT64_MAX)
		return damaged(LZMA_OPTIONS_ERROR, err);
	if (memory > XZ_MEMORY_MAX)
		return err_set(err, -E2BIG, "xz stream needs more than %d MiB of memory",
			       XZ_MEMORY_MAX >> 20);
	return 0;
}

static int take_block_header(struct decoder *d, struct err *err)
{
	lzma_filter filters[LZMA_FILTERS_MAX + 1];
	lzma_ret ret;
	int r;

	d->block = (lzma_block){.version = 1,
				.header_size = (uint32_t)d->want,
				.check = d->flags.check,
				.filters = filters};
	ret = lzma_block_header_decode(&d->block, NULL, d->head);
	if (ret == LZMA_OPTIONS_ERROR)
		return err_set(err, -EBADMSG, "xz stream uses a filter that is not known here");
	if (ret != LZMA_OK)
		return damaged(ret, err);
	r = check_filters(d, filters, err);
	if (r == 0) {
		ret = lzma_block_decoder(&d->s, &d->block);
		if (ret != LZMA_OK)
			r = damaged(ret, err);
	}
	lzma_filters_free(filters, NULL);
	d->block.filters = NULL;
	if (r == 0)
		expect(d, PART_BLOCK, 0);
	return r;
}

static int take_footer(struct decoder *d, struct err *err)
{
	lzma_stream_flags footer;
	lzma_ret r = lzma_stream_footer_decode(&footer, d->head);

	if (r == LZMA_OK && footer.backward_size != lzma_index_hash_size(d->index))
		r = LZMA_DATA_ERROR;
	if (r == LZMA_OK)
		r = lzma_stream_flags_compare(&d->flags, &footer);
	return r == LZMA_OK ? 1 : damaged(r, err);
}

/* A header or the footer. */
static int step_head(struct decoder *d, const uint8_t *in, size_t in_len, size_t *taken,
		     struct err *err)
{
	size_t n;

	if (!d->want && in_len) {
		if (in[0] == 0) { /* no block follows: the index */
			expect(d, PART_INDEX, 0);
			return 0;
		}
		d->want = lzma_block_header_size_decode(in[0]);
	}
	n = d->want - d->have;
	if (n > in_len)
		n = in_len;
	memcpy(d->head + d->have, in, n);
	d->have += n;
	*taken = n;
	if (!d->want || d->have < d->want)
		return 0;
	return d->part == PART_HEADER	      ? take_header(d, err)
	       : d->part == PART_BLOCK_HEADER ? take_block_header(d, err)
					      : take_footer(d, err);
}

static int step_block(struct decoder *d, const uint8_t *in, size_t in_len, size_t *taken,
		      uint8_t *out, size_t out_len, size_t *given, struct err *err)
{
	lzma_ret r;

	d->s.next_in = in;
	d->s.avail_in = in_len;
	d->s.next_out = out;
	d->s.avail_out = out_len;
	r = lzma_code(&d->s, LZMA_RUN);
	*taken = in_len - d->s.avail_in;
	*given = out_len - d->s.avail_out;
	if (r == LZMA_OK || r == LZMA_BUF_ERROR)
		return 0;
	if (r == LZMA_STREAM_END)
		r = lzma_index_hash_append(d->index, lzma_block_unpadded_size(&d->block),
					   d->block.uncompressed_size);
	if (r != LZMA_OK)
		return damaged(r, err);
	expect(d, PART_BLOCK_HEADER, 0);
	return 0;
}

static int step_index(struct decoder *d, const uint8_t *in, size_t in_len, size_t *taken,
		      struct err *err)
{
	lzma_ret r = in_len ? lzma_index_hash_decode(d->index, in, taken, in_len) : LZMA_OK;

	if (r == LZMA_STREAM_END)
		expect(d, PART_FOOTER, LZMA_STREAM_HEADER_SIZE);
	else if (r != LZMA_OK)
		return damaged(r, err);
	return 0;
}

static int xz_step(struct decoder *d, const uint8_t *in, size_t in_len, bool last, size_t *taken,
		   uint8_t *out, size_t out_len, size_t *given, struct err *err)
{
	enum part before = d->part;
	int r;

	*taken = *given = 0;
	if (d->part == PART_BLOCK)
		r = step_block(d, in, in_len, taken, out, out_len, given, err);
	else if (d->part == PART_INDEX)
		r = step_index(d, in, in_len, taken, err);
	else
		r = step_head(d, in, in_len, taken, err);
	if (r == 0 && last && !*taken && !*given && out_len && d->part == before)
		return err_set(err, -EBADMSG, "xz stream is cut short");
	return r;
}

static unsigned xz_filters(const struct decoder *d)
{
	return d->filters;
}

static void xz_close(struct decoder *d)
{
	lzma_end(&d->s);
	lzma_index_hash_end(d->index, NULL);
	free(d);
}

const struct decoder_ops decode_xz = {CODEC_XZ, xz_open, xz_step, xz_close, xz_filters, NULL};
