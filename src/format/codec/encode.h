/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Compression of one buffer into one stream that the kernel's decompressors accept. The result
 * depends on the input, the level and the library only, never on the number of threads. One file
 * per codec; encode.c has the table of those that are built in.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "format/codec/codec.h"

enum { ENCODE_LEVEL_DEFAULT = 0 };

struct encode_options {
	int level;	  /* the codec's own, or ENCODE_LEVEL_DEFAULT for ours */
	unsigned threads; /* at most this many, where the format allows it; 0 means 1 */
	bool x86;	  /* xz: filter x86 code; the kernel needs CONFIG_XZ_DEC_X86 */
};

struct encoder_ops {
	enum codec codec;
	int min, max, ours; /* levels; all 0: there are none */
	/* Appends to OUT; O->level is within the range. */
	int (*run)(const struct encode_options *o, const void *data, size_t len, struct buf *out,
		   struct err *err);
	const char *(*library)(void); /* its version: another one may produce other bytes */
};

extern const struct encoder_ops encode_bzip2;
extern const struct encoder_ops encode_gzip;
extern const struct encoder_ops encode_lz4;
extern const struct encoder_ops encode_lzma;
extern const struct encoder_ops encode_lzo;
extern const struct encoder_ops encode_xz;
extern const struct encoder_ops encode_zstd;

/* True for the codecs that encode() can write. */
bool encode_supported(enum codec codec);

/*
 * Reads "CODEC" or "CODEC:LEVEL"; "auto" gives CODEC_COUNT. *LEVEL is ENCODE_LEVEL_DEFAULT when
 * none is named. -EINVAL for an unknown codec or a level that it does not have, -ENOTSUP for a
 * codec that cannot be written; the message lists the choices.
 */
int encode_parse(const char *text, enum codec *codec, int *level, struct err *err);

/*
 * Appends the compressed form of DATA to OUT; with zstd and xz its length is a multiple of 4. O may
 * be NULL for the defaults. -ENOTSUP for a codec that cannot be written, -EINVAL for a level that
 * it does not have.
 */
int encode(enum codec codec, const struct encode_options *o, const void *data, size_t len,
	   struct buf *out, struct err *err);

/* Version of the library that writes CODEC: its output may change with it. */
const char *encode_library(enum codec codec);

/* A zstd compressor that is kept from one small file to the next. One per thread. */
struct zstd_encoder *zstd_encoder_new(void);
void zstd_encoder_free(struct zstd_encoder *e);
int zstd_encode(struct zstd_encoder *e, int level, const void *data, size_t len, struct buf *out,
		struct err *err);
