/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_clear(struct buf *b)
{
	free(b->data);
	*b = (struct buf)BUF_INIT;
}

int buf_reserve(struct buf *b, size_t extra)
{
	size_t cap = b->cap ? b->cap : 256;
	uint8_t *data;

	if (b->failed || extra > SIZE_MAX / 2 - b->len) {
		b->failed = true;
		return -ENOMEM;
	}
	if (b->len + extra <= b->cap)
		return 0;
	while (cap < b->len + extra)
		cap *= 2;
	data = realloc(b->data, cap);
	if (!data) {
		b->failed = true;
		return -ENOMEM;
	}
	b->data = data;
	b->cap = cap;
	return 0;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
	if (!len || buf_reserve(b, len) < 0)
		return;
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

void buf_add_zeros(struct buf *b, size_t count)
{
	if (!count || buf_reserve(b, count) < 0)
		return;
	memset(b->data + b->len, 0, count);
	b->len += count;
}

void buf_add_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_add_u32le(struct buf *b, uint32_t v)
{
	uint8_t raw[4] = {v & 0xff, v >> 8 & 0xff, v >> 16 & 0xff, v >> 24};

	buf_add(b, raw, sizeof(raw));
}

void buf_add_u64le(struct buf *b, uint64_t v)
{
	buf_add_u32le(b, (uint32_t)v);
	buf_add_u32le(b, (uint32_t)(v >> 32));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int need;

	va_start(ap, fmt);
	need = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (need < 0 || buf_reserve(b, (size_t)need + 1) < 0)
		return;
	va_start(ap, fmt);
	vsnprintf((char *)b->data + b->len, (size_t)need + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)need;
}

const char *buf_cstr(struct buf *b)
{
	if (buf_reserve(b, 1) < 0)
		return "";
	b->data[b->len] = '\0';
	return (const char *)b->data;
}

int buf_status(const struct buf *b)
{
	return b->failed ? -ENOMEM : 0;
}
