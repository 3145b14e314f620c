/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void __attribute__((format(printf, 3, 0))) set(struct err *e, int code, const char *fmt,
						      va_list ap)
{
	e->code = code;
	e->hint[0] = '\0';
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return code;
	va_start(ap, fmt);
	set(e, code, fmt, ap);
	va_end(ap);
	return code;
}

/* Error numbers that have a meaning of their own in this project. */
static const char *reason_of(int code)
{
	switch (code) {
	case -E2BIG:
		return "it is larger than can be right";
	case -EBADMSG:
		return "it is damaged";
	default:
		return strerror(-code);
	}
}

int err_sys(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;
	size_t len;

	if (!e)
		return code;
	va_start(ap, fmt);
	set(e, code, fmt, ap);
	va_end(ap);
	len = strlen(e->text);
	snprintf(e->text + len, sizeof(e->text) - len, ": %s", reason_of(code));
	return code;
}

int err_prefix(struct err *e, const char *fmt, ...)
{
	char whole[2 * ERR_TEXT_MAX];
	va_list ap;
	size_t len;

	if (!e)
		return -EIO;
	va_start(ap, fmt);
	vsnprintf(whole, sizeof(whole), fmt, ap);
	va_end(ap);
	len = strlen(whole);
	snprintf(whole + len, sizeof(whole) - len, ": %s", e->text);
	snprintf(e->text, sizeof(e->text), "%.*s", ERR_TEXT_MAX - 1, whole);
	return e->code;
}

int err_hint(struct err *e, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return -EIO;
	va_start(ap, fmt);
	vsnprintf(e->hint, sizeof(e->hint), fmt, ap);
	va_end(ap);
	return e->code;
}
