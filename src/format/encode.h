/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Compression of one buffer into one stream that the kernel's decompressors accept. The result
 * depends on the input, the level and the library only, never on the number of threads.
 */

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "format/codec.h"

enum { ENCODE_LEVEL_DEFAULT = 0 };

/* True for the codecs that encode() can write. */
int encode_supported(enum codec codec);

/*
 * Appends the compressed form of DATA to OUT. LEVEL is the codec's own, ENCODE_LEVEL_DEFAULT
 * for ours. Uses up to THREADS threads where the format allows. -ENOTSUP for a codec that
 * cannot be written, -EINVAL for a level that it does not have.
 */
int encode(enum codec codec, int level, unsigned threads, const void *data, size_t len,
	   struct buf *out, struct err *err);

/* Version of the library that writes CODEC: its output may change with it. */
const char *encode_library(enum codec codec);

/* A zstd compressor that is kept from one small file to the next. One per thread. */
struct zstd_encoder *zstd_encoder_new(void);
void zstd_encoder_free(struct zstd_encoder *e);
int zstd_encode(struct zstd_encoder *e, int level, const void *data, size_t len, struct buf *out,
		struct err *err);
