/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Codec detection, and the decoder of what was detected: at once, and in small steps. Both must
 * come to the same end.
 */

#include <string.h>

#include "base/cleanup.h"
#include "format/codec/decode_all.h"
#include "format/codec/unpack.h"
#include "fuzz.h"

enum { PLAIN_MAX = 4 * 1024 * 1024, STEP_IN = 5, STEP_OUT = 300 };

/* The end of a stream in small steps: 0 and the plain bytes, or -errno. */
static int unpack_slowly(const struct decoder_ops *ops, const uint8_t *data, size_t size,
			 struct buf *out, size_t *taken)
{
	struct decoder *d = ops->open();
	uint8_t room[STEP_OUT];
	struct err err = {0};
	size_t at = 0;
	int r = 0;

	HOLDS(d);
	while (r == 0 && out->len <= PLAIN_MAX) {
		size_t len = size - at < STEP_IN ? size - at : STEP_IN;
		size_t used, made;

		r = ops->step(d, data + at, len, at + len == size, &used, room, sizeof(room), &made,
			      &err);
		HOLDS(used <= len && made <= sizeof(room));
		at += used;
		buf_add(out, room, made);
	}
	ops->close(d);
	*taken = at;
	return r < 0 ? r : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum codec codec = codec_detect(data, size);
	const struct decoder_ops *ops = decoder_find(codec);
	_cleanup_buf_ struct buf whole = BUF_INIT, slow = BUF_INIT;
	size_t taken = 0, taken_slowly = 0;
	struct err err = {0};
	int r;

	HOLDS(codec < CODEC_COUNT);
	if (!ops)
		return 0;
	r = unpack(ops, data, size, PLAIN_MAX, &whole, &taken, &err);
	HOLDS(r == 0 || err.text[0]);
	if (r == -E2BIG)
		return 0;
	HOLDS(whole.len <= PLAIN_MAX && taken <= size);
	/* libzstd holds a frame's stated size against its content only when it gets all at once. */
	if (r < 0 && codec == CODEC_ZSTD)
		return 0;
	HOLDS((unpack_slowly(ops, data, size, &slow, &taken_slowly) < 0) == (r < 0));
	if (r < 0)
		return 0;
	HOLDS(taken == taken_slowly && whole.len == slow.len);
	HOLDS(whole.len == 0 || memcmp(whole.data, slow.data, whole.len) == 0);
	return 0;
}
