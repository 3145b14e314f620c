/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/unpack.h"

#include <errno.h>

enum { UNPACK_STEP = 256 * 1024 };

int unpack(const struct decoder_ops *ops, const void *data, size_t len, size_t max,
	   struct buf *out, size_t *taken, struct err *err)
{
	struct decoder *d = ops->open();
	size_t start = out->len, at = 0, used, made;
	int r = d ? 0 : err_set(err, -ENOMEM, "no memory left to decompress");

	while (r == 0) {
		if (buf_reserve(out, UNPACK_STEP) < 0) {
			r = err_set(err, -ENOMEM, "no memory left to decompress");
			break;
		}
		r = ops->step(d, (const uint8_t *)data + at, len - at, true, &used,
			      out->data + out->len, out->cap - out->len, &made, err);
		at += used;
		out->len += made;
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
