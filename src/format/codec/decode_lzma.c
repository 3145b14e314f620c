/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>

#include "format/codec/decode.h"

/*
 * .lzma ("lzma alone"): one byte of properties, the dictionary's size (4 bytes, little-endian), the
 * plain size (8 bytes; all ones: not known), then the bytes. A stream of unknown size ends with a
 * marker; one of known size ends with its last byte, and the kernel looks for the next segment
 * right there, so it must not also have a marker. There is no checksum. Source:
 * lib/decompress_unlzma.c; lib/decompress.c knows the format by 5d 00 only, which means lc=3, lp=0,
 * pb=2.
 */

enum {
	LZMA_HEADER_SIZE = 13,
	LZMA_PROPERTIES = 0x5d,
	LZMA_DICT_MAX = 256 * 1024 * 1024,
};

struct decoder {
	lzma_stream s;
	bool started;
	bool has_size;
	uint64_t size;
	uint8_t head[LZMA_HEADER_SIZE];
	size_t have;
};

static struct decoder *lzma_open(void)
{
	return calloc(1, sizeof(struct decoder));
}

static uint64_t little(const uint8_t *p, int bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | p[bytes];
	return v;
}

static int start(struct decoder *d, struct err *err)
{
	uint64_t dict = little(d->head + 1, 4);
	lzma_options_lzma opt;
	lzma_filter filters[] = {{LZMA_FILTER_LZMA1, &opt}, {LZMA_VLI_UNKNOWN, NULL}};

	if (d->head[0] != LZMA_PROPERTIES)
		return err_set(err, -EBADMSG,
			       "lzma stream has other properties than lc=3, lp=0, "
			       "pb=2: the kernel does not recognise it");
	d->size = little(d->head + 5, 8);
	d->has_size = d->size != UINT64_MAX;
	/* The kernel allocates the smaller of the two. */
	if (d->has_size && d->size < dict)
		dict = d->size;
	if (dict > LZMA_DICT_MAX)
		return err_set(err, -E2BIG, "lzma stream has a dictionary over %d MiB",
			       LZMA_DICT_MAX >> 20);
	if (lzma_lzma_preset(&opt, 0))
		return err_set(err, -EBADMSG, "lzma is not known to liblzma");
	opt.dict_size = dict < LZMA_DICT_SIZE_MIN ? LZMA_DICT_SIZE_MIN : (uint32_t)dict;
	opt.lc = 3;
	opt.lp = 0;
	opt.pb = 2;
	if (d->has_size) {
		filters[0].id = LZMA_FILTER_LZMA1EXT;
		opt.ext_flags = 0; /* no marker */
		lzma_set_ext_size(opt, d->size);
	}
	if (lzma_raw_decoder(&d->s, filters) != LZMA_OK)
		return err_set(err, -ENOMEM, "no memory left to decompress");
	d->started = true;
	return 0;
}

static int check(struct decoder *d, lzma_ret r, struct err *err)
{
	if (r == LZMA_STREAM_END)
		return 1;
	if (r == LZMA_OK || r == LZMA_BUF_ERROR)
		return 0;
	if (r == LZMA_MEM_ERROR)
		return err_set(err, -ENOMEM, "no memory left to decompress");
	if (d->has_size && d->s.total_out == d->size)
		return err_set(err, -EBADMSG,
			       "lzma stream goes on behind the size that its header "
			       "states (a marker at its end?): the kernel takes that for the next "
			       "segment");
	return err_set(err, -EBADMSG, "lzma stream is damaged (liblzma error %d)", (int)r);
}

static int lzma_step(struct decoder *d, const uint8_t *in, size_t in_len, bool last, size_t *taken,
		     uint8_t *out, size_t out_len, size_t *given, struct err *err)
{
	int r = 0;

	*taken = *given = 0;
	if (!d->started) {
		size_t n = LZMA_HEADER_SIZE - d->have;

		if (n > in_len)
			n = in_len;
		memcpy(d->head + d->have, in, n);
		d->have += n;
		*taken = n;
		if (d->have == LZMA_HEADER_SIZE)
			r = start(d, err);
	} else {
		d->s.next_in = in;
		d->s.avail_in = in_len;
		d->s.next_out = out;
		d->s.avail_out = out_len;
		r = check(d, lzma_code(&d->s, LZMA_RUN), err);
		*taken = in_len - d->s.avail_in;
		*given = out_len - d->s.avail_out;
	}
	if (r == 0 && last && !*taken && !*given && out_len)
		return err_set(err, -EBADMSG, "lzma stream is cut short");
	return r;
}

static void lzma_close(struct decoder *d)
{
	lzma_end(&d->s);
	free(d);
}

const struct decoder_ops decode_lzma = {CODEC_LZMA, lzma_open, lzma_step, lzma_close, NULL, NULL};
