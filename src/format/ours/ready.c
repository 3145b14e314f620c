/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/ours/ready.h"

#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "format/codec/codec.h"
#include "format/kernel/cpio.h"
#include "format/codec/decode_all.h"
#include "format/codec/unpack.h"

void ready_add_archive(struct buf *out, const void *data, size_t len)
{
	const struct cpio_header h = {
		.ino = READY_INO,
		.mode = S_IFREG | READY_MODE,
		.nlink = 1,
		.filesize = (uint32_t)len,
	};

	cpio_add_header(out, &h, READY_PATH);
	buf_add(out, data, len);
	buf_add_zeros(out, cpio_pad(len));
}

size_t ready_archive_size(size_t len)
{
	enum { HEAD = CPIO_HEADER_SIZE + sizeof(READY_PATH) };

	return HEAD + cpio_pad(HEAD) + len + cpio_pad(len);
}

bool ready_holds(const struct buf *frame, const void *data, size_t len)
{
	_cleanup_buf_ struct buf wanted = BUF_INIT, found = BUF_INIT;
	size_t taken;

	ready_add_archive(&wanted, data, len);
	/* The base begins right after it: tools take zeros between frames for damage. */
	return buf_status(&wanted) == 0 && cpio_pad(frame->len) == 0 &&
	       codec_detect(frame->data, frame->len) == CODEC_ZSTD &&
	       unpack(decoder_find(CODEC_ZSTD), frame->data, frame->len, wanted.len, &found, &taken,
		      NULL) == 0 &&
	       taken == frame->len && found.len == wanted.len &&
	       memcmp(found.data, wanted.data, wanted.len) == 0;
}
