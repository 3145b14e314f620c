/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Decompresses one whole stream from memory to memory. Pure.
 */

#include "base/buf.h"
#include "format/codec/decode.h"

/* Appends the decompressed bytes to OUT. -E2BIG when they are more than MAX; otherwise as
 * decoder_ops.step. *TAKEN (may be NULL) is the length of the stream in DATA. */
int unpack(const struct decoder_ops *ops, const void *data, size_t len, size_t max,
	   struct buf *out, size_t *taken, struct err *err);
