/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/codec/unpack.h"

#include <errno.h>

enum {
	UNPACK_STEP = 256 * 1024,
	RATIO_MAX = 64, /* a larger declared size is not believed until the data is there */
};

/* When the output has room for everything, the decoder needs no window, and nothing moves. */
static size_t first_step(const struct decoder_ops *ops, const void *data, size_t len, size_t max)
{
	uint64_t promise = ops->promise ? ops->promise(data, len) : 0;

	return promise > UNPACK_STEP && promise <= max && promise / RATIO_MAX <= len
		       ? (size_t)promise
		       : UNPACK_STEP;
}

int unpack(const struct decoder_ops *ops, const void *data, size_t len, size_t max,
	   struct buf *out, size_t *taken, struct err *err)
{
	struct decoder *d = ops->open();
	size_t start = out->len, step = first_step(ops, data, len, max), at = 0, used, made;
	int r = d ? 0 : err_set(err, -ENOMEM, "no memory left to decompress");

	while (r == 0) {
		if (buf_reserve(out, step) < 0) {
			r = err_set(err, -ENOMEM, "no memory left to decompress");
			break;
		}
		r = ops->step(d, (const uint8_t *)data + at, len - at, true, &used,
			      out->data + out->len, out->cap - out->len, &made, err);
		at += used;
		out->len += made;
		step = UNPACK_STEP;
		if (out->len - start > max)
			r = err_set(err, -E2BIG, "decompresses to more than %zu bytes", max);
	}
	if (d)
		ops->close(d);
	if (r < 0)
		return r;
	if (taken)
		*taken = at;
	return 0;
}
