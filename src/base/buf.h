/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A growable byte buffer. A failed allocation is sticky: further appends do nothing, and
 * buf_status() reports it at the end, so that encoders need one check and not fifty.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data;
	size_t len;
	size_t cap;
	bool failed;
};

#define BUF_INIT                                                                                   \
	{                                                                                          \
		0                                                                                  \
	}

void buf_clear(struct buf *b);

/* Makes room for EXTRA more bytes after len. 0 or -ENOMEM. */
int buf_reserve(struct buf *b, size_t extra);

void buf_add(struct buf *b, const void *data, size_t len);
void buf_add_zeros(struct buf *b, size_t count);
void buf_add_str(struct buf *b, const char *s);
void buf_add_u32le(struct buf *b, uint32_t v);
void buf_add_u64le(struct buf *b, uint64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* NUL-terminates without counting the NUL, and returns the data; "" when nothing was added. */
const char *buf_cstr(struct buf *b);

/* 0, or -ENOMEM when any append failed. */
int buf_status(const struct buf *b);

#define _cleanup_buf_ __attribute__((cleanup(buf_clear)))
