/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Streaming decompression of one compressed stream, with the limits of the kernel's own
 * decompressors (which even a well-formed file may exceed: zstd windows over 128 MiB, xz checks
 * other than CRC32, xz filters that no kernel has, lzo blocks over 256 KiB, lz4 frames that are not
 * the legacy one). One file per codec; each user (the program, PID 1) picks the descriptors that it
 * links.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "format/codec/codec.h"

enum { DECODE_WINDOW_LOG_MAX = 27 }; /* ZSTD_WINDOWLOG_LIMIT_DEFAULT */

struct decoder;

struct decoder_ops {
	enum codec codec;
	/* NULL when out of memory. */
	struct decoder *(*open)(void);
	/*
	 * Consumes bytes of IN, writes bytes to OUT, and reports how many of each. LAST: no more
	 * input follows. Returns 1 when the stream has ended (the rest of IN belongs to what
	 * follows), 0 when it needs more input or more room, -EBADMSG for damage, -E2BIG over a
	 * limit.
	 */
	int (*step)(struct decoder *d, const uint8_t *in, size_t in_len, bool last, size_t *taken,
		    uint8_t *out, size_t out_len, size_t *given, struct err *err);
	void (*close)(struct decoder *d);
	/* May be NULL. One bit for each filter (enum xz_filter) seen so far that a kernel may
	 * lack. */
	unsigned (*filters)(const struct decoder *d);
	/* May be NULL. The decompressed size that the stream declares; 0 when it does not, or not
	 * yet. */
	uint64_t (*promise)(const void *data, size_t len);
};

extern const struct decoder_ops decode_bzip2;
extern const struct decoder_ops decode_gzip;
extern const struct decoder_ops decode_lz4;
extern const struct decoder_ops decode_lzma;
extern const struct decoder_ops decode_lzo;
extern const struct decoder_ops decode_xz;
extern const struct decoder_ops decode_zstd;
